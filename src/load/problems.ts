/** Collects what is wrong with one flow, up to a number that somebody can still read. */

import { byPlace, diagnose, type Diagnostic } from '../diagnostics/diagnostic.ts';
import type { DiagnosticCode, FactsByCode } from '../diagnostics/facts.ts';
import type { Place, SourceText } from '../diagnostics/source.ts';
import { placeOf, placeWithin, type ScalarNode, type Span } from './document.ts';

/** Of errors and of warnings. */
const MAX_SHOWN = 200;

/** The problems of one flow file. */
export class Problems {
  readonly source: SourceText;
  readonly #errors: Diagnostic[] = [];
  readonly #warnings: Diagnostic[] = [];
  readonly #omitted = { error: 0, warning: 0 };

  constructor(source: SourceText) {
    this.source = source;
  }

  /** False when further errors would not be shown: then the dear search for a suggestion or an exact place can be left out. */
  get hasRoom(): boolean {
    return this.#errors.length < MAX_SHOWN;
  }

  /** Adds a problem at a stretch of the flow file. */
  at<Code extends DiagnosticCode>(
    code: Code,
    span: Span,
    facts: FactsByCode[Code],
    related: readonly Place[] = [],
  ): void {
    this.add(diagnose(code, facts, this.place(span), related));
  }

  /** Adds a problem at a part of a text. */
  within<Code extends DiagnosticCode>(
    code: Code,
    { node, offset, length }: Part,
    facts: FactsByCode[Code],
    related: readonly Place[] = [],
  ): void {
    const place = this.hasRoom ? placeWithin(this.source, node, offset, length) : placeOf(this.source, node);
    this.add(diagnose(code, facts, place, related));
  }

  /** True when a problem has exactly this place. */
  isBlamed(span: Span): boolean {
    return this.#errors.some(({ primary }) => primary.start.offset === span.start && primary.end.offset === span.end);
  }

  /** True when a problem has its place inside a stretch. */
  isBlamedWithin(span: Span): boolean {
    return this.#errors.some(({ primary }) => primary.start.offset >= span.start && primary.end.offset <= span.end);
  }

  /** Adds a problem that has its place already. */
  add(diagnostic: Diagnostic): void {
    const { severity } = diagnostic;
    const found = severity === 'error' ? this.#errors : this.#warnings;
    if (found.length < MAX_SHOWN) found.push(diagnostic);
    else this.#omitted[severity] += 1;
  }

  /** A place in the flow file. */
  place(span: Span, label: string | null = null): Place {
    return this.source.place(span.start, span.end, label);
  }

  /** All that was found, in the order of the file; the last ones count what was left out. */
  list(): readonly Diagnostic[] {
    const sorted = [...this.#errors, ...this.#warnings].sort(byPlace);
    const last = sorted.at(-1);
    if (last === undefined) return sorted;
    const { error, warning } = this.#omitted;
    if (warning > 0) sorted.push(diagnose('more_warnings', { count: warning }, last.primary));
    if (error > 0) sorted.push(diagnose('more_problems', { count: error }, last.primary));
    return sorted;
  }
}

/** A part of a text of the flow file; the offset counts in the text, whatever escapes and indentation it is written with. */
export interface Part {
  readonly node: ScalarNode;
  readonly offset: number;
  readonly length: number;
}
