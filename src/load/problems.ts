/** Collects what is wrong with one flow, up to a number that somebody can still read. */

import { byPlace, diagnose, type Diagnostic } from '../diagnostics/diagnostic.ts';
import type { DiagnosticCode, FactsByCode } from '../diagnostics/facts.ts';
import type { Place, SourceText } from '../diagnostics/source.ts';
import type { Span } from './document.ts';

const MAX_PROBLEMS = 200;

/** The problems of one flow file. */
export class Problems {
  readonly source: SourceText;
  readonly #diagnostics: Diagnostic[] = [];
  #omitted = 0;

  constructor(source: SourceText) {
    this.source = source;
  }

  /** False when further problems would not be shown: then the dear search for a suggestion can be left out. */
  get hasRoom(): boolean {
    return this.#diagnostics.length < MAX_PROBLEMS;
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

  /** True when a problem has exactly this place. */
  isBlamed(span: Span): boolean {
    return this.#diagnostics.some(
      ({ primary }) => primary.start.offset === span.start && primary.end.offset === span.end,
    );
  }

  /** True when a problem has its place inside a stretch. */
  isBlamedWithin(span: Span): boolean {
    return this.#diagnostics.some(
      ({ primary }) => primary.start.offset >= span.start && primary.end.offset <= span.end,
    );
  }

  /** Adds a problem that has its place already. */
  add(diagnostic: Diagnostic): void {
    if (this.hasRoom) this.#diagnostics.push(diagnostic);
    else this.#omitted += 1;
  }

  /** A place in the flow file. */
  place(span: Span, label: string | null = null): Place {
    return this.source.place(span.start, span.end, label);
  }

  /** All that was found, in the order of the file; the last one counts what was left out. */
  list(): readonly Diagnostic[] {
    const sorted = [...this.#diagnostics].sort(byPlace);
    const last = sorted.at(-1);
    if (this.#omitted === 0 || last === undefined) return sorted;
    return [...sorted, diagnose('more_problems', { count: this.#omitted }, last.primary)];
  }
}
