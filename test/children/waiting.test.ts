/** Sub-flows that wait for a person: the time does not count above them, and a run that nobody stays with is left as a whole. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StepId, StepKey } from '../../src/base/ids.ts';
import type { Life } from '../../src/compose.ts';
import type { ApprovalGiven } from '../../src/engine/inbox.ts';
import type { Action, FlowDefinition } from '../../src/model/flow.ts';
import { runState } from '../../src/model/view.ts';
import { sh, step, sub, TreeRig } from './tree.ts';

let rig: TreeRig;
beforeEach(() => {
  rig = new TreeRig();
});
afterEach(() => rig.remove());

const EFFECT = 'echo "$FLOWCTL_STEP" >> "$EFFECTS"';
const ask: Action = { kind: 'approve', message: 'ship it?', params: [], timeout_ms: null, on_timeout: 'fail' };
const yes: ApprovalGiven = {
  approved: true,
  by: { kind: 'user', name: 'ada', host: 'mill' },
  params: {},
  comment: null,
};
const GATE = 'report/again/gate' as StepKey;

/** The gate stands two flows deep. */
function gated(more: Partial<FlowDefinition> = {}): FlowDefinition {
  const deep = rig.flow('deep', [
    step('extract', sh(EFFECT)),
    step('gate', ask, { needs: ['extract' as StepId] }),
    step('load', sh(EFFECT), { needs: ['gate' as StepId] }),
  ]);
  const middle = rig.flow('middle', [step('again', sub(deep.file))]);
  const flows = { [deep.file]: deep, [middle.file]: middle };
  return rig.flow('outer', [step('report', sub(middle.file)), step('beside', sh(EFFECT))], { flows, ...more });
}

/** Answers as soon as the question was asked. */
function answering(life: Life): void {
  rig.heard = (_, event) => {
    if (event.type === 'approval.requested') life.answer(GATE, yes);
  };
}

describe('an approval in a sub-flow', () => {
  it('is answered where it is asked', async () => {
    const run = await rig.run(gated(), answering);
    expect(run.ending?.state).toBe('succeeded');
    expect([...rig.effects()].sort()).toEqual(['beside', 'extract', 'load']);
  });

  it('does not count against the timeout of the flow above', async () => {
    const run = await rig.run(gated({ timeout_ms: 3_000 }), (life) => {
      rig.heard = (_, event) => {
        if (event.type === 'approval.requested') setTimeout(() => life.answer(GATE, yes), 3_500);
      };
    });
    expect(run.ending).toMatchObject({ state: 'succeeded', timed_out: false });
  });

  it('is left with the whole tree where nobody stays, and gone on with by a resume', async () => {
    rig.waits = 'park';
    const run = await rig.run(gated());
    expect(run.ending).toBeNull();
    expect(run.parked).toBe(true);
    expect([...rig.effects()].sort()).toEqual(['beside', 'extract']);
    for (const { record, problem } of await rig.children(run.id)) {
      expect(problem).toBeNull();
      expect(record && runState(record, false)).toBe('waiting');
    }
    // Given before the sub-run lives again, and nobody stays to see whether it comes.
    const resumed = await rig.resume(run.id, undefined, {}, (life) => life.answer(GATE, yes));
    expect(resumed.ending?.state).toBe('succeeded');
    expect(resumed.steps.get('report' as StepKey)?.attempts[0]?.error?.message).toContain('left waiting');
    expect([...rig.effects()].sort()).toEqual(['beside', 'extract', 'load']);
    expect(await rig.children(run.id)).toHaveLength(2);
  });
});
