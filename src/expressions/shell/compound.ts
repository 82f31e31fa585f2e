/** Compound commands (POSIX.1-2024, XCU 2.9.4; the bash manual, 3.2.5). */

import { expectWord, readCommand, readList, readRedirections, skipBlanks, skipLines } from './command.ts';
import { readArithmetic } from './expansion.ts';
import type { RefusedPlace } from './place.ts';
import type { Reading } from './reading.ts';
import type { Assignment, Command, CompoundCommand, Content, Word } from './tree.ts';
import { readWord } from './word.ts';

const KEYWORD = /(?:if|while|until|for|select|case|function|coproc|\{|\[\[)(?=[\s;&|<>()]|$)/y;

type Parts = { -readonly [part in 'lists' | 'plain' | 'assigned' | 'refused']: CompoundCommand[part][number][] };

/** Reads a compound command or the definition of a function that begins with its keyword; null when there is none. */
export function readCompound(reading: Reading): Command | null {
  const keyword = reading.peek() === '(' ? '(' : reading.match(KEYWORD)?.[0];
  if (keyword === undefined) return null;
  const parts: Parts = { lists: [], plain: [], assigned: [], refused: [] };
  const definition = readBody(reading, keyword, parts);
  const redirections = definition === null ? readRedirections(reading) : [];
  return definition ?? { kind: 'compound', ...parts, redirections };
}

function readBody(reading: Reading, keyword: string, parts: Parts): Command | null {
  reading.position += keyword.length;
  switch (keyword) {
    case '(':
      readParentheses(reading, parts);
      return null;
    case '{':
      parts.lists.push(readList(reading));
      expectWord(reading, '}');
      return null;
    case 'if':
      readIf(reading, parts);
      return null;
    case 'while':
    case 'until':
      parts.lists.push(readList(reading));
      readLoopBody(reading, parts);
      return null;
    case 'for':
    case 'select':
      readFor(reading, parts);
      return null;
    case 'case':
      readCase(reading, parts);
      return null;
    case '[[':
      readConditional(reading, parts);
      return null;
    case 'function':
      return readFunction(reading);
    default:
      // `coproc` connects commands with descriptors, so that what feeds what cannot be told.
      reading.stop();
      return null;
  }
}

function refuse(parts: Parts, place: RefusedPlace, content: Content): void {
  parts.refused.push({ place, content });
}

function readParentheses(reading: Reading, parts: Parts): void {
  if (reading.peek() === '(') {
    reading.position += 1;
    const content: Content = { marks: [], inner: [] };
    readArithmetic(reading, content);
    refuse(parts, 'arithmetic', content);
    return;
  }
  parts.lists.push(readList(reading));
  if (reading.peek() === ')') reading.position += 1;
  else reading.stop(reading.isAtEnd ? 'unterminated' : 'unreadable');
}

function readLoopBody(reading: Reading, parts: Parts): void {
  if (!expectWord(reading, 'do')) return;
  parts.lists.push(readList(reading));
  expectWord(reading, 'done');
}

function readIf(reading: Reading, parts: Parts): void {
  for (;;) {
    parts.lists.push(readList(reading));
    if (!expectWord(reading, 'then')) return;
    parts.lists.push(readList(reading));
    const next = reading.match(/(?:elif|else|fi)(?=[\s;&|<>()]|$)/y)?.[0];
    if (next === 'elif') reading.position += next.length;
    else {
      if (next === 'else') {
        reading.position += next.length;
        parts.lists.push(readList(reading));
      }
      expectWord(reading, 'fi');
      return;
    }
  }
}

function readFor(reading: Reading, parts: Parts): void {
  skipBlanks(reading);
  if (reading.startsWith('((')) {
    reading.position += 2;
    const content: Content = { marks: [], inner: [] };
    readArithmetic(reading, content);
    refuse(parts, 'arithmetic', content);
  } else {
    const variable = readWord(reading, { refused: 'assignment_name' });
    refuse(parts, 'assignment_name', variable);
    skipLines(reading);
    if (reading.match(/in(?=[\s;&|<>()]|$)/y)) {
      reading.position += 2;
      readWords(reading, variable.literal, parts.assigned);
    }
  }
  skipBlanks(reading);
  if (reading.peek() === ';') reading.position += 1;
  readLoopBody(reading, parts);
}

function readWords(reading: Reading, name: string, words: Assignment[]): void {
  for (;;) {
    skipBlanks(reading);
    if (reading.isAtEnd || /[;\n#]/.test(reading.peek())) return;
    const word = readWord(reading);
    if (word.start === word.end) return reading.stop();
    words.push({ name, word });
  }
}

function readCase(reading: Reading, parts: Parts): void {
  skipBlanks(reading);
  const subject = readWord(reading);
  if (subject.start === subject.end) return reading.stop();
  parts.plain.push(subject);
  if (!expectWord(reading, 'in')) return;
  for (;;) {
    skipLines(reading);
    if (reading.match(/esac(?=[\s;&|<>()]|$)/y)) break;
    if (reading.isAtEnd) return reading.stop('unterminated');
    readPatterns(reading, parts);
    parts.lists.push(readList(reading));
    const end = reading.match(/;;&|;;|;&/y)?.[0];
    if (end === undefined) break;
    reading.position += end.length;
  }
  expectWord(reading, 'esac');
}

function readPatterns(reading: Reading, parts: Parts): void {
  if (reading.peek() === '(') reading.position += 1;
  for (;;) {
    skipBlanks(reading);
    const pattern = readWord(reading, { refused: 'case_pattern' });
    refuse(parts, 'case_pattern', pattern);
    skipBlanks(reading);
    const next = reading.peek();
    if (pattern.start === pattern.end || (next !== '|' && next !== ')')) return reading.stop();
    reading.position += 1;
    if (next === ')') return;
  }
}

/** `[[ ]]`: words and operators up to `]]`. To shells without it these are words of a command, which ends there as well. */
function readConditional(reading: Reading, parts: Parts): void {
  for (;;) {
    // Newlines end the command in shells without `[[ ]]`; nothing in it is allowed, so that this makes no difference.
    skipLines(reading);
    if (reading.isAtEnd) return reading.stop('unterminated');
    if (reading.match(/\]\](?=[\s;&|<>()]|$)/y)) {
      reading.position += 2;
      return;
    }
    const word: Word = readWord(reading, { refused: 'double_bracket', isPattern: true });
    refuse(parts, 'double_bracket', word);
    if (word.start !== word.end) continue;
    if (reading.peek() === '#') return reading.stop();
    reading.position += 1;
  }
}

function readFunction(reading: Reading): Command {
  skipBlanks(reading);
  const name = readWord(reading);
  skipBlanks(reading);
  const parentheses = reading.match(/\([ \t]*\)/y);
  if (parentheses !== null) reading.position += parentheses[0].length;
  skipLines(reading);
  if (name.start === name.end || reading.isAtEnd) reading.stop();
  return { kind: 'function', name, body: readCommand(reading) };
}
