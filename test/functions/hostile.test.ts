/**
 * Tasks and flow functions that do what they should not: each costs its own attempt, is tried again, and says what it was; calls beside it
 * in the same threads never notice. Heaps are kept small, so that filling one is quick.
 */

import { describe, expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { eventually } from '../kit/rig.ts';

const at = useCase({ NODE_OPTIONS: '--max-old-space-size=120' });

/** What the first attempt of a task does, and how it is said to have failed; the second succeeds. */
const MISDEEDS: readonly (readonly [name: string, body: string, message: string, options?: string])[] = [
  ['late', "setTimeout(() => { throw new Error('late'); }, 1); await pause(5_000);", 'uncaught exception: Error: late'],
  ['unheard', "void Promise.reject(new Error('unheard')); await pause(5_000);", 'unhandled rejection: Error: unheard'],
  ['leaves', 'process.exit(7);', 'the function called `process.exit()`'],
  ['leaves_well', 'process.exit(0);', 'the function called `process.exit()`'],
  [
    'recurses',
    'const deep = (n: number): number => 1 + deep(n + 1); deep(0);',
    'RangeError: Maximum call stack size exc',
  ],
  ['moves', "process.chdir('/');", 'TypeError: process.chdir() is not supported in workers'],
  ['waits', 'await new Promise(() => {});', 'the function waits for something that can never happen'],
  ['loops', 'for (;;);', 'timed out after 500ms', "timeout: '500ms'"],
  [
    'blocks',
    'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);',
    'timed out after 500ms',
    "timeout: '500ms'",
  ],
  ['hoards', 'let all: object = {}; for (;;) all = { all };', 'the function ran out of memory'],
  ['meddles', "JSON.stringify = () => { throw new Error('meddled'); };", 'Error: meddled'],
  ['breaks', 'globalThis.Promise = class {} as never; Array.prototype.push = () => 0; throw 1;', 'threw a number: 1'],
  ['throws_nothing', 'throw undefined;', 'threw undefined'],
  ['gives_big', 'return { deep: [10n] };', '`deep[0]` of the returned value is not JSON: bigint'],
  [
    'gives_round',
    'const round: any = {}; round.self = round; return round;',
    '`self` of the returned value is not JSON: a cyc',
  ],
  ['gives_code', 'return () => 1;', 'the returned value is not JSON: function'],
  ['gives_trap', "return new Proxy({}, { ownKeys() { throw new Error('trap'); } });", 'Error: trap'],
  ['aborts', 'process.abort();', 'the process of the function was ended by SIGABRT', "isolate: 'process'"],
  [
    'hoards_apart',
    'let all: object = {}; for (;;) all = { all };',
    'the function ran out of memory',
    "isolate: 'process'",
  ],
];

const tasks = MISDEEDS.map(
  ([name, body, , options = '']) =>
    `const ${name} = task('${name}', { retry: { max: 1, on: ['failed', 'timed_out'] }, ${options} }, async (): Promise<any> => {
       if (context().attempt === 1) { ${body} }
       return 'well';
     });`,
).join('\n');

const HEAD = `
import { context, flow, task } from 'flowctl';
const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
const quiet = task('quiet', async (n: number) => { await pause(50); console.log('quiet ' + n); return n; });
`;

describe('a task', () => {
  it('that does what it should not fails its own attempt, and nothing else', async () => {
    at.rig.write(
      'flow.ts',
      `${HEAD}${tasks}
      export default flow('hostile', { maxParallel: 4 }, async () => {
        const calls = [${MISDEEDS.map(([name]) => name).join(', ')}].flatMap((call, n) => [call(), quiet(n)]);
        return Promise.all(calls);
      });`,
    );
    const { code, stdout, stderr } = await at.rig.flowctl('run', 'flow.ts');
    expect(code, stdout + stderr).toBe(0);
    const { steps } = await at.rig.query<RunDetail>('show');
    const named = new Map(steps.map((step) => [step.key as string, step]));
    for (const [name, , message] of MISDEEDS) {
      const attempts = named.get(name)?.attempts.map(({ outcome }) => (outcome === 'timed_out' ? 'failed' : outcome));
      expect([name, ...(attempts ?? [])]).toEqual([name, 'failed', 'succeeded']);
      expect(named.get(name)?.attempts[0]?.error?.message).toContain(message);
    }
    const quiet = steps.filter(({ id }) => id === 'quiet');
    expect(quiet.map(({ attempts }) => attempts.map(({ outcome }) => outcome))).toEqual(
      MISDEEDS.map(() => ['succeeded']),
    );
  });

  it('may print a lot, and anything', async () => {
    at.rig.write(
      'flow.ts',
      `${HEAD}
      const loud = task('loud', async () => {
        const block = Buffer.alloc(2 ** 20, 'y');
        for (let n = 0; n < 300; n += 1) process.stdout.write(block);
        process.stderr.write(Buffer.from([0, 255, 27, 10]));
      });
      export default flow('loud', async () => { await Promise.all([loud(), quiet(1)]); });`,
    );
    expect(await at.rig.flowctl('run', 'flow.ts', '-q')).toMatchObject({ code: 0 });
    const [id = ''] = at.rig.runIds();
    const sizes = await at.rig.shell(
      `stat -c %s .flowctl/runs/${id}/logs/loud.1.log; tail -c 4 .flowctl/runs/${id}/logs/loud.1.log | xxd -p`,
    ).ended;
    expect(sizes.stdout).toBe(`${300 * 2 ** 20 + 4}\n00ff1b0a\n`);
  });
});

describe('a flow function', () => {
  it.each([
    [
      'throws later',
      "setTimeout(() => { throw new Error('later'); }, 1); await quiet(2);",
      'uncaught exception: Error: lat',
    ],
    [
      'leaves a rejection',
      "void Promise.reject(new Error('left')); await quiet(2);",
      'a promise that nobody awaited failed: Error: l',
    ],
    ['fills its heap', 'let all: object = {}; for (;;) all = { all };', 'the function ran out of memory'],
    ['recurses', 'const deep = (n: number): number => 1 + deep(n + 1); deep(0);', 'RangeError: Maximum call stack'],
    ['meddles', "JSON.stringify = () => { throw new Error('meddled'); }; return { n: 1 };", 'Error: meddled'],
  ])('that %s fails its run, with what was called recorded', async (_what, body, message) => {
    at.rig.write('flow.ts', `${HEAD}export default flow('hostile', async () => { await quiet(1); ${body} });`);
    expect(await at.rig.flowctl('run', 'flow.ts')).toMatchObject({ code: 1 });
    const { error, steps } = await at.rig.query<RunDetail>('show');
    expect(error?.message).toContain(message);
    expect(error?.detail ?? '', 'no frames of ours').not.toMatch(/script-host|chunk-/);
    expect(steps[0]).toMatchObject({ key: 'quiet', state: 'succeeded' });
  });

  it.each([
    ['an endless loop', 'for (;;);'],
    ['endless promises', 'for (;;) await null;'],
    ['a wait that blocks its thread', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);'],
  ])('in %s is ended by Ctrl-C', async (_what, body) => {
    at.rig.write(
      'flow.ts',
      `${HEAD}export default flow('hostile', async () => { await quiet(1); console.log('now'); ${body} });`,
    );
    const run = at.rig.start(['run', 'flow.ts', '-q']);
    await eventually('it is there', 30_000, async () => {
      const [id] = at.rig.runIds();
      const { stdout } = await at.rig.shell(`cat .flowctl/runs/${id}/logs/*flow* 2> /dev/null`).ended;
      return stdout.includes('now');
    });
    run.process.kill('SIGINT');
    expect(await run.ended).toMatchObject({ signal: 'SIGINT' });
    expect(await at.rig.query<RunDetail>('show')).toMatchObject({ state: 'cancelled', exit_code: 130 });
  });
});
