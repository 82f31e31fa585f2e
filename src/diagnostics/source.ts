/** Source texts and places in them. Lines and columns count from 1; a column is UTF-16 code units plus one, a tab counts one. */

/** One point of a text. */
export interface Position {
  /** UTF-16 code units from the beginning. */
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

/** A stretch of a file, with a few words to print beside it, or null. */
export interface Place {
  readonly file: string;
  readonly start: Position;
  /** The first position after the stretch; equal to `start` for a point. */
  readonly end: Position;
  readonly label: string | null;
}

/** A file's text with an index of its lines. */
export class SourceText {
  /** The file's name as it is shown to people. */
  readonly file: string;
  readonly text: string;
  #lineStarts: Uint32Array | null = null;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  /** The number of lines; a final line break begins a last, empty line. */
  get lineCount(): number {
    return this.#starts().length;
  }

  /** The text of a line (from 1) without its line break; empty for a line that does not exist. */
  lineText(line: number): string {
    const starts = this.#starts();
    const start = starts[line - 1];
    if (start === undefined) return '';
    const end = starts[line] ?? this.text.length + 1;
    return this.text.slice(start, end - 1).replace(/\r$/, '');
  }

  /** The line and column of an offset; an offset outside the text is moved to its nearest end. */
  positionAt(offset: number): Position {
    const starts = this.#starts();
    const inside = Math.min(Math.max(0, offset), this.text.length);
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= inside) low = middle;
      else high = middle - 1;
    }
    return { offset: inside, line: low + 1, column: inside - (starts[low] ?? 0) + 1 };
  }

  /** The place from one offset up to, not including, another. */
  place(start: number, end: number, label: string | null = null): Place {
    return { file: this.file, start: this.positionAt(start), end: this.positionAt(Math.max(start, end)), label };
  }

  #starts(): Uint32Array {
    if (this.#lineStarts === null) {
      // Counted before they are kept: a list that grows to millions of lines would be copied again and again.
      let count = 1;
      for (let at = this.text.indexOf('\n'); at !== -1; at = this.text.indexOf('\n', at + 1)) count += 1;
      const starts = new Uint32Array(count);
      let line = 0;
      for (let at = this.text.indexOf('\n'); at !== -1; at = this.text.indexOf('\n', at + 1)) {
        line += 1;
        starts[line] = at + 1;
      }
      this.#lineStarts = starts;
    }
    return this.#lineStarts;
  }
}

/** The texts that places point into, by file name. */
export type Sources = ReadonlyMap<string, SourceText>;

/** The same place with other words beside it. */
export const labelled = (place: Place, label: string | null): Place => ({ ...place, label });
