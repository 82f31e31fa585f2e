/** What a flow and its steps ask for beside their work, in the normal form. */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadFlow } from '../../src/load/load.ts';
import { NO_PROJECT, type ProjectLayer } from '../../src/load/project-layer.ts';
import type { FlowDefinition, StepDefinition } from '../../src/model/flow.ts';
import { codesOf, folderWith, loaded } from './flow-file.ts';

const definitionOf = async (text: string, others = {}): Promise<FlowDefinition> =>
  (await loaded(text, others)).definition;

async function stepOf(keys: string, top = ''): Promise<StepDefinition> {
  const [step] = (await definitionOf(`${top}steps: { s: { run: x, ${keys} } }\n`)).steps;
  if (step === undefined) throw new Error('no step');
  return step;
}

describe('policies of a flow', () => {
  it('have their defaults', async () => {
    expect(await definitionOf('steps: { s: { run: x } }\n')).toMatchObject({
      ...{ run_name: null, secrets: [], vars: {}, profile: null, concurrency: null },
      ...{ timeout_ms: null, cleanup_timeout_ms: 30_000, retry: { max: 0 } },
      handlers: { on_success: [], on_failure: [], on_cancel: [], finally: [] },
    });
  });

  it('are read', async () => {
    const flow = [
      'run_name: of ${{ run.id }}',
      'timeout: 2h',
      'cleanup_timeout: 1m',
      'retry: { max: 2, delay: 5m }',
      'concurrency: { on_conflict: skip, queue_limit: 3, queue_timeout: 1h }',
      'steps: { s: { run: x } }',
    ];
    expect(await definitionOf(flow.join('\n'))).toMatchObject({
      run_name: 'of ${{ run.id }}',
      timeout_ms: 7_200_000,
      cleanup_timeout_ms: 60_000,
      retry: { max: 2, delay_ms: 300_000 },
      concurrency: { group: 'flow', limit: 1, on_conflict: 'skip', queue_limit: 3, queue_timeout_ms: 3_600_000 },
    });
  });

  it('concurrency may be the name of a group alone', async () => {
    expect((await definitionOf('concurrency: warehouse\nsteps: { s: { run: x } }\n')).concurrency).toEqual({
      ...{ group: 'warehouse', limit: 1, on_conflict: 'queue', queue_limit: null, queue_timeout_ms: null },
    });
  });

  it('secrets have a diagnostic for each slip', async () => {
    const flow = 'secrets:\n  - A\n  - { A: { env: B } }\n  - { C: { fille: d } }\n  - 5\nsteps: { s: { run: x } }\n';
    expect(await codesOf(flow)).toEqual(['duplicate_key:3', 'unknown_key:4', 'wrong_type:5']);
  });

  it('a name or a group of runs cannot look at steps, which have not run yet', async () => {
    const flow = 'run_name: "${{ steps.s.state }}"\nconcurrency: "${{ run.dir }}"\nsteps: { s: { run: x } }\n';
    expect(await codesOf(flow)).toEqual(['name_not_available:1', 'name_not_available:2']);
  });
});

describe('policies of a step', () => {
  it('are read', async () => {
    const keys =
      'sources: a, generates: [b, c], cache: { key: k, ttl: 1d }, priority: -3, artifacts: r/*, secrets: [T, T], logs: pipe';
    expect(await stepOf(keys, 'secrets: [T]\n')).toMatchObject({
      reuse: { sources: ['a'], generates: ['b', 'c'], cache: { key: 'k', ttl_ms: 86_400_000 } },
      ...{ resources: {}, priority: -3, artifacts: ['r/*'], secrets: ['T'], logs: 'pipe' },
      ...{ interactive: false, isolate: 'thread' },
    });
  });

  it("`warm` is the text's, and is not there where it is not wished for", async () => {
    const shell = { kind: 'shell', shell: 'python', text: 'x', values: {} };
    expect((await stepOf('shell: python, warm: true')).action).toEqual({ ...shell, warm: true });
    expect((await stepOf('warm: true', 'defaults: { shell: python }\n')).action).toEqual({ ...shell, warm: true });
    expect((await stepOf('shell: python, warm: false')).action).toEqual(shell);
    const defaults = 'defaults: { warm: true }\n';
    expect((await stepOf('shell: python', defaults)).action).toEqual({ ...shell, warm: true });
    expect((await stepOf('shell: python, warm: false', defaults)).action).toEqual(shell);
    expect((await stepOf('timeout: 1s', defaults)).action).toEqual({ ...shell, shell: 'sh' });
    expect((await stepOf('warm: false')).action).toEqual({ ...shell, shell: 'sh' });
    expect(await codesOf('steps: { s: { run: x, warm: true } }\n')).toEqual(['misplaced_key:1']);
    expect(await codesOf('steps: { s: { steps: { t: { run: x } }, warm: true } }\n')).toEqual(['misplaced_key:1']);
  });

  it.each([
    ['cache: true', { sources: [], generates: [], cache: { key: null, ttl_ms: null } }],
    ['cache: { ttl: 1s }', { sources: [], generates: [], cache: { key: null, ttl_ms: 1_000 } }],
    ['cache: false', null],
    ['generates: a', { sources: [], generates: ['a'], cache: null }],
    ['sources: a', { sources: ['a'], generates: [], cache: null }],
  ])('%s is reuse', async (keys, reuse) => {
    expect((await stepOf(keys)).reuse).toEqual(reuse);
  });

  it('logs have a default for all steps', async () => {
    expect((await stepOf('', 'defaults: { logs: pipe }\n')).logs).toBe('pipe');
    expect((await stepOf('logs: direct', 'defaults: { logs: pipe }\n')).logs).toBe('direct');
  });
});

describe('handlers', () => {
  it('are steps without needs, named for their places, with the time of the cleanup', async () => {
    const { handlers, steps } = await definitionOf(
      [
        'secrets: [URL]',
        'cleanup_timeout: 9s',
        'env: { A: flow }',
        'defaults: { retry: 3, timeout: 1h, shell: bash, workdir: w, if_lost: fail }',
        'steps:',
        '  s: { run: x, env: { B: step }, on_failure: [{ run: y, timeout: 2s, retry: 1 }] }',
        'on_failure:',
        '  - run: echo a',
        "  - { call: './t.js#f', with: { n: 1 }, if: \"run.state == 'failed'\" }",
        '  - notify: { ntfy: "${{ secrets.URL }}", text: hi, tags: [a], priority: 4 }',
      ].join('\n'),
      { 't.js': 'export function f() {}' },
    );
    expect(handlers.on_failure).toMatchObject([
      {
        ...{ id: 'on_failure[0]', needs: [], timeout_ms: 9_000, retry: { max: 0 }, if_lost: 'run_again' },
        ...{ action: { kind: 'shell', shell: 'bash' }, env: { A: 'flow' }, workdir: 'w' },
      },
      { id: 'on_failure[1]', action: { kind: 'call', export: 'f' }, with: { n: 1 }, if: "run.state == 'failed'" },
      {
        id: 'on_failure[2]',
        action: {
          ...{ kind: 'notify', channel: 'ntfy', text: 'hi' },
          options: { url: '${{ secrets.URL }}', tags: ['a'], priority: 4 },
        },
      },
    ]);
    const [own] = steps[0]?.handlers.on_failure ?? [];
    expect(own).toMatchObject({ id: 'on_failure[0]', timeout_ms: 2_000, retry: { max: 1 } });
    expect(own?.env).toEqual({ A: 'flow' });
  });
});

describe('a project', () => {
  const secret = (name: string) => ({ name, source: { kind: 'env', variable: name } as const, isForced: false });
  const project: ProjectLayer = { ...NO_PROJECT, secrets: ['USED', 'LISTED', 'OTHER'].map(secret) };

  it('gives a flow the secrets that it refers to, and no others', async () => {
    const text = 'steps: { s: { run: x, env: { A: "${{ secrets.USED }}" }, secrets: [LISTED] } }\n';
    const result = await loadFlow(join(folderWith({ 'flow.yaml': text }), 'flow.yaml'), project);
    expect(result.kind === 'loaded' && result.definition.secrets.map(({ name }) => name)).toEqual(['USED', 'LISTED']);
  });
});
