import { mkdirSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
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

  it('are read once where many ask for the same, and again by whoever opens the run anew', async () => {
    const id = mintRunId();
    const run = runLayout(await freshState(), { id, root: id });
    mkdirSync(run.outputs, { recursive: true });
    const outputs = runOutputs(run);
    const value = { text: 'x'.repeat(70_000) };
    const ref = await outputs.store(value);
    const [one, other] = await Promise.all([outputs.read(ref), outputs.read(ref)]);
    expect(one).toEqual(value);
    expect(other).toBe(one);
    for (const name of readdirSync(run.outputs)) unlinkSync(join(run.outputs, name));
    expect(await outputs.read(ref)).toBe(one);
    await expect(runOutputs(run).read(ref)).rejects.toThrow('stored outputs are missing');
  });

  it('that cannot be read are asked for again', async () => {
    const id = mintRunId();
    const run = runLayout(await freshState(), { id, root: id });
    mkdirSync(run.outputs, { recursive: true });
    const outputs = runOutputs(run);
    const ref = await outputs.store(['y'.repeat(70_000)]);
    const [name = ''] = readdirSync(run.outputs);
    const path = join(run.outputs, name);
    renameSync(path, `${path}.away`);
    await expect(outputs.read(ref)).rejects.toThrow('stored outputs are missing');
    renameSync(`${path}.away`, path);
    expect(await outputs.read(ref)).toEqual(['y'.repeat(70_000)]);
  });
});
