/**
 * The lines on a terminal, and the fewest bytes that turn them into other lines. Between two frames the terminal is in no special
 * state: the cursor rests, visible, at the beginning of the line below the block, and everything that a frame switches on it
 * switches off in the same write. So nothing has to be restored, however the program ends, not even by SIGKILL.
 *
 * Sequences: ECMA-48 (CUU, CUD, CHA, EL, ED), DECTCEM (cursor, mode 25) and DECAWM (wrapping, mode 7) of the VT220, and synchronized
 * updates (mode 2026, https://github.com/contour-terminal/vt-extensions), which terminals without them ignore.
 */

import type { LinePaint } from '../plain.ts';
import { paintRow, type Row, rowColumns, widthOf } from './row.ts';

const BEGIN = '\u001b[?2026h\u001b[?25l';
const END = '\u001b[?25h\u001b[?2026l';
const WRAP_OFF = '\u001b[?7l';
const WRAP_ON = '\u001b[?7h';
const ERASE_LINE_END = '\u001b[K';
const ERASE_BELOW = '\u001b[J';

/** Columns and lines. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** What is on the terminal. */
export class Screen {
  readonly #paint: LinePaint;
  #rows: readonly Row[] = [];
  #size: TerminalSize = { columns: 0, rows: 0 };

  constructor(paint: LinePaint) {
    this.#paint = paint;
  }

  /** Whatever was drawn is left where it is: the next frame begins at the cursor. For when others wrote to the terminal. */
  forget(): void {
    this.#rows = [];
  }

  /**
   * The bytes of the next frame; empty when nothing changes.
   * @param rows no wider than the terminal, and fewer than it has lines.
   * @param size that of the terminal now.
   * @param above text that is to stand above the block for good: whole lines, already fit for a terminal.
   */
  frame(rows: readonly Row[], size: TerminalSize, above = ''): string {
    const isResized = this.#size.columns !== size.columns || this.#size.rows !== size.rows;
    const isAnew = above !== '' || (isResized && this.#rows.length > 0);
    const drawn = isAnew ? this.#anew(rows, size.columns, above) : this.#changed(rows);
    this.#rows = rows;
    this.#size = size;
    return drawn === '' ? '' : `${BEGIN}${drawn}${END}`;
  }

  #anew(rows: readonly Row[], columns: number, above: string): string {
    // A terminal that became narrower has broken the lines anew, as nearly all do; one that has not loses a line above.
    const height = this.#rows.reduce((sum, row) => sum + Math.max(1, Math.ceil(rowColumns(row) / columns)), 0);
    // From the second line on, for tmux keeps a copy of a screen in its history when all of it is erased; and not line by line, for
    // then it takes what is written there for the rest of the lines that it broke.
    const erased = height === 0 ? '\r' : `\u001b[${height}A\r${ERASE_LINE_END}\u001b[B${ERASE_BELOW}\u001b[A`;
    const lines = rows.map((row) => `${paintRow(row, this.#paint)}\r\n`).join('');
    return `${erased}${above.replace(/\r?\n/g, '\r\n')}${WRAP_OFF}${lines}${ERASE_BELOW}${WRAP_ON}`;
  }

  #changed(rows: readonly Row[]): string {
    const before = this.#rows;
    let drawn = '';
    let at = before.length;
    const moveTo = (line: number): string => {
      const distance = line - at;
      at = line;
      return distance === 0 ? '' : `\u001b[${Math.abs(distance)}${distance < 0 ? 'A' : 'B'}`;
    };
    rows.slice(0, before.length).forEach((row, line) => {
      const change = this.#difference(before[line] ?? [], row);
      if (change !== '') drawn += moveTo(line) + change;
    });
    const added = rows.slice(before.length).map((row) => `${paintRow(row, this.#paint)}${ERASE_LINE_END}\r\n`);
    if (drawn === '' && added.length === 0 && rows.length === before.length) return '';
    drawn += `${moveTo(Math.min(before.length, rows.length))}\r${added.join('')}`;
    // What the person typed meanwhile was echoed there.
    return `${WRAP_OFF}${drawn}${ERASE_BELOW}${WRAP_ON}`;
  }

  /** Writes the pieces of a line that changed; all from the first of them on, where those behind it would have to move. */
  #difference(before: Row, after: Row): string {
    const isSame = (index: number): boolean =>
      before[index]?.text === after[index]?.text && before[index]?.tone === after[index]?.tone;
    const most = Math.max(before.length, after.length);
    let first = 0;
    while (first < most && isSame(first)) first += 1;
    if (first === most) return '';
    let end = most;
    while (end > first && isSame(end - 1)) end -= 1;
    const stays = (index: number): boolean => widthOf(before[index]?.text ?? '') === widthOf(after[index]?.text ?? '');
    let isInPlace = before.length === after.length;
    for (let index = first; isInPlace && index < end; index += 1) isInPlace = stays(index);
    const column = rowColumns(after.slice(0, first));
    const move = column === 0 ? '\r' : `\u001b[${column + 1}G`;
    if (isInPlace) return move + paintRow(after.slice(first, end), this.#paint);
    return move + paintRow(after.slice(first), this.#paint) + ERASE_LINE_END;
  }
}
