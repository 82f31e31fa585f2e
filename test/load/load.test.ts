import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadFlow } from '../../src/load/load.ts';
import { codesOf, folderWith, load, loaded, problemsOf } from './flow-file.ts';
import { FLOW_DEFAULTS, STEP_DEFAULTS } from '../../src/model/defaults.ts';

const FULL = `
name: flights-etl
description: loads flights
tags: [nightly, nightly, warehouse]
params:
  date: { type: string, format: date }
  limit: 1000
  ratio: 0.5
  dry: false
  label: "run of \${{ params.date }}"
  same: \${{ params.limit }}
env: { LANG: C, VERSION: 1.10, DEBUG: true }
dotenv: [.env, ../shared.env]
max_parallel: 4
fail_fast: true
defaults: { retry: 2, timeout: 10m, shell: bash, workdir: jobs, env: { LANG: D, ONLY: default }, if_lost: fail }
steps:
  extract:
    description: downloads
    run: curl "$DATE"
    env: { DATE: "\${{ params.date }}", LANG: E }
    retry: { max: 3, delay: 2s, backoff: exponential, max_delay: 1m, jitter: 0.1, on: [failed], on_exit_codes: [75] }
    timeout: 1h30m
    grace: 500ms
    shell: sh
    workdir: \${{ run.dir }}
    continue_on_error: true
    if_lost: run_again
    if: " \${{ params.limit > 10 }} "
    stdin: "\${{ params.label }}"
    output: lines
    outputs: { schema: { type: array, items: { type: string } } }
    success_codes: [0, 3, 3]
    skip_codes: [99, 98]
  transform:
    call: ./lib/tasks.ts#transform
    with: { file: "\${{ run.dir }}/raw.json", n: [1, null] }
    needs: extract
  load:
    run: [node, load.mjs, "\${{ steps.extract.outputs.rows }}"]
    needs: [transform, extract]
    if: false
    retry: 0
outputs: { rows: "\${{ steps.load.outputs }}" }
`;

describe('the normal form', () => {
  it('has every key of a full flow', async () => {
    const { definition, warnings } = await loaded(FULL, { 'lib/tasks.ts': 'export async function transform() {}' });
    expect(warnings).toEqual([]);
    const env = { LANG: 'D', VERSION: '1.10', DEBUG: 'true', ONLY: 'default' };
    const retry = {
      max: 2,
      delay_ms: 0,
      backoff: 'none',
      max_delay_ms: null,
      jitter: 'none',
      on: ['failed', 'timed_out'],
      on_exit_codes: null,
    };
    const plain = {
      if: null,
      stdin: null,
      output: 'file',
      outputs_schema: null,
      success_codes: [0],
      skip_codes: [],
    };
    const common = {
      ...STEP_DEFAULTS,
      ...plain,
      description: null,
      env,
      with: null,
      workdir: 'jobs',
      timeout_ms: 600_000,
      grace_ms: null,
      retry,
    };
    expect(definition).toEqual({
      ...FLOW_DEFAULTS,
      format: 1,
      name: 'flights-etl',
      description: 'loads flights',
      tags: ['nightly', 'warehouse'],
      file: join(definition.directory, 'flow.yaml'),
      directory: expect.stringMatching(/^\/.*flowctl-load-/),
      params: [
        { name: 'date', schema: { type: 'string', format: 'date' }, required: true, default: null },
        { name: 'limit', schema: { type: 'integer' }, required: false, default: 1000 },
        { name: 'ratio', schema: { type: 'number' }, required: false, default: 0.5 },
        { name: 'dry', schema: { type: 'boolean' }, required: false, default: false },
        { name: 'label', schema: { type: 'string' }, required: false, default: 'run of ${{ params.date }}' },
        { name: 'same', schema: {}, required: false, default: '${{ params.limit }}' },
      ],
      dotenv: [join(definition.directory, '.env'), join(definition.directory, '../shared.env')],
      max_parallel: 4,
      fail_fast: true,
      steps: [
        {
          ...STEP_DEFAULTS,
          id: 'extract',
          description: 'downloads',
          action: { kind: 'shell', text: 'curl "$DATE"', shell: 'sh', values: {} },
          needs: [],
          if: 'params.limit > 10',
          stdin: '${{ params.label }}',
          output: 'lines',
          outputs_schema: { type: 'array', items: { type: 'string' } },
          success_codes: [0, 3],
          skip_codes: [99, 98],
          env: { ...env, LANG: 'E', DATE: '${{ params.date }}' },
          with: null,
          workdir: '${{ run.dir }}',
          timeout_ms: 5_400_000,
          grace_ms: 500,
          retry: {
            max: 3,
            delay_ms: 2_000,
            backoff: 'exponential',
            max_delay_ms: 60_000,
            jitter: 0.1,
            on: ['failed'],
            on_exit_codes: [75],
          },
          continue_on_error: true,
          if_lost: 'run_again',
        },
        {
          ...common,
          id: 'transform',
          action: { kind: 'call', module: join(definition.directory, 'lib/tasks.ts'), export: 'transform' },
          needs: ['extract'],
          with: { file: '${{ run.dir }}/raw.json', n: [1, null] },
          continue_on_error: false,
          if_lost: 'fail',
        },
        {
          ...common,
          id: 'load',
          action: { kind: 'argv', argv: ['node', 'load.mjs', '${{ steps.extract.outputs.rows }}'] },
          needs: ['transform', 'extract'],
          if: 'false',
          retry: { ...retry, max: 0 },
          continue_on_error: false,
          if_lost: 'fail',
        },
      ],
      outputs: { rows: '${{ steps.load.outputs }}' },
    });
  });

  it('takes the name from the file, and lets each step of a list wait for the one before', async () => {
    const folder = folderWith({
      'my.flow.yml': 'steps:\n  - { name: a, run: x }\n  - { name: b, run: x }\n  - { name: c, run: x, needs: a }\n',
    });
    const result = await loadFlow(join(folder, 'my.flow.yml'));
    if (result.kind !== 'loaded') throw new Error('not loaded');
    expect(result.definition.name).toBe('my.flow');
    expect(result.definition.steps.map(({ id, needs }) => [id, needs])).toEqual([
      ['a', []],
      ['b', ['a']],
      ['c', ['b', 'a']],
    ]);
  });

  it('keeps the words of YAML 1.2: `on` and `yes` are texts, and a date is one', async () => {
    const { definition } = await loaded(
      'params: { a: yes, b: on, c: 2026-01-31, d: 0o14 }\nsteps: { x: { run: y } }\n',
    );
    expect(definition.params.map((param) => param.default)).toEqual(['yes', 'on', '2026-01-31', 12]);
  });

  it('calls the default export where no export is named', async () => {
    const { definition } = await loaded('steps: { x: { call: ./t.mjs } }\n', { 't.mjs': 'export default () => 1;' });
    expect(definition.steps[0]?.action).toMatchObject({ kind: 'call', export: 'default' });
  });

  it('shares a value under an anchor', async () => {
    const { definition } = await loaded('env: &e { A: b }\nsteps: { x: { run: y, env: *e } }\n');
    expect(definition.steps[0]?.env).toEqual({ A: 'b' });
  });
});

describe('files', () => {
  it('tells a missing file from a broken one', async () => {
    expect(await loadFlow('/nowhere/flow.yaml')).toEqual({ kind: 'not_found', file: '/nowhere/flow.yaml' });
    expect(await loadFlow(join(import.meta.filename, 'flow.yaml'))).toMatchObject({ kind: 'not_found' });
  });

  it('accepts a byte order mark and Windows line ends', async () => {
    const { definition } = await loaded('\uFEFFsteps:\r\n  a:\r\n    run: |\r\n      one\r\n      two\r\n');
    expect(definition.steps[0]?.action).toEqual({ kind: 'shell', text: 'one\ntwo\n', shell: 'sh', values: {} });
  });
});

describe('all problems at once', () => {
  it('sees a cycle in spite of a wrong shape elsewhere', async () => {
    const text = 'max_parallel: many\nsteps:\n  a: { run: x, needs: b }\n  b: { run: x, needs: a, env: 3 }\n  c: 5\n';
    expect(await codesOf(text)).toEqual(['wrong_type:1', 'dependency_cycle:3', 'wrong_type:4', 'wrong_type:5']);
  });

  it('says one thing of one wrong value', async () => {
    const text =
      'steps:\n  a:\n    run: x\n    if_lost: 5\n    shell: [sh]\n    env: { A: [], B: }\n    retry: { max: x, jitter: true }\n';
    const codes = ['not_allowed:4', 'wrong_type:5', 'wrong_type:6', 'wrong_type:6', 'wrong_type:7', 'wrong_type:7'];
    expect((await codesOf(text)).filter((code) => !code.startsWith('misplaced'))).toEqual(codes);
  });

  it('says one thing of a wrong schema', async () => {
    const text = 'params:\n  a: { typo: string }\n  b: { minLength: x }\n  c: { pattern: "(", default: "${{" }\n';
    const codes = ['unknown_key:2', 'wrong_type:3', 'invalid_param_schema:4', 'expression_syntax:4'];
    expect(await codesOf(`${text}steps: { a: { run: x } }\n`)).toEqual(codes);
  });

  it('counts columns in UTF-16 units, a tab as one', async () => {
    const text = 'steps:\n  a: { run: [echo, "\u{1F600}\tä"], neds: b }\n  b: { run: x }\n';
    const [problem] = problemsOf(await load(text));
    expect(problem).toEqual({
      line: 2,
      column: 29,
      severity: 'error',
      code: 'unknown_key',
      message: 'unknown key `neds` in step `a`',
      help: 'did you mean `needs`?',
    });
  });

  it('finds the place of an expression inside a block of text', async () => {
    const text =
      'steps:\n  a:\n    run: x\n    env:\n      A: |\n        one ${{ params.x }}\n        two ${{ params.x }}\n';
    const places = problemsOf(await load(text)).map(({ line, column }) => [line, column]);
    expect(places).toEqual([
      [6, 17],
      [7, 17],
    ]);
  });

  it('refuses unsafe keys at every level', async () => {
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      const text = `${key}: 1\nparams: { ${key}: 1 }\nsteps:\n  ${key}: { run: x }\n  a: { call: ./t.ts, with: { b: [{ ${key}: 1 }] } }\n`;
      const codes = await codesOf(text, { 't.ts': 'export default () => 1' });
      expect(codes).toEqual(['unsafe_key:1', 'unsafe_key:2', 'unsafe_key:4', 'unsafe_key:5']);
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('does not take members of every object for steps, params or keys', async () => {
    const text =
      'steps:\n  a: { run: [x, "${{ params.toString }}", "${{ steps.valueOf.state }}"], needs: hasOwnProperty }\n';
    expect(await codesOf(text)).toEqual(['unknown_param:2', 'unknown_step_reference:2', 'unknown_need:2']);
  });

  it('never fails because of a warning', async () => {
    const { warnings } = await loaded('steps: { a: { run: "cat x | wc -l" } }\n');
    expect(warnings.map(({ code, severity }) => [code, severity])).toEqual([['pipe_in_sh', 'warning']]);
  });
});

describe('many problems', () => {
  const pipes = Array.from({ length: 250 }, (_, i) => `  s${i}: { run: a | b }\n`).join('');

  it('are no failure when they are warnings', async () => {
    const { warnings } = await loaded(`steps:\n${pipes}`);
    expect(warnings).toHaveLength(201);
    expect(warnings.at(-1)).toMatchObject({ code: 'more_warnings', severity: 'warning', facts: { count: 50 } });
  });

  it('do not hide an error behind warnings', async () => {
    const codes = await codesOf(`steps:\n${pipes}  last: { call: ./none.ts }\n`);
    expect(codes.slice(-2)).toEqual(['module_not_found:252', 'more_warnings:252']);
  });
});

describe('references', () => {
  const flow = (more: string): string => `params: { n: 1 }
steps:
  a: { run: x }
  b: { run: x, needs: a }
  c: { run: [x, "${more}"], needs: b }
  d: { run: x, needs: c }
`;

  it('lets a step read what is upstream at any distance', async () => {
    for (const more of [
      '${{ steps.a.outputs.x }}',
      '${{ steps.b.exit_code }}',
      "${{ steps['a'].error }}",
      '${{ env.HOME }}',
    ]) {
      expect(await codesOf(flow(more))).toEqual([]);
    }
  });

  it('refuses everything else', async () => {
    expect(await codesOf(flow('${{ steps.d.outputs }}'))).toEqual(['step_not_upstream:5']);
    expect(await codesOf(flow('${{ steps.A.outputs }}'))).toEqual(['unknown_step_reference:5']);
    expect(await codesOf(flow('${{ steps.*.outputs }}'))).toEqual(['dynamic_step_reference:5']);
    expect(await codesOf(flow('${{ secrets.X }}'))).toEqual(['secret_not_allowed:5']);
    expect(await codesOf(flow('${{ nothing.X }}'))).toEqual(['unknown_name:5']);
  });
});
