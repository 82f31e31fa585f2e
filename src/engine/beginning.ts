/** How steps begin: attempts as far as there are slots, groups and waits at once, and what has to be found out before. */

import type { EventBody } from '../model/event.ts';
import { attemptsMade } from '../model/run.ts';
import type { Situation } from './decide.ts';
import { CALLS_PER_LANE } from './lanes.ts';
import type { Node } from './node.ts';

/** Everything that may begin now. Costs time linear in what begins. */
export function beginNodes(situation: Situation): {
  readonly events: readonly EventBody[];
  readonly questions: readonly Node[];
} {
  const { frontier, freeSlots } = situation;
  const { staging } = frontier;
  const events: EventBody[] = [];
  for (const node of staging.free()) {
    events.push(node.definition.action.kind === 'group' ? expandGroup(node) : nextAttempt(node));
  }
  const { lanes } = staging;
  let free = freeSlots;
  let inLine = lanes.room;
  for (const node of free > 0 || inLine > 0 ? staging.ready() : []) {
    const mayWait = lanes.takes(node);
    if (free <= 0 && !(mayWait && inLine > 0)) break;
    events.push(nextAttempt(node));
    if (mayWait) inLine += (free > 0 ? CALLS_PER_LANE : 0) - 1;
    free -= 1;
  }
  free = Math.max(0, free);
  return { events, questions: [...staging.questions(), ...staging.claimants(free)] };
}

function expandGroup({ record, definition: { action } }: Node): EventBody {
  const steps = action.kind === 'group' ? action.steps : [];
  return {
    type: 'step.expanded',
    step: record.key,
    items: [],
    members: steps.map(({ id, needs }) => ({ id, needs })),
  };
}

function nextAttempt({ record, run, units }: Node): EventBody {
  return {
    type: 'attempt.started',
    step: record.key,
    attempt: attemptsMade(record) + 1,
    iteration: record.iteration,
    ...(run === null ? {} : { why: run.why, ...(run.fingerprint === null ? {} : { fingerprint: run.fingerprint }) }),
    ...(units === null || Object.keys(units).length === 0 ? {} : { units }),
  };
}
