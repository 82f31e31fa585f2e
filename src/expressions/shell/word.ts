/** One word of a shell text: characters, quotes and expansions up to the next blank or operator (POSIX.1-2024, XCU 2.2 and 2.3). */

import { readBackticks, readDollar, readSubstitution } from './expansion.ts';
import type { RefusedPlace } from './place.ts';
import type { Reading } from './reading.ts';
import type { Inner, Mark, Quoting, Word } from './tree.ts';

/** What a word is read for. */
export interface WordPlace {
  /** Set where no value may stand in the word. */
  readonly refused?: RefusedPlace;
  /** True where parentheses may follow a character that makes a pattern of them, as in `[[ ]]`. */
  readonly isPattern?: boolean;
}

/** Single words made of these are what they are; in longer words the same characters make patterns and lists. */
const LITERAL_ALTHOUGH_SPECIAL: ReadonlySet<string> = new Set(['[', '[[', '{', '{}']);

const PLAIN_CHARACTERS = /[^\s\\'"`$<>;&|()#*?[{!@+~/=]+/y;

/** A word while it is read. */
class Draft {
  readonly marks: Mark[] = [];
  readonly inner: Inner[] = [];
  head = '';
  literal = '';
  base: string | null = '';
  isPlain = true;
  isKnown = true;
  /** False as soon as it cannot be the name of a variable. */
  isName = true;
  /** An unquoted `*`, `?`, `[` or `{`. */
  hasSpecial = false;

  add(characters: string, isQuoted: boolean): void {
    if (this.isPlain) {
      if (isQuoted) this.isPlain = false;
      else this.head += characters;
    }
    this.literal += characters;
    this.isName &&= !isQuoted && /^\w*$/.test(characters);
    const slash = characters.lastIndexOf('/');
    if (slash !== -1) this.base = characters.slice(slash + 1);
    else if (this.base !== null) this.base += characters;
  }

  /** Something whose text is known only later. */
  addUnknown(): void {
    this.isPlain = false;
    this.isKnown = false;
    this.base = null;
  }

  mark(expression: number, quoting: Quoting, refused: RefusedPlace | null): void {
    this.marks.push({ expression, quoting, refused });
    this.addUnknown();
  }
}

/** Reads what stands in double quotes, from behind the opening one. */
function readDouble(reading: Reading, draft: Draft, refused: RefusedPlace | null): void {
  draft.add('', true);
  while (!reading.isAtEnd) {
    const expression = reading.expressionAt();
    const character = reading.peek();
    if (expression !== -1) {
      draft.mark(expression, 'double', refused);
      reading.skipExpression(expression);
    } else if (character === '"') {
      reading.position += 1;
      return;
    } else if (character === '\\') {
      readBackslash(reading, draft, true);
    } else if (character === '`') {
      readBackticks(reading, draft);
      draft.addUnknown();
    } else if (character === '$') {
      if (readDollar(reading, draft, 'double', refused)) draft.addUnknown();
      else draft.add('$', true);
    } else {
      const run = reading.run(/[^"\\`$]+/y);
      draft.add(run, true);
      reading.position += run.length;
    }
  }
  reading.stop('unterminated');
}

/** Reads what stands in single quotes, from behind the opening one. */
function readSingle(reading: Reading, draft: Draft, refused: RefusedPlace | null): void {
  draft.add('', true);
  while (!reading.isAtEnd) {
    const expression = reading.expressionAt();
    const character = reading.peek();
    if (expression !== -1) {
      draft.mark(expression, 'single', refused);
      reading.skipExpression(expression);
    } else if (character === "'") {
      reading.position += 1;
      return;
    } else {
      const run = reading.run(/[^'$]+/y);
      if (reading.joinsLines && run.includes('\\\n')) return reading.stop();
      draft.add(run, true);
      reading.position += run.length;
    }
  }
  reading.stop('unterminated');
}

/** `$'...'` (POSIX.1-2024, XCU 2.2.4), from behind the opening quote. Shells without it see plain single quotes. */
function readAnsi(reading: Reading, draft: Draft): void {
  draft.addUnknown();
  while (!reading.isAtEnd) {
    const expression = reading.expressionAt();
    const character = reading.peek();
    if (expression !== -1) {
      draft.mark(expression, 'single', 'ansi_quotes');
      reading.skipExpression(expression);
    } else if (character === "'") {
      reading.position += 1;
      return;
    } else if (character === '\\') {
      if (reading.dialect === 'sh') return reading.stop();
      reading.position += 2;
    } else reading.position += 1;
  }
  reading.stop('unterminated');
}

function readBackslash(reading: Reading, draft: Draft, isInDouble: boolean): void {
  const expression = reading.expressionAt(1);
  if (expression !== -1) {
    draft.mark(expression, isInDouble ? 'double' : 'bare', 'escaped');
    reading.skipExpression(expression);
    return;
  }
  const next = reading.peek(1);
  reading.position = Math.min(reading.position + 2, reading.limit);
  if (next === '\n') return;
  const keepsBackslash = next === '' || (isInDouble && !'$`"\\'.includes(next));
  draft.add(keepsBackslash ? `\\${next}` : next, true);
}

/** A subscript in which there are blanks, quotes or operators is read as one word only where an assignment may stand. */
function isUnclearSubscript(reading: Reading, draft: Draft): boolean {
  if (!draft.isPlain || !draft.isName || draft.head === '') return false;
  const subscript = reading.match(/\[[^\]\n]{0,200}/y)?.[0] ?? '';
  return subscript.length > 200 || /[\s\\'"`<>;&|()#]/.test(subscript.replace(/\$\{\{.*/, ''));
}

function readUnquoted(reading: Reading, draft: Draft, place: WordPlace): 'more' | 'end' {
  const refused = place.refused ?? null;
  const character = reading.peek();
  switch (character) {
    case '\\':
      readBackslash(reading, draft, false);
      return 'more';
    case "'":
      reading.position += 1;
      readSingle(reading, draft, refused);
      return 'more';
    case '"':
      reading.position += 1;
      readDouble(reading, draft, refused);
      return 'more';
    case '`':
      readBackticks(reading, draft);
      draft.addUnknown();
      return 'more';
    case '$':
      readUnquotedDollar(reading, draft, refused);
      return 'more';
    case '<':
    case '>':
      if (reading.peek(1) !== '(') return 'end';
      reading.position += 2;
      readSubstitution(reading, draft, character === '<' ? 'read_from' : 'written_to', refused);
      draft.addUnknown();
      return 'more';
    case '(':
      return 'end';
    case '?':
    case '*':
    case '+':
    case '@':
    case '!':
      if (character === '?' || character === '*') draft.hasSpecial = true;
      draft.add(character, false);
      reading.position += 1;
      // Whether this is a pattern depends on `shopt -s extglob`.
      if (reading.peek() === '(' && place.isPattern !== true) reading.stop();
      return 'more';
    case '[':
    case '{':
      if (character === '[' && place.isPattern !== true && isUnclearSubscript(reading, draft)) {
        reading.stop();
        return 'end';
      }
      draft.hasSpecial = true;
      draft.add(character, false);
      reading.position += 1;
      return 'more';
    default: {
      if (/[ \t\n;&|)]/.test(character)) return 'end';
      const run = reading.run(PLAIN_CHARACTERS);
      draft.add(run, false);
      reading.position += run.length;
      return 'more';
    }
  }
}

function readUnquotedDollar(reading: Reading, draft: Draft, refused: RefusedPlace | null): void {
  const next = reading.expressionAt(1) === -1 ? reading.peek(1) : '';
  if (next === "'") {
    reading.position += 2;
    readAnsi(reading, draft);
  } else if (next === '"') {
    reading.position += 2;
    draft.addUnknown();
    readDouble(reading, draft, refused ?? 'translated_quotes');
  } else if (readDollar(reading, draft, 'bare', refused)) draft.addUnknown();
  else draft.add('$', false);
}

/**
 * Reads a word. The position must not be at a blank; at an operator the word is empty.
 * Array literals are not words: the position is left at their parenthesis.
 */
export function readWord(reading: Reading, place: WordPlace = {}): Word {
  const start = reading.position;
  const draft = new Draft();
  while (!reading.isAtEnd) {
    const expression = reading.expressionAt();
    if (expression !== -1) {
      draft.mark(expression, 'bare', place.refused ?? null);
      reading.skipExpression(expression);
    } else if (readUnquoted(reading, draft, place) === 'end') break;
  }
  const end = reading.position;
  const isPattern = draft.hasSpecial && !(draft.isPlain && LITERAL_ALTHOUGH_SPECIAL.has(draft.literal));
  const { marks, inner, head, literal, isPlain } = draft;
  const text = draft.isKnown && !isPattern ? literal : null;
  return { start, end, head, text, base: isPattern ? null : draft.base, literal, isPlain, marks, inner };
}
