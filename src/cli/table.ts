/** Rows as aligned columns. Widths are counted as a terminal shows them. */

import { textColumns } from '../base/width.ts';
import { withoutControls } from '../observers/terminal-filter.ts';

/** A cell: its text, and how it is coloured after it was measured. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
  readonly align?: 'left' | 'right';
}

/** Prints rows with two spaces between columns; the last column is not padded. A terminal obeys nothing of what cells hold. */
export function table(cells: readonly (readonly Cell[])[]): string {
  const rows = cells.map((row) => row.map((cell): Cell => ({ ...cell, text: withoutControls(cell.text) })));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach(({ text }, column) => {
      widths[column] = Math.max(widths[column] ?? 0, textColumns(text));
    });
  }
  const line = (row: readonly Cell[]): string =>
    row
      .map(({ text, paint = (plain) => plain, align = 'left' }, column) => {
        const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - textColumns(text)));
        if (align === 'right') return padding + paint(text);
        return column === row.length - 1 ? paint(text) : paint(text) + padding;
      })
      .join('  ')
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join('');
}
