/** Diagnostics for programs and for people: the JSON of `validate --json`, and a printed list. */

import { type Diagnostic, byPlace } from './diagnostic.ts';
import { printDiagnostic } from './frame.ts';
import type { Paint } from './paint.ts';
import { plainPaint } from './paint.ts';
import { counted } from './phrase.ts';
import { sentenceOf } from './sentences.ts';
import type { Sources } from './source.ts';

/** One entry of `validate --json`. Line and column from 1; the column in UTF-16 code units, a tab counts one. */
export interface DiagnosticJson {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly severity: Diagnostic['severity'];
  readonly code: Diagnostic['code'];
  readonly message: string;
  readonly help: string | null;
}

/** A diagnostic as `validate --json` shows it. */
export function toJson(diagnostic: Diagnostic): DiagnosticJson {
  const { primary, severity, code } = diagnostic;
  const { message, help } = sentenceOf(diagnostic);
  return { file: primary.file, line: primary.start.line, column: primary.start.column, severity, code, message, help };
}

/** Prints diagnostics in the order of their places, an empty line after each, and a line that counts them; empty for none. */
export function printDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: Sources,
  paint: Paint = plainPaint,
): string {
  if (diagnostics.length === 0) return '';
  const frames = [...diagnostics].sort(byPlace).map((each) => `${printDiagnostic(each, sources, paint)}\n\n`);
  const errors = diagnostics.filter((each) => each.severity === 'error').length;
  const warnings = diagnostics.length - errors;
  const counts = [
    ...(errors > 0 ? [paint.error(counted(errors, 'error'))] : []),
    ...(warnings > 0 ? [paint.warning(counted(warnings, 'warning'))] : []),
  ];
  return `${frames.join('')}${counts.join(', ')}\n`;
}
