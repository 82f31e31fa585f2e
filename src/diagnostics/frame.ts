/** Draws a diagnostic: its sentence, the lines it speaks of with carets and labels, and its help. */

import type { Diagnostic } from './diagnostic.ts';
import { type Paint, plainPaint } from './paint.ts';
import { sentenceOf } from './sentences.ts';
import type { Place, Sources, SourceText } from './source.ts';
import { columnsOf, textColumns, visible, withoutTabs } from '../base/width.ts';

/** The widest stretch of a line that is shown, in columns; the rest is cut around what matters. */
const WIDEST = 100;
const CUT = '…';

interface Mark {
  readonly place: Place;
  readonly isPrimary: boolean;
}

/** One stretch of a line as it is shown. */
interface Shown {
  readonly text: string;
  /** Columns before the mark, within the shown text. */
  readonly before: number;
  /** Columns under the mark; at least 1. */
  readonly under: number;
}

/** The offsets of a mark in its first line, in code units; a mark over several lines ends with the first. */
function extent(mark: Mark, line: string): { start: number; end: number } {
  const { start, end } = mark.place;
  const from = Math.min(start.column - 1, line.length);
  const to = end.line === start.line ? Math.min(end.column - 1, line.length) : line.trimEnd().length;
  return { start: from, end: Math.max(from, to) };
}

function showLine(line: string, start: number, end: number): Shown {
  const head = line.slice(0, start);
  const body = line.slice(start, end);
  const whole = { before: textColumns(head), under: Math.max(1, textColumns(body)) };
  if (textColumns(line.trimEnd()) <= WIDEST) return { text: withoutTabs(visible(line.trimEnd())), ...whole };
  const leading = lastColumns(head, WIDEST / 4);
  const shownBody = firstColumns(body, WIDEST / 2);
  const trailing = shownBody.length < body.length ? '' : firstColumns(line.slice(end).trimEnd(), WIDEST / 4);
  const isCutBefore = leading.length < head.length;
  const isCutAfter = start + shownBody.length + trailing.length < line.trimEnd().length;
  const text = `${isCutBefore ? CUT : ''}${leading}${shownBody}${trailing}${isCutAfter ? CUT : ''}`;
  return {
    text: withoutTabs(visible(text)),
    before: textColumns(leading) + (isCutBefore ? 1 : 0),
    under: Math.max(1, textColumns(shownBody)),
  };
}

function firstColumns(text: string, columns: number): string {
  let used = 0;
  let length = 0;
  for (const character of text) {
    used += columnsOf(character);
    if (used > columns) break;
    length += character.length;
  }
  return text.slice(0, length);
}

function lastColumns(text: string, columns: number): string {
  const characters = [...text.slice(-2 * columns)];
  let used = 0;
  let length = 0;
  for (const character of characters.reverse()) {
    used += columnsOf(character);
    if (used > columns) break;
    length += character.length;
  }
  return length === 0 ? '' : text.slice(-length);
}

interface Drawing {
  readonly paint: Paint;
  readonly severity: Diagnostic['severity'];
  /** Columns of the largest line number. */
  readonly gutter: number;
}

function drawMark(mark: Mark, source: SourceText, drawing: Drawing): string[] {
  const { paint, gutter } = drawing;
  const line = source.lineText(mark.place.start.line);
  const { start, end } = extent(mark, line);
  const shown = showLine(line, start, end);
  const brush = mark.isPrimary ? paint[drawing.severity] : paint.related;
  const underline = (mark.isPrimary ? '^' : '-').repeat(shown.under);
  const label = mark.place.label === null ? '' : ` ${visible(mark.place.label)}`;
  const number = String(mark.place.start.line).padStart(gutter);
  return [
    `${paint.frame(`${number} |`)} ${shown.text}`.trimEnd(),
    `${paint.frame(`${' '.repeat(gutter)} |`)} ${' '.repeat(shown.before)}${brush(`${underline}${label}`)}`,
  ];
}

/** Draws the marks of one file in the order of their lines; lines left out between two marks show as dots. */
function drawFile(marks: readonly Mark[], source: SourceText, drawing: Drawing): string[] {
  const sorted = [...marks].sort((a, b) => a.place.start.offset - b.place.start.offset);
  const lines: string[] = [];
  let previous: number | null = null;
  for (const mark of sorted) {
    const { line } = mark.place.start;
    if (previous !== null && line > previous + 1) lines.push(drawing.paint.frame('...'));
    const drawn = drawMark(mark, source, drawing);
    lines.push(...(previous === line ? drawn.slice(1) : drawn));
    previous = line;
  }
  return lines;
}

const location = (place: Place): string => `${visible(place.file)}:${place.start.line}:${place.start.column}`;

/**
 * Prints one diagnostic, several lines without a final line break. A place whose file is not among the sources, or has no
 * text, is named without its line.
 */
export function printDiagnostic(diagnostic: Diagnostic, sources: Sources, paint: Paint = plainPaint): string {
  const { severity, code, primary, related } = diagnostic;
  const { message, help } = sentenceOf(diagnostic);
  const marks: Mark[] = [{ place: primary, isPrimary: true }];
  for (const place of related) marks.push({ place, isPrimary: false });
  const gutter = String(Math.max(...marks.map((mark) => mark.place.start.line))).length;
  const drawing: Drawing = { paint, severity, gutter };
  const bar = paint.frame(`${' '.repeat(gutter)} |`);
  const lines = [`${paint[severity](`${severity}[${code}]`)}${paint.message(`: ${visible(message)}`)}`];
  for (const file of new Set(marks.map((mark) => mark.place.file))) {
    const inFile = marks.filter((mark) => mark.place.file === file);
    const first = inFile[0]?.place ?? primary;
    const arrow = file === primary.file ? '-->' : ':::';
    lines.push(`${' '.repeat(gutter)}${paint.frame(arrow)} ${location(first)}`);
    const source = sources.get(file);
    if (source !== undefined && source.text !== '') lines.push(bar, ...drawFile(inFile, source, drawing));
  }
  if (help !== null) lines.push(bar, `${paint.help('help')}: ${visible(help)}`);
  return lines.join('\n');
}
