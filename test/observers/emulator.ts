/** A terminal as far as the live view uses one: cells, a cursor, and the few sequences that a frame is made of; others are refused. */

import { columnsOf } from '../../src/base/width.ts';

export class Emulator {
  readonly columns: number;
  readonly rows: number;
  /** Everything that was ever printed, scrolled away or not; a wide character takes a cell and an empty one. */
  readonly #lines: string[][] = [[]];
  #row = 0;
  #column = 0;
  #wraps = true;
  #top = 0;
  cursorIsVisible = true;
  isSynchronized = false;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** True when nothing is switched on that somebody would have to switch off. */
  get isSane(): boolean {
    return this.cursorIsVisible && this.#wraps && !this.isSynchronized;
  }

  /** The lines without the blank ones at the end; styles are not kept. */
  get text(): readonly string[] {
    const lines = this.#lines.map((cells) =>
      Array.from(cells, (cell) => cell ?? ' ')
        .join('')
        .trimEnd(),
    );
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  get cursor(): { readonly row: number; readonly column: number } {
    return { row: this.#row, column: this.#column };
  }

  write(text: string): void {
    const parts = text.matchAll(/\u001b\[([?\d;]*)([A-Za-z])|([^\u001b])/gu);
    let read = 0;
    for (const [whole, parameters = '', final, character] of parts) {
      read += whole.length;
      if (character !== undefined) this.#print(character);
      else this.#obey(parameters, final ?? '');
    }
    if (read !== text.length) throw new Error(`not understood: ${JSON.stringify(text)}`);
  }

  #obey(parameters: string, final: string): void {
    const count = Number(parameters === '' ? 1 : parameters);
    switch (`${parameters.startsWith('?') ? parameters : ''}${final}`) {
      case 'A':
        this.#row = Math.max(this.#top, this.#row - count);
        return;
      case 'B':
        this.#row = Math.min(this.#top + this.rows - 1, this.#row + count);
        return;
      case 'G':
        this.#column = count - 1;
        return;
      case 'K':
        this.#line().length = Math.min(this.#line().length, this.#column);
        return;
      case 'J':
        this.#line().length = Math.min(this.#line().length, this.#column);
        this.#lines.length = Math.min(this.#lines.length, this.#row + 1);
        return;
      case 'm':
        return;
      case '?25l':
      case '?25h':
        this.cursorIsVisible = final === 'h';
        return;
      case '?7l':
      case '?7h':
        this.#wraps = final === 'h';
        return;
      case '?2026l':
      case '?2026h':
        this.isSynchronized = final === 'h';
        return;
      default:
        throw new Error(`not understood: CSI ${parameters}${final}`);
    }
  }

  #line(): string[] {
    while (this.#lines.length <= this.#row) this.#lines.push([]);
    return this.#lines[this.#row] ?? [];
  }

  #print(character: string): void {
    if (character === '\r') this.#column = 0;
    else if (character === '\n') this.#down();
    else if (character < ' ') throw new Error(`not understood: ${JSON.stringify(character)}`);
    else {
      const width = columnsOf(character);
      if (this.#column + width > this.columns) {
        if (!this.#wraps) return;
        this.#column = 0;
        this.#down();
      }
      const line = this.#line();
      while (line.length < this.#column) line.push(' ');
      line[this.#column] = character;
      if (width === 2) line[this.#column + 1] = '';
      this.#column += width;
    }
  }

  #down(): void {
    this.#row += 1;
    this.#line();
    this.#top = Math.max(this.#top, this.#row - this.rows + 1);
  }
}
