/**
 * The decider: reads the run and says which events should follow. Pure: it changes nothing, asks no clock, and draws only from the
 * random source that it is given. The engine folds what it says and asks again until it says nothing. It looks at queues of what
 * changed, never at all steps (but when a run is being ended early).
 *
 * It must not know how anything is done; `engine.ts` performs what was decided. How steps end is `closing.ts`, how they begin
 * `beginning.ts`, how the run ends `finish.ts`.
 */

import type { StepKey } from '../base/ids.ts';
import type { EventBody } from '../model/event.ts';
import type { RunRecord } from '../model/run.ts';
import { beginNodes } from './beginning.ts';
import { closeNodes, giveUpUnstarted } from './closing.ts';
import { endOfRun, type Finish } from './finish.ts';
import type { Frontier } from './frontier.ts';
import type { Node } from './node.ts';
import type { Plan } from './plan.ts';
import type { Random } from './ports.ts';
import type { Script } from './script.ts';

/** What should be true next: events to record now, things to find out, or the end; nothing of it: wait for a message. */
export interface Decision {
  readonly events: readonly EventBody[];
  /** Nodes about which something has to be found out, as their `wanted` says. */
  readonly questions: readonly Node[];
  readonly finish: Finish | null;
}

/** What the decider looks at. */
export interface Situation {
  readonly run: RunRecord;
  readonly plan: Plan;
  readonly frontier: Frontier;
  readonly random: Random;
  /** Wall clock in milliseconds, for the due times that are shown. */
  readonly now: number;
  /** Slots that this run has left, shared with its relatives. */
  readonly freeSlots: number;
  /** True when the time for cleaning up is over. */
  readonly isCleanupOver: boolean;
  /** Why the run may not begin, for a run that its concurrency group refused. */
  readonly refusal: string | null;
  /** True while nothing may begin: others of the run's group are in front, or the delay before another try of the run is not over. */
  readonly isHeld: boolean;
  /** The function that makes the steps; null for a flow that has none. */
  readonly script: Pick<Script, 'isOpen' | 'hasDrifted' | 'failure' | 'caught'> | null;
  /** Where the steps of a sub-run stand in its root. */
  readonly prefix: StepKey | null;
}

const nothing: Decision = { events: [], questions: [], finish: null };

/** Says what should follow. Costs time linear in what it decides. */
export function decide(situation: Situation): Decision {
  const { run, frontier } = situation;
  if (run.ending !== null || run.parked) return nothing;
  const closing = closeNodes(situation);
  if (closing.length > 0) return { ...nothing, events: closing };
  if (frontier.unsettled === 0) {
    if (situation.script?.isOpen === true) return nothing;
    const end = endOfRun(situation);
    return 'finish' in end ? { ...nothing, finish: end.finish } : { ...nothing, events: [end.event] };
  }
  const givenUp = isStopping(situation) ? giveUpUnstarted(situation) : [];
  if (givenUp.length > 0) return { ...nothing, events: givenUp };
  if (situation.isHeld && !isStopping(situation)) return nothing;
  const { events, questions } = beginNodes(situation);
  return { ...nothing, events, questions };
}

/** True when nothing more is to be started in this run but what cleans up. */
export function isStopping({ run, frontier, isCleanupOver, refusal, script }: Situation): boolean {
  return (
    run.cancellation !== null ||
    isCleanupOver ||
    refusal !== null ||
    script?.hasDrifted === true ||
    (run.settings.fail_fast && frontier.isDoomed)
  );
}
