import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Work } from '../../src/engine/ports.ts';
import { namesOwnDescriptors } from '../../src/process/log.ts';
import { type CommandWork, commandLineOf } from '../../src/runners/command-line.ts';
import { findProgram } from '../../src/runners/find-program.ts';
import { REQUEST_DEFAULTS } from '../kit/request.ts';
import { freshRunId, stepKey } from '../executors/rig.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-'));
afterAll(() => rmSync(folder, { recursive: true }));
const put = (name: string, mode: number, text = '#!/bin/sh\n') => {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
};
const inBin = put('bin/tool', 0o755);
put('dull/tool', 0o644);
const here = put('tool', 0o755);
put('dull/only', 0o644);
mkdirSync(path.join(folder, 'dull/folder'));
const [bin, dull] = [path.join(folder, 'bin'), path.join(folder, 'dull')];

describe('a program', () => {
  test.each([
    ['tool', bin, inBin],
    ['tool', `${dull}:${bin}`, inBin],
    ['tool', `/none::${bin}`, here],
    ['tool', `:${bin}`, here],
    ['tool', 'bin', inBin],
    ['./tool', bin, here],
    ['bin/tool', '', inBin],
    [inBin, undefined, inBin],
  ])('%s in %s is %s', (name, searchPath, file) => {
    expect(findProgram(name, searchPath, folder)).toEqual({ ok: true, value: file });
  });

  test.each([
    ['only', `${dull}:${bin}`, 'command_not_executable'],
    ['folder', dull, 'command_not_executable'],
    ['none', bin, 'command_not_found'],
    ['tool', '/none', 'command_not_found'],
    ['bin/none', bin, 'command_not_found'],
    ['', bin, 'command_not_found'],
  ])('%s in %s is %s', (name, searchPath, code) => {
    expect(findProgram(name, searchPath, folder)).toMatchObject({ ok: false, error: { code } });
  });

  test('that is not executable is named once', () => {
    const file = path.join(dull, 'only');
    const messageFor = (name: string) => {
      const found = findProgram(name, dull, folder);
      return found.ok ? null : found.error.message;
    };
    expect(messageFor(file)).toBe(`\`${file}\` is not executable`);
    expect(messageFor('only')).toBe(`\`only\` is not executable: \`${file}\``);
  });
});

test.each([
  ['echo a > /dev/stderr', true],
  ['tee /dev/stdout', true],
  ['cat > "/dev/fd/2"', true],
  ['x > /proc/self/fd/1', true],
  ['echo a >&2 2>/dev/null', false],
  ['ls /dev/standard', false],
])('%j names its own descriptors: %j', (text, names) => {
  expect(namesOwnDescriptors(text)).toBe(names);
});

describe('a command line', () => {
  const line = (work: CommandWork) => {
    const request = {
      ...REQUEST_DEFAULTS,
      run: freshRunId(),
      step: stepKey('a'),
      work: work as Work,
      workdir: folder,
      grace_ms: 1,
      idempotency_key: 'k',
    };
    const result = commandLineOf(work, request, { PATH: bin }, '/script');
    if (!result.ok) throw new Error(result.error.message);
    return result.value;
  };

  test('is the shell and its text, with the options of that shell', () => {
    expect(line({ kind: 'shell', shell: 'sh', text: 'a' }).argv).toEqual(['/bin/sh', '-e', '-c', '--', 'a']);
    expect(line({ kind: 'shell', shell: 'bash', text: 'a' }).argv.slice(1)).toEqual([
      '-eo',
      'pipefail',
      '-c',
      '--',
      'a',
    ]);
  });

  test('is a script where the text is long', () => {
    const text = `#${'é'.repeat(50_000)}`;
    expect(line({ kind: 'shell', shell: 'sh', text })).toMatchObject({
      argv: ['/bin/sh', '-e', '/script'],
      script: text,
    });
  });

  test('is the resolved program and its arguments as they are', () => {
    expect(line({ kind: 'argv', argv: ['tool', '', '$x', '-n'] }).argv).toEqual([inBin, '', '$x', '-n']);
  });

  test.each([
    ['sh noisy.sh', true],
    ['./noisy.sh', true],
    ['if ./noisy.sh; then :; fi', true],
    ['sh quiet.sh', false],
    ['echo noisy', false],
  ])('sees what a script near at hand does: %s, %j', (text, reopens) => {
    put('noisy.sh', 0o755, 'echo b > /dev/stderr\n');
    put('quiet.sh', 0o755, 'echo b >&2\n');
    expect(line({ kind: 'shell', shell: 'sh', text }).reopensOutput).toBe(reopens);
  });
});
