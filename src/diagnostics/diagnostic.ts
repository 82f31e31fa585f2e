/**
 * What is wrong with what somebody wrote: facts with places, collected, never thrown. `facts` lists every code, `sentences`
 * speaks, `frame` prints, `report` writes JSON. This room knows nothing of flows, YAML or terminals beyond those facts;
 * it reads no files and colours nothing by itself. Next: `load`, which makes diagnostics.
 */

import type { DiagnosticCode, FactsByCode } from './facts.ts';
import type { Place } from './source.ts';

/** Warnings never fail anything. */
export type Severity = 'error' | 'warning';

/** A diagnostic of one code, or of any of several. */
export type DiagnosticOf<Code extends DiagnosticCode> = {
  readonly [Each in Code]: {
    readonly code: Each;
    readonly severity: Severity;
    readonly facts: FactsByCode[Each];
    readonly primary: Place;
    readonly related: readonly Place[];
  };
}[Code];

/** Any diagnostic, told apart by `code`. */
export type Diagnostic = DiagnosticOf<DiagnosticCode>;

const WARNINGS: ReadonlySet<DiagnosticCode> = new Set<DiagnosticCode>([
  'pipe_in_sh',
  'undeclared_output',
  'file_cycle',
  'more_warnings',
]);

/** Makes a diagnostic; whether it is a warning follows from its code. */
export function diagnose<Code extends DiagnosticCode>(
  code: Code,
  facts: FactsByCode[Code],
  primary: Place,
  related: readonly Place[] = [],
): Diagnostic {
  const severity: Severity = WARNINGS.has(code) ? 'warning' : 'error';
  return { code, severity, facts, primary, related } as Diagnostic;
}

/** The order in which diagnostics are reported: by file, then by place, then by code. */
export function byPlace(left: Diagnostic, right: Diagnostic): number {
  if (left.primary.file !== right.primary.file) return left.primary.file < right.primary.file ? -1 : 1;
  const distance = left.primary.start.offset - right.primary.start.offset;
  if (distance !== 0) return distance;
  return left.code === right.code ? 0 : left.code < right.code ? -1 : 1;
}
