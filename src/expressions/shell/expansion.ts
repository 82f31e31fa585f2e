/**
 * What begins with a dollar sign or a backtick (POSIX.1-2024, XCU 2.6). Only substitutions `$(...)` are read as commands; of `${...}`,
 * arithmetic and backticks only the end is looked for, and where shells disagree about the end, reading stops.
 */

import type { RefusedPlace } from './place.ts';
import { MAX_SHELL_DEPTH, type Reading } from './reading.ts';
import type { Content, Inner, Quoting } from './tree.ts';

/** Where a dollar sign can begin something. */
type DollarQuoting = Exclude<Quoting, 'single'>;

/** Quoted text after which every shell is where it was before, whatever it takes the quotes for. */
const HARMLESS_QUOTES = /'[^'"`$\\{}()\n]*'|"[^'"`$\\{}()\n]*"/y;

/**
 * Reads commands in parentheses, from behind the opening one.
 * @param refused set where nothing inside is allowed.
 */
export function readSubstitution(
  reading: Reading,
  into: Content,
  kind: Inner['kind'],
  refused: RefusedPlace | null,
): void {
  if (reading.depth >= MAX_SHELL_DEPTH) return reading.stop();
  const { pending, isOuterPending } = reading;
  reading.depth += 1;
  reading.isOuterPending = isOuterPending || pending.length > 0;
  reading.pending = [];
  const list = reading.readList(reading);
  into.inner.push({ kind, list, refused });
  if (reading.peek() === ')') {
    reading.position += 1;
    // The body of a here-document would have to follow the parenthesis, or never come: shells differ.
    if (reading.pending.length > 0) reading.stop();
  } else reading.stop(reading.isAtEnd ? 'unterminated' : 'unreadable');
  reading.depth -= 1;
  reading.pending = pending;
  reading.isOuterPending = isOuterPending;
}

/** Reads backticks, from the opening one: up to the next that has no backslash before it, whatever stands between. */
export function readBackticks(reading: Reading, into: Content): void {
  reading.position += 1;
  while (!reading.isAtEnd) {
    const expression = reading.expressionAt();
    const character = reading.peek();
    if (expression !== -1) refuse(reading, into, expression, 'backticks');
    else if (character === '`') {
      reading.position += 1;
      return;
    } else if (character === '\\' && reading.expressionAt(1) === -1) {
      reading.position = Math.min(reading.position + 2, reading.limit);
    } else reading.position += 1;
  }
  reading.stop('unterminated');
}

function refuse(reading: Reading, into: Content, expression: number, refused: RefusedPlace): void {
  into.marks.push({ expression, quoting: 'bare', refused });
  reading.skipExpression(expression);
}

/**
 * Reads what a dollar sign begins, from the dollar sign.
 * @returns false when it begins nothing, and only the character itself was passed.
 */
export function readDollar(
  reading: Reading,
  into: Content,
  quoting: DollarQuoting,
  refused: RefusedPlace | null,
): boolean {
  const expression = reading.expressionAt(1);
  if (expression !== -1) {
    into.marks.push({ expression, quoting, refused: 'after_dollar' });
    reading.skipExpression(expression);
    return true;
  }
  if (reading.startsWith('$((')) {
    reading.position += 3;
    readArithmetic(reading, into);
    return true;
  }
  if (reading.startsWith('$(')) {
    reading.position += 2;
    readSubstitution(reading, into, 'substitution', refused);
    return true;
  }
  if (reading.startsWith('${')) {
    reading.position += 2;
    readBraces(reading, into, quoting);
    return true;
  }
  // Arithmetic for bash only; a name that goes on behind a line continuation.
  if (reading.startsWith('$[') || reading.startsWith('$\\\n')) {
    reading.stop();
    return true;
  }
  const name = reading.match(/\$(?:[A-Za-z_]\w*|[0-9@*#?$!-])/y);
  reading.position += name?.[0].length ?? 1;
  return name !== null;
}

/** Reads a nested expansion, backticks or a backslash where nothing is allowed. @returns false when there is none of them. */
function readNested(reading: Reading, into: Content, quoting: DollarQuoting, refused: RefusedPlace): boolean {
  const expression = reading.expressionAt();
  if (expression !== -1) {
    refuse(reading, into, expression, refused);
    return true;
  }
  switch (reading.peek()) {
    case '\\':
      reading.position += reading.expressionAt(1) === -1 ? 2 : 1;
      if (reading.position > reading.limit) reading.position = reading.limit;
      return true;
    case '`':
      readBackticks(reading, into);
      return true;
    case '$': {
      if (reading.depth >= MAX_SHELL_DEPTH) {
        reading.stop();
        return true;
      }
      reading.depth += 1;
      readDollar(reading, into, quoting, refused);
      reading.depth -= 1;
      return true;
    }
    default:
      return false;
  }
}

/** Quotes where shells disagree about what they mean: passed when that makes no difference. */
function passHarmlessQuotes(reading: Reading): void {
  const quotes = reading.match(HARMLESS_QUOTES);
  if (quotes === null) reading.stop();
  else reading.position += quotes[0].length;
}

/** `${...}`, from behind the brace up to and with the one that closes it. */
function readBraces(reading: Reading, into: Content, quoting: DollarQuoting): void {
  // A command substitution in bash 5.3 and ksh.
  if (/[\s|]/.test(reading.peek())) return reading.stop();
  while (!reading.isAtEnd) {
    const character = reading.peek();
    if (character === '}') {
      reading.position += 1;
      return;
    }
    if (readNested(reading, into, quoting, 'parameter_expansion')) continue;
    if (character !== '"' && character !== "'") reading.position += 1;
    else if (quoting !== 'bare') passHarmlessQuotes(reading);
    else readQuotesInBraces(reading, into, character);
  }
  reading.stop('unterminated');
}

function readQuotesInBraces(reading: Reading, into: Content, quote: string): void {
  reading.position += 1;
  while (!reading.isAtEnd) {
    const character = reading.peek();
    if (character === quote) {
      reading.position += 1;
      return;
    }
    const expression = quote === '"' ? -1 : reading.expressionAt();
    if (expression !== -1) refuse(reading, into, expression, 'parameter_expansion');
    else if (quote === "'" || !readNested(reading, into, 'double', 'parameter_expansion')) reading.position += 1;
  }
  reading.stop('unterminated');
}

/** Arithmetic, from behind `((` up to and with `))`. Parentheses that do not end so could be subshells: reading stops. */
export function readArithmetic(reading: Reading, into: Content): void {
  let open = 0;
  while (!reading.isAtEnd) {
    const character = reading.peek();
    if (readNested(reading, into, 'double', 'arithmetic')) continue;
    if (character === '"' || character === "'") {
      passHarmlessQuotes(reading);
      continue;
    }
    reading.position += 1;
    if (character === '(') open += 1;
    if (character !== ')') continue;
    if (open > 0) open -= 1;
    else if (reading.peek() === ')') {
      reading.position += 1;
      return;
    } else return reading.stop();
  }
  reading.stop('unterminated');
}
