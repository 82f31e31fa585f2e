/**
 * Slips that break YAML far from where they are made: what the parser says of them is true and helps nobody. Each is told by the
 * text around the parser's first complaint; where that is not sure, the parser has the word.
 */

import { CST, Lexer, type YAMLError } from 'yaml';
import type { FactsByCode } from '../diagnostics/facts.ts';
import type { SourceText } from '../diagnostics/source.ts';
import type { Span } from './document.ts';

/** A slip, where it was made, and what diagnostics say of it. */
export interface Slip {
  readonly span: Span;
  readonly facts: FactsByCode['yaml_syntax'];
}

/** `key: value` on one line, perhaps behind dashes. */
const ENTRY = /^[\s-]*([\w.-]+):[ \t]+(\S.*)$/;
const LONGEST_EXPRESSION = 500;
/** Nobody makes a slip by hand in a longer line; reading one again for each complaint would take long. */
const LONGEST_LINE = 2_000;
/** The first line of a text that begins with `|` or `>`. */
const BLOCK_TEXT = /(?:^|[\s:])[|>][-+0-9]*\s*(?:#.*)?$/;

/** How far around a complaint its cause is looked for. */
const MOST_LINES = 1_000;

const indentOf = (line: string): number => line.length - line.trimStart().length;

/** Expressions without quotes inside of brackets, where YAML takes their braces for its own. */
export function findBareExpressions(source: SourceText): readonly Slip[] {
  const { text } = source;
  const slips: Slip[] = [];
  let offset = 0;
  let isScalar = false;
  for (const lexeme of new Lexer().lex(text)) {
    const type: CST.TokenType | null = isScalar ? 'scalar' : CST.tokenType(lexeme);
    const isAnnouncement: boolean =
      !isScalar && (type === 'scalar' || type === 'doc-mode' || type === 'flow-error-end');
    const isPlain: boolean = isScalar;
    isScalar = !isScalar && type === 'scalar';
    if (isAnnouncement) continue;
    const start = offset;
    offset += lexeme.length;
    if (!isPlain || !lexeme.endsWith('$') || !text.startsWith('{{', offset)) continue;
    const [expression] = /^\{\{[^\n]*?\}\}[^\s,\]}]*/.exec(text.slice(offset, offset + LONGEST_EXPRESSION)) ?? [];
    if (expression === undefined) continue;
    const end = offset + expression.length;
    const written = { key: null, text: text.slice(start, end) };
    slips.push({ span: { start, end }, facts: { fault: 'bare_expression', detail: '', written } });
  }
  return slips;
}

/** True where the bracket or quote at the beginning of a value is closed again before an offset in it. */
function isClosedBefore(value: string, offset: number): boolean {
  let depth = 0;
  for (let at = 0; at < offset; at += 1) {
    const sign = value[at] ?? '';
    if (sign === '"' || sign === "'") {
      const close = value.indexOf(sign, at + 1);
      if (close === -1 || close >= offset) return false;
      at = close;
    } else if (sign === '[' || sign === '{') depth += 1;
    else if (sign === ']' || sign === '}') depth -= 1;
  }
  return depth === 0;
}

/** A text without quotes that holds a colon, or begins with a bracket or quote. */
function slipInLine(error: YAMLError, source: SourceText): Slip | null {
  const { line, column } = source.positionAt(error.pos[0]);
  const shown = source.lineText(line);
  const [, key, value] = ENTRY.exec(shown) ?? [];
  if (key === undefined || value === undefined) return null;
  const text = value.trimEnd();
  const valueColumn = shown.lastIndexOf(text);
  const start = error.pos[0] - (column - 1) + valueColumn;
  const span = { start, end: start + text.length };
  const written = { key, text };
  if (error.code === 'BLOCK_AS_IMPLICIT_KEY' && error.pos[0] === start && /:(\s|$)/.test(text)) {
    return { span, facts: { fault: 'colon_in_text', detail: '', written } };
  }
  const isAfterValue = error.code === 'UNEXPECTED_TOKEN' && error.message.includes('at node end');
  const first = text.charAt(0);
  if (isAfterValue && /["'[{]/.test(first) && isClosedBefore(text, column - 1 - valueColumn)) {
    return { span, facts: { fault: 'needs_quotes', detail: first, written } };
  }
  return null;
}

/** The stretch of a line without the spaces around. */
function lineSpan(line: number, source: SourceText, lineStart: number): Span {
  const text = source.lineText(line);
  return { start: lineStart + indentOf(text), end: lineStart + text.trimEnd().length };
}

/** True for a line that is indented less than the text above it, but further than that text's key. */
function isInBlockText(line: number, source: SourceText): boolean {
  const indent = indentOf(source.lineText(line));
  for (let above = line - 1; above >= Math.max(1, line - MOST_LINES); above -= 1) {
    const text = source.lineText(above);
    if (text.trim() !== '' && indentOf(text) < indent) return BLOCK_TEXT.test(text);
  }
  return false;
}

/** A line that is indented too far or not far enough. */
function slipOfIndentation(error: YAMLError, source: SourceText): Slip | null {
  const { line, offset, column } = source.positionAt(error.pos[0]);
  const lineStart = offset - (column - 1);
  if (error.code === 'BAD_INDENT') {
    if (error.message.startsWith('Flow')) return null;
    const fault = isInBlockText(line, source) ? 'text_indentation' : 'indentation';
    return { span: lineSpan(line, source, lineStart), facts: { fault, detail: '', written: null } };
  }
  // A value that goes on in the next line, where a key stands: that line is to blame.
  if (error.code !== 'BLOCK_AS_IMPLICIT_KEY') return null;
  let start = lineStart;
  for (let next = line + 1; next <= Math.min(source.lineCount, line + MOST_LINES); next += 1) {
    start = source.text.indexOf('\n', start) + 1;
    const text = source.lineText(next);
    if (text.trim() === '') continue;
    const isKey = indentOf(text) > indentOf(source.lineText(line)) && /^\s*[\w.-]+:(\s|$)/.test(text);
    return isKey
      ? { span: lineSpan(next, source, start), facts: { fault: 'indentation', detail: '', written: null } }
      : null;
  }
  return null;
}

function isShort(error: YAMLError, source: SourceText): boolean {
  return source.lineText(source.positionAt(error.pos[0]).line).length <= LONGEST_LINE;
}

/** The slip behind a syntax error; null where nothing better can be said than the parser does. */
export const slipBehind = (error: YAMLError, source: SourceText): Slip | null =>
  isShort(error, source) ? (slipInLine(error, source) ?? slipOfIndentation(error, source)) : null;
