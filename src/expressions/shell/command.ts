/**
 * Lists, pipelines and simple commands (POSIX.1-2024, XCU 2.9 and 2.10, and the bash manual). Lenient where a shell would report
 * a syntax error: it then runs nothing of the line; strict where shells read the same text differently: reading stops.
 */

import { readCompound } from './compound.ts';
import { announceHeredoc, readHeredocs } from './heredoc.ts';
import { MAX_SHELL_DEPTH, type Reading } from './reading.ts';
import { changesReading, declaresAttributes } from './setting.ts';
import type { Assignment, Command, List, Pipeline, Redirection, Word } from './tree.ts';
import { readWord } from './word.ts';

/** A reserved word ends at white space, an operator or the end. */
const WORD_END = String.raw`(?=[\s;&|<>()]|$)`;
const LIST_END = new RegExp(String.raw`(?:then|elif|else|fi|do|done|esac|\})${WORD_END}`, 'y');
const RESERVED =
  /^(?:if|then|elif|else|fi|while|until|for|select|case|esac|in|do|done|function|coproc|time|\{|\}|!|\[\[)$/;
const REDIRECTION = /(?:\d+|\{[A-Za-z_]\w*\})?(<<<|<<-?|<&|>&|<>|>>|>\||<(?!\()|>(?!\()|&>>|&>)/y;
const ASSIGNMENT = /^([A-Za-z_]\w*)(\[[^\]]*\])?(\+?)=/;

/** Passes blanks and line continuations. */
export function skipBlanks(reading: Reading): void {
  reading.position += reading.match(/(?:[ \t]|\\\n)+/y)?.[0].length ?? 0;
}

/** Passes a comment, with the expressions in it: they stay as they are. */
function skipComment(reading: Reading): void {
  if (reading.peek() !== '#') return;
  while (!reading.isAtEnd && reading.peek() !== '\n') {
    const expression = reading.expressionAt();
    if (expression === -1) {
      reading.position += reading.run(/[^$\n]+/y).length;
      if (reading.joinsLines && reading.text[reading.position - 1] === '\\') return reading.stop();
      continue;
    }
    const start = reading.position;
    reading.skipExpression(expression);
    // It stays, and so would its newline, which ends the comment.
    if (reading.text.slice(start, reading.position).includes('\n')) return reading.stop();
    reading.comments.push(expression);
  }
}

/** Passes blanks, comments and newlines, with the here-documents behind them. */
export function skipLines(reading: Reading): void {
  for (;;) {
    skipBlanks(reading);
    skipComment(reading);
    if (reading.peek() !== '\n') return;
    if (reading.isOuterPending) return reading.stop();
    reading.position += 1;
    if (reading.pending.length > 0) readHeredocs(reading);
  }
}

/** Passes a reserved word. @returns false, and stops, when something else stands there. */
export function expectWord(reading: Reading, word: string): boolean {
  skipLines(reading);
  const found = reading.startsWith(word) && /^(?:[\s;&|<>()]|$)/.test(reading.peek(word.length));
  if (found) reading.position += word.length;
  else reading.stop(reading.isAtEnd ? 'unterminated' : 'unreadable');
  return found;
}

/** Reads commands up to `)`, `;;`, a reserved word that ends a list, or the end of the text. */
export function readList(reading: Reading): List {
  const pipelines: Pipeline[] = [];
  for (;;) {
    skipLines(reading);
    if (reading.isAtEnd || reading.peek() === ')' || reading.match(/;;|;&/y) || reading.match(LIST_END))
      return pipelines;
    const before = reading.position;
    pipelines.push(readPipeline(reading));
    skipBlanks(reading);
    const separator = reading.match(/&&|\|\||&(?!>)|;(?![;&])/y)?.[0];
    if (separator !== undefined) passOperator(reading, separator);
    else if (!/^(?:[\n#)]|;|$)/.test(reading.peek()) || reading.position === before) reading.stop();
  }
}

/** Passes an operator. A line continuation inside what could be a longer one is read differently by shells. */
function passOperator(reading: Reading, operator: string): void {
  reading.position += operator.length;
  if (reading.match(/(?:\\\n)+[;&|<>()-]/y)) reading.stop();
}

function readPipeline(reading: Reading): Pipeline {
  const commands: Command[] = [];
  readPrefixes(reading);
  for (;;) {
    commands.push(readCommand(reading));
    skipBlanks(reading);
    const pipe = reading.match(/\|&|\|(?!\|)/y)?.[0];
    if (pipe === undefined) break;
    if (pipe === '|&' && reading.dialect === 'sh') reading.stop();
    else passOperator(reading, pipe);
    skipLines(reading);
    if (reading.isAtEnd) reading.stop('unterminated');
  }
  return { commands, isComplete: reading.stoppedAt === null };
}

/** `!` and, where it is a reserved word, `time`. */
function readPrefixes(reading: Reading): void {
  for (;;) {
    const prefix = reading.match(/(?:!(?!\()|time(?:(?:[ \t]|\\\n)+-p)?(?:(?:[ \t]|\\\n)+--)?)(?=[\s;&|()<>]|$)/y)?.[0];
    if (prefix === undefined) return;
    // To other shells `time` is a command, which takes only simple commands.
    if (prefix !== '!' && reading.dialect === 'sh') return;
    reading.position += prefix.length;
    skipBlanks(reading);
  }
}

/** Reads one command with its redirections. */
export function readCommand(reading: Reading): Command {
  if (reading.depth >= MAX_SHELL_DEPTH) reading.stop();
  reading.depth += 1;
  const command = readCompound(reading) ?? readSimple(reading);
  reading.depth -= 1;
  return command;
}

/** Reads the redirections behind a compound command. */
export function readRedirections(reading: Reading): readonly Redirection[] {
  const redirections: Redirection[] = [];
  for (;;) {
    skipBlanks(reading);
    const redirection = readRedirection(reading);
    if (redirection === null) return redirections;
    redirections.push(redirection);
  }
}

function readRedirection(reading: Reading): Redirection | null {
  const found = reading.match(REDIRECTION);
  const operator = found?.[1];
  if (found === null || operator === undefined) return null;
  if (reading.dialect === 'sh' && /^(?:<<<|&>)/.test(operator)) {
    reading.stop();
    return null;
  }
  passOperator(reading, found[0]);
  skipBlanks(reading);
  if (operator === '<<' || operator === '<<-') return announceHeredoc(reading, operator === '<<-');
  const isDescriptor = operator.includes('&');
  const target = readWord(reading, isDescriptor ? { refused: 'descriptor' } : {});
  if (target.start === target.end) reading.stop();
  return { kind: 'word', operator, target };
}

/** Reads a word that may be an assignment to an array: its list of elements then belongs to it. */
function readPossibleArray(reading: Reading): Word {
  const word = readWord(reading);
  if (reading.peek() !== '(' || !/^[A-Za-z_]\w*(?:\[.*\])?\+?=$/.test(word.head) || !word.isPlain) return word;
  if (reading.dialect === 'sh') reading.stop();
  reading.position += 1;
  const { marks, inner } = word;
  for (;;) {
    skipLines(reading);
    if (reading.isAtEnd || reading.peek() === ')') break;
    const element = readWord(reading, { refused: 'array_literal' });
    marks.push(...element.marks);
    inner.push(...element.inner.map((each) => ({ ...each, refused: each.refused ?? ('array_literal' as const) })));
    if (element.start === element.end) reading.stop();
  }
  if (reading.peek() === ')') reading.position += 1;
  else reading.stop('unterminated');
  return { ...word, end: reading.position, text: null, isPlain: false };
}

/** The assignment that a word is in front of a command; null when it is a word of the command. */
function assignmentOf(word: Word, reading: Reading): Assignment | null {
  const [whole, name, subscript, plus] = ASSIGNMENT.exec(word.head) ?? [];
  if (whole === undefined || name === undefined) return null;
  if (reading.dialect === 'sh' && (subscript !== undefined || plus === '+')) {
    // To a shell without arrays `a[0]=x` and `a+=x` are names of commands; where `sh` is bash they are assignments, and a command follows.
    reading.stop();
    return null;
  }
  return { name, word };
}

function readSimple(reading: Reading): Command {
  const assignments: Assignment[] = [];
  const words: Word[] = [];
  const redirections: Redirection[] = [];
  for (;;) {
    skipBlanks(reading);
    const character = reading.peek();
    if (reading.isAtEnd || character === '#' || character === '\n') break;
    const redirection = readRedirection(reading);
    if (redirection !== null) {
      redirections.push(redirection);
      continue;
    }
    if (/[;&|)]/.test(character)) break;
    if (character === '(') {
      const [name] = words;
      const isLone = words.length === 1 && assignments.length + redirections.length === 0;
      if (isLone && name !== undefined && reading.match(/\([ \t]*\)/y)) return readFunction(reading, name);
      reading.stop();
      break;
    }
    const word = readPossibleArray(reading);
    if (word.start === word.end) {
      reading.stop();
      break;
    }
    const assignment = words.length === 0 ? assignmentOf(word, reading) : null;
    if (assignment !== null) assignments.push(assignment);
    else {
      const isFirst = words.length === 0 && assignments.length + redirections.length === 0;
      words.push(word);
      // A reserved word that was not recognised as one, as behind a line continuation inside it.
      if (isFirst && word.isPlain && RESERVED.test(word.literal) && !isTimeCommand(word, reading)) reading.stop();
    }
  }
  reading.hasAttributes ||= declaresAttributes(words);
  const setting = changesReading(words);
  if (setting !== null) reading.stop('unreadable', setting);
  return { kind: 'simple', assignments, words, redirections };
}

const isTimeCommand = (word: Word, reading: Reading): boolean => word.literal === 'time' && reading.dialect === 'sh';

function readFunction(reading: Reading, name: Word): Command {
  reading.position += reading.run(/\([ \t]*\)/y).length;
  skipLines(reading);
  return { kind: 'function', name, body: readCommand(reading) };
}
