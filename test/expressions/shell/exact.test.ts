/** A value never becomes code: hostile values through real shells, in every allowed place, arrive byte for byte and run nothing. */

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { evaluateTemplate } from '../../../src/expressions/expressions.ts';
import { type Dialect, spliceShell } from '../../../src/expressions/shell/shell.ts';
import { ScriptBuilder } from './script.ts';

/** Scripts per shell; `SPLICE_CASES=10000` for a long search. */
const CASES = Number(process.env['SPLICE_CASES'] ?? 150);

const SHELLS: readonly {
  readonly name: string;
  readonly dialect: Dialect;
  readonly argv: readonly [string, ...string[]];
}[] = [
  { name: '/bin/sh', dialect: 'sh', argv: ['/bin/sh', '-e', '-c', '--'] },
  { name: 'bash', dialect: 'bash', argv: ['bash', '-eo', 'pipefail', '-c', '--'] },
  { name: 'bash as sh', dialect: 'sh', argv: ['bash', '--posix', '-e', '-c', '--'] },
];

const HOSTILE = [
  '',
  ' ',
  '\n',
  '\n\n',
  'a\n',
  "'",
  '"',
  '\\',
  '\\\\',
  '`',
  '$',
  '$(touch P)',
  '`touch P`',
  '; touch P;',
  '\ntouch P\n',
  "'; touch P; '",
  '"; touch P; "',
  '"$(touch P)"',
  '${x:-$(touch P)}',
  '$((a[$(touch P)]))',
  'a[$(touch P)]',
  '([$(touch P)]=1)',
  '| touch P',
  '& touch P',
  '> P',
  '<(touch P)',
  ') touch P (',
  '*',
  '?',
  '[a-z]*',
  '~',
  '~root',
  '{a,b}',
  '!!',
  '#',
  '-n',
  '-e',
  '--',
  '-v',
  '-vx[$(touch P)]',
  'END1',
  'END1\n',
  '\nEND1\ntouch P\n',
  '$FLOWCTL_VALUE_1',
  '${{ params.v0 }}',
  '\x01',
  '\x7f',
  '\x1b[31m',
  '\r\n',
  '\t',
  '\u0081\u0082\u0083\u0084\u0085\u0086\u0087\u0088',
  'é漢🙂',
  '%s%n\\0\\c',
  '\u2028',
  '() { :; }; touch P',
  '(',
  '!',
  ']',
  '=',
];

const hostile = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...HOSTILE) },
  { weight: 1, arbitrary: fc.array(fc.constantFrom(...HOSTILE), { maxLength: 4 }).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.replaceAll('\0', '0')) },
);

function run(
  argv: readonly [string, ...string[]],
  text: string,
  env: { readonly [name: string]: string },
  cwd: string,
) {
  const [program, ...rest] = argv;
  return new Promise<{ readonly code: number | string; readonly stdout: string; readonly stderr: string }>(
    (done, fail) => {
      // Not a pipe: Node's are sockets, and bash with a socket as its input takes itself for a remote shell and reads ~/.bashrc.
      const child = spawn(program, [...rest, text], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
      const output: { readonly [stream in 'stdout' | 'stderr']: Buffer[] } = { stdout: [], stderr: [] };
      child.stdout.on('data', (chunk: Buffer) => output.stdout.push(chunk));
      child.stderr.on('data', (chunk: Buffer) => output.stderr.push(chunk));
      child.on('error', fail);
      child.on('close', (code, signal) =>
        done({
          code: code ?? String(signal),
          stdout: Buffer.concat(output.stdout).toString(),
          stderr: Buffer.concat(output.stderr).toString(),
        }),
      );
    },
  );
}

/** Splices a text and gives its variables their values. */
function prepare(text: string, dialect: Dialect, values: readonly string[]) {
  const spliced = spliceShell(text, dialect);
  if (!spliced.ok) throw new Error(`refused: ${JSON.stringify(spliced.error, null, 1)}\n${text}`);
  const params = Object.fromEntries(values.map((value, index) => [`v${index}`, value]));
  const variables = spliced.value.values.map(({ name, template }) => {
    const value = evaluateTemplate(template, { params });
    if (!value.ok || typeof value.value !== 'string') throw new Error('no text');
    return [name, value.value] as const;
  });
  return { text: spliced.value.text, env: Object.fromEntries(variables) };
}

describe.each(SHELLS)('values in $name', ({ dialect, argv }) => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'splice-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it(
    'arrive byte for byte and are never run, wherever they stand',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(hostile, { minLength: 1, maxLength: 3 }), fc.gen(), async (values, generate) => {
          const choose = (limit: number): number => generate(fc.nat, { max: limit - 1 });
          const script = new ScriptBuilder(choose, values, dialect).build();
          const { text, env } = prepare(script.text, dialect, values);
          const locale = choose(2) === 0 ? 'C' : 'C.UTF-8';
          const result = await run(argv, text, { PATH: '/usr/bin:/bin', LC_ALL: locale, ...env }, folder);
          expect({ ...result, stderr: '', text }).toEqual({ code: 0, stdout: script.prints, stderr: '', text });
          expect(readdirSync(folder)).toEqual([]);
        }),
        { numRuns: CASES },
      );
    },
    60_000 + CASES * 400,
  );

  it('arrive one by one in each kind of place', async () => {
    const texts = [
      "printf '%s\\0' ${{ params.v0 }}",
      'printf \'%s\\0\' "${{ params.v0 }}"',
      "printf '%s\\0' '${{ params.v0 }}'",
      "cat <<END\n${{ params.v0 }}\nEND\nprintf '\\0'",
    ];
    for (const value of HOSTILE) {
      const script = prepare(texts.join('\n'), dialect, [value]);
      const result = await run(argv, script.text, { PATH: '/usr/bin:/bin', ...script.env }, folder);
      const prints = `${value}\0${value}\0${value}\0${value}\n\0`;
      expect({ ...result, value }).toEqual({ code: 0, stdout: prints, stderr: '', value });
    }
    expect(readdirSync(folder)).toEqual([]);
  });

  it('would be seen if they were run: the control of these tests', async () => {
    await run(argv, 'eval "$V"', { PATH: '/usr/bin:/bin', V: '$(touch P)' }, folder);
    expect(readdirSync(folder)).toEqual(['P']);
  });

  it('reach files that they name, and no others', async () => {
    writeFileSync(join(folder, 'a b*'), 'content');
    const script = prepare('cat < ${{ params.v0 }} > ${{ params.v1 }}', dialect, ['a b*', '$(touch P)']);
    expect(await run(argv, script.text, { PATH: '/usr/bin:/bin', ...script.env }, folder)).toMatchObject({ code: 0 });
    expect(readdirSync(folder).sort()).toEqual(['$(touch P)', 'a b*']);
  });
});
