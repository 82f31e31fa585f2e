/**
 * The steps of sub-runs as rows of their root: each sub-run is folded by itself, and its steps are seen through views that bear the
 * key that they have in the root. A view reads through to the step, so it is never old.
 */

import { recordedStepKey, type RunId, type StepKey } from '../../base/ids.ts';
import type { RunEvent } from '../../model/event.ts';
import { applyEvent, beginRun } from '../../model/fold.ts';
import type { RunRecord, StepRecord } from '../../model/run.ts';

/** In a larger run every step has no line of its own, so that their order is of no use. */
const MOST_ORDERED = 500;

/** Sub-runs that are shown with their root. */
export class MemberSteps {
  readonly #records = new Map<StepKey, RunRecord>();

  /**
   * Folds an event of a sub-run.
   * @param prefix the key of its step in the root.
   * @param before as it was when it is continued.
   * @param root whose steps get those of the sub-run.
   * @returns the keys, in the root, of steps that may stand otherwise now.
   */
  observe(
    { prefix, run, before }: { readonly prefix: StepKey; readonly run: RunId; readonly before: RunRecord | null },
    event: RunEvent,
    root: RunRecord,
  ): readonly StepKey[] {
    let record = this.#records.get(prefix);
    if (record === undefined) {
      record = event.type === 'run.started' ? beginRun(run, event) : structuredClone(before ?? undefined);
      if (record === undefined) return [];
      this.#records.set(prefix, record);
    }
    const known = record.steps.size;
    if (event.type !== 'run.started') applyEvent(record, event);
    if (event.type === 'run.finished') this.#records.delete(prefix);
    const isAboutAll = event.type === 'run.started' || event.type === 'run.resumed' || record.steps.size !== known;
    if (isAboutAll) return graft(prefix, record, root);
    return 'step' in event && event.step !== null ? [placed(prefix, event.step)] : [];
  }
}

const placed = (prefix: StepKey, key: StepKey): StepKey => recordedStepKey(`${prefix}/${key}`);

function graft(prefix: StepKey, record: RunRecord, root: RunRecord): readonly StepKey[] {
  const views = [...record.steps.values()].map((step) => viewOf(prefix, step));
  for (const view of views) root.steps.set(view.key, view);
  if (root.steps.size <= MOST_ORDERED) moveBeneath(prefix, root);
  return views.map(({ key }) => key);
}

function viewOf(prefix: StepKey, step: StepRecord): StepRecord {
  const parent = step.parent === null ? prefix : placed(prefix, step.parent);
  return Object.create(step, {
    key: { value: placed(prefix, step.key), enumerable: true },
    // Of the root's own fold it is a child of the sub-flow's step, and goes with it.
    parent: { value: parent, enumerable: true },
  }) as StepRecord;
}

/** Every step of a sub-run behind its step in the root, where a reader looks for them. */
function moveBeneath(prefix: StepKey, { steps }: RunRecord): void {
  const isMember = (key: StepKey): boolean => key.startsWith(`${prefix}/`);
  const all = [...steps.values()];
  const members = all.filter(({ key }) => isMember(key));
  steps.clear();
  for (const step of all) {
    if (isMember(step.key)) continue;
    steps.set(step.key, step);
    if (step.key === prefix) for (const member of members) steps.set(member.key, member);
  }
}
