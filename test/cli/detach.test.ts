/** `run --detach`: the run outlives whoever started it (F4), and everything that is refused is refused before. */

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { onlyRun, shown } from '../kit/flows.ts';
import { hasTerminals, onTerminal } from '../kit/terminal.ts';
import { Stage } from '../kit/puppet.ts';
import { BIN, eventually } from '../kit/rig.ts';

const here = useCase();

const hasEnded = (id: string) => async (): Promise<boolean> => (await shown(here.rig, id)).exit_code !== null;

it('prints the id and nothing else when the run is on disk, and the run goes on', async () => {
  const { rig } = here;
  const stage = await here.stage();
  rig.write('flow.yaml', `steps:\n  only: { run: ${Stage.step('only')} }\n`);
  const run = await rig.flowctl('run', 'flow.yaml', '--detach');
  expect(run, run.stderr).toMatchObject({ code: 0 });
  const id = run.stdout.trim();
  expect(run.stdout).toBe(`${id}\n`);
  expect(run.stderr).toContain(`flowctl logs ${id} -f`);
  const puppet = await stage.enter('only');
  expect(await onlyRun(rig)).toMatchObject({ id, state: 'running' });
  await puppet.exit(0);
  await eventually('the run has ended', 20_000, hasEnded(id));
  expect(await shown(rig, id)).toMatchObject({ state: 'succeeded', exit_code: 0 });
  const said = readFileSync(rig.path('.flowctl', 'runs', id, 'detached.log'), 'utf8');
  expect(said).toContain('only succeeded');
  expect(said).toContain('\nsucceeded in ');
});

it('survives its terminal, and a SIGHUP that is sent to it; SIGTERM ends it', async () => {
  if (!hasTerminals) return;
  const { rig } = here;
  const stage = await here.stage();
  rig.write('flow.yaml', `steps:\n  only: { run: ${Stage.step('only', 'SIGTERM')} }\n`);
  const shell = '"$NODE" "$BIN" run flow.yaml --detach 2> said; read -r _';
  const terminal = onTerminal(rig, ['/bin/sh', '-c', shell]);
  const puppet = await stage.enter('only');
  terminal.close();
  await terminal.ended;
  const [owner] = /process (\d+)/.exec(rig.read('said'))?.slice(1).map(Number) ?? [];
  if (owner === undefined) throw new Error(rig.read('said'));
  process.kill(owner, 'SIGHUP');
  await puppet.print('still here');
  const { id, state } = await onlyRun(rig);
  expect(state).toBe('running');
  process.kill(owner, 'SIGTERM');
  await puppet.catches('SIGTERM');
  await eventually('the run has ended', 20_000, hasEnded(id));
  expect(await shown(rig, id)).toMatchObject({ state: 'cancelled', exit_code: 143 });
});

it.each([
  ['an unknown step', 'steps:\n  a: { run: "true", needs: b }\n', [], 3, '`b`'],
  [
    'a missing param',
    'params: { n: { type: integer } }\nsteps:\n  a: { run: "true" }\n',
    [],
    2,
    'param `n` is missing',
  ],
  ['a missing secret', 'secrets: [NOT_THERE]\nsteps:\n  a: { run: "true" }\n', [], 2, '`NOT_THERE`'],
  ['a step that is not there', 'steps:\n  a: { run: "true" }\n', ['--only', 'b'], 4, '`b`'],
  ['two wishes', 'steps:\n  a: { run: "true" }\n', ['--dry-run'], 2, '--dry-run'],
])('refuses %s as `run` does, and makes nothing', async (_, text, more, code, message) => {
  const { rig } = here;
  rig.write('flow.yaml', text);
  const run = await rig.flowctl('run', 'flow.yaml', '--detach', ...more);
  expect(run, run.stderr).toMatchObject({ code, stdout: '' });
  expect(run.stderr).toContain(message);
  expect(existsSync(rig.path('.flowctl'))).toBe(false);
});

it('says what the second process says when that cannot make the run, with its exit code', async () => {
  const { rig } = here;
  // The first process has checked the folder; what is wrong with the next one only whoever makes the run finds.
  rig.write('flow.yaml', 'steps:\n  a: { run: "true" }\n');
  await rig.flowctl('run', 'flow.yaml');
  const [first = ''] = rig.runIds();
  rig.give({ NODE_OPTIONS: `--require ${rig.write('block.cjs', BLOCK)}` });
  const run = await rig.flowctl('run', 'flow.yaml', '--detach');
  rig.give({ NODE_OPTIONS: undefined });
  expect(run, run.stderr).toMatchObject({ code: 74, stdout: '' });
  expect(run.stderr).toContain('EROFS');
  expect(rig.runIds()).toEqual([first]);
});

/** No folder of a run can be made by the second process. */
const BLOCK = `
const fs = require('node:fs');
const { mkdirSync } = fs;
if (process.argv0 === 'flowctl-detached') {
  fs.mkdirSync = (path, ...rest) => {
    if (/runs\\/[^/]+$/.test(String(path))) throw Object.assign(new Error('EROFS: read-only'), { code: 'EROFS', errno: -30, syscall: 'mkdir' });
    return mkdirSync(path, ...rest);
  };
}
`;

it('reads secrets once, on the terminal of whoever started it, and hands them over by no argument or variable', async () => {
  const { rig } = here;
  const stage = await here.stage();
  rig.write(
    'flow.yaml',
    [
      'secrets:',
      '  KEY: { command: "echo asked >> asked; echo a-long-secret" }',
      'steps:',
      '  use: { run: \'test "$KEY" = a-long-secret && echo "$KEY"\', env: { KEY: "${{ secrets.KEY }}" } }',
      `  wait: { needs: use, run: ${Stage.step('wait')} }`,
      '',
    ].join('\n'),
  );
  const { stdout } = await rig.flowctl('run', 'flow.yaml', '--detach');
  const id = stdout.trim();
  const puppet = await stage.enter('wait');
  const parentOf = (pid: number | string): string =>
    readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[1] ?? '';
  const parent = parentOf(puppet.pid);
  const isStarter = readFileSync(`/proc/${parent}/cmdline`, 'latin1').startsWith('flowctl-starter');
  const owner = isStarter ? parentOf(parent) : parent;
  const seen = ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${owner}/${file}`, 'latin1'));
  expect(seen[0]).toContain(BIN);
  expect(seen.join('')).not.toContain('a-long-secret');
  await puppet.exit(0);
  await eventually('the run has ended', 20_000, hasEnded(id));
  expect(await shown(rig, id)).toMatchObject({ state: 'succeeded' });
  expect(rig.read('asked')).toBe('asked\n');
  expect((await rig.flowctl('logs', id, 'use')).stdout).toBe('***\n');
});

it("case 66: what an earlier starter of the same run left behind when it was killed is in nobody's way", async () => {
  const { rig } = here;
  rig.write('flow.yaml', 'steps:\n  only: { run: "echo ran >> $EFFECTS" }\n');
  expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
  const run = `${(await onlyRun(rig)).id.slice(0, -4)}0000`;
  const draft = rig.write(`.flowctl/detached-${run}.tmp`, '');
  const claim = { run, scheduled_for: '2026-01-01T00:00:00.000Z', trigger: 'schedule', schedule: null };
  const started = await rig.flowctl('run', 'flow.yaml', '--detach', '--claim', JSON.stringify(claim));
  expect(started, started.stderr).toMatchObject({ code: 0, stdout: `${run}\n` });
  await eventually('the run has ended', 20_000, hasEnded(run));
  expect(rig.effects()).toEqual(['ran', 'ran']);
  rmSync(draft);
});
