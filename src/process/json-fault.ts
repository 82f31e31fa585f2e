/** Where a text stops being JSON, which `JSON.parse` tells for some mistakes only, and with a piece of the text. */

/** A place in a text. Both numbers begin with 1; a column counts UTF-16 code units. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** What is wrong: the text ends too early, goes on after its value, or holds a character that cannot stand there. */
export interface JsonFault {
  readonly kind: 'unfinished' | 'more' | 'unexpected';
  readonly place: TextPlace;
}

/** What may come next. */
type Expectation = 'value' | 'value_or_end' | 'key' | 'key_or_end' | 'colon' | 'separator';

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;

/** Finds the first place at which a text is no JSON (RFC 8259). @returns null when it is JSON. */
export function findJsonFault(text: string): JsonFault | null {
  const closers: string[] = [];
  let expectation = 'value' as Expectation;
  let at = skipSpace(text, 0);
  const fault = (offset: number): JsonFault => {
    const isMore = expectation === 'separator' && closers.length === 0;
    const kind = offset >= text.length ? 'unfinished' : isMore ? 'more' : 'unexpected';
    return { kind, place: placeOf(text, offset) };
  };
  while (at < text.length) {
    const character = text[at] ?? '';
    const closer = closers.at(-1);
    const mayClose = expectation === 'separator' || expectation === 'value_or_end' || expectation === 'key_or_end';
    if (mayClose && closer === character) {
      closers.pop();
      expectation = 'separator';
      at += 1;
    } else if (expectation === 'separator' || expectation === 'colon') {
      if (character !== (expectation === 'colon' ? ':' : ',') || closer === undefined) return fault(at);
      expectation = expectation === 'separator' && closer === '}' ? 'key' : 'value';
      at += 1;
    } else if (character === '"') {
      const end = endOfString(text, at);
      if (end < 0) return fault(-end);
      expectation = expectation === 'key' || expectation === 'key_or_end' ? 'colon' : 'separator';
      at = end;
    } else if (expectation === 'key' || expectation === 'key_or_end') {
      return fault(at);
    } else if (character === '{' || character === '[') {
      closers.push(character === '{' ? '}' : ']');
      expectation = character === '{' ? 'key_or_end' : 'value_or_end';
      at += 1;
    } else {
      const end = endOfMatch(NUMBER, text, at) ?? endOfMatch(WORD, text, at);
      if (end === null) return fault(at);
      expectation = 'separator';
      at = end;
    }
    at = skipSpace(text, at);
  }
  return expectation === 'separator' && closers.length === 0 ? null : fault(at);
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\n\r'.includes(text[at] ?? '')) at += 1;
  return at;
}

function endOfMatch(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}

/** The offset behind the closing quote; where there is none, the offset of the fault, negated (it is never 0). */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return -at;
    if (code !== 0x5c) at += 1;
    else {
      const end = endOfMatch(ESCAPE, text, at);
      if (end === null) return -at;
      at = end;
    }
  }
  return -text.length;
}

/** The place of an offset. */
export function placeOf(text: string, offset: number): TextPlace {
  let line = 1;
  let start = 0;
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
    line += 1;
    start = at + 1;
  }
  return { line, column: offset - start + 1 };
}
