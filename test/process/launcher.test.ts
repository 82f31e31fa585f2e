import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { directLauncher, type LaunchedProcess } from '../../src/process/launcher.ts';
import { systemProgram } from '../../src/process/programs.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-launcher-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Starts `node -p` behind the gate; what it prints lands in the file. */
async function launch(env: { readonly [name: string]: string }, file: string): Promise<LaunchedProcess> {
  const output = openSync(file, 'w');
  const argv = [process.execPath, '-p', 'JSON.stringify(process.env)'];
  const launch = await directLauncher().launch({ argv, env, workdir: folder, input: null, output, errors: output });
  closeSync(output);
  if (launch.kind !== 'launched') throw new Error(JSON.stringify(launch));
  return launch.process;
}

test.skipIf(systemProgram('bash') === null)(
  'variables whose names no shell can use arrive, and nothing in the environment runs before the gate opens',
  async () => {
    const mark = path.join(folder, 'mark');
    const script = path.join(folder, 'bash-env');
    writeFileSync(script, `echo early > '${mark}'`);
    const hijack = `() {  echo early > '${mark}'\n}`;
    const env = {
      PATH: '/usr/bin:/bin',
      'my.var': 'hi',
      'A-B': ' x\ny ',
      'BASH_FUNC_read%%': hijack,
      'BASH_FUNC_exec%%': hijack,
      BASH_ENV: script,
    };
    const file = path.join(folder, 'odd.json');
    const launched = await launch(env, file);
    launched.release();
    expect(await launched.exited).toEqual({ exitCode: 0, signal: null });
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject(env);
    expect(existsSync(mark)).toBe(false);
  },
);

test('what bash says of itself does not reach the command', async () => {
  const file = path.join(folder, 'options.json');
  const launched = await launch({ PATH: '/usr/bin:/bin', 'my.var': 'hi', SHELLOPTS: 'xtrace' }, file);
  launched.release();
  expect(await launched.exited).toEqual({ exitCode: 0, signal: null });
  expect(readFileSync(file, 'utf8')).not.toContain('privileged');
});

test('an odd environment behind a gate that never opens runs nothing', async () => {
  const file = path.join(folder, 'never');
  const launched = await launch({ PATH: '/usr/bin:/bin', 'my.var': 'hi' }, file);
  launched.discard();
  expect(await launched.exited).toEqual({ exitCode: null, signal: 'SIGKILL' });
  expect(readFileSync(file, 'utf8')).toBe('');
});
