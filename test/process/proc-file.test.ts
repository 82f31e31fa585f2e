import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readProcFile } from '../../src/process/proc-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'flowctl-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('reading a file of /proc', () => {
  it.each([0, 1, 65_535, 65_536, 65_537, 262_144, 1_000_000])('gives all %i bytes', (size) => {
    const bytes = Buffer.from(Array.from({ length: size }, (_, index) => index % 251));
    writeFileSync(join(folder, 'file'), bytes);
    expect(readProcFile(join(folder, 'file')).equals(bytes)).toBe(true);
  });

  it('gives an environment as it is', () => {
    const text = readProcFile('/proc/self/environ').toString('latin1');
    expect(text.split('\0')).toContain(`PATH=${process.env['PATH']}`);
  });

  it('says that there is no such process', () => {
    expect(() => readProcFile('/proc/4194305/stat')).toThrow('ENOENT');
  });
});
