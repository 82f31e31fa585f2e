/** Adding steps to a run and taking them out again, with all that belongs to them. Part of the fold. */

import type { StepId, StepKey } from '../base/ids.ts';
import type { Json } from '../base/json.ts';
import { attemptsMade, type CallRecord, type RunRecord, type StepRecord, type StepRole } from './run.ts';

/** A step that is to be added. */
export interface NewStep {
  readonly id: StepId;
  readonly key: StepKey;
  readonly needs: readonly StepKey[];
  /** Default: `step`. */
  readonly role?: StepRole;
  /** Default: null, the top of the run. */
  readonly parent?: StepKey | null;
  readonly index?: number;
  readonly item?: Json;
  /** Default: null, no call. */
  readonly call?: CallRecord;
}

/** Adds a step to a run; nothing has happened to it. */
export function addStep({ steps, made }: Pick<RunRecord, 'steps' | 'made'>, step: NewStep): void {
  steps.set(step.key, {
    id: step.id,
    key: step.key,
    role: step.role ?? 'step',
    parent: step.parent ?? null,
    index: step.index ?? null,
    item: step.item ?? null,
    needs: step.needs,
    phase: { kind: 'pending' },
    attempts: [],
    earlier: made.get(step.key) ?? 0,
    failures: 0,
    outputs: null,
    iteration: 0,
    previous: null,
    children: null,
    timed_out_after_ms: null,
    handlers: [],
    answer: null,
    question: null,
    generated: null,
    why: null,
    started_at: null,
    finished_at: null,
    child: null,
    settled_at: null,
    call: step.call ?? null,
  });
}

/** Takes a step out of a run. Its attempts keep their numbers, for their logs stay where they are. */
export function removeStep({ steps, made }: RunRecord, step: StepRecord): void {
  const last = attemptsMade(step);
  if (last > 0) made.set(step.key, last);
  steps.delete(step.key);
}

/** Takes steps out whose parent is not there any more, at any depth. One walk, for every step stands behind its parent. */
export function removeOrphans(run: RunRecord): void {
  for (const step of run.steps.values()) {
    if (step.parent !== null && !run.steps.has(step.parent)) removeStep(run, step);
  }
}
