import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AttemptRequest } from '../../src/engine/ports.ts';
import type { ShellName } from '../../src/model/flow.ts';
import { interpreterLine } from '../../src/runners/interpreters.ts';
import { createRig, type Rig } from '../executors/rig.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-'));
afterAll(() => rmSync(folder, { recursive: true }));
const put = (name: string, mode = 0o755): string => {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n');
  chmodSync(file, mode);
  return file;
};
const line = (shell: ShellName, text: string, searchPath: string) =>
  interpreterLine(shell, text, { searchPath, workdir: folder, scriptFile: "/it's/script" });
const long = '#'.repeat(100_001);

describe('a command line', () => {
  const all = path.dirname(put('all/python3'));
  for (const name of ['python', 'node', 'pwsh']) put(`all/${name}`);
  const old = path.dirname(put('old/python'));
  const dull = path.dirname(put('dull/python3', 0o644));

  test('of python has the text as it is, or reads it from a file', () => {
    const python3 = path.join(all, 'python3');
    expect(line('python', '-x', all)).toEqual({
      ok: true,
      value: { argv: [python3, '-u', '-c', '-x'], script: null },
    });
    expect(line('python', long, all)).toMatchObject({
      ok: true,
      value: { argv: [python3, '-u', '-c', expect.stringContaining('sys.argv'), "/it's/script"], script: long },
    });
  });

  test.each([
    [`${old}:${all}`, path.join(all, 'python3')],
    [old, path.join(old, 'python')],
    [`${dull}:${old}`, path.join(old, 'python')],
  ])('of python in %s is %s', (searchPath, program) => {
    expect(line('python', '', searchPath)).toMatchObject({ value: { argv: [program, '-u', '-c', ''] } });
  });

  test('of node has the node of the PATH, else the one that runs', () => {
    const rest = ['--input-type=module', '--eval=-1'];
    expect(line('node', '-1', all)).toEqual({
      ok: true,
      value: { argv: [path.join(all, 'node'), ...rest], script: null },
    });
    expect(line('node', '-1', '/none')).toEqual({
      ok: true,
      value: { argv: [process.execPath, ...rest], script: null },
    });
  });

  test('of pwsh is that of GitHub Actions', () => {
    const end = 'if (Test-Path -LiteralPath variable:\\LASTEXITCODE) { exit $LASTEXITCODE }';
    const start = [path.join(all, 'pwsh'), '-NoProfile', '-NonInteractive', '-Command'];
    expect(line('pwsh', "Write-Output 'a'", all)).toEqual({
      ok: true,
      value: { argv: [...start, `$ErrorActionPreference = 'stop'\nWrite-Output 'a'\n${end}`], script: null },
    });
    const reader = ". ([ScriptBlock]::Create([IO.File]::ReadAllText('/it''s/script')))";
    expect(line('pwsh', long, all)).toEqual({
      ok: true,
      value: { argv: [...start, `$ErrorActionPreference = 'stop'\n${reader}\n${end}`], script: long },
    });
  });

  test.each<[ShellName, string, string, string]>([
    ['python', '/none', 'command_not_found', 'neither `python3` nor `python` was found in PATH'],
    ['python', dull, 'command_not_executable', `\`python3\` is not executable: \`${path.join(dull, 'python3')}\``],
    ['pwsh', '/none', 'command_not_found', 'the command `pwsh` was not found in PATH'],
  ])('of a missing %s names it', (shell, searchPath, code, message) => {
    expect(line(shell, '', searchPath)).toEqual({ ok: false, error: { code, message } });
  });

  test('of node cannot have a text that is too long, and says what to do', () => {
    expect(line('node', 'x'.repeat(131_064), all)).toMatchObject({ ok: true });
    expect(line('node', 'x'.repeat(131_065), all)).toMatchObject({
      error: { code: 'arguments_too_large', message: expect.stringContaining('put it in a file') },
    });
  });
});

describe('it runs', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = createRig();
  });
  afterEach(() => rig.close());
  const run = (shell: ShellName, text: string, changes: Partial<AttemptRequest> = {}) =>
    rig.start(rig.request({ kind: 'shell', shell, text }, changes)).done;
  const put = (name: string, text: string) => writeFileSync(path.join(rig.folder, name), text);
  const hasPython = (): boolean => {
    try {
      execFileSync('python3', ['-c', ''], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };

  describe.skipIf(!hasPython())('python', () => {
    test.each(['', long])('with modules of the working directory, standard input, and outputs', async (comment) => {
      put('mine.py', 'def double(text): return text * 2\n');
      const text = `import json, os, sys\nfrom mine import double\nassert sys.argv == ['-c'] and __name__ == '__main__'
print(json.dumps({'in': double(sys.stdin.read()), 'value': os.environ['V']}))\n${comment}`;
      const end = await run('python', text, { stdin: 'ab', output: 'json', values: { V: '1' } });
      expect([end, rig.log().toString()]).toMatchObject([
        { kind: 'succeeded', outputs: { kind: 'inline', value: { in: 'abab', value: '1' } } },
        '{"in": "abab", "value": "1"}\n',
      ]);
    });

    test.each(['', long])('with tracebacks whose lines are those of the text', async (comment) => {
      const end = await run('python', `import sys\n\ndef f():\n    raise ValueError('no')\nf()\n${comment}`);
      expect(end).toMatchObject({ kind: 'failed', exit_code: 1, signal: null });
      expect(rig.log().toString()).toMatch(/line 5, in <module>[\s\S]*line 4, in f[\s\S]*ValueError: no/);
    });

    test('so that both streams are in order', async () => {
      await run('python', 'import sys\nfor i in range(3):\n  print("out", i)\n  print("err", i, file=sys.stderr)');
      expect(rig.log().toString()).toBe('out 0\nerr 0\nout 1\nerr 1\nout 2\nerr 2\n');
    });

    test('with its own exit codes', async () => {
      expect(await run('python', 'raise SystemExit(137)')).toMatchObject({ exit_code: 137, signal: null });
    });
  });

  describe('node', () => {
    test('an ES module with top-level await, modules of the working directory, standard input, and outputs', async () => {
      put('mine.mjs', 'export const double = (text) => text + text;\n');
      const text = `-1;
import { text } from 'node:stream/consumers';
import { double } from './mine.mjs';
console.log(JSON.stringify(double(await text(process.stdin))));`;
      const end = await run('node', text, { stdin: 'ab', output: 'json' });
      expect(end).toMatchObject({ kind: 'succeeded', outputs: { kind: 'inline', value: 'abab' } });
    });

    test('with stacks whose lines are those of the text', async () => {
      expect(await run('node', "\nconst f = () => {\n  throw new Error('no');\n};\nf();")).toMatchObject({
        exit_code: 1,
      });
      expect(rig.log().toString()).toMatch(/Error: no\s+at f \(.*:3:9\)\s+at .*:5:1/);
    });

    test('the one of the step’s own PATH', async () => {
      put('node', '#!/bin/sh\necho fake\n');
      chmodSync(path.join(rig.folder, 'node'), 0o755);
      await run('node', '1', { env: { PATH: `${rig.folder}:/usr/bin:/bin` } });
      expect(rig.log().toString()).toBe('fake\n');
    });
  });

  test('a missing one fails the step, and names it', async () => {
    const bin = path.join(rig.folder, 'bin');
    mkdirSync(bin);
    symlinkSync('/bin/sh', path.join(bin, 'sh'));
    for (const [attempt, shell] of (['python', 'pwsh'] as const).entries()) {
      const end = await run(shell, '1', { env: { PATH: bin }, attempt: attempt + 1 });
      expect(end).toMatchObject({ kind: 'failed', exit_code: null, failure: { code: 'command_not_found' } });
      expect(JSON.stringify(end)).toContain(shell);
    }
  });
});
