import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { findPipe } from '../../src/load/check-shell.ts';
import { load, loaded } from './flow-file.ts';

describe('a pipe in shell text', () => {
  it('is found where it is one', () => {
    for (const [text, at] of [
      ['a | b', 2],
      ['a "x|y" | b', 8],
      ["a 'x|y' |b", 8],
      ['a || b | c', 7],
      ['a # x | y\nb | c', 12],
      ['a \\| b | c', 7],
      ['a#b | c', 4],
    ] as const) {
      expect([text, findPipe(text)]).toEqual([text, at]);
    }
  });

  it('is not seen where there is none', () => {
    for (const text of [
      'a || b',
      'a >| b',
      'echo "a | b"',
      "echo 'a | b'",
      'a \\| b',
      '# a | b',
      'case x in a|b) ;; esac',
      'cat <<E\na | b\nE',
      'set -o pipefail; a | b',
    ]) {
      expect([text, findPipe(text)]).toEqual([text, null]);
    }
  });

  it('is no warning in bash', async () => {
    expect((await loaded('defaults: { shell: bash }\nsteps: { a: { run: "x | y" } }\n')).warnings).toEqual([]);
    expect((await loaded('steps: { a: { run: "x | y", shell: bash } }\n')).warnings).toEqual([]);
    expect(
      (await loaded('defaults: { shell: bash }\nsteps: { a: { run: "x | y", shell: sh } }\n')).warnings,
    ).toHaveLength(1);
  });
});

describe('an expression in shell text', () => {
  /** What the help tells to write, run by a real shell with a value that would do harm as code. */
  async function printedBy(line: string): Promise<string> {
    const result = await load(`params: { value: x }\nsteps:\n  a:\n    run: |\n      ${line}\n`);
    if (result.kind !== 'invalid') throw new Error('an expression in shell text was accepted');
    const [diagnostic] = result.diagnostics;
    if (diagnostic?.code !== 'expression_in_shell') throw new Error('another problem was found first');
    const { rewritten, variables } = diagnostic.facts;
    expect(variables).toEqual([{ name: 'VALUE', value: '${{ params.value }}' }]);
    const env = { VALUE: HARMFUL, PATH: '/usr/bin:/bin' };
    return execFileSync('/bin/sh', ['-e', '-c', rewritten.join('\n')], { env, encoding: 'utf8' });
  }
  const HARMFUL = `a  b'"; echo $(echo harm) \\n *`;

  it('is handed over in a variable that the shell never reads as code', async () => {
    const value = '${{ params.value }}';
    expect(await printedBy(`printf '%s|' ${value} end`)).toBe(`${HARMFUL}|end|`);
    expect(await printedBy(`printf '%s|' "x ${value}y" end`)).toBe(`x ${HARMFUL}y|end|`);
    expect(await printedBy(`printf '%s|' 'x ${value} y' end`)).toBe(`x ${HARMFUL} y|end|`);
    expect(await printedBy(`printf '%s|' --a=${value} "it's" ${value}`)).toBe(`--a=${HARMFUL}|it's|${HARMFUL}|`);
  });

  it('gets a variable that is not taken', async () => {
    const text =
      'params: { path: x }\nsteps:\n  a: { run: "echo ${{ params.path }} ${{ run.id }}", env: { ID: mine } }\n';
    const result = await load(text);
    const facts =
      result.kind === 'invalid' && result.diagnostics[0]?.code === 'expression_in_shell'
        ? result.diagnostics[0].facts
        : null;
    expect(facts?.variables.map(({ name }) => name)).toEqual(['PARAMS_PATH', 'RUN_ID']);
  });
});
