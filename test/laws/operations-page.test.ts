/** docs/operations.md is tried: its crontab as cron would run it, its units as systemd reads them and would end them. */

import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { onlyRun } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import type { RunRow } from '../../src/model/view.ts';
import { BIN, type Rig, type Started } from '../kit/rig.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/operations.md'), 'utf8');
const here = useCase();

const blocks = (language: string): readonly string[] =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, text = '']) => text);

const FLOW = blocks('yaml')[0] ?? '';
/** Where the page has its project. */
const FOLDER = '/srv/flights';
const [CRONTAB = ''] = blocks('crontab');
const unit = (name: string): string => blocks('ini').find((text) => text.includes(`/${name}\n`)) ?? '';

/** Puts `flowctl` where the page has it, and the project's flow with other commands. */
function install(rig: Rig, steps: { readonly extract: string; readonly load: string }): void {
  const program = rig.write('bin/flowctl', `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`);
  chmodSync(program, 0o755);
  rig.write('package.json', '{}');
  const flow = FLOW.replace('./extract.sh', JSON.stringify(steps.extract)).replace(
    './load.sh',
    JSON.stringify(steps.load),
  );
  expect(flow).not.toContain('.sh');
  rig.write('flights.yaml', flow.replace(/^on_failure:[\s\S]*/m, ''));
}

/** A crontab: the variables that it sets, and its only command. */
function crontab(rig: Rig): { readonly variables: readonly string[]; readonly command: string } {
  const lines = CRONTAB.replaceAll(FOLDER, rig.folder).trim().split('\n');
  const commands = lines.flatMap((line) => /^(?:\S+ ){5}(.*)$/.exec(line)?.[1] ?? []);
  expect(commands).toHaveLength(1);
  return { variables: lines.filter((line) => /^[A-Z]+=/.test(line)), command: commands[0] ?? '' };
}

/** As cron does: a bare environment, `/bin/sh`, no input, no terminal, another folder. */
function byCron(rig: Rig, folder: string, path = `${rig.path('bin')}:/usr/bin:/bin`): Started {
  const { variables, command } = crontab(rig);
  const env = [
    'HOME=/root',
    'LOGNAME=root',
    'SHELL=/bin/sh',
    ...variables,
    `PATH=${path}`,
    `EFFECTS=${rig.path('effects')}`,
  ];
  const more = `PUPPETS=${rig.path('puppets.sock')}`;
  return rig.startProgram('setsid', ['-w', 'env', '-i', ...env, more, '/bin/sh', '-c', command], { cwd: folder });
}

describe('the crontab', () => {
  it.each(['/', '/tmp'])(
    'from %s: nothing is said of a success, and the run is recorded in its project',
    async (folder) => {
      const { rig } = here;
      install(rig, { extract: 'echo "extract $(pwd)" >> "$EFFECTS"', load: 'echo load >> "$EFFECTS"' });
      expect(await byCron(rig, folder).ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
      expect(rig.effects()).toEqual([`extract ${rig.folder}`, 'load']);
      expect(await onlyRun(rig)).toMatchObject({ flow: 'flights', state: 'succeeded' });
    },
  );

  it('a failure is said, with its reason, and with the end of the log', async () => {
    const { rig } = here;
    install(rig, { extract: 'true', load: 'echo the reason; exit 3' });
    const { code, stdout, stderr } = await byCron(rig, '/').ended;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('load: exited with code 3\n  the reason\n');
  });

  it('a run that overlaps another one is recorded, and nothing is said of it', async () => {
    const { rig } = here;
    const stage = await here.stage();
    install(rig, { extract: 'true', load: Stage.step('load').replaceAll('"', "'").slice(1, -1).replaceAll(',', ' ') });
    const first = byCron(rig, '/');
    const puppet = await stage.enter('load');
    expect(await byCron(rig, '/').ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await puppet.exit(0);
    expect(await first.ended).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const rows = await rig.query<RunRow[]>('runs');
    expect(rows.map(({ state, exit_code }) => [state, exit_code])).toEqual([
      ['skipped', 75],
      ['succeeded', 0],
    ]);
  });

  it('node that is not on the PATH is said in the words of the page', async () => {
    const { rig } = here;
    install(rig, { extract: 'true', load: 'true' });
    const program = rig.write('bin/flowctl', readFileSync(BIN, 'utf8'));
    chmodSync(program, 0o755);
    const { code, stderr } = await byCron(rig, '/', rig.path('bin')).ended;
    expect(code).toBe(127);
    expect(stderr.replaceAll(/[‘’]/g, "'")).toContain("env: 'node': No such file or directory");
    expect(page).toContain("`env: 'node': No such file or directory`");
  });
});

describe('the units', () => {
  const canVerify = spawnSync('systemd-analyze', ['--version'], { stdio: 'ignore' }).status === 0;

  it.skipIf(!canVerify)('are what systemd understands (needs systemd-analyze)', () => {
    const { rig } = here;
    install(rig, { extract: 'true', load: 'true' });
    const service = unit('flights.service').replace('/usr/local/bin/flowctl', rig.path('bin/flowctl'));
    const files = [rig.write('flights.service', service), rig.write('flights.timer', unit('flights.timer'))];
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...files], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    // It would say what it does not understand.
    const wrong = rig.write('wrong.service', service.replace('KillMode=mixed', 'KillMode=main'));
    expect(spawnSync('systemd-analyze', ['verify', '--man=no', wrong], { encoding: 'utf8' }).stderr).toContain('kill');
  });

  it('end a run as `systemctl stop` does, in less than the time that they give it', async () => {
    const { rig } = here;
    const stage = await here.stage();
    const service = unit('flights.service');
    const limitMs = Number(/^TimeoutStopSec=(\d+)$/m.exec(service)?.[1]) * 1_000;
    expect(service).toMatch(/^KillMode=mixed$/m);
    // With the grace time that is usual, twice: for steps, then for handlers, with what they have to themselves.
    expect(limitMs).toBeGreaterThan(5_000 + 2_000 + 5_000 + 1_000);
    install(rig, {
      extract: 'true',
      load: Stage.step('load', 'SIGTERM').replaceAll('"', "'").slice(1, -1).replaceAll(',', ' '),
    });
    const [program = '', ...words] = (/^ExecStart=(.*)$/m.exec(service)?.[1] ?? '').split(' ');
    expect(program).toBe('/usr/local/bin/flowctl');
    expect(words).toContain('flights.yaml');
    expect(/^WorkingDirectory=(.*)$/m.exec(service)?.[1]).toBe(dirname(`${FOLDER}/flights.yaml`));
    const run = rig.startProgram(rig.path('bin/flowctl'), words);
    const puppet = await stage.enter('load');
    // `mixed`: the main process alone.
    run.process.kill('SIGTERM');
    const began = performance.now();
    expect((await run.ended).signal).toBe('SIGTERM');
    expect(performance.now() - began).toBeLessThan(limitMs);
    expect(puppet.signals).toEqual(['SIGTERM']);
    expect(await onlyRun(rig)).toMatchObject({ state: 'cancelled', exit_code: 143 });
  });
});

it('the flow of the page is valid', async () => {
  const { rig } = here;
  const checked = await rig.flowctl('validate', rig.write('flights.yaml', FLOW));
  expect(checked.code, checked.stdout + checked.stderr).toBe(0);
});
