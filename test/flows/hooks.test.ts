/** What follows a call that ended, through the real program: hooks and rollbacks are steps, also for the items of maps. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shown, stepOf } from '../kit/flows.ts';
import { Rig } from '../kit/rig.ts';

const FLOW = `import { appendFileSync } from 'node:fs';
import { context, flow, task, transaction } from 'flowctl';
const note = (line: string): void => appendFileSync(process.env['EFFECTS'] ?? '', line + '\\n');
const book = task(
  'book',
  {
    onSuccess: (outputs: number, n: number) => note('booked ' + n + ' as ' + outputs),
    onFailure: ({ step, code }, n: number) => note(step + ' ' + code + ' ' + n),
    onRollback: (outputs: number) => {
      note('undo ' + outputs);
      if (process.env['STUCK'] === String(outputs)) throw new Error('cannot undo ' + outputs);
    },
  },
  async (n: number) => {
    if (n === 3) throw new Error('three');
    return n * 10;
  },
);
export const all = flow('all', async () => book.map([1, 2]));
export const some = flow('some', async () => book.map([1, 3], { tolerate: 1, key: (n) => 'n' + n }));
export const trip = flow('trip', async () => transaction(async () => {
  await book(9);
  await book.map([1, 3, 2]);
}));
`;

describe('what follows a call', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
    rig.write('flow.ts', FLOW);
  });
  afterEach(() => rig.remove());

  it('is called for each item of a map', async () => {
    const { code, stderr } = await rig.flowctl('run', 'flow.ts#all');
    expect(code, stderr).toBe(0);
    expect([...rig.effects()].sort()).toEqual(['booked 1 as 10', 'booked 2 as 20']);
    expect(stepOf(await shown(rig), 'book[1]/on_success').state).toBe('succeeded');
  });

  it('is another thing for an item that was allowed to fail', async () => {
    const { code, stderr } = await rig.flowctl('run', 'flow.ts#some');
    expect(code, stderr).toBe(0);
    expect([...rig.effects()].sort()).toEqual(['book[n3] thrown 3', 'booked 1 as 10']);
  });

  it('undoes the items that had succeeded of a map that failed, and what came before', async () => {
    const { code, stderr } = await rig.flowctl('run', 'flow.ts#trip');
    expect(code, stderr).toBe(1);
    expect(rig.effects().filter((line) => line.startsWith('undo'))).toEqual(['undo 20', 'undo 10', 'undo 90']);
  });

  it('goes on undoing, and says what could not be undone', async () => {
    rig.give({ STUCK: '10' });
    const { code, stdout } = await rig.flowctl('run', 'flow.ts#trip');
    expect(code).toBe(1);
    expect(stdout).toContain('could not all be undone');
    expect(rig.effects().filter((line) => line.startsWith('undo'))).toEqual(['undo 20', 'undo 10', 'undo 90']);
  });

  it('shows stacks without frames of ours', async () => {
    await rig.flowctl('run', 'flow.ts#trip');
    const { stdout } = await rig.flowctl('logs', 'last', 'book#2[1]');
    expect(stdout).toMatch(/Error: three\n +at .*flow\.ts:15:/);
    expect(stdout).not.toMatch(/dist|index\.js/);
  });
});
