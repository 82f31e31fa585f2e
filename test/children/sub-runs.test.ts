/** The runs of sub-flows: what is on disk, how their ends become ends of attempts, and that a child is continued, not begun again. */

import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StepId, StepKey } from '../../src/base/ids.ts';
import { NO_RETRY } from '../../src/model/defaults.ts';
import type { RunRecord } from '../../src/model/run.ts';
import { TOKEN_VARIABLE } from '../../src/process/token.ts';
import { childOf, sh, step, sub, TreeRig } from './tree.ts';

let rig: TreeRig;
beforeEach(() => {
  rig = new TreeRig();
});
afterEach(() => rig.remove());

const EFFECT = 'echo "$FLOWCTL_STEP" >> "$EFFECTS"';
const phaseOf = (run: RunRecord, key: string) => run.steps.get(key as StepKey)?.phase;

/** A parent with one step `report`, whose flow is `child`. */
function parentOf(steps: Parameters<TreeRig['flow']>[1], more: Parameters<TreeRig['flow']>[2] = {}, own = {}) {
  const child = rig.flow('child', steps, more);
  return rig.flow('parent', [step('report', sub(child.file), own)], { flows: { [child.file]: child } });
}

describe('a sub-flow', () => {
  it('is a run of its own beneath its root, linked both ways, whose outputs are those of the step', async () => {
    const param = { name: 'city', schema: { type: 'string' }, required: true, default: null };
    const limit = { name: 'limit', schema: { type: 'integer' }, required: false, default: 7 };
    const flow = parentOf(
      [
        step('extract', {
          kind: 'argv',
          argv: ['sh', '-c', 'echo "where=$0" > "$FLOWCTL_OUTPUT"', '${{ params.city }}'],
        }),
      ],
      {
        params: [param, limit],
        outputs: { where: '${{ steps.extract.outputs.where }}', limit: '${{ params.limit }}' },
      },
      { with: { city: 'Oslo' } },
    );
    const run = await rig.run(flow);
    expect(run.ending?.state).toBe('succeeded');
    expect(run.steps.get('report' as StepKey)?.outputs).toEqual({ kind: 'inline', value: { where: 'Oslo', limit: 7 } });
    const [child, ...others] = await rig.children(run.id);
    expect(others).toEqual([]);
    expect(child?.record?.id).toBe(childOf(run, 'report'));
    expect(child?.record?.parent).toEqual({ run: run.id, step: 'report' });
    expect(child?.record?.trigger).toBe('parent');
    expect(child?.record?.params).toEqual({ city: 'Oslo', limit: 7 });
    expect(child?.record?.ending?.state).toBe('succeeded');
    expect(child?.problem).toBeNull();
  });

  it('is known to its parent before anything happens in it', async () => {
    const flow = parentOf([step('extract', sh('true'))]);
    const order: string[] = [];
    await rig.run(flow);
    for (const { type } of rig.events) order.push(type);
    expect(order).toEqual(['attempt.started', 'child.started', 'attempt.finished', 'run.finished']);
    const [first] = rig.childEvents;
    expect(first?.event.type).toBe('run.started');
    expect(first?.prefix).toBe('report');
  });

  it('fails its step with the names of what failed in it', async () => {
    const run = await rig.run(parentOf([step('extract', sh('exit 3')), step('load', sh('true'))]));
    const child = childOf(run, 'report');
    expect(phaseOf(run, 'report')).toEqual({
      kind: 'failed',
      tolerated: false,
      error: { code: 'members_failed', message: `\`extract\` failed in run ${child}` },
    });
  });

  it('is not begun with params that do not fit', async () => {
    const param = { name: 'city', schema: { type: 'string' }, required: true, default: null };
    const run = await rig.run(parentOf([step('extract', sh('true'))], { params: [param] }, { with: { town: 'Oslo' } }));
    expect(phaseOf(run, 'report')).toMatchObject({
      kind: 'failed',
      error: { code: 'params', message: '`with` of `report`: the flow has no param `town`' },
    });
    expect(await rig.children(run.id)).toEqual([]);
  });

  it('has outputs of any size', async () => {
    const flow = parentOf(
      [step('big', sh(`node -e 'console.log(JSON.stringify("x".repeat(100000)))'`), { output: 'json' })],
      {
        outputs: { big: '${{ steps.big.outputs }}' },
      },
    );
    const run = await rig.run(flow);
    expect(run.ending?.state).toBe('succeeded');
    expect(run.steps.get('report' as StepKey)?.outputs).toMatchObject({ kind: 'stored' });
  });

  it('may be nested, and is refused where it is nested without end', async () => {
    const flow = rig.flow('self', [step('again', sub(rig.path('self.yaml')))]);
    const run = await rig.run(flow);
    expect(run.ending?.state).toBe('failed');
    const children = await rig.children(run.id);
    expect(children).toHaveLength(20);
    const deepest = children
      .map(({ record }) => record)
      .find((record) => record?.steps.get('again' as StepKey)?.child === null);
    expect(deepest && phaseOf(deepest, 'again')).toMatchObject({ error: { code: 'sub_flow' } });
  });

  it('carries the tokens of everything above it, so that one sweep finds the whole tree', async () => {
    const run = await rig.run(parentOf([step('extract', sh(`echo "token=$${TOKEN_VARIABLE}" > "$FLOWCTL_OUTPUT"`))]));
    const child = childOf(run, 'report');
    const [reading] = await rig.children(run.id);
    expect(reading?.record?.steps.get('extract' as StepKey)?.outputs).toEqual({
      kind: 'inline',
      value: { token: `${run.id}/report/1;${child}/extract/1;` },
    });
  });
});

describe('another attempt', () => {
  it('goes on with the same run, and repeats nothing that had succeeded', async () => {
    const flow = parentOf(
      [
        step('extract', sh(EFFECT)),
        step('load', sh(`${EFFECT}; [ "$(grep -c load "$EFFECTS")" -gt 1 ]`), { needs: ['extract' as StepId] }),
      ],
      {},
      { retry: { ...NO_RETRY, max: 2 } },
    );
    const run = await rig.run(flow);
    expect(run.ending?.state).toBe('succeeded');
    expect(rig.effects()).toEqual(['extract', 'load', 'load']);
    const children = await rig.children(run.id);
    expect(children).toHaveLength(1);
    expect(children[0]?.record?.resumes).toBe(1);
  });

  it('of a resumed root does as well, with edits of what had not succeeded', async () => {
    const broken = parentOf([
      step('extract', sh(EFFECT)),
      step('load', sh('exit 1'), { needs: ['extract' as StepId] }),
    ]);
    const first = await rig.run(broken);
    expect(first.ending?.state).toBe('failed');
    const mended = parentOf([step('extract', sh(EFFECT)), step('load', sh(EFFECT), { needs: ['extract' as StepId] })]);
    const second = await rig.resume(first.id, mended);
    expect(second.ending?.state).toBe('succeeded');
    expect(rig.effects()).toEqual(['extract', 'load']);
    expect(childOf(second, 'report')).toBe(childOf(first, 'report'));
    const [child] = await rig.children(first.id);
    expect(child?.record?.revision).toBe(2);
    expect(child?.problem).toBeNull();
  });

  it('is not begun when the record of the sub-run is damaged: the file is named', async () => {
    const first = await rig.run(parentOf([step('extract', sh('exit 1'))]));
    const [child] = await rig.children(first.id);
    writeFileSync(child?.layout.journal ?? '', 'nonsense\n'.repeat(3));
    await expect(rig.resume(first.id)).rejects.toThrow(child?.layout.journal ?? 'no journal');
    expect(rig.effects()).toEqual([]);
  });
});

describe('the end of the root', () => {
  it('cancels the sub-run, and its record says whose wish it was', async () => {
    const flow = parentOf([step('slow', sh(`${EFFECT}; sleep 60`))]);
    const running = rig.run(flow, (life) => {
      const look = setInterval(() => {
        if (rig.effects().length === 0) return;
        clearInterval(look);
        life.engine.cancel({ kind: 'user', name: 'ada', host: 'mill' }, null);
      }, 10);
    });
    const run = await running;
    expect(run.ending).toMatchObject({ state: 'cancelled', exit_code: 5 });
    const [child] = await rig.children(run.id);
    expect(child?.record?.ending).toMatchObject({ state: 'cancelled' });
    expect(child?.record?.cancellation?.by).toEqual({ kind: 'policy', policy: 'parent' });
  });

  it('by a signal reaches it as that signal', async () => {
    const flow = parentOf([step('slow', sh(`${EFFECT}; sleep 60`))]);
    const run = await rig.run(flow, (life) => {
      const look = setInterval(() => {
        if (rig.effects().length === 0) return;
        clearInterval(look);
        life.engine.signal('SIGINT');
      }, 10);
    });
    expect(run.ending).toMatchObject({ state: 'cancelled', exit_code: 130 });
    const [child] = await rig.children(run.id);
    expect(child?.record?.ending).toMatchObject({ state: 'cancelled', exit_code: 130 });
  });

  it('by a timeout of the step does not wait for those who do not listen', async () => {
    const stubborn = `trap '' TERM; ${EFFECT}; sleep 60 & wait; sleep 60`;
    const flow = parentOf([step('slow', sh(stubborn))], {}, { timeout_ms: 300 });
    const run = await rig.run(flow);
    expect(run.ending).toMatchObject({ state: 'failed' });
    expect(run.steps.get('report' as StepKey)?.attempts.at(-1)?.outcome).toBe('timed_out');
    const [child] = await rig.children(run.id);
    expect(child?.record?.cancellation?.reason).toBe('its step ran out of its time, 300ms');
  });
});
