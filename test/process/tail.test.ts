import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { tail } from '../../src/process/tail.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-'));
const file = path.join(folder, 'log');
afterAll(() => rmSync(folder, { recursive: true }));

test('gives the last lines, as splitting the whole text would', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('', 'a', 'bc', 'é€')),
      fc.boolean(),
      fc.integer({ min: 1, max: 5 }),
      (all, ended, n) => {
        const text = all.join('\n') + (ended ? '\n' : '');
        writeFileSync(file, text);
        const lines = (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
        expect(tail(file, n, 1_000)).toEqual({ text: lines.slice(-n).join('\n'), isCut: lines.length > n });
      },
    ),
  );
});

test('cuts one endless line between characters', () => {
  writeFileSync(file, `x${'😀'.repeat(100)}`);
  expect(tail(file, 3, 10)).toEqual({ text: '😀😀', isCut: true });
});

test('is null for what cannot be read', () => {
  expect(tail(path.join(folder, 'none'), 1, 10)).toBe(null);
  expect(tail(folder, 1, 10)).toBe(null);
});
