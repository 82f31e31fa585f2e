/** Groups, maps, sub-flows, waits, approvals, repetitions: what the loader makes of them. */

import { describe, expect, it } from 'vitest';
import type { StepDefinition } from '../../src/model/flow.ts';
import { codesOf, loaded, problemsOf, load } from './flow-file.ts';

async function stepsOf(text: string, others: { readonly [name: string]: string } = {}) {
  const { definition } = await loaded(text, others);
  return new Map(definition.steps.map((step) => [step.id as string, step]));
}

const membersOf = (step: StepDefinition | undefined): readonly StepDefinition[] =>
  step?.action.kind === 'group' ? step.action.steps : [];

describe('a group', () => {
  const TEXT = `
env: { LEVEL: flow }
defaults: { shell: bash, retry: 2, timeout: 1m, max_parallel: 3 }
steps:
  prepare: { run: [echo] }
  report:
    needs: prepare
    env: { LEVEL: group, GROUP: "${'${{ steps.prepare.outputs.x }}'}" }
    shell: sh
    workdir: jobs
    steps:
      - name: extract
        run: echo "${'${{ steps.prepare.outputs.x }}'}"
      - name: inner
        env: { LEVEL: inner }
        steps:
          a: { run: echo a, shell: bash, workdir: own }
          b: { run: "echo ${'${{ steps.extract.outputs.x }}'}", needs: a }
  after:
    needs: report
    run: [echo, "${'${{ steps.report.outputs.inner.b.x }}'}"]
`;

  it('holds steps of its own, which need each other as at the top', async () => {
    const report = (await stepsOf(TEXT)).get('report');
    const [extract, inner] = membersOf(report);
    expect(report?.needs).toEqual(['prepare']);
    expect([extract?.id, extract?.needs, inner?.id, inner?.needs]).toEqual(['extract', [], 'inner', ['extract']]);
    expect(membersOf(inner).map(({ id, needs }) => [id, needs])).toEqual([
      ['a', []],
      ['b', ['a']],
    ]);
  });

  it('gives env, shell and workdir to its members, and keeps nothing of them', async () => {
    const report = (await stepsOf(TEXT)).get('report');
    const [extract, inner] = membersOf(report);
    const [a, b] = membersOf(inner);
    expect(report).toMatchObject({ env: {}, workdir: null, timeout_ms: null, max_parallel: 3, retry: { max: 0 } });
    expect(extract).toMatchObject({ workdir: 'jobs', timeout_ms: 60_000, retry: { max: 2 }, max_parallel: null });
    expect(extract?.env).toEqual({ LEVEL: 'group', GROUP: '${{ steps.prepare.outputs.x }}' });
    expect(extract?.action).toMatchObject({ kind: 'shell', shell: 'sh' });
    expect(a).toMatchObject({ workdir: 'own', action: { shell: 'bash' }, env: { LEVEL: 'inner' } });
    expect(b).toMatchObject({ workdir: 'jobs', action: { shell: 'sh' } });
  });

  it('splices expressions into the text of its members', async () => {
    const [, inner] = membersOf((await stepsOf(TEXT)).get('report'));
    const [, b] = membersOf(inner);
    expect(b?.action).toEqual({
      kind: 'shell',
      shell: 'sh',
      text: 'echo "$FLOWCTL_VALUE_1"',
      values: { FLOWCTL_VALUE_1: "${{ steps.extract.outputs.x }}${{ '' }}" },
    });
  });

  it('sees its siblings first, then what the group comes after', async () => {
    const flow = (member: string, reader: string) =>
      `
steps:
  x: { run: [echo] }
  late: { run: [echo] }
  g:
    needs: x
    steps:
      ${'${member}'}
      reader: { run: [echo, "${'${{ ${reader} }}'}"] }
`
        .replace('${member}', member)
        .replace('${reader}', reader);
    expect(await codesOf(flow('y: { run: [echo] }', 'steps.x.outputs.a'))).toEqual([]);
    expect(await codesOf(flow('x: { run: [echo] }', 'steps.x.outputs.a'))).toEqual(['step_not_upstream:9']);
    expect(await codesOf(flow('y: { run: [echo] }', 'steps.late.outputs.a'))).toEqual(['step_not_upstream:9']);
    expect(await codesOf(flow('y: { run: [echo] }', 'steps.g.state'))).toEqual(['step_not_upstream:9']);
  });

  it('may have the names of steps elsewhere, and cycles of its own', async () => {
    const twice = 'steps:\n  a: { steps: { b: { run: [echo] }, a: { run: [echo] } } }\n  b: { run: [echo] }\n';
    expect(await codesOf(twice)).toEqual([]);
    const cycle = 'steps:\n  g:\n    steps:\n      a: { run: [x], needs: b }\n      b: { run: [x], needs: a }\n';
    expect(await codesOf(cycle)).toEqual(['dependency_cycle:4']);
    expect(await codesOf('steps:\n  g: { steps: { a: { run: [x] }, A: { run: [x] } } }\n')).toEqual([
      'step_name_clash:2',
    ]);
    expect(await codesOf('steps:\n  g: { steps: {} }\n')).toEqual(['empty_value:2']);
  });

  it('may be nested as deep as YAML may be', async () => {
    let text = 'run: [echo]';
    for (let depth = 0; depth < 28; depth += 1) text = `steps: { s${depth}: { ${text} } }`;
    const { definition } = await loaded(`${text}\n`);
    let depth = 0;
    for (let step = definition.steps[0]; step !== undefined; step = membersOf(step)[0]) depth += 1;
    expect(depth).toBe(28);
    for (let more = 0; more < 10; more += 1) text = `steps: { t${more}: { ${text} } }`;
    expect(await codesOf(`${text}\n`)).toEqual(['too_deep:1']);
  });
});

describe('env and workdir of a group', () => {
  it('mean the items that the group sees, in members that are maps as well', async () => {
    const steps = await stepsOf(`
steps:
  regions:
    foreach: [eu, us]
    env: { REGION: "${'${{ item.name }}'}-${'${{ join(index) }}'}" }
    workdir: "${'${{ item.folder }}'}"
    steps:
      plain: { run: [echo] }
      days: { foreach: [1], run: [echo], env: { DAY: "${'${{ item }}'}" } }
      deep: { foreach: [1], workdir: "${'${{ item }}'}", steps: { axes: { matrix: { a: [1] }, run: [echo] } } }
`);
    const [plain, days, deep] = membersOf(steps.get('regions'));
    const [axes] = membersOf(deep);
    expect(plain).toMatchObject({
      env: { REGION: '${{ item.name }}-${{ join(index) }}' },
      workdir: '${{ item.folder }}',
    });
    expect(days).toMatchObject({
      env: { REGION: '${{ outer.item.name }}-${{ join(outer.index) }}', DAY: '${{ item }}' },
      workdir: '${{ outer.item.folder }}',
    });
    expect(axes).toMatchObject({
      env: { REGION: '${{ outer.outer.item.name }}-${{ join(outer.outer.index) }}' },
      workdir: '${{ outer.item }}',
    });
  });
});

describe('a map', () => {
  it('goes over a list, an expression, or a matrix', async () => {
    const steps = await stepsOf(
      `
params: { n: 1 }
steps:
  plan: { run: [echo] }
  list: { foreach: [eu, "${'${{ params.n }}'}", 3], key: "${'${{ item }}'}", max_parallel: 2, run: [echo, "${'${{ item }}'}"] }
  each: { foreach: " ${'${{ steps.plan.outputs.list }}'} ", needs: plan, tolerate: 10%, run: "echo ${'${{ item.id }}'} ${'${{ index }}'}" }
  none: { foreach: [], tolerate: 3, call: "./t.ts#a", with: { n: "${'${{ item }}'}" } }
  test:
    matrix:
      node: [20, 22]
      os: "${'${{ fromJSON(env.SYSTEMS) }}'}"
      include: [{ node: 22, extra: true }]
      exclude: [{ node: 20, os: alpine }]
    if: matrix.node == 22 || matrix.extra
    run: [echo, "${'${{ matrix.os }}'}", "${'${{ index }}'}"]
`,
      { 't.ts': 'export const a = () => 1;' },
    );
    expect(steps.get('plan')?.map).toBeNull();
    expect(steps.get('list')).toMatchObject({
      max_parallel: 2,
      map: {
        over: { kind: 'foreach', items: ['eu', '${{ params.n }}', 3] },
        key: '${{ item }}',
        tolerate: { kind: 'count', value: 0 },
      },
    });
    expect(steps.get('each')?.map).toEqual({
      over: { kind: 'foreach', items: '${{ steps.plan.outputs.list }}' },
      key: null,
      tolerate: { kind: 'percent', value: 10 },
    });
    expect(steps.get('none')?.map).toMatchObject({ over: { items: [] }, tolerate: { kind: 'count', value: 3 } });
    expect(steps.get('test')?.map?.over).toEqual({
      kind: 'matrix',
      axes: { node: [20, 22], os: '${{ fromJSON(env.SYSTEMS) }}' },
      include: [{ node: 22, extra: true }],
      exclude: [{ node: 20, os: 'alpine' }],
    });
  });

  it('gives what is inside of it item and index, and those around as outer', async () => {
    const text = (inside: string, list = '[1]') =>
      `
steps:
  regions:
    foreach: [eu, us]
    steps:
      days:
        foreach: ${'${list}'}
        run: [echo, "${'${{ ${inside} }}'}"]
      axes:
        matrix: { node: [20], more: "${'${{ item.nodes }}'}" }
        run: [echo, "${'${{ matrix.node }}'}", "${'${{ outer.item }}'}"]
`
        .replace('${inside}', inside)
        .replace('${list}', list);
    for (const name of ['item.x', 'index', 'outer.item.x', 'outer.index', 'outer'])
      expect(await codesOf(text(name))).toEqual([]);
    expect(await codesOf(text('outer.outer.item'))).toEqual(['name_not_available:8']);
    expect(await codesOf(text('outer.matrix.x'))).toEqual(['name_not_available:8']);
    expect(await codesOf(text('item', '"${{ item.days }}"'))).toEqual([]);
    expect(await codesOf(text('item', '"${{ outer.item.days }}"'))).toEqual(['name_not_available:7']);
  });

  it('sees no item in its handlers, which come once', async () => {
    const flow =
      'steps:\n  a:\n    foreach: [1]\n    run: [echo]\n    on_failure:\n      - run: [echo, "${{ item }}"]\n';
    expect(await codesOf(flow)).toEqual(['name_not_available:6']);
  });

  it('has a list of outputs, and items', async () => {
    const flow = (path: string) =>
      `
steps:
  load:
    foreach: [1]
    run: [echo]
    outputs: { schema: { type: object, properties: { rows: {} }, additionalProperties: false } }
  group:
    foreach: [1]
    steps: { a: { run: [echo] } }
  show:
    needs: [load, group]
    run: [echo, "${'${{ steps.${path} }}'}"]
`.replace('${path}', path);
    for (const path of [
      'load.outputs',
      'load.outputs[0].rows',
      'load.outputs.*.rows',
      'load.items',
      'group.outputs[0].a.x',
    ])
      expect([path, await codesOf(flow(path))]).toEqual([path, []]);
    expect(await codesOf(flow('load.outputs.rows'))).toEqual(['mapped_outputs:12']);
    expect(await codesOf(flow('load.outputs[0].row'))).toEqual(['unknown_output:12']);
    expect(await codesOf(flow('group.outputs[0].b'))).toEqual(['unknown_property:12']);
    expect(await codesOf(flow('group.outputs.a'))).toEqual(['mapped_outputs:12']);
    expect(
      await codesOf('steps:\n  a: { run: [x] }\n  b: { needs: a, run: [echo, "${{ steps.a.items }}"] }\n'),
    ).toEqual(['unknown_property:3']);
  });
});

describe('a wait', () => {
  const waitOf = async (wait: string, others = '') => {
    const step = (await stepsOf(`steps:\n  w:\n    wait: ${wait}\n${others}`)).get('w');
    return step?.action.kind === 'wait' ? step.action.wait : step?.action;
  };
  it('is for a time, an instant, or something outside', async () => {
    expect(await waitOf('10m')).toEqual({ kind: 'duration', duration: '10m' });
    expect(await waitOf('"${{ env.PAUSE }}"')).toEqual({ kind: 'duration', duration: '${{ env.PAUSE }}' });
    expect(await waitOf('{ until: 2026-12-24T18:00:00Z }')).toEqual({ kind: 'until', until: '2026-12-24T18:00:00Z' });
    expect(await waitOf('{ for: { file: data/ready } }')).toEqual({
      kind: 'for',
      probe: { kind: 'file', path: 'data/ready' },
      every_ms: 10_000,
      timeout_ms: null,
    });
    expect(await waitOf('{ for: { http: "https://example.org/" }, every: 30s, timeout: 2h }')).toEqual({
      kind: 'for',
      probe: { kind: 'http', url: 'https://example.org/', method: 'GET', headers: {}, status: null },
      every_ms: 30_000,
      timeout_ms: 7_200_000,
    });
    const http =
      '{ for: { http: { url: "${{ env.URL }}", status: [200, 404], method: HEAD, headers: { Accept: text } } } }';
    expect(await waitOf(http)).toMatchObject({
      probe: { url: '${{ env.URL }}', method: 'HEAD', headers: { Accept: 'text' }, status: [200, 404] },
    });
    expect(await waitOf('{ for: { http: { url: "http://a/", status: 204 } } }')).toMatchObject({
      probe: { status: [204] },
    });
  });

  it('may look with a command, which is read as that of a step', async () => {
    expect(await waitOf('{ for: { command: "test -e ${{ env.F }} | cat" } }', '    shell: bash\n')).toMatchObject({
      probe: {
        kind: 'command',
        command: { kind: 'shell', shell: 'bash', text: 'test -e "$FLOWCTL_VALUE_1" | cat' },
      },
    });
    expect(
      await waitOf('{ for: { command: [test, -e, "${{ env.F }}"] } }', '    success_codes: [0, 1]\n'),
    ).toMatchObject({
      probe: { command: { kind: 'argv', argv: ['test', '-e', '${{ env.F }}'] } },
    });
    expect(await codesOf('steps:\n  w:\n    wait: { for: { command: "eval ${{ env.F }}" } }\n')).toEqual([
      'expression_in_shell_place:3',
    ]);
  });

  it('refuses what is no time', async () => {
    expect(await codesOf('steps: { w: { wait: soon } }\n')).toEqual(['invalid_duration:1']);
    for (const until of ['2026-12-24', '2026-12-24T18:00:00', '2026-13-24T18:00:00Z', 'noon'])
      expect(await codesOf(`steps: { w: { wait: { until: "${until}" } } }\n`)).toEqual(['invalid_instant:1']);
    expect(await codesOf('steps: { w: { wait: { until: "${{ env.T }}" } } }\n')).toEqual([]);
    expect(await codesOf('steps: { w: { wait: { for: {} } } }\n')).toEqual(['empty_value:1']);
  });
});

describe('an approval', () => {
  it('asks a question, perhaps for values, perhaps not for ever', async () => {
    const steps = await stepsOf(`
steps:
  short: { approve: Go on? }
  long:
    approve:
      message: "Load ${'${{ env.ROWS }}'}?"
      params: { size: 10, reason: { type: string } }
      timeout: 8h
      on_timeout: skip
`);
    expect(steps.get('short')?.action).toEqual({
      kind: 'approve',
      message: 'Go on?',
      params: [],
      timeout_ms: null,
      on_timeout: 'fail',
    });
    expect(steps.get('long')?.action).toEqual({
      kind: 'approve',
      message: 'Load ${{ env.ROWS }}?',
      params: [
        { name: 'size', schema: { type: 'integer' }, required: false, default: 10 },
        { name: 'reason', schema: { type: 'string' }, required: true, default: null },
      ],
      timeout_ms: 28_800_000,
      on_timeout: 'skip',
    });
  });

  it('has params that are checked as those of a flow', async () => {
    const ask = (param: string) => `steps: { a: { approve: { message: "Go?", params: { n: ${param} } } } }\n`;
    expect(await codesOf(ask('{ type: integer, default: x }'))).toEqual(['default_mismatch:1']);
    expect(await codesOf(ask('{ type: strin }'))).toEqual(['not_allowed:1']);
    expect(await codesOf(ask('{ pattern: "(" }'))).toEqual(['invalid_param_schema:1']);
  });
});

describe('a repetition', () => {
  it('has a condition over what the step yielded', async () => {
    const steps = await stepsOf(`
steps:
  poll: { run: [echo], repeat: { until: "outputs.state == 'ready' && exit_code == 0", every: 30s, max: 10 } }
  page: { run: [echo], repeat: { while: "${'${{ outputs.next != previous.outputs.next }}'}" } }
`);
    const until = { kind: 'until', condition: "outputs.state == 'ready' && exit_code == 0", every_ms: 30_000, max: 10 };
    expect(steps.get('poll')?.repeat).toEqual(until);
    const condition = 'outputs.next != previous.outputs.next';
    expect(steps.get('page')?.repeat).toEqual({ kind: 'while', condition, every_ms: 0, max: null });
  });

  it('has problems at their exact places', async () => {
    const place = async (condition: string) =>
      problemsOf(await load(`steps:\n  a:\n    run: [x]\n    repeat: { until: ${condition} }\n`)).map(
        ({ code, column }) => `${code}:${column}`,
      );
    expect(await place('"outputs.done && previous.output"')).toEqual(['unknown_property:39']);
    expect(await place('"${{ outputs.done && oops }}"')).toEqual(['unknown_name:43']);
    expect(await place('"success() "')).toEqual(['status_outside_if:23']);
    expect(await place('"x ${{ outputs.done }}"')).toEqual(['mixed_condition:22']);
  });
});

describe('a sub-flow', () => {
  const REPORT = 'params: { rows: { type: integer }, day: 1 }\nsteps: { a: { run: [echo] } }\noutputs: { size: 1 }\n';

  it('is loaded with the flow, and kept once', async () => {
    const text = `
steps:
  one: { flow: parts/report.yaml, with: { rows: "${'${{ env.N }}'}" } }
  two: { flow: ./parts/report.yaml, with: { rows: 2 }, needs: one, if: "steps.one.outputs.size > 1" }
`;
    const { definition } = await loaded(text, { 'parts/report.yaml': REPORT });
    const file = `${definition.directory}/parts/report.yaml`;
    expect(definition.steps.map(({ action }) => action)).toEqual([
      { kind: 'flow', flow: file },
      { kind: 'flow', flow: file },
    ]);
    expect(Object.keys(definition.flows)).toEqual([file]);
    expect(definition.flows[file]).toMatchObject({
      name: 'report',
      file,
      directory: `${definition.directory}/parts`,
      flows: {},
    });
    expect(definition.steps[0]?.with).toEqual({ rows: '${{ env.N }}' });
  });

  it('may refer to others, to its parent, and to itself', async () => {
    const { definition } = await loaded('steps: { a: { flow: ./b.yaml }, g: { steps: { c: { flow: c/c.yaml } } } }\n', {
      'b.yaml': 'steps: { b: { flow: b.yaml, if: false } }\n',
      'c/c.yaml': 'steps: { up: { flow: ../flow.yaml } }\n',
    });
    const { directory } = definition;
    expect(Object.keys(definition.flows).sort()).toEqual(
      ['b.yaml', 'c/c.yaml', 'flow.yaml'].map((name) => `${directory}/${name}`),
    );
    for (const flow of Object.values(definition.flows)) expect(flow.flows).toEqual({});
  });

  it('is told what is wrong with it in its own file', async () => {
    const result = await load('steps:\n  a: { flow: ./b.yaml }\n', { 'b.yaml': 'steps:\n  b: { runs: x }\n' });
    if (result.kind !== 'invalid') throw new Error('it was loaded');
    const found = result.diagnostics.map(({ code, primary }) => [
      code,
      primary.file.split('/').at(-1),
      primary.start.line,
    ]);
    expect(found).toEqual([
      ['invalid_sub_flow', 'flow.yaml', 2],
      ['missing_action', 'b.yaml', 2],
      ['unknown_key', 'b.yaml', 2],
    ]);
    for (const { primary } of result.diagnostics) expect(result.sources.get(primary.file)).toBeDefined();
  });

  it('has to be there, a file, or a module that exports one', async () => {
    expect(await codesOf('steps: { a: { flow: ./b.yaml } }\n')).toEqual(['flow_not_found:1']);
    expect(await codesOf('steps: { a: { flow: "${{ env.F }}" } }\n')).toEqual(['expression_not_allowed:1']);
    expect(await codesOf('steps: { a: { flow: /dev/zero } }\n')).toEqual(['invalid_sub_flow:1', 'unreadable_file:1']);
    expect(await codesOf('steps: { a: { flow: b.ts } }\n', { 'b.ts': 'throw 1' })).toEqual(['export_not_found:1']);
    expect(await codesOf('steps: { a: { flow: b.ts } }\n', { 'b.ts': 'export default flow()' })).toEqual([]);
  });

  it('is given the params that it has, checked where they are literal', async () => {
    const given = (input: string) =>
      codesOf(`steps:\n  a:\n    flow: b.yaml\n    with: ${input}\n`, { 'b.yaml': REPORT });
    expect(await given('{ rows: 1, day: "${{ env.DAY }}" }')).toEqual([]);
    expect(await given('{ rows: x }')).toEqual(['flow_param_mismatch:4']);
    expect(await given('{ day: 2 }')).toEqual(['missing_flow_param:4']);
    expect(await given('{ rows: 1, dai: 2 }')).toEqual(['unknown_flow_param:4']);
  });
});
