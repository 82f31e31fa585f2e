/** `isolate: process`: a function in a process of its own. */

import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually, Rig, tagged } from '../kit/rig.ts';

interface Step {
  readonly state: string;
  readonly outputs: unknown;
  readonly timed_out: boolean;
  readonly duration_ms: number;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly attempts: readonly { readonly exit_code: number | null; readonly signal: string | null }[];
}

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => {
  for (const id of rig.runIds()) expect(tagged(id)).toEqual([]);
  rig.remove();
});

/** Runs `work` of a module, and gives the step with its log. */
async function called(module: string, more: readonly string[] = [], env: { readonly [name: string]: string } = {}) {
  rig.write('tasks.ts', module);
  const keys = ['call: ./tasks.ts#work', 'isolate: process', ...more];
  rig.write('flow.yaml', ['steps:', '  a:', ...keys.map((key) => `    ${key}`), ''].join('\n'));
  const run = await rig.flowctlWith({ env }, 'run', 'flow.yaml');
  const { id, steps } = await rig.query<{ readonly id: string; readonly steps: readonly Step[] }>('show');
  expect(readdirSync(rig.path('.flowctl', 'runs', id, 'outputs'))).toEqual([]);
  const [step] = steps;
  if (step === undefined) throw new Error('no step');
  return { run, id, step, log: (await rig.flowctl('logs', 'a')).stdout };
}

it('is given what a thread is given, runs in the working directory, and yields what it returns', async () => {
  const { step, log } = await called(
    `import { context } from 'flowctl';
     import { execSync } from 'node:child_process';
     export async function work(input: { n: number }, { attempt, step }: { attempt: number; step: string }) {
       console.log('out', attempt, step, context().flow, process.cwd(), process.env['MINE'], process.env['FLOWCTL_STEP']);
       console.error('err');
       execSync('echo from a child', { stdio: 'inherit' });
       process.chdir('/');
       return [input.n * 2, { deep: null }];
     }`,
    ['with: { n: 21 }', 'env: { MINE: "a b" }'],
  );
  expect(step).toMatchObject({ state: 'succeeded', outputs: [42, { deep: null }] });
  expect(log).toBe(`out 1 a flow ${rig.folder} a b a\nerr\nfrom a child\n`);
});

it.each([
  ['throws', 'throw new TypeError("no")', 'thrown', 'TypeError: no'],
  [
    'leaves a rejection',
    'void Promise.reject(new Error("late")); await new Promise(() => {})',
    'thrown',
    'unhandled rejection: Error: late',
  ],
  ['leaves', 'process.exit(3)', 'host_ended', 'the function called `process.exit()`'],
  [
    'waits for nothing',
    'await new Promise(() => {})',
    'host_ended',
    'the function waits for something that can never happen',
  ],
  ['yields no JSON', 'return { f: () => 1 }', 'outputs', '`f` of the returned value is not JSON: function'],
  ['crashes', 'process.kill(process.pid, "SIGSEGV")', 'host_ended', 'the process of the function was ended by SIGSEGV'],
])('one that %s fails, and says how', async (_, body, code, message) => {
  const { run, step } = await called(`export async function work() { ${body} }`);
  expect(run.code).toBe(1);
  expect(step).toMatchObject({ state: 'failed', error: { code, message } });
});

it('a module that cannot be loaded fails it, as in a thread', async () => {
  const { step, log } = await called('export function work() {}\nthrow new Error("at load");');
  expect(step.error).toMatchObject({ code: 'module_not_loaded', message: 'Error: at load' });
  expect(log).toContain('tasks.ts:2');
});

it('its signal is aborted when it is asked to end', async () => {
  const { step, log } = await called(
    `export const work = (_: unknown, { signal }: { signal: AbortSignal }) =>
       new Promise<void>((done) => {
         const timer = setInterval(() => {}, 1_000);
         signal.addEventListener('abort', () => { console.log('asked'); clearInterval(timer); done(); });
       });`,
    ['timeout: 1s'],
  );
  expect(step).toMatchObject({ state: 'failed', timed_out: true });
  expect(log).toBe('asked\n');
});

it.each([
  ['an endless loop', 'for (;;);'],
  ['a native call', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);'],
  ['a command that it waits for', "execSync('trap : TERM; while :; do sleep 60; done');"],
])('case 65: in %s it cannot hear that it is to end, and gets no grace time', async (_, body) => {
  const { step } = await called(
    `import { execSync } from 'node:child_process';\nexport const work = () => { ${body} };`,
    ['timeout: 500ms', 'grace: 1m'],
  );
  expect(step).toMatchObject({ state: 'failed', timed_out: true, attempts: [{ signal: 'SIGKILL' }] });
  expect(step.duration_ms).toBeLessThan(20_000);
});

it('one that heard has its whole grace time', async () => {
  const { step, log } = await called(
    `export const work = async (_: unknown, { signal }: { signal: AbortSignal }) => {
       await new Promise<void>((done) => {
         const timer = setInterval(() => {}, 1_000);
         signal.addEventListener('abort', () => setTimeout(() => { clearInterval(timer); done(); }, 600));
       });
       console.log('cleaned up');
     };`,
    ['timeout: 500ms', 'grace: 20s'],
  );
  expect(step).toMatchObject({ state: 'failed', timed_out: true });
  expect(log).toBe('cleaned up\n');
});

it('is gone with flowctl', async () => {
  rig.write(
    'tasks.ts',
    'import { appendFileSync } from "node:fs";\nexport function work() { appendFileSync(process.env["EFFECTS"]!, "up\\n"); for (;;); }',
  );
  rig.write('flow.yaml', 'steps: { a: { call: ./tasks.ts#work, isolate: process } }\n');
  const run = rig.start(['run', 'flow.yaml'], { env: { FLOWCTL_GRACE: '300ms' } });
  await eventually('it runs', 20_000, () => rig.effects().length > 0);
  process.kill(run.pid, 'SIGKILL');
  await run.ended;
  const [id = ''] = rig.runIds();
  await eventually('its process is gone', 10_000, () => tagged(id).length === 0);
});

it('secrets reach it by name, and are hidden in what it prints, in any way', async () => {
  rig.give({ API_TOKEN: 's3cr3t-of-the-api' });
  rig.write(
    'tasks.ts',
    `import { writeSync } from 'node:fs';
     export function work(_: unknown, { secrets }: { secrets: Record<string, string> }) {
       writeSync(1, 'raw ' + secrets['API_TOKEN'] + '\\n');
       return secrets['API_TOKEN']?.length;
     }`,
  );
  rig.write(
    'flow.yaml',
    'secrets: [API_TOKEN]\nsteps: { a: { call: ./tasks.ts#work, isolate: process, secrets: [API_TOKEN] } }\n',
  );
  expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
  expect((await rig.flowctl('logs', 'a')).stdout).toBe('raw ***\n');
  expect((await rig.query<{ readonly steps: readonly Step[] }>('show')).steps[0]?.outputs).toBe(17);
  const found = await rig.startProgram('grep', ['-r', 's3cr3t-of-the-api', rig.path('.flowctl')]).ended;
  expect(found).toMatchObject({ code: 1, stdout: '' });
});
