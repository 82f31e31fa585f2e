import { mkdirSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { StepId } from '../../src/base/ids.ts';
import { FLOW_DEFAULTS, STEP_DEFAULTS } from '../../src/model/defaults.ts';
import type { FlowDefinition, StepDefinition } from '../../src/model/flow.ts';
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
});
