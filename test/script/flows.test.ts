/** Imperative flows through the real program: what their calls become, how they fail, and that a resume goes on where the run was. */

import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';

const at = useCase();

/** The beginning of every flow: `note` leaves a line in the file `effects`. */
const HEAD = `
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { context, flow, sh, task } from 'flowctl';
const note = (text: string) => appendFileSync('effects', text + '\\n');
const double = task('double', async (n: number) => { note('double ' + n); return n * 2; });
const add = task('add', async (one: number, other: number) => { note('add ' + one + ' ' + other); return one + other; });
const boom = task('boom', async () => { note('boom'); throw new TypeError('boom'); });
const repaired = task('repaired', async () => { note('repaired'); if (!existsSync('mended')) throw new Error('not yet'); return 'well'; });
const slow = task('slow', async (ms: number) => { await new Promise((done) => setTimeout(done, ms)); note('slow'); return ms; });
`;

const write = (body: string, options = '{}'): void => {
  at.rig.write('flow.ts', `${HEAD}export default flow('made', ${options}, async () => {\n${body}\n});\n`);
};

const run = async (...argv: readonly string[]) => at.rig.flowctl('run', 'flow.ts', ...argv);
const shown = (): Promise<RunDetail> => at.rig.query<RunDetail>('show');
const states = ({ steps }: RunDetail) => Object.fromEntries(steps.map(({ key, state }) => [key, state]));

describe('a flow function', () => {
  it('makes a step of every call, under its name and occurrence, key or index', async () => {
    write(`
      const one = await double(1);
      const [two, three] = await Promise.all([double(one), double.with({ key: 'third' })(5)]);
      const sums = await add.map([two, three], { args: (n: number) => [n, 1] });
      return { one, sums };`);
    expect(await run()).toMatchObject({ code: 0 });
    const detail = await shown();
    expect(states(detail)).toEqual({
      double: 'succeeded',
      'double#2': 'succeeded',
      'double[third]': 'succeeded',
      add: 'succeeded',
      'add[0]': 'succeeded',
      'add[1]': 'succeeded',
    });
    expect(detail.outputs).toEqual({ one: 2, sums: [5, 11] });
  });

  it('goes on after a failure that it catches, and fails of one that it does not', async () => {
    write(`
      try { await boom(); } catch (error) { note('caught ' + (error as Error).message); }
      await double(1);
      await boom();`);
    expect(await run()).toMatchObject({ code: 1 });
    expect(at.rig.effects()).toEqual(['boom', 'caught boom: TypeError: boom', 'double 1', 'boom']);
    const detail = await shown();
    expect(detail.error).toMatchObject({ code: 'thrown', message: 'TaskError: boom#2: TypeError: boom' });
    expect(states(detail)).toEqual({ boom: 'failed', double: 'succeeded', 'boom#2': 'failed' });
  });

  it('runs commands, values handed over as variables, and tasks that call tasks', async () => {
    write(`
      const outer = task.length;
      const printed = await sh.with({ output: 'text' })\`printf %s \${'a; touch no $(touch no)'}\`;
      return { outer, printed, nested: await both(3) };`);
    at.rig.write(
      'flow.ts',
      at.rig
        .read('flow.ts')
        .replace(
          'export default',
          "const both = task('both', async (n: number) => (await double(n)) + (await double(n + 1)));\nexport default",
        ),
    );
    expect(await run()).toMatchObject({ code: 0 });
    const detail = await shown();
    expect(detail.outputs).toMatchObject({ printed: 'a; touch no $(touch no)', nested: 14 });
    expect(states(detail)).toEqual({
      sh: 'succeeded',
      both: 'succeeded',
      'both/double': 'succeeded',
      'both/double#2': 'succeeded',
    });
    expect(at.rig.filesBelow('.').map(({ path }) => path)).not.toContain('no');
  });

  it('waits for calls that it does not await, and fails of those that fail', async () => {
    write('void double(1); void double(2); void boom(); void double(3); void slow(50); void double(4); return 1;');
    const { code, stdout, stderr } = await run();
    expect(code).toBe(1);
    expect(`${stdout}${stderr}`).toContain('the call `boom`, which nobody awaited, failed');
    expect(states(await shown())).toMatchObject({ slow: 'succeeded', boom: 'failed', 'double#4': 'succeeded' });
    expect((await shown()).error).toMatchObject({ code: 'not_awaited' });
  });

  it.each([
    ['throws at once', "throw new RangeError('sync');", 1, { code: 'thrown', message: 'RangeError: sync' }],
    ['never settles', 'await new Promise(() => {});', 1, { code: 'host_ended' }],
    ['returns what is no JSON', 'return { when: new Map() } as never;', 1, { code: 'outputs' }],
    ['ends its thread', 'process.exit(3);', 1, { code: 'host_ended' }],
    ['makes a task', "task('late', async () => 1);", 1, { code: 'thrown' }],
  ])('fails its run alone when it %s', async (_what, body, code, error) => {
    write(body);
    expect(await run()).toMatchObject({ code });
    expect((await shown()).error).toMatchObject(error);
  });

  it('is ended in an endless loop by the timeout of its run', async () => {
    write('for (;;) {}', "{ timeout: '300ms' }");
    expect(await run()).toMatchObject({ code: 124 });
  });

  it('is found by the name of its export', async () => {
    at.rig.write(
      'two.ts',
      `${HEAD}export const one = flow('first', async () => 1);\nexport const two = flow('second', async () => 2);\n`,
    );
    expect(await at.rig.flowctl('run', 'two.ts#two')).toMatchObject({ code: 0 });
    expect(await shown()).toMatchObject({ flow: 'second', outputs: 2 });
    const { code, stderr } = await at.rig.flowctl('run', 'two.ts#three');
    expect(code).toBe(3);
    expect(stderr).toContain('its flows are `one` and `two`');
    expect(await at.rig.flowctl('rerun')).toMatchObject({ code: 0 });
    expect(await shown()).toMatchObject({ flow: 'second', outputs: 2 });
  });

  it('has params that are checked before anything runs', async () => {
    at.rig.write(
      'flow.ts',
      `${HEAD}export default flow('made', { params: { n: { type: 'integer' } } }, async ({ n }) => double(n));\n`,
    );
    expect(await run()).toMatchObject({ code: 2 });
    expect(await run('-p', 'n=x')).toMatchObject({ code: 2 });
    expect(await run('-p', 'n=4')).toMatchObject({ code: 0 });
    expect(await shown()).toMatchObject({ params: { n: 4 }, outputs: 8 });
  });
});

describe('a resume of a flow function', () => {
  it('tells it what was recorded, in that order, also a failure that it had caught', async () => {
    write(`
      const now = context().now();
      note('now ' + now + ' ' + context().uuid() + ' ' + context().random());
      const pairs = await Promise.all([slow(60).then((ms) => add(ms, 1)), slow(5).then((ms) => add(ms, 2))]);
      try { await boom(); } catch { await double(7); }
      await context().sleep('20ms');
      return { pairs, end: await repaired() };`);
    expect(await run()).toMatchObject({ code: 1 });
    const before = at.rig.effects();
    at.rig.write('mended', '');
    expect(await at.rig.flowctl('resume')).toMatchObject({ code: 0 });
    const [now, ...more] = at.rig.effects().slice(before.length);
    expect(now).toBe(before[0]);
    expect(more).toEqual(['repaired']);
    expect(await shown()).toMatchObject({ outputs: { pairs: [61, 7], end: 'well' }, resumes: 1 });
  });

  it('goes on after flowctl was killed', async () => {
    at.mayLeaveStrays();
    write(`
      const first = await double(1);
      if (!existsSync('mended')) { writeFileSync('mended', ''); process.kill(process.pid, 'SIGKILL'); }
      return [first, await double(first)];`);
    await run();
    expect((await at.rig.query<readonly { readonly state: string }[]>('runs'))[0]?.state).toBe('crashed');
    expect(await at.rig.flowctl('resume')).toMatchObject({ code: 0 });
    expect(at.rig.effects()).toEqual(['double 1', 'double 2']);
    expect((await shown()).outputs).toEqual([2, 4]);
  });

  it('does the items of a map again that failed, and no others', async () => {
    write(`return repairedAt.map([1, 2, 3]);`);
    const task = `const repairedAt = task('repairedAt', async (n: number) => { note('at ' + n); if (n === 2 && !existsSync('mended')) throw new Error('not yet'); return n; });\n`;
    at.rig.write('flow.ts', at.rig.read('flow.ts').replace('export default', `${task}export default`));
    expect(await run()).toMatchObject({ code: 1 });
    at.rig.write('mended', '');
    expect(await at.rig.flowctl('resume')).toMatchObject({ code: 0 });
    expect([...at.rig.effects()].sort()).toEqual(['at 1', 'at 2', 'at 2', 'at 3']);
    expect((await shown()).outputs).toEqual([1, 2, 3]);
  });

  it('is refused when a call that succeeded has other arguments, or another name; then nothing runs', async () => {
    write('const n = await double(1); await add(n, 1); await repaired();');
    expect(await run()).toMatchObject({ code: 1 });
    const good = at.rig.read('flow.ts');
    const before = at.rig.effects();
    at.rig.write('flow.ts', good.replace('double(1)', 'double(2)'));
    const other = await at.rig.flowctl('resume');
    expect(other.code).toBe(4);
    expect(other.stdout + other.stderr).toContain('`double`, which succeeded, is called with other arguments now');
    at.rig.write('flow.ts', good.replace('double(1)', 'slow(2)'));
    const renamed = await at.rig.flowctl('resume');
    expect(renamed.code).toBe(4);
    expect(renamed.stdout + renamed.stderr).toContain(
      '`double`, which succeeded, is not called any more; `slow` is called in its place',
    );
    expect(at.rig.effects()).toEqual(before);
    at.rig.write('flow.ts', good.replace('repaired()', 'double(9)'));
    expect(await at.rig.flowctl('resume')).toMatchObject({ code: 0 });
    expect(at.rig.effects()).toEqual([...before, 'double 9']);
  });
});

describe('calls of all kinds', () => {
  it('runs flows that it calls as runs beneath its own, and goes on with them on a resume', async () => {
    write('return { twice: await child({ n: 4 }), again: await child({ n: 5 }) };');
    const child = `const child = flow('child', { params: { n: { type: 'integer' } } }, async ({ n }) => {
      const result = await double(n);
      if (n === 5) await repaired();
      return result;
    });\n`;
    at.rig.write('flow.ts', at.rig.read('flow.ts').replace('export default', `${child}export default`));
    expect(await run()).toMatchObject({ code: 1 });
    at.rig.write('mended', '');
    expect(await at.rig.flowctl('resume')).toMatchObject({ code: 0 });
    expect(at.rig.effects()).toEqual(['double 4', 'double 5', 'repaired', 'repaired']);
    const detail = await shown();
    expect(detail.outputs).toEqual({ twice: 8, again: 10 });
    expect(detail.steps.map(({ key }) => key)).toEqual([
      'child',
      'child/double',
      'child#2',
      'child#2/double',
      'child#2/repaired',
    ]);
  });

  it('is left waiting for a person, and goes on with the answer', async () => {
    write(`
      await double(1);
      const { approved, note: said } = await context().approval({ message: 'go on with \${{ everything }}?', params: { note: { type: 'string' } } });
      return { approved, said };`);
    expect(await run('--no-wait')).toMatchObject({ code: 6 });
    expect(await at.rig.flowctl('approve', 'last', 'approval', '-p', 'note=fine')).toMatchObject({ code: 0 });
    const detail = await shown();
    expect(detail.outputs).toEqual({ approved: true, said: 'fine' });
    expect(detail.steps.at(-1)?.question).toMatchObject({ message: 'go on with ${{ everything }}?' });
    expect(at.rig.effects()).toEqual(['double 1']);
  });

  it('hears of a delay that was over before it asked again', async () => {
    at.mayLeaveStrays();
    write(`
      const one = context().sleep('150ms').then(() => double(1));
      if (!existsSync('mended')) { await double(0); writeFileSync('mended', ''); process.kill(process.pid, 'SIGKILL'); }
      return one;`);
    await run();
    at.rig.write(
      'flow.ts',
      at.rig
        .read('flow.ts')
        .replace('const one', 'await double(0); await new Promise((done) => setTimeout(done, 250)); const one')
        .replace('{ await double(0);', '{'),
    );
    expect(await at.rig.flowctl('resume')).toMatchObject({ code: 0 });
    expect((await shown()).outputs).toBe(2);
  });

  it('draws what was called, by whom, and what went from one call into another', async () => {
    write('const list = await listed(); return kept(list);');
    const tasks = `const listed = task('listed', async () => [await double(1)]);\nconst kept = task('kept', async (list: number[]) => list);\n`;
    at.rig.write('flow.ts', at.rig.read('flow.ts').replace('export default', `${tasks}export default`));
    expect(await run()).toMatchObject({ code: 0 });
    expect(JSON.parse((await at.rig.flowctl('graph', 'last', '--format', 'json')).stdout)).toEqual({
      nodes: [
        { id: 'listed', kind: 'function', state: 'succeeded' },
        { id: 'listed/double', kind: 'function', parent: 'listed', state: 'succeeded' },
        { id: 'kept', kind: 'function', state: 'succeeded' },
      ],
      edges: [
        { from: 'listed', to: 'kept', kind: 'needs' },
        { from: 'listed', to: 'kept', kind: 'data' },
      ],
    });
  });

  it('ends a task in an endless loop by its timeout, and tries it again as its options say', async () => {
    write('return stuck();');
    const stuck = `const stuck = task('stuck', { timeout: '300ms', retry: { max: 2, delay: ['1ms', '2ms'], retryIf: () => false } }, async () => { note('stuck'); if (!existsSync('once')) { writeFileSync('once', ''); for (;;) {} } throw new RangeError('enough'); });\n`;
    at.rig.write('flow.ts', at.rig.read('flow.ts').replace('export default', `${stuck}export default`));
    expect(await run()).toMatchObject({ code: 1 });
    const [step] = (await shown()).steps;
    // A timeout is tried again; what it throws then is not, for `retryIf` says so.
    expect(step?.attempts.map(({ outcome }) => outcome)).toEqual(['timed_out', 'failed']);
    expect(step?.error).toMatchObject({ thrown: 'RangeError' });
  });
});

describe('the command line with flow functions', () => {
  it('prints what the function printed, and names no steps before there are any', async () => {
    write("console.log('from the function'); await double(1); console.error('and later');");
    expect((await at.rig.flowctl('validate', 'flow.ts')).stdout).toBe('flow.ts: ok\n');
    expect((await at.rig.flowctl('graph', 'flow.ts')).stdout).toContain('its steps are known when it has run');
    expect((await run()).stdout).not.toContain('0 steps');
    expect(await at.rig.flowctl('logs', 'last', '@flow')).toMatchObject({ stdout: 'from the function\nand later\n' });
    expect((await at.rig.flowctl('logs')).stdout).toContain('== @flow, attempt 1');
  });

  it('never runs more at once than `max_parallel`, however quick they are', async () => {
    write('return (await step.map(Array.from({ length: 150 }, (_, index) => index))).length;', '{ maxParallel: 2 }');
    const step =
      "const step = task('step', async (n: number) => { note('+'); await new Promise(setImmediate); note('-'); return n; });\n";
    at.rig.write('flow.ts', at.rig.read('flow.ts').replace('export default', `${step}export default`));
    expect(await run()).toMatchObject({ code: 0 });
    const effects = at.rig.effects();
    expect(effects).toHaveLength(300);
    let running = 0;
    const depths = effects.map((effect) => (running += effect === '+' ? 1 : -1));
    expect(Math.max(...depths)).toBeLessThanOrEqual(2);
  });

  it('lets tasks call tasks in a run with secrets', async () => {
    write('return outer(3);', "{ secrets: { KEY: { env: 'SOME_KEY' } } }");
    const outer = "const outer = task('outer', async (n: number) => double(n));\n";
    at.rig.write('flow.ts', at.rig.read('flow.ts').replace('export default', `${outer}export default`));
    at.rig.give({ SOME_KEY: 'a-secret-of-some-length' });
    expect(await run()).toMatchObject({ code: 0 });
    expect((await shown()).outputs).toBe(6);
  });

  it('keeps no log of a task that printed nothing, and misses none', async () => {
    write('await double(1); await task_that_prints();');
    const prints = "const task_that_prints = task('prints', async () => { console.log('said'); });\n";
    at.rig.write('flow.ts', at.rig.read('flow.ts').replace('export default', `${prints}export default`));
    expect(await run()).toMatchObject({ code: 0 });
    const { steps } = await shown();
    expect(steps.map(({ key, attempts: [attempt] }) => [key, existsSync(attempt?.log ?? '')])).toEqual([
      ['double', false],
      ['prints', true],
    ]);
    const { stdout, stderr } = await at.rig.flowctl('logs');
    expect(stdout).toContain('== double, attempt 1');
    expect(stdout).toContain('said');
    expect(stderr).toBe('');
    expect(await at.rig.flowctl('logs', 'last', 'double')).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('runs a call again that is named, and those made when its end was known', async () => {
    write('const [one, two] = await Promise.all([double(1), double(2)]); return add(one, two);');
    expect(await run()).toMatchObject({ code: 0 });
    const before = at.rig.effects();
    expect(await at.rig.flowctl('resume', 'last', '--from', 'double#2')).toMatchObject({ code: 0 });
    expect(at.rig.effects().slice(before.length)).toEqual(['double 2', 'add 2 4']);
    expect(await at.rig.flowctl('resume', 'last', '--from', 'nobody')).toMatchObject({ code: 4 });
  });

  it('asks a flow that checks its params itself, before anything runs', async () => {
    const schema = `{ '~standard': { version: 1, vendor: 'test', validate: (given: any) => typeof given.n === 'number' ? { value: { n: given.n + 1 } } : { issues: [{ message: 'has to be a number', path: ['n'] }] } } }`;
    at.rig.write(
      'flow.ts',
      `${HEAD}export default flow('made', { params: ${schema} as never }, async ({ n }: any) => double(n));\n`,
    );
    const refused = await run('-p', 'n=many');
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain('param `n`: has to be a number');
    expect(await at.rig.query('runs')).toEqual([]);
    expect(await run('-p', 'n=4')).toMatchObject({ code: 0 });
    expect(await shown()).toMatchObject({ params: { n: 4 }, outputs: 10 });
  });
});
