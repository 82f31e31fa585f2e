/** `state`: values that tasks keep across runs. */

import { describe, expect, it } from 'vitest';
import { runFlow } from '../../src/embedding/run-flow.ts';
import { state } from '../../src/embedding/kept-values.ts';
import { flow } from '../../src/flows/flow.ts';
import { task } from '../../src/flows/task.ts';
import { useCase } from '../kit/case.ts';

const here = useCase();

const COUNTING = `
import { flow, state, task } from 'flowctl';
const count = task('count', async (_: number) => state.update('count', (before) => Number(before ?? 0) + 1));
const read = task('read', async () => [await state.get('count'), (await state.get('none')) === undefined]);
export const counting = flow('counting', async () => {
  await count.map(Array.from({ length: 20 }, (_, index) => index), { maxParallel: 4 });
  return read();
});
export const inside = flow('inside', async () => state.get('count'));
const wrong = task('wrong', async (what: string) => {
  if (what === 'name') return state.set('a.b', 1);
  if (what === 'json') return state.set('a', (() => 1) as never);
  if (what === 'size') return state.set('a', 'x'.repeat(100_000));
  return state.update('count', () => { throw new Error('my own'); });
});
export const wrongs = flow('wrongs', async () => {
  const said: string[] = [];
  for (const what of ['name', 'json', 'size', 'own']) await wrong(what).catch((error: Error) => said.push(error.message));
  return said;
});
const gone = task('gone', async () => [await state.delete('count'), await state.delete('count')]);
export const forgetting = flow('forgetting', async () => gone());
`;

const outputs = async (): Promise<unknown> => (await here.rig.query<{ outputs: unknown }>('show')).outputs;

describe('state', () => {
  it('is kept across runs, whoever changes it at once, and is what `flowctl vars` shows', async () => {
    const { rig } = here;
    rig.write('flow.ts', COUNTING);
    const ends = await Promise.all([1, 2].map(() => rig.flowctl('run', 'flow.ts#counting')));
    expect(ends.map(({ code, stderr }) => ({ code, stderr }))).toEqual([0, 0].map((code) => ({ code, stderr: '' })));
    expect((await rig.flowctl('vars', 'get', 'count')).stdout).toBe('40\n');
    expect((await rig.flowctl('vars', 'set', 'count', '50')).code).toBe(0);
    expect((await rig.flowctl('run', 'flow.ts#counting')).code).toBe(0);
    expect(await outputs()).toEqual([70, true]);
    expect((await rig.flowctl('run', 'flow.ts#forgetting')).code).toBe(0);
    expect(await outputs()).toEqual([true, false]);
    expect((await rig.flowctl('vars', 'get', 'count')).code).toBe(4);
  });

  it('is refused where a resume would see other values, and says what it cannot keep', async () => {
    const { rig } = here;
    rig.write('flow.ts', COUNTING);
    const { code, stdout, stderr } = await rig.flowctl('run', 'flow.ts#inside');
    expect(code).toBe(1);
    expect(stdout + stderr).toContain('which runs again on resume: use it in a task');
    expect((await rig.flowctl('run', 'flow.ts#wrongs')).code).toBe(0);
    expect(await outputs()).toEqual([
      expect.stringContaining('`a.b` is no name of a value'),
      expect.stringContaining('the value of `a`'),
      expect.stringContaining('at most 100000 are kept'),
      expect.stringContaining('my own'),
    ]);
    expect((await rig.flowctl('vars', 'list', '--json')).stdout).toBe('{}\n');
  });

  it('lasts as long as a rehearsal', async () => {
    const up = task('up', async () => state.update('n', (before) => Number(before ?? 0) + 1));
    const twice = flow('twice', async () => [await up(), await up()]);
    for (let times = 0; times < 2; times += 1) expect((await runFlow(twice)).outputs).toEqual([1, 2]);
    await expect(state.get('n')).rejects.toThrow('only there inside a task');
  });
});
