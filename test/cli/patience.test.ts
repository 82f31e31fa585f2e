/** How long `cancel` waits for the owner of a run before it says that this has not ended. */

import { describe, expect, it } from 'vitest';
import { patienceMs } from '../../src/cli/cancel-run.ts';
import type { FlowDefinition } from '../../src/model/flow.ts';
import { foldRun } from '../../src/model/fold.ts';
import { flowOf, handlersOf, RUN, startedEvent } from '../kit/world.ts';

function patience(definition: FlowDefinition): number {
  const { run } = foldRun(RUN, [startedEvent(definition, 4)]);
  if (run === null) throw new Error('there is no run');
  const value = { revision: 1, flow_hash: run.flow_hash, definition };
  return patienceMs({ record: run, frozen: { ok: true, value } });
}

const late = { cleanup_timeout_ms: 90_000 };

describe('the patience of `cancel`', () => {
  it('is the grace time, of the run or of its slowest step', () => {
    expect(patience(flowOf([{ id: 'a' }], late))).toBe(5_000);
    expect(patience(flowOf([{ id: 'g', steps: [{ id: 'a', more: { grace_ms: 8_000 } }] }], late))).toBe(8_000);
  });

  it('covers the time for cleaning up where there is something that does', () => {
    const handlers = handlersOf({ on_cancel: 1 });
    expect(patience(flowOf([{ id: 'a' }], { ...late, handlers }))).toBe(100_000);
    expect(patience(flowOf([{ id: 'a', on: { finally: 1 } }], late))).toBe(100_000);
    expect(patience(flowOf([{ id: 'a' }, { id: 'b', if: 'always()' }], late))).toBe(100_000);
    const sub = { ...flowOf([{ id: 'a' }], { ...late, handlers }), file: '/sketch/sub.yaml' };
    expect(patience(flowOf([{ id: 'a' }], { flows: { [sub.file]: sub } }))).toBe(100_000);
  });
});
