/** Cases 4 to 6, exit codes, help, and the options that every command takes. */

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { chain, single } from '../kit/flows.ts';

const here = useCase();
const COMMANDS = 'run resume rerun cancel validate graph runs show logs init schema completion'.split(' ');

describe('a call that cannot be understood', () => {
  it.each([
    ['no arguments', []],
    ['an unknown option', ['run', '--nope', 'flow.yaml']],
    ['an unknown command', ['rum', 'flow.yaml']],
    ['a missing argument', ['run']],
    ['one argument too many', ['show', 'last', 'more']],
    ['an option without its value', ['run', 'flow.yaml', '--max-parallel']],
    ['a number that is none', ['run', 'flow.yaml', '--max-parallel', 'many']],
    ['zero at once', ['run', 'flow.yaml', '--max-parallel', '0']],
    ['an unknown output', ['run', 'flow.yaml', '--output', 'xml']],
    ['a param without a value', ['run', 'flow.yaml', '-p', 'limit']],
    ['an unknown param', ['run', 'flow.yaml', '-p', 'limti=3']],
    ['a param of the wrong type', ['run', 'flow.yaml', '-p', 'limit=many']],
    ['a missing file of params', ['run', 'flow.yaml', '--params-file', 'none.json']],
    ['an unknown log level', ['run', 'flow.yaml', '--log-level', 'loud']],
    ['an unknown state', ['runs', '--state', 'done']],
    ['an age that is none', ['runs', '--since', 'yesterday']],
    ['no number of an attempt', ['logs', 'a', '--attempt', 'x']],
    ['an unknown topic', ['help', 'Exit_Codes']],
  ])('case 4: %s: 2, said on stderr, stdout empty, no state made', async (_, argv) => {
    const { rig } = here;
    rig.write('flow.yaml', `params: { limit: 3 }\n${chain()}`);
    const { code, stdout, stderr } = await rig.flowctl(...argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
    expect(stderr).not.toMatch(/^\s+at .*\(.*:\d+:\d+\)/m);
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
    expect(rig.effects()).toEqual([]);
  });

  it.each([
    ['--max-parallel 0', ['run', 'flow.yaml', '--max-parallel', '0']],
    ['--limit 1.5', ['runs', '--limit', '1.5']],
    ['--attempt x', ['logs', 'a', '--attempt', 'x']],
    ['--since yesterday', ['runs', '--since', 'yesterday']],
  ])('`%s` is named as it was typed', async (typed, argv) => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    expect((await rig.flowctl(...argv)).stderr).toContain(`error: \`${typed}\`: expected `);
  });

  it('case 4: a required param that is missing: 2, named', async () => {
    const { rig } = here;
    rig.write('flow.yaml', `params: { date: { type: string } }\n${chain()}`);
    const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('`date`');
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
  });

  it('an id that can be none: 2; a prefix of several: 2 with the candidates', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    await rig.flowctl('run', 'flow.yaml');
    await rig.flowctl('run', 'flow.yaml');
    for (const id of ['../x', 'a/b', '%2e%2e%2f', '1'.repeat(10_000), '.', '..']) {
      for (const command of ['show', 'logs']) {
        const argv = command === 'logs' ? [command, id, 'a'] : [command, id];
        const { code, stdout } = await rig.flowctl(...argv);
        expect({ command, id: id.slice(0, 20), code, stdout }).toEqual({
          command,
          id: id.slice(0, 20),
          code: 2,
          stdout: '',
        });
      }
    }
    const { code, stdout, stderr } = await rig.flowctl('show', '0');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    for (const id of rig.runIds()) expect(stderr).toContain(id);
    expect((await rig.flowctl('show', rig.runIds()[0]?.slice(0, 25) ?? '')).code).toBe(0);
  });
});

describe('a definition that is rejected', () => {
  it.each([
    ['a cycle', 'steps:\n  a: { needs: b, run: x }\n  b: { needs: a, run: x }\n'],
    ['unknown needs', 'steps:\n  a: { needs: nobody, run: x }\n'],
    ['a duplicate key', 'steps:\n  a: { run: x }\n  a: { run: y }\n'],
    ['a wrong type', 'steps:\n  a: { run: 7 }\n'],
    ['an indentation by tabs', 'steps:\n\ta: { run: x }\n'],
    ['two documents', 'steps: { a: { run: x } }\n---\nsteps: { b: { run: x } }\n'],
    ['an empty file', ''],
    ['no steps', 'name: nothing\nsteps: {}\n'],
  ])('case 5: %s: 3, with file, line and column, no run', async (_, text) => {
    const { rig } = here;
    rig.write('flow.yaml', text);
    for (const command of ['run', 'validate']) {
      const { code, stdout, stderr } = await rig.flowctl(command, 'flow.yaml');
      expect(code, command).toBe(3);
      expect(command === 'run' ? stderr : stdout).toMatch(/flow\.yaml(:\d+:\d+)?/);
      if (text !== '') expect(command === 'run' ? stderr : stdout).toMatch(/flow\.yaml:\d+:\d+/);
    }
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
  });

  it('case 5: all problems at once, each with its place', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `steps:
  a: { runn: x }
  b: { needs: nobody, run: x }
  c: { run: x, timeout: soon }
`,
    );
    const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect(code).toBe(3);
    for (const line of [2, 3, 4]) expect(stderr).toMatch(new RegExp(`flow\\.yaml:${line}:\\d+`));
  });
});

describe('what is not there', () => {
  it('case 6: no such flow file, run, step, attempt: 4; nothing at all yet: 4', async () => {
    const { rig } = here;
    for (const argv of [
      ['run', 'none.yaml'],
      ['validate', 'none.yaml'],
      ['resume'],
      ['resume', 'zzz'],
      ['show'],
      ['logs'],
    ]) {
      const { code, stdout, stderr } = await rig.flowctl(...argv);
      expect({ argv, code, stdout }).toEqual({ argv, code: 4, stdout: '' });
      expect(stderr).not.toBe('');
      expect(existsSync(rig.path('.flowctl')), argv.join(' ')).toBe(false);
    }
    rig.write('flow.yaml', chain());
    await rig.flowctl('run', 'flow.yaml');
    const absent = '01aaaaaaaaaaaaaaaaaaaaaaaa';
    for (const argv of [
      ['show', absent],
      ['resume', absent],
      ['resume', 'zzz'],
      ['logs', 'zzz'],
      ['logs', absent, 'a'],
      ['logs', 'a', '--attempt', '2'],
      ['resume', '--from', 'nobody'],
    ]) {
      const { code, stdout, stderr } = await rig.flowctl(...argv);
      expect({ argv, code, stdout }).toEqual({ argv, code: 4, stdout: '' });
      expect(stderr).not.toBe('');
    }
  });
});

describe('help', () => {
  it.each(COMMANDS)('%s --help: 0, on stdout, with examples of that command', async (command) => {
    const { rig } = here;
    const { code, stdout, stderr } = await rig.flowctl(command, '--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(new RegExp(`^Usage: flowctl ${command} `));
    expect(stdout.slice(stdout.indexOf('Examples:'))).toContain(`$ flowctl ${command}`);
    expect((await rig.flowctl('help', command)).stdout).toBe(stdout);
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
  });

  it('--help names every command and has examples; help without a topic is the same', async () => {
    const { rig } = here;
    const { code, stdout } = await rig.flowctl('--help');
    expect(code).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    expect(stdout).toContain('Examples:');
    expect((await rig.flowctl('help')).stdout).toBe(stdout);
  });

  it('a flow where a command should be: 2, with what to type', async () => {
    const { code, stderr } = await here.rig.flowctl('flow.yaml');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'error: `flow.yaml` is no command\nhelp: to run a flow: flowctl run flow.yaml\n',
    });
  });

  it('help exit-codes prints every code of the contract', async () => {
    const { code, stdout } = await here.rig.flowctl('help', 'exit-codes');
    expect(code).toBe(0);
    const codes = [...stdout.matchAll(/^ *(\d+) {2}\S/gm)].map(([, number]) => Number(number));
    expect(codes).toEqual([0, 1, 2, 3, 4, 5, 6, 65, 70, 74, 75, 77, 124, 129, 130, 143]);
  });

  it('--version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8'));
    for (const argv of [['--version'], ['-V']]) {
      expect(await here.rig.flowctl(...argv)).toEqual({ code: 0, signal: null, stdout: `${version}\n`, stderr: '' });
    }
  });
});

describe('options that every command takes', () => {
  it('mean the same before and after the command', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    await rig.flowctl('--state-dir', 'elsewhere', 'run', 'flow.yaml');
    await rig.flowctl('run', '--state-dir', 'elsewhere', 'flow.yaml');
    await rig.flowctl('run', 'flow.yaml', '--state-dir=elsewhere');
    const before = await rig.flowctl('--state-dir', 'elsewhere', 'runs', '--json');
    const after = await rig.flowctl('runs', '--json', '--state-dir', 'elsewhere');
    expect(JSON.parse(before.stdout)).toHaveLength(3);
    expect(after.stdout).toBe(before.stdout);
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
    for (const argv of [
      ['-q', 'run', 'flow.yaml'],
      ['run', 'flow.yaml', '-q'],
      ['--quiet', '--log-level', 'error', 'run', 'flow.yaml'],
    ]) {
      expect(await rig.flowctl(...argv)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    }
  });

  it('-q says only what failed, --log-level warn leaves out what went well, error the rest', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ c: "run: 'echo last words; exit 3'" }));
    const quiet = await rig.flowctl('run', 'flow.yaml', '-q');
    expect({ code: quiet.code, stdout: quiet.stdout }).toEqual({ code: 1, stdout: '' });
    expect(quiet.stderr).toMatch(/c: exited with code 3.*last words.*flowctl resume/s);
    const info = await rig.flowctl('run', 'flow.yaml', '--log-level', 'info');
    expect(info.stdout).toMatch(/ a started\n.* a succeeded.* c failed/s);
    const warn = await rig.flowctl('run', 'flow.yaml', '--log-level', 'warn');
    expect(warn.stdout).toMatch(/ c failed/);
    expect(warn.stdout).not.toMatch(/ a (started|succeeded)/);
    const error = await rig.flowctl('run', 'flow.yaml', '--log-level', 'error');
    expect(error.stdout).not.toMatch(/^\d{4}-/m);
    expect(error.stdout).toMatch(/^c: exited with code 3$/m);
    rig.write('pipe.yaml', 'steps: { a: { run: "echo x | cat" } }\n');
    expect((await rig.flowctl('run', 'pipe.yaml', '--log-level', 'warn')).stderr).toContain('warning[pipe_in_sh]');
    for (const silent of [['-q'], ['--log-level', 'error']])
      expect((await rig.flowctl('run', 'pipe.yaml', ...silent)).stderr).toBe('');
  });

  it('colours: NO_COLOR, FORCE_COLOR, --color, --no-color, none to a pipe', async () => {
    const { rig } = here;
    rig.write('flow.yaml', single("run: 'true'"));
    rig.write('bad.yaml', 'steps: { a: { runn: x } }\n');
    const coloured = async (env: { [name: string]: string }, ...flags: string[]): Promise<boolean[]> => {
      const run = await rig.flowctlWith({ env }, ...flags, 'run', 'flow.yaml');
      const bad = await rig.flowctlWith({ env }, 'validate', ...flags, 'bad.yaml');
      expect([run.code, bad.code]).toEqual([0, 3]);
      return [run.stdout.includes('\u001b['), bad.stdout.includes('\u001b[')];
    };
    expect(await coloured({})).toEqual([false, false]);
    expect(await coloured({ FORCE_COLOR: '1' })).toEqual([true, true]);
    expect(await coloured({ FORCE_COLOR: '0' })).toEqual([false, false]);
    expect(await coloured({ NO_COLOR: '1', FORCE_COLOR: '1' })).toEqual([false, false]);
    expect(await coloured({ NO_COLOR: '1' }, '--color')).toEqual([true, true]);
    expect(await coloured({ FORCE_COLOR: '1' }, '--no-color')).toEqual([false, false]);
  });
});
