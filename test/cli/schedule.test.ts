import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';

const here = useCase();

describe('flowctl schedule export', () => {
  it('prints a line for crontab that works with nothing but what cron gives', async () => {
    const { rig } = here;
    rig.write('50% off/flow.yaml', 'name: now\nschedules: [{ interval: 1h }]\nsteps: { a: { run: echo hi } }\n');
    const folder = rig.path('50% off');
    await rig.flowctlWith({ cwd: folder }, 'deploy', 'flow.yaml', '--state-dir', `${folder}/.flowctl`);
    const { stdout } = await rig.flowctlWith(
      { cwd: folder },
      'schedule',
      'export',
      '--crontab',
      '--state-dir',
      `${folder}/.flowctl`,
    );
    const [line = ''] = stdout.split('\n').filter((each) => each.startsWith('* * * * * '));
    // cron takes the backslash of `\%` away, and hands the rest to /bin/sh.
    const command = line.slice('* * * * * '.length).replaceAll('\\%', '%');
    const ended = spawnSync('/bin/sh', ['-c', command], {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin', HOME: '/' },
      encoding: 'utf8',
    });
    expect([ended.status, ended.stdout, ended.stderr]).toEqual([0, '', '']);
  });

  it.skipIf(spawnSync('systemd-analyze', ['--version']).status !== 0)(
    'prints a unit that systemd takes (needs systemd-analyze)',
    async () => {
      const { rig } = here;
      const { stdout } = await rig.flowctl('schedule', 'export', '--systemd');
      const unit = rig.write('flowctl.service', stdout);
      const ended = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' });
      expect(ended.stderr.split('\n').filter((line) => line.includes('flowctl.service'))).toEqual([]);
      expect(stdout).toContain('KillMode=process');
    },
  );
});

describe('flowctl schedule next', () => {
  it('lists the instants of a schedule that is given: JSON is an array of instants in UTC', async () => {
    const { rig } = here;
    const options = ['--cron', '30 2 * * *', '--timezone', 'America/New_York', '--from', '2027-03-13', '-n', '3'];
    const json = await rig.flowctl('schedule', 'next', ...options, '--json');
    const expected = ['2027-03-13T07:30:00.000Z', '2027-03-14T07:30:00.000Z', '2027-03-15T06:30:00.000Z'];
    expect(JSON.parse(json.stdout)).toEqual(expected);
    const text = await rig.flowctl('schedule', 'next', ...options);
    expect(text.stdout).toContain('at 02:30 (America/New_York)');
    expect(text.stdout).toContain('Sun 2027-03-14 03:30:00 -04:00  2027-03-14T07:30:00Z');
  });

  it('lists those of a flow, each active schedule by itself; JSON: all of them together', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `schedules:
  - { cron: "0 6 * * *", timezone: Europe/Berlin }
  - { interval: 1d, anchor: "2026-01-01T05:00Z", start: 2027-01-02 }
  - { cron: "* * * * *", active: false }
steps: { a: { run: echo hi } }
`,
    );
    const json = await rig.flowctl('schedule', 'next', 'flow.yaml', '--from', '2027-01-01T00:00Z', '-n', '3', '--json');
    expect(JSON.parse(json.stdout)).toEqual([
      '2027-01-01T05:00:00.000Z',
      '2027-01-02T05:00:00.000Z',
      '2027-01-03T05:00:00.000Z',
    ]);
    const text = await rig.flowctl('schedule', 'next', 'flow.yaml', '--from', '2027-01-01T00:00Z', '-n', '1');
    expect(text.stdout).toContain('at 06:00 (Europe/Berlin)');
    expect(text.stdout).toContain('every day from 2026-01-01T05:00Z (UTC)');
    expect(text.stdout).toContain('Sat 2027-01-02 05:00:00 +00:00');
  });

  it('says what is wrong with an expression (2), a flow (3), and that there is none (0)', async () => {
    const { rig } = here;
    const wrong = async (...options: readonly string[]) => {
      const { code, stderr } = await rig.flowctl('schedule', 'next', ...options);
      return `${code} ${stderr.split('\n')[0]}`;
    };
    expect(await wrong('--cron', '0 0 30 2 *')).toBe('2 error: `--cron`: `0 0 30 2 *` names no day that ever comes');
    expect(await wrong('--cron', '@daily', '--timezone', 'Europe/Berln')).toBe(
      '2 error: `--timezone`: there is no time zone `Europe/Berln`',
    );
    expect(await wrong('--interval', '5 minutes')).toMatch(/^2 error: `--interval 5 minutes`/);
    expect(await wrong('--anchor', '2026-01-01')).toMatch(/^2 error: /);
    expect(await wrong('--cron', '@daily', '--from', 'soon')).toMatch(/^2 error: `--from soon`/);
    expect(await wrong()).toMatch(/^2 error: /);
    expect(await wrong('missing.yaml')).toMatch(/^4 /);
    rig.write('bad.yaml', 'schedules: [{ cron: "0 6 * *" }]\nsteps: { a: { run: echo hi } }\n');
    expect(await wrong('bad.yaml')).toMatch(/^3 error\[invalid_schedule\]/);
    rig.write('none.yaml', 'steps: { a: { run: echo hi } }\n');
    const none = await rig.flowctl('schedule', 'next', 'none.yaml', '--json');
    expect([none.code, none.stdout]).toEqual([0, '[]\n']);
  });
});
