import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { evaluateDeep, evaluateTemplate, parseTemplate } from '../../src/expressions/expressions.ts';
import { findPipe } from '../../src/load/check-shell.ts';
import { load, loaded, problemsOf } from './flow-file.ts';

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

/** A value that would do harm as code. */
const HARMFUL = `a  b'"; echo $(echo harm) \\n *`;
const VALUE = '${{ params.value }}';

describe('an expression in shell text', () => {
  /** What a real shell prints for a text, with the harmful value in every variable. */
  async function printedBy(line: string, shell = 'sh'): Promise<string> {
    const { definition } = await loaded(
      `params: { value: x }\nsteps:\n  a:\n    shell: ${shell}\n    run: |\n      ${line.replaceAll('\n', '\n      ')}\n`,
    );
    const action = definition.steps[0]?.action;
    if (action?.kind !== 'shell') throw new Error('the step lost its text');
    expect(action.text).not.toContain('${{');
    const values = Object.values(action.values).map((template) => {
      const parsed = parseTemplate(template);
      if (!parsed.ok) throw new Error(`${template} is no template`);
      const value = evaluateTemplate(parsed.value, { params: { value: HARMFUL } });
      if (!value.ok) throw new Error(value.error.message);
      return String(value.value);
    });
    const names = Object.keys(action.values);
    const env = { ...Object.fromEntries(names.map((name, index) => [name, values[index]])), PATH: '/usr/bin:/bin' };
    return execFileSync(`/bin/${shell}`, ['-e', '-c', action.text], { env, encoding: 'utf8' });
  }

  it('is handed over in a variable that the shell never reads as code', async () => {
    for (const shell of ['sh', 'bash']) {
      expect(await printedBy(`printf '%s|' ${VALUE} end`, shell)).toBe(`${HARMFUL}|end|`);
      expect(await printedBy(`printf '%s|' "x ${VALUE}y" end`, shell)).toBe(`x ${HARMFUL}y|end|`);
      expect(await printedBy(`printf '%s|' 'x ${VALUE} y' end`, shell)).toBe(`x ${HARMFUL} y|end|`);
      expect(await printedBy(`printf '%s|' --a=${VALUE} "it's" ${VALUE}`, shell)).toBe(
        `--a=${HARMFUL}|it's|${HARMFUL}|`,
      );
      expect(await printedBy(`cat <<END\n${VALUE}\nEND`, shell)).toBe(`${HARMFUL}\n`);
    }
  });

  it('stands in the normal form by the name of its variable, each once, and as a part of a longer text', async () => {
    const text =
      'params: { a: 1, b: 2 }\nsteps:\n  s: { run: "echo ${{ params.a }} \'${{ params.b }}\' ${{ params.a }}" }\n';
    const { definition, hash } = await loaded(text);
    expect(definition.steps[0]?.action).toEqual({
      kind: 'shell',
      shell: 'sh',
      text: `echo "$FLOWCTL_VALUE_1" ''"$FLOWCTL_VALUE_2"'' "$FLOWCTL_VALUE_1"`,
      values: { FLOWCTL_VALUE_1: "${{ params.a }}${{ '' }}", FLOWCTL_VALUE_2: "${{ params.b }}${{ '' }}" },
    });
    expect((await loaded(text.replace('params.b', 'params.a'))).hash).not.toBe(hash);
  });

  it('that is null fails: `rm -r ${{ steps.a.outputs.folder }}/x` must not become `rm -r /x`', async () => {
    const { definition } = await loaded(
      'steps:\n  a: { run: x }\n  b: { run: "rm -r ${{ steps.a.outputs.x }}/y", needs: a }\n',
    );
    const action = definition.steps[1]?.action;
    if (action?.kind !== 'shell') throw new Error('the step lost its text');
    const value = evaluateDeep(action.values, { steps: { a: { outputs: {} } } });
    expect(value).toMatchObject({ ok: false, error: { code: 'null_in_text' } });
  });

  it('is checked like every other, at its place', async () => {
    const text = `params: { value: x }\nsteps:\n  a:\n    run: |\n      # \${{ params.x }}\n      echo \${{ params.vlaue }} "\${{ steps.b.state }}"\n      echo \${{ 1 + }}\n  b: { run: x }\n`;
    expect(problemsOf(await load(text)).map(({ code, line, column }) => [code, line, column])).toEqual([
      ['expression_syntax', 7, 18],
    ]);
    const whole = text.replace('      echo ${{ 1 + }}\n', '');
    expect(problemsOf(await load(whole)).map(({ code, line, column }) => [code, line, column])).toEqual([
      ['unknown_param', 6, 16],
      ['step_not_upstream', 6, 37],
    ]);
  });

  it('is refused where it would be code, with the line to write', async () => {
    const text = `params: { value: x }\nsteps:\n  a:\n    run: |\n      echo ok\n      eval "echo ${VALUE}"\n      ${VALUE}\n`;
    const told = problemsOf(await load(text));
    expect(told.map(({ code, line, column }) => [code, line, column])).toEqual([
      ['expression_in_shell_place', 6, 18],
      ['expression_in_shell_place', 7, 7],
    ]);
    expect(told[0]?.help).toContain('env: { VALUE: "${{ params.value }}" }');
  });

  it('hides no pipe and makes none', async () => {
    const run = (text: string) => `params: { value: x }\nsteps:\n  a:\n    run: |\n      ${text}\n`;
    expect(problemsOf(await load(run(`echo ${VALUE} | cat`)))).toMatchObject([
      { code: 'pipe_in_sh', line: 5, column: 32 },
    ]);
    expect((await loaded(run("echo ${{ format('{0} | }}', params.value || 1) }}"))).warnings).toEqual([]);
  });
});

describe('an expression in text of another language', () => {
  it('is refused, with a variable that is not taken', async () => {
    const env = '{ ID: mine }';
    for (const shell of ['python', 'node', 'pwsh']) {
      const text = `params: { path: x }\nsteps:\n  a: { shell: ${shell}, run: "echo \${{ params.path }} \${{ run.id }}", env: ${env} }\n`;
      const result = await load(text);
      const [diagnostic] = result.kind === 'invalid' ? result.diagnostics : [];
      expect(diagnostic).toMatchObject({
        code: 'expression_in_shell',
        facts: { shell, variables: [{ name: 'PARAMS_PATH' }, { name: 'RUN_ID' }] },
      });
    }
  });

  it('is no concern of a text without any', async () => {
    const { definition } = await loaded('defaults: { shell: python }\nsteps: { a: { run: "print(1 | 2)" } }\n');
    expect(definition.steps[0]?.action).toEqual({ kind: 'shell', shell: 'python', text: 'print(1 | 2)', values: {} });
  });
});
