/** What the words of one command are to it: which of them it reads as code, and whether it reads its input as code. */

import { assertNever } from '../../base/result.ts';
import { type EvaluatingWords, knownName, mayRunWords, ruleFor } from './evaluating-words.ts';
import type { Refusal } from './place.ts';
import type { Word } from './tree.ts';
import { refusalOfVariable } from './variables.ts';

/** What is refused of a command. */
export interface Evaluation {
  /** For each word why no value may stand in it, or null. */
  readonly words: readonly (Refusal | null)[];
  /** Why no value may be in what the command reads; null when that is data to it. */
  readonly input: Refusal | null;
}

/** What the whole text says that matters to a command. */
export interface Surroundings {
  /** Functions that the text defines and in which something is evaluated. */
  readonly functions: ReadonlyMap<string, Refusal>;
  /** True when assigning to a variable may evaluate what is assigned. */
  readonly hasAttributes: boolean;
}

/** Names among the words of an unknown command that are looked at; with more of them nothing is allowed. */
const MAX_SOUGHT = 8;
const OPTION = /^[-+]./;
const CODE_OPTION = /^-\w*[ce]\w*$|^--(?:eval|exec|command)/;

type Draft = { readonly words: (Refusal | null)[]; input: Refusal | null };

const refuse = (draft: Draft, from: number, to: number, refusal: Refusal): void => {
  for (let index = from; index < to; index += 1) draft.words[index] ??= refusal;
};

const blame = ({ reason }: EvaluatingWords, name: string): Refusal => ({
  place: 'evaluating_word',
  word: name,
  reason,
});
const asInput = ({ reason }: EvaluatingWords, name: string): Refusal => ({
  place: 'evaluating_input',
  word: name,
  reason,
});

const hasValue = (word: Word | undefined): boolean =>
  word !== undefined && (word.marks.length > 0 || word.inner.length > 0);

/** Where the command begins that a prefix runs: its index, the number of words when there is none, null when that is unclear. */
function findInner(
  words: readonly Word[],
  from: number,
  rule: EvaluatingWords['rule'] & { kind: 'prefix' },
): number | null {
  let index = from + 1;
  for (; index < words.length; index += 1) {
    const word = words[index];
    const text = word?.text ?? null;
    if (text !== null && rule.valued.test(text)) {
      index += 1;
      if (words[index]?.text === null) return null;
    } else if (rule.takesAssignments && /^[A-Za-z_]\w*=/.test(word?.head ?? '')) continue;
    else if (text === null) break;
    else if (!rule.harmless.test(text)) {
      if (OPTION.test(text)) return null;
      break;
    }
  }
  for (let operand = 0; operand < rule.operands; operand += 1, index += 1) {
    const text = words[index]?.text;
    if (text === null || (text !== undefined && OPTION.test(text))) return null;
  }
  return Math.min(index, words.length);
}

/** The index of an interpreter's script; null when there is none that is written out. */
function findScript(
  words: readonly Word[],
  from: number,
  rule: EvaluatingWords['rule'] & { kind: 'interpreter' },
): { readonly index: number | null; readonly hasCode: boolean } {
  for (let index = from + 1; index < words.length; index += 1) {
    const word = words[index];
    if (word === undefined || hasValue(word)) break;
    const { text, literal } = word;
    if (text !== null && rule.code.test(text)) return { index: null, hasCode: true };
    if (text !== null && rule.script.test(text)) {
      return { index: words[index + 1]?.text == null ? null : index + 1, hasCode: false };
    }
    if (text !== null && rule.harmless.test(text)) continue;
    if (text !== null && rule.valued.test(text)) {
      index += 1;
      if (words[index]?.text == null) break;
      continue;
    }
    // A script in a variable has to look like a file: it could be an option as well.
    const isFile = text === null ? /^[^-+]*[./]/.test(literal) : !OPTION.test(text) && text !== '-' && text !== '';
    if (isFile && !/^\/(?:dev|proc)\//.test(literal)) return { index, hasCode: false };
    break;
  }
  return { index: null, hasCode: false };
}

function evaluateTest(words: readonly Word[], from: number, refusal: Refusal, draft: Draft): void {
  const isOperator = words.some(({ text }) => text === '-v' || text === '-R');
  for (let index = from + 1; index < words.length; index += 1) {
    const before = words[index - 1];
    const after = words[index + 1];
    const isClear = before?.text !== null && (after === undefined || after.text !== null);
    if (isOperator || !isClear) draft.words[index] ??= refusal;
  }
}

function evaluateBehind(
  words: readonly Word[],
  from: number,
  rule: EvaluatingWords['rule'] & { kind: 'behind' },
  refusal: Refusal,
  draft: Draft,
): void {
  for (let index = from + 1; index < words.length; index += 1) {
    const text = words[index]?.text ?? null;
    draft.words[index] ??= refusal;
    if (text !== null && rule.first.test(text)) return;
    if (text === null || !rule.before.test(text)) return refuse(draft, index, words.length, refusal);
  }
}

/** Applies the rule of the command that begins at a word. @returns where the command begins that it runs, or null. */
function applyRule(
  words: readonly Word[],
  from: number,
  rules: EvaluatingWords,
  name: string,
  draft: Draft,
): number | null {
  const { rule } = rules;
  const refusal = blame(rules, name);
  const all = (): void => refuse(draft, from + 1, words.length, refusal);
  if (rules.input === 'code') draft.input ??= asInput(rules, name);
  if (rules.input === 'code_with_file_option') {
    const readsFile = words
      .slice(from + 1)
      .some(({ text }) => text === null || /^-\w*[fE]|^--(?:from-)?file/.test(text));
    if (readsFile) draft.input ??= asInput(rules, name);
  }
  switch (rule.kind) {
    case 'everything':
      all();
      return null;
    case 'interpreter': {
      const { index, hasCode } = findScript(words, from, rule);
      refuse(draft, from + 1, index === null ? words.length : index + 1, refusal);
      if (index === null && !hasCode) draft.input ??= asInput(rules, name);
      return null;
    }
    case 'prefix': {
      const inner = findInner(words, from, rule);
      refuse(draft, from + 1, inner ?? words.length, refusal);
      if (inner === null) draft.input ??= asInput(rules, name);
      return inner;
    }
    case 'behind':
      evaluateBehind(words, from, rule, refusal, draft);
      return null;
    case 'option_values':
      for (let index = from + 1; index < words.length; index += 1) {
        const option = words[index - rule.distance];
        if (index - rule.distance <= from || !rule.options.test(option?.text ?? '')) draft.words[index] ??= refusal;
      }
      return null;
    case 'test':
      evaluateTest(words, from, refusal, draft);
      return null;
    case 'assignments':
      for (let index = from + 1; index < words.length; index += 1) {
        if (!/^[A-Za-z_]\w*=/.test(words[index]?.head ?? '')) draft.words[index] ??= refusal;
      }
      return null;
    case 'unless_among':
      if (words.slice(from + 1).some(({ text }) => text !== null && rule.words.test(text))) all();
      return null;
    default:
      return assertNever(rule, 'rule for words');
  }
}

/** Looks for commands among the words of one that may run them, as in `docker exec box sh -c ...`. */
function applySought(words: readonly Word[], from: number, draft: Draft): void {
  let found = 0;
  for (let index = from + 1; index < words.length; index += 1) {
    const base = words[index]?.text === null ? null : (words[index]?.base ?? null);
    const rules = base === null ? undefined : ruleFor(base);
    if (base === null || rules === undefined || !rules.isSoughtInWords) continue;
    const name = knownName(base);
    found += 1;
    applyRule(words, index, rules, name, draft);
    const hasCode = words.slice(index + 1).some(({ text }) => text !== null && CODE_OPTION.test(text));
    if (!hasCode && found < MAX_SOUGHT) continue;
    refuse(draft, index + 1, words.length, blame(rules, name));
    draft.input ??= asInput(rules, name);
    if (found >= MAX_SOUGHT) refuse(draft, from + 1, words.length, blame(rules, name));
    return;
  }
}

/**
 * Judges the words of a command.
 * @param surroundings what the rest of the text says about it.
 */
export function evaluateCommand(words: readonly Word[], surroundings: Surroundings): Evaluation {
  const { functions } = surroundings;
  const draft: Draft = { words: words.map(() => null), input: null };
  const [first] = words;
  if (first === undefined) return draft;
  const isSubscript = /^[A-Za-z_]\w*\[[^\]]*$/.test(first.head) && first.marks.length > 0;
  draft.words[0] = { place: isSubscript ? 'array_subscript' : 'command_position' };
  for (let from: number | null = 0; from !== null && from < words.length; ) {
    const base: string | null = words[from]?.base ?? null;
    if (from > 0) draft.words[from] ??= { place: 'command_position' };
    // A word that begins with a dash belongs to what stands before it, as in `time -- eval`.
    if (base === null || OPTION.test(base)) {
      refuse(draft, from + 1, words.length, { place: 'unknown_command' });
      draft.input ??= { place: 'unknown_command' };
      break;
    }
    const defined = functions.get(base);
    if (defined !== undefined) {
      refuse(draft, from + 1, words.length, { place: 'evaluating_word', ...inFunction(defined, base) });
      draft.input ??= { place: 'evaluating_input', ...inFunction(defined, base) };
    }
    const rules = ruleFor(base);
    if (rules?.input === 'assigned') draft.input ??= inputAsAssigned(words, from, surroundings);
    if (rules !== undefined) from = applyRule(words, from, rules, knownName(base), draft);
    else {
      if (mayRunWords(base)) applySought(words, from, draft);
      break;
    }
  }
  return draft;
}

/** Why no value may be in what `read` and the like assign to the variables that they name. */
function inputAsAssigned(words: readonly Word[], from: number, { hasAttributes }: Surroundings): Refusal | null {
  for (const { text, literal } of words.slice(from + 1)) {
    const refusal = text === null ? { place: 'evaluating_input' as const, word: literal } : refusalOfVariable(text);
    if (refusal !== null) return refusal;
  }
  return hasAttributes ? { place: 'attributed_variable' } : null;
}

const inFunction = ({ word }: Refusal, name: string): Pick<Refusal, 'word' | 'reason'> & { word: string } => ({
  word: name,
  reason: `the function uses \`${word ?? 'a command that is not written out'}\`, which may read it as code`,
});
