import { mkdirSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runLayout } from '../../src/store/layout.ts';
import { mintRunId } from '../../src/store/mint.ts';
import { runOutputs } from '../../src/store/outputs.ts';
import { freshState } from './fixture.ts';

const openFiles = (): number => readdirSync('/proc/self/fd').length;

describe('stored outputs', () => {
  it('are read a few at a time, however many are asked for at once', async () => {
    const id = mintRunId();
    const run = runLayout(await freshState(), { id, root: id });
    mkdirSync(run.outputs, { recursive: true });
    const outputs = runOutputs(run);
    const refs = await Promise.all(Array.from({ length: 100 }, (_, index) => outputs.store(`${index}`.padEnd(70_000))));
    const before = openFiles();
    let most = 0;
    let isOver = false;
    const look = (): void => {
      most = Math.max(most, openFiles() - before);
      if (!isOver) setImmediate(look);
    };
    look();
    const values = await Promise.all(refs.map((ref) => outputs.read(ref)));
    isOver = true;
    expect(values.map((value) => Number(value))).toEqual(refs.map((_, index) => index));
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(25);
  });
});
