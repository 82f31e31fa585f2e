/** The approvals that a run waits for, in itself and in its sub-runs; and what may be answered to them. */

import type { StepKey } from '../base/ids.ts';
import { isJsonObject } from '../base/json.ts';
import { Bug } from '../base/result.ts';
import type { ApproveAction, FlowDefinition } from '../model/flow.ts';
import { findStep } from '../model/find-step.ts';
import type { RunRecord, StepRecord } from '../model/run.ts';
import { readDefinition } from '../store/definitions.ts';
import type { RunLayout } from '../store/layout.ts';
import { unwrap } from '../store/problem.ts';
import { readSubRuns } from '../store/sub-runs.ts';

/** An approval as it is asked for. */
export interface AskedApproval {
  /** As the root sees it: `gate`, `report/gate`. */
  readonly key: string;
  readonly step: StepRecord;
  readonly action: ApproveAction;
  /** The flow that the step is part of. */
  readonly flow: FlowDefinition;
}

/** Every approval of a run that was asked for, answered ones as well. */
export async function askedApprovals(layout: RunLayout, record: RunRecord): Promise<readonly AskedApproval[]> {
  const members = await readSubRuns(layout, record);
  const runs = [
    { prefix: '', layout, record },
    ...members.flatMap(({ prefix, reading }) =>
      reading.record === null ? [] : [{ prefix: `${prefix}/`, layout: reading.layout, record: reading.record }],
    ),
  ];
  const found: AskedApproval[] = [];
  for (const run of runs) {
    const steps = [...run.record.steps.values()].filter(({ phase, answer, question }) =>
      isAsked(phase, answer, question),
    );
    if (steps.length === 0) continue;
    const { definition } = unwrap(await readDefinition(run.layout, run.record.revision));
    for (const step of steps) {
      const action = step.call === null ? approvalOf(definition, step.key) : calledApproval(step);
      if (action !== null) found.push({ key: `${run.prefix}${step.key}`, step, action, flow: definition });
    }
  }
  return found;
}

function isAsked(phase: StepRecord['phase'], answer: StepRecord['answer'], question: StepRecord['question']): boolean {
  return (
    (phase.kind === 'waiting' && phase.for === 'approval') || answer !== null || question?.['message'] !== undefined
  );
}

function approvalOf({ steps }: FlowDefinition, key: StepKey): ApproveAction | null {
  const action = findStep(steps, key)?.action;
  return action?.kind === 'approve' ? action : null;
}

/** What a flow function asks stands in no definition, but on record. */
function calledApproval({ question }: StepRecord): ApproveAction | null {
  const params = question?.['params'] ?? {};
  if (question === null || !isJsonObject(params)) return null;
  return {
    kind: 'approve',
    message: '',
    timeout_ms: null,
    on_timeout: 'fail',
    params: Object.entries(params).map(([name, schema]) => {
      const written = isJsonObject(schema) ? schema : {};
      const hasDefault = Object.hasOwn(written, 'default');
      return { name, schema: written, required: !hasDefault, default: written['default'] ?? null };
    }),
  };
}

/** What is asked, as the run evaluated it. */
export function messageOf({ question, key }: StepRecord): string {
  const message = question?.['message'];
  if (typeof message !== 'string') throw new Bug(`step ${key} asks nothing`);
  return message;
}

/** True while an approval waits for its answer. */
export const isOpen = ({ step: { phase, answer } }: AskedApproval): boolean =>
  phase.kind === 'waiting' && phase.for === 'approval' && answer === null;
