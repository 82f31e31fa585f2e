/** The bytes of a frame, obeyed by a terminal: whatever the frames, the lines stand there, and nothing stays switched on. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainLines } from '../../src/observers/plain.ts';
import {
  cutText,
  fitted,
  type Row,
  rowColumns,
  rowText,
  segment,
  type Tone,
  widthOf,
} from '../../src/observers/tree/row.ts';
import { Screen } from '../../src/observers/tree/screen.ts';
import { Emulator } from './emulator.ts';

const SIZE = { columns: 30, rows: 8 };
const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '1', '日', '🚀', '…', 'é'), maxLength: 12 });
const tone = fc.constantFrom<Tone>('plain', 'good', 'faint');
const row = fc.array(fc.record({ text, tone }), { maxLength: 4 }).map((raw) => fitted(raw, SIZE.columns - 1));
const rows = fc.array(row, { maxLength: SIZE.rows - 1 });
const message = fc.array(fc.string({ unit: fc.constantFrom('x', 'y'), maxLength: 40 }), { maxLength: 3 });

const shown = (block: readonly Row[]): readonly string[] => block.map((each) => rowText(each).trimEnd());

const withoutBlankEnd = (lines: readonly string[]): readonly string[] => {
  const kept = [...lines];
  while (kept.at(-1) === '') kept.pop();
  return kept;
};

/** A long line as a terminal breaks it. */
const broken = (line: string): readonly string[] =>
  line === '' ? [''] : (line.match(new RegExp(`.{1,${SIZE.columns}}`, 'g')) ?? []);

describe('the screen', () => {
  it('shows the lines of the last frame below everything that was printed above, after any frames', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ rows, message }), { maxLength: 12 }), (frames) => {
        const screen = new Screen(plainLines);
        const terminal = new Emulator(SIZE.columns, SIZE.rows);
        const above: string[] = [];
        for (const frame of frames) {
          terminal.write(screen.frame(frame.rows, SIZE, frame.message.map((line) => `${line}\n`).join('')));
          above.push(...frame.message.flatMap(broken));
          expect(terminal.text).toEqual(withoutBlankEnd([...above, ...shown(frame.rows)]));
          expect(terminal.isSane).toBe(true);
          expect(terminal.cursor).toEqual({ row: above.length + frame.rows.length, column: 0 });
        }
      }),
    );
  });

  it('writes nothing when nothing changes', () => {
    const screen = new Screen(plainLines);
    const block = [[segment('one'), segment('two', 'good')]];
    expect(screen.frame(block, SIZE)).not.toBe('');
    expect(screen.frame([[segment('one'), segment('two', 'good')]], SIZE)).toBe('');
  });

  it('writes the changed piece of a line only', () => {
    const screen = new Screen({ ...plainLines, good: (each) => `\u001b[32m${each}\u001b[39m` });
    const line = (sign: string, time: string): readonly Row[] => [
      [segment('head')],
      [segment(sign, 'good'), segment(' name '), segment(time), segment(' a long text that stays')],
    ];
    screen.frame(line('+', '1s'), SIZE);
    expect(screen.frame(line('-', '1s'), SIZE)).toBe(
      '\u001b[?2026h\u001b[?25l\u001b[?7l\u001b[1A\r\u001b[32m-\u001b[39m\u001b[1B\r\u001b[J\u001b[?7h\u001b[?25h\u001b[?2026l',
    );
    expect(screen.frame(line('-', '2s'), SIZE)).toContain('\u001b[8G2s\u001b[1B');
  });

  it('draws below what others printed once it has forgotten its lines', () => {
    const screen = new Screen(plainLines);
    const terminal = new Emulator(30, 8);
    terminal.write(screen.frame([[segment('before')]], SIZE));
    terminal.write('$ fg\r\n');
    screen.forget();
    terminal.write(screen.frame([[segment('after')]], SIZE));
    expect(terminal.text).toEqual(['before', '$ fg', 'after']);
  });

  it('goes up over lines that a narrower terminal broke anew', () => {
    const screen = new Screen(plainLines);
    screen.frame([[segment('x'.repeat(25))], [segment('short')]], SIZE);
    const narrow = screen.frame([[segment('new')]], { columns: 10, rows: 8 });
    expect(narrow).toContain('\u001b[4A\r\u001b[K\u001b[B\u001b[J\u001b[A\u001b[?7lnew\r\n');
  });
});

describe('a line', () => {
  it('is cut to the columns there are, at its end, and not at all where it fits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ text, tone }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 40 }),
        (raw, columns) => {
          const cut = fitted(raw, columns);
          expect(rowColumns(cut)).toBeLessThanOrEqual(columns);
          if (rowColumns(raw) <= columns) expect(rowText(cut)).toBe(rowText(raw));
          else {
            expect(rowText(cut).endsWith('…')).toBe(true);
            expect(rowText(raw).startsWith(rowText(cut).slice(0, -1))).toBe(true);
            // No more is missing than a wide character that would not fit beside the ellipsis.
            expect(rowColumns(cut)).toBeGreaterThanOrEqual(columns - 1);
          }
        },
      ),
    );
  });

  it('never halves a wide character', () => {
    expect(cutText('日本語', 5)).toBe('日本…');
    expect(cutText('日本語', 4)).toBe('日…');
    expect(widthOf(cutText('日本語', 4))).toBe(3);
  });
});
