/** Flows that a program runs for real, on a state directory: what it is told, what is on disk, and that nothing outlives the program. */

import { mkdirSync, symlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { beforeEach, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { shown, stepOf } from '../kit/flows.ts';
import { eventually } from '../kit/rig.ts';

const at = useCase();

const FLOWS = `
import { appendFileSync, existsSync } from 'node:fs';
import { flow, sh, task } from 'flowctl';
const note = (text) => appendFileSync('effects', text + '\\n');
const double = task('double', async (n) => { note('double ' + n); return n * 2; });
const gate = task('gate', async () => { note('gate'); if (!existsSync('open')) throw new TypeError('shut'); return true; });
export const etl = flow('etl', { params: { n: { type: 'integer' } } }, async ({ n }) => {
  const twice = await double(n);
  await gate();
  return { twice };
});
export const graph = flow({ name: 'graph', params: { word: 'x' }, steps: { s: { run: 'echo "w=\${{ params.word }}" >> "$FLOWCTL_OUTPUT"' } }, outputs: { w: '\${{ steps.s.outputs.w }}' } });
export const long = flow('long', async () => { await double(1); await sh\`echo begun >> effects; sleep 300\`; });
`;

beforeEach(() => {
  at.rig.write('package.json', '{ "type": "module" }');
  mkdirSync(at.rig.path('node_modules'));
  symlinkSync(resolve(import.meta.dirname, '../..'), at.rig.path('node_modules/flowctl'));
  at.rig.write('flows.js', FLOWS);
});

const program = (body: string): string =>
  at.rig.write(
    'main.js',
    `import { runFlow } from 'flowctl';\nimport { etl, graph, long } from './flows.js';\nconst stateDir = '.flowctl';\n${body}`,
  );

const rows = (): Promise<readonly RunRow[]> => at.rig.query<readonly RunRow[]>('runs');

it('records the run, tells how it went, and goes on with it', async () => {
  program(`
    import { writeFileSync } from 'node:fs';
    const one = await runFlow(etl, { params: { n: 4 }, stateDir, maxParallel: 1 });
    writeFileSync('open', '');
    const two = await runFlow(etl, { resume: one.id, stateDir });
    const three = await runFlow(graph, { params: { word: 'told' }, stateDir });
    const told = ({ id, state, exitCode, outputs, error, run }) => ({ same: id === one.id, state, exitCode, outputs, thrown: error?.thrown, steps: run.steps.map(({ key, state }) => key + ' ' + state) });
    console.log(JSON.stringify([one, two, three].map(told)));`);
  const { code, stdout, stderr } = await at.rig.startProgram(process.execPath, ['main.js']).ended;
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toEqual([
    {
      same: true,
      state: 'failed',
      exitCode: 1,
      outputs: null,
      thrown: 'TaskError',
      steps: ['double succeeded', 'gate failed'],
    },
    {
      same: true,
      state: 'succeeded',
      exitCode: 0,
      outputs: { twice: 8 },
      steps: ['double succeeded', 'gate succeeded'],
    },
    { same: false, state: 'succeeded', exitCode: 0, outputs: { w: 'told' }, steps: ['s succeeded'] },
  ]);
  expect(at.rig.effects()).toEqual(['double 4', 'gate', 'gate']);
  expect((await rows()).map(({ flow, state }) => `${flow} ${state}`)).toEqual(['graph succeeded', 'etl succeeded']);
});

it('rejects, with what flowctl says, where no run began', async () => {
  program(`
    const why = (error) => error.name + ': ' + error.message;
    console.log(await runFlow(etl, { params: { n: 'x' }, stateDir }).catch(why));
    console.log(await runFlow(etl, { params: { n: 1 }, stateDir, fakes: {} }).catch(why));`);
  const { stdout } = await at.rig.startProgram(process.execPath, ['main.js']).ended;
  expect(stdout).toContain('OptionError: error: param `n` does not fit: it has to be a whole number');
  expect(stdout).toContain('there is no option `fakes`');
  expect(await rows()).toEqual([]);
});

it('rejects where the run to go on with is somebody else’s, or is none', async () => {
  const { rig } = at;
  const first = rig.start(['run', 'flows.js#long']);
  await eventually('the command runs', 30_000, () => rig.effects().includes('begun'));
  const [row] = await rows();
  program(`
    const why = ({ name, message }) => name + ': ' + message;
    console.log(await runFlow(long, { resume: '${row?.id}', stateDir }).catch(why));
    console.log(await runFlow(long, { resume: '01m80p6pfr3dq7wpet4ra0xvs0', stateDir }).catch(why));`);
  const { stdout } = await rig.startProgram(process.execPath, ['main.js']).ended;
  expect(stdout).toContain(`OptionError: error: run ${row?.id} is owned by process ${first.pid}`);
  expect(stdout).toContain('OptionError: error: there is no run `01m80p6pfr3dq7wpet4ra0xvs0`');
  first.process.kill('SIGTERM');
  await first.ended;
});

it('ends a run by a signal of the program, to be resumed', async () => {
  program(`
    import { existsSync, readFileSync } from 'node:fs';
    const controller = new AbortController();
    const timer = setInterval(() => { if (existsSync('effects') && readFileSync('effects', 'utf8').includes('begun')) controller.abort(); }, 20);
    const { state, exitCode, run } = await runFlow(long, { stateDir, signal: controller.signal });
    clearInterval(timer);
    console.log(state, exitCode, run.steps.map(({ key, state }) => key + ' ' + state).join());`);
  const { stdout } = await at.rig.startProgram(process.execPath, ['main.js']).ended;
  expect(stdout).toBe('cancelled 130 double succeeded,sh cancelled\n');
});

it('leaves nothing running when the program is killed', async () => {
  program('await runFlow(long, { stateDir });');
  const started = at.rig.startProgram(process.execPath, ['main.js']);
  await eventually('the command runs', 30_000, () => at.rig.effects().includes('begun'));
  started.process.kill('SIGKILL');
  await started.ended;
  let row: RunRow | undefined;
  await eventually('the run has ended', 30_000, async () => {
    [row] = await rows();
    return row?.state === 'cancelled';
  });
  expect(row).toMatchObject({ exit_code: 143 });
  expect(stepOf(await shown(at.rig), 'double')).toMatchObject({ state: 'succeeded' });
});
