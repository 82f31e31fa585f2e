/** One line of the live view before it is painted: pieces of text with their tones, so that it can be measured, cut and compared. */

import { columnsOf, textColumns } from '../../base/width.ts';
import type { LinePaint } from '../plain.ts';

/** How a piece of text is painted; `plain` is not painted at all. */
export type Tone = 'plain' | keyof LinePaint;

/** A piece of a line. Its text holds nothing that a terminal would obey. */
export interface Segment {
  readonly text: string;
  readonly tone: Tone;
}

/** A line. */
export type Row = readonly Segment[];

const ASCII = /^[\x20-\x7e]*$/;

/** Terminal columns of a text; nearly all text is ASCII, which need not be looked at character by character. */
export const widthOf = (text: string): number => (ASCII.test(text) ? text.length : textColumns(text));

/** Terminal columns of a line. */
export const rowColumns = (row: Row): number => row.reduce((sum, { text }) => sum + widthOf(text), 0);

/** A piece of a line. */
export const segment = (text: string, tone: Tone = 'plain'): Segment => ({ text, tone });

/** Pads a text with spaces to a number of columns; a longer one stays as it is. */
export const padded = (text: string, columns: number): string =>
  `${text}${' '.repeat(Math.max(0, columns - widthOf(text)))}`;

/** As `padded`, with the spaces in front. */
export const aligned = (text: string, columns: number): string =>
  `${' '.repeat(Math.max(0, columns - widthOf(text)))}${text}`;

/** Cuts a text to a number of columns, with `…` as its last character where something is missing. */
export function cutText(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  if (columns < 1) return '';
  let kept = '';
  let left = columns - 1;
  for (const character of text) {
    left -= columnsOf(character);
    if (left < 0) break;
    kept += character;
  }
  return `${kept}…`;
}

/** Cuts a line to a number of columns, as `cutText` does. Pieces without text are left out. */
export function fitted(row: Row, columns: number): Row {
  const kept: Segment[] = [];
  let left = columns;
  const whole = rowColumns(row) <= columns;
  for (const { text, tone } of row) {
    if (text === '') continue;
    const width = widthOf(text);
    if (whole || width < left) {
      kept.push({ text, tone });
      left -= width;
      continue;
    }
    // Something follows or is cut here, so the last column is the ellipsis's.
    kept.push({ text: cutText(`${text}…`, left), tone });
    break;
  }
  return kept;
}

/** The text of a line without any paint. */
export const rowText = (row: Row): string => row.map(({ text }) => text).join('');

/** The text of a line as it is written to a terminal. */
export const paintRow = (row: Row, paint: LinePaint): string =>
  row.map(({ text, tone }) => (tone === 'plain' ? text : paint[tone](text))).join('');
