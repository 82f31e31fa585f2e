/** Calls that people ask for again by name, options of the items of maps, and what people see of what a flow function returned. */

import { expect, it } from 'vitest';
import type { FlowGraph } from '../../src/cli/graph/flow-graph.ts';
import { useCase } from '../kit/case.ts';
import { shown, stepOf } from '../kit/flows.ts';

const at = useCase();

const FLOWS = `
import { appendFileSync } from 'node:fs';
import { flow, task } from 'flowctl';
const note = (text: string) => appendFileSync('effects', text + '\\n');
const leaf = task('leaf', async (n: number) => { note('leaf ' + n); return n + 1; });
const outer = task('outer', async (n: number) => { note('outer'); return (await leaf(n)) + (await leaf(n + 10)); });
const item = task('item', async (n: number) => { note('item ' + n); return n; });
const last = task('last', async (n: number) => { note('last'); return n; });
const sub = flow('sub', { params: { k: 1 } }, async ({ k }) => item(await leaf(k)));
export default flow('nested', async () => {
  const one = await outer(1);
  const items = await item.map([1, 2, 3]);
  const two = await sub({ k: 5 });
  return [one, two, await last(items.length)];
});
export const five = flow('five', async () => 5);
export const orders = flow('orders', { params: { at: 1 } }, async ({ at }) =>
  priced.map([{ id: 'a', at }, { id: 'b', at }], { key: (order) => order.id }));
const priced = task(
  'priced',
  { runName: (order) => 'order ' + order.id, tags: ['money'], cache: { key: (order) => order.id } },
  async (order: { id: string; at: number }) => { note('priced ' + order.id); return order.id; },
);
`;

/** What is done again when a step is asked for; what ran side by side is sorted. */
async function again(step: string): Promise<string> {
  const before = at.rig.effects().length;
  const ended = await at.rig.flowctl('resume', '--from', step, '-q');
  expect(ended, ended.stderr).toMatchObject({ code: 0 });
  return at.rig.effects().slice(before).join(', ');
}

it('runs again what is asked for by name, at any depth and more than once, with what follows it there and above', async () => {
  at.rig.write('flow.ts', FLOWS);
  expect(await at.rig.flowctl('run', 'flow.ts', '--max-parallel', '1')).toMatchObject({ code: 0 });
  const rest = 'item 1, item 2, item 3, leaf 5, item 6, last';
  expect(await again('outer/leaf')).toBe(`outer, leaf 1, leaf 11, ${rest}`);
  expect(await again('outer/leaf#2')).toBe(`outer, leaf 11, ${rest}`);
  expect(await again('item[1]')).toBe('item 2, leaf 5, item 6, last');
  expect(await again('sub/item')).toBe('item 6, last');
  expect(await again('last')).toBe('last');
  expect(stepOf(await shown(at.rig), 'outer').attempts).toHaveLength(3);
}, 60_000);

it('refuses to choose among steps that are not known yet, and says what to do', async () => {
  at.rig.write('flow.ts', FLOWS);
  for (const flag of ['--only', '--from', '--to']) {
    const { code, stderr } = await at.rig.flowctl('run', 'flow.ts', flag, 'leaf');
    expect({ code, stderr }).toMatchObject({ code: 2 });
    expect(stderr).toContain(`\`${flag}\` chooses among steps that are known before a run`);
    expect(stderr).toContain('flowctl resume --from <step>');
  }
  expect(at.rig.effects()).toEqual([]);
});

it('shows at the end, and in show, what is no object, in one line', async () => {
  at.rig.write('flow.ts', FLOWS);
  expect((await at.rig.flowctl('run', 'flow.ts#five')).stdout).toMatch(/^ {2}outputs: 5$/m);
  expect((await at.rig.flowctl('show')).stdout).toContain('outputs\n  5\n');
});

it('names the items of a map, and finds their results, by functions of their arguments', async () => {
  at.rig.write('flow.ts', FLOWS);
  await at.rig.flowctl('run', 'flow.ts#orders');
  const call = { kind: 'task', caller: null, run_name: 'order b', tags: ['money'] };
  expect(stepOf(await shown(at.rig), 'priced[b]')).toMatchObject({ call, item: null });
  expect((await at.rig.flowctl('show')).stdout).toContain('order a');
  expect(await at.rig.flowctl('run', 'flow.ts#orders', '-p', 'at=2')).toMatchObject({ code: 0 });
  expect(stepOf(await shown(at.rig), 'priced[a]')).toMatchObject({ cached: true, attempts: [] });
  expect([...at.rig.effects()].sort()).toEqual(['priced a', 'priced b']);
  expect(await at.rig.flowctl('run', 'flow.ts#orders', '--force', 'priced')).toMatchObject({ code: 0 });
  expect(at.rig.effects()).toHaveLength(4);
});

it('draws which call was made upon the end of which, and what went into it', async () => {
  at.rig.write(
    'flow.ts',
    `import { flow, task } from 'flowctl';
const number = task('number', async (n: number) => n);
const list = task('list', async (n: number) => [n]);
const outer = task('outer', async (n: number) => (await number(n)) + (await number(n)));
export default flow('drawn', async () => {
  const [first] = await Promise.all([list(1), outer(2)]);
  const third = await number(3);
  return [await list.with({ key: 'last' })(third), await number.map(first)];
});
`,
  );
  expect(await at.rig.flowctl('run', 'flow.ts')).toMatchObject({ code: 0 });
  const { stdout } = await at.rig.flowctl('graph', 'last', '--format', 'json');
  const { nodes, edges } = JSON.parse(stdout) as FlowGraph;
  const parents = nodes.flatMap(({ id, parent }) => (parent === undefined ? [] : [`${id} in ${parent}`]));
  expect(parents).toEqual(['outer/number in outer', 'outer/number#2 in outer']);
  const drawn = edges.map(({ from, to, kind }) => `${from} -> ${to} ${kind}`);
  expect(drawn).toEqual(
    expect.arrayContaining([
      'outer/number -> outer/number#2 needs',
      'number -> list[last] needs',
      'list[last] -> number#2 needs',
      'list -> number#2 data',
    ]),
  );
  // It waited for both; which of them ended last is chance.
  expect(drawn.filter((edge) => /^(list|outer) -> number needs$/.test(edge))).toHaveLength(1);
  expect(drawn).toHaveLength(5);
});
