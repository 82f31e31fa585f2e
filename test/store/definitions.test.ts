import { mkdirSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { StepId } from '../../src/base/ids.ts';
import { FLOW_DEFAULTS, STEP_DEFAULTS } from '../../src/model/defaults.ts';
import { DEFINITION_FORMAT, type FlowDefinition, type StepDefinition } from '../../src/model/flow.ts';
import { readDefinition, writeDefinition } from '../../src/store/definitions.ts';
import { definitionPath, type RunLayout, runLayout } from '../../src/store/layout.ts';
import { expectOk, FLOW_HASH, freshState, runId } from './fixture.ts';

const ID = runId(1);

async function freshLayout(): Promise<RunLayout> {
  const layout = runLayout(await freshState(), { id: ID, root: ID });
  mkdirSync(layout.directory);
  return layout;
}

const flowOf = (steps: readonly StepDefinition[]): FlowDefinition => ({
  ...FLOW_DEFAULTS,
  name: 'frozen',
  file: '/f/flow.yaml',
  directory: '/f',
  steps,
});

const plain = (id: string, more: Partial<StepDefinition> = {}): StepDefinition => ({
  id: id as StepId,
  action: { kind: 'argv', argv: ['true'] },
  ...STEP_DEFAULTS,
  ...more,
});

describe('a frozen definition', () => {
  it('is read back as it was, whatever was said of its steps', async () => {
    const layout = await freshLayout();
    const members = [plain('in'), plain('out', { needs: ['in' as StepId], success_codes: [0, 3] })];
    const told = {
      description: '',
      env: { A: '' },
      output: 'json',
      success_codes: [],
      skip_codes: [0],
      timeout_ms: 0,
      retry: { ...STEP_DEFAULTS.retry, max: 1 },
      continue_on_error: true,
      if_lost: 'fail',
      handlers: { ...STEP_DEFAULTS.handlers, finally: [plain('finally[0]')] },
      resources: { db: 1 },
      priority: -1,
      isolate: 'process',
    } as const;
    const flow = flowOf([plain('a'), plain('b', told), plain('c', { action: { kind: 'group', steps: members } })]);
    await writeDefinition(layout, { revision: 1, flow_hash: FLOW_HASH, definition: flow });
    expect(expectOk(await readDefinition(layout, 1)).definition).toEqual(flow);
  });

  it('takes no bytes for what nothing was said about: 1,000 steps more are 100 kB more at the most', async () => {
    const layout = await freshLayout();
    const sizeOf = async (revision: number, count: number): Promise<number> => {
      const steps = Array.from({ length: count }, (_, index) => plain(`step_${index}`));
      await writeDefinition(layout, { revision, flow_hash: FLOW_HASH, definition: flowOf(steps) });
      return statSync(definitionPath(layout, revision)).size;
    };
    expect((await sizeOf(2, 1_100)) - (await sizeOf(1, 100))).toBeLessThan(100_000);
  });

  it('leaves out what will be read back the same for ever: the defaults of format 1 do not change', () => {
    const none = { on_success: [], on_failure: [], on_cancel: [], finally: [] };
    const empty = { needs: [], inferred_needs: [], env: {}, skip_codes: [], resources: {}, secrets: [], artifacts: [] };
    const unsaid = {
      description: null,
      if: null,
      with: null,
      workdir: null,
      stdin: null,
      outputs_schema: null,
      logs: null,
    };
    const never = { timeout_ms: null, grace_ms: null, map: null, max_parallel: null, repeat: null, reuse: null };
    const retry = { max: 0, delay_ms: 0, backoff: 'none', max_delay_ms: null, jitter: 'none', on_exit_codes: null };
    expect(DEFINITION_FORMAT).toBe(1);
    // What is added later was not known to those who wrote such definitions.
    expect(STEP_DEFAULTS).toMatchObject({
      ...{ ...empty, ...unsaid, ...never, handlers: none },
      retry: { ...retry, on: ['failed', 'timed_out'] },
      ...{ output: 'file', success_codes: [0], continue_on_error: false, if_lost: 'run_again' },
      ...{ priority: 0, interactive: false, isolate: 'thread' },
    });
    expect(STEP_DEFAULTS.env).toEqual({});
    expect(STEP_DEFAULTS.resources).toEqual({});
  });
});
