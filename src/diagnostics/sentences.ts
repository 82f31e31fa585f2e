/**
 * Every diagnostic in words: the one place where facts become sentences, exhaustive by its type.
 * Voice: lower case, no final period, names in backticks, no blame; the message is short, the help shows what to write.
 */

import type { Diagnostic, DiagnosticOf } from './diagnostic.ts';
import { DOCUMENT_SENTENCES } from './document-sentences.ts';
import type { DiagnosticCode, FactsByCode } from './facts.ts';
import { FLOW_SENTENCES } from './flow-sentences.ts';
import { POLICY_SENTENCES } from './policy-sentences.ts';

/** What is said of one diagnostic. */
export interface Sentence {
  readonly message: string;
  /** What to do about it, often with lines to write; null when the message says it all. */
  readonly help: string | null;
}

/** A sentence for each of some codes. */
export type Sentences<Code extends DiagnosticCode> = {
  readonly [Each in Code]: (facts: FactsByCode[Each]) => Sentence;
};

const SENTENCES: Sentences<DiagnosticCode> = { ...DOCUMENT_SENTENCES, ...FLOW_SENTENCES, ...POLICY_SENTENCES };

/** Every code there is, in the order of their list. */
export const DIAGNOSTIC_CODES = Object.keys(SENTENCES) as readonly DiagnosticCode[];

const speak = <Code extends DiagnosticCode>(diagnostic: DiagnosticOf<Code>): Sentence =>
  SENTENCES[diagnostic.code](diagnostic.facts);

/** The message and help of a diagnostic. */
export const sentenceOf = (diagnostic: Diagnostic): Sentence => speak(diagnostic);
