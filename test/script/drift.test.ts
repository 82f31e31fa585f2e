/** Flow functions that were edited between a crash and a resume: refused with both calls named, or taken over; never done wrong, or for ever. */

import { describe, expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';

const at = useCase();

const HEAD = `
import { appendFileSync, existsSync } from 'node:fs';
import { flow, task } from 'flowctl';
const note = (text: string) => appendFileSync('effects', text + '\\n');
const later = (ms: number) => new Promise((done) => setTimeout(done, ms));
const crash = () => { if (!existsSync('mended')) process.kill(process.pid, 'SIGKILL'); };
const double = task('double', async (n: number) => { note('double ' + n); return n * 2; });
const add = task('add', async (one: number, other: number) => { note('add ' + one + ' ' + other); return one + other; });
const boom = task('boom', async (n: number) => { note('boom ' + n); throw new TypeError('boom'); });
const item = task('item', async (n: number) => { note('item ' + n); if (n === 2 && !existsSync('mended')) throw new Error('no'); return n; });
const child = flow('child', { params: { n: { type: 'integer' } } }, async ({ n }) => { const m = await double(n); crash(); return m; });
`;

const write = (body: string, head = HEAD): void => {
  at.rig.write('flow.ts', `${head}export default flow('made', async () => {\n${body}\n});\n`);
};

const resume = async () => {
  const { code, stdout, stderr } = await at.rig.flowctl('resume');
  return { code, text: stdout + stderr };
};

/** Runs a function until it crashes, or fails. */
async function lost(body: string): Promise<void> {
  at.mayLeaveStrays();
  write(body);
  expect((await at.rig.flowctl('run', 'flow.ts')).code).not.toBe(0);
  at.rig.write('mended', '');
}

/** What a resume of the edited function does. */
async function resumed(body: string, head?: string) {
  const before = at.rig.effects().length;
  write(body, head);
  const { code } = await resume();
  const { outputs, warnings } = await at.rig.query<RunDetail>('show');
  return { code, outputs, effects: at.rig.effects().slice(before).sort(), warnings: warnings.map((each) => each.code) };
}

describe('an edited flow function', () => {
  it('is refused when recorded calls are not those that it makes; nothing runs, and the old one goes on', async () => {
    const good =
      'await double(1); await double(2); try { await boom(1); } catch {} await add(1, 2); crash(); return 1;';
    await lost(good);
    const before = at.rig.effects();
    const refusals: readonly (readonly [string, string, string])[] = [
      ['reordered', good.replace('double(1); await double(2)', 'double(2); await double(1)'), '`double`'],
      ['one before', `await add(0, 0); ${good}`, '`add`'],
      [
        'one between',
        good.replace('try', 'await item(1); try'),
        '`boom`, which failed, is not called any more; `item`',
      ],
      ['one gone', good.replace('await double(2);', '').replace('crash()', 'await item(1)'), '`item` is called in its'],
      [
        'another task',
        good.replace('await add(1, 2)', 'await item(1)'),
        '`add`, which succeeded, is not called any more',
      ],
      [
        'caught, other arguments',
        good.replace('boom(1)', 'boom(2)'),
        '`boom`, which failed, is called with other argum',
      ],
      [
        'a map',
        good.replace('add(1, 2)', 'add.map([1], { args: (n) => [n, 2] })'),
        '`add`, which succeeded, is a call of an',
      ],
      ['a key', good.replace('double(2)', 'double.with({ key: 2 })(2)'), '`double[2]` is called in its place'],
    ];
    for (const [what, edited, said] of refusals) {
      write(edited);
      const { code, text } = await resume();
      expect({ what, code }).toEqual({ what, code: 4 });
      expect(text).toContain(said);
    }
    expect(at.rig.effects()).toEqual(before);
    write(good);
    expect(await resume()).toMatchObject({ code: 0 });
    expect(at.rig.effects()).toEqual(before);
  });

  it('is taken over where every recorded call is made again, in whatever order and company', async () => {
    await lost('await Promise.all([add(3, 0), add(2, 0), double(5)]); crash(); return 1;');
    expect(
      await resumed('void item(7); await add(3, 0); const d = await double(5); return (await add(2, 0)) + d;'),
    ).toEqual({
      code: 0,
      outputs: 12,
      effects: ['item 7'],
      warnings: [],
    });
  });

  it('is taken over when it makes recorded calls no more, which is said', async () => {
    await lost('await double(1); await add(1, 2); crash(); return 1;');
    expect(await resumed('return double(1);')).toEqual({
      code: 0,
      outputs: 2,
      effects: [],
      warnings: ['calls_not_made'],
    });
  });

  it('does the items of a map again that had not succeeded as a whole and gets other arguments', async () => {
    await lost('return item.map([1, 2, 3]);');
    expect(await resumed('return item.map([11, 12, 13, 14]);')).toMatchObject({
      code: 0,
      outputs: [11, 12, 13, 14],
      effects: ['item 11', 'item 12', 'item 13', 'item 14'],
    });
  });

  it('is refused inside of a flow that it calls, and that one goes on as it was', async () => {
    await lost('return child({ n: 4 });');
    const changed = await resumed('return child({ n: 4 });', HEAD.replace('await double(n)', 'await add(n, n)'));
    expect(changed).toMatchObject({ code: 4, effects: [] });
    expect(await resumed('return child({ n: 4 });')).toMatchObject({ code: 0, outputs: 8, effects: [] });
  });

  it('may take its time between recorded calls, also while a call that is not recorded is made beside them', async () => {
    const chain = (ms: number) => `double(1).then(() => later(${ms})).then(() => double(2))`;
    await lost(`await ${chain(1)}; crash(); return 1;`);
    expect(await resumed(`return Promise.all([${chain(1_500)}, add(1, 1)]);`)).toMatchObject({
      code: 0,
      outputs: [4, 2],
      effects: ['add 1 1'],
    });
  });
});
