/** How steps end, or go on to their next attempt: what follows from outcomes, answers, waits and settled needs. */

import { assertNever, Bug } from '../base/result.ts';
import type { EventBody, StepSettled } from '../model/event.ts';
import type { Failure, OutputsRef } from '../model/outcome.ts';
import { attemptsMade, type StepRecord } from '../model/run.ts';
import { isStopping, type Situation } from './decide.ts';
import { Frontier } from './frontier.ts';
import type { Answer, Container, Node } from './node.ts';
import { failureOfGroup, groupAgain, isCutOff, nodesWithin } from './groups.ts';
import { verdictOn } from './verdict.ts';

/** Everything that ends without another attempt, or waits for its next one. */
export function closeNodes(situation: Situation): EventBody[] {
  const { staging } = situation.frontier;
  const events: EventBody[] = [];
  const tolerance = new Tolerance();
  for (const node of staging.undecided()) events.push(closeOrRetry(situation, node, tolerance));
  for (const node of staging.unstartable()) {
    const reason = Frontier.blockedBy(node) ?? 'upstream_skipped';
    events.push({ type: 'step.skipped', step: node.record.key, reason });
  }
  for (const node of staging.answers()) {
    if (node.answer !== null) events.push(followAnswer(situation, node, node.answer, tolerance));
  }
  for (const node of staging.waitsOver()) events.push(endWait(node, tolerance));
  // A node is closed once: what is left in a group is given up when nothing else is to be said of it, nor of a group around it.
  for (const group of situation.frontier.cutOff) {
    if (events.length > 0) break;
    for (const event of giveUpWithin(situation, group)) events.push(event);
  }
  // Also when the time for cleaning up is over: then they are given up at once, and it is on record that they were.
  for (const [node, phase] of staging.handlersDue) {
    const count = node.definition.handlers[phase].length;
    events.push({ type: 'handlers.started', step: node.record.key, phase, count });
  }
  return events;
}

/** Walks over all nodes, a few times per life of a run: afterwards none is left that is neither running nor settled. */
export function giveUpUnstarted(situation: Situation): EventBody[] {
  const { frontier } = situation;
  const sparesCleanup = !isCleanupOver(situation);
  if (frontier.notStarted(sparesCleanup ? 'plain' : 'all') === 0) return [];
  const given = [...frontier.unstarted()].filter((node) => !sparesCleanup || !node.isCleanup);
  // What had begun is closed first: what comes after it is skipped for its sake, and says so.
  const begun = given.filter(({ record: { phase } }) => phase.kind !== 'pending');
  return (begun.length > 0 ? begun : given).map((node) => giveUpBeforeStart(situation, node));
}

const isCleanupOver = ({ run, isCleanupOver: isOver, refusal }: Situation): boolean =>
  isOver || refusal !== null || (run.cancellation !== null && run.cancellation.signals > 1);

/** How many failures of a container are still tolerated, counting those that are decided in the same breath. */
class Tolerance {
  private readonly granted = new Map<Container, number>();

  /** The end of a step that failed. */
  failed(node: Node, error: Failure | null, outputs: OutputsRef | null = null): EventBody {
    return settled(node.record, 'failed', this.tolerates(node), error, outputs);
  }

  private tolerates({ container, definition, record }: Node): boolean {
    if (record.role === 'handler') return definition.action.kind === 'notify' || definition.continue_on_error;
    if (record.role !== 'item') return definition.continue_on_error;
    const granted = this.granted.get(container) ?? 0;
    if (container.tolerated + granted >= container.tolerates) return false;
    this.granted.set(container, granted + 1);
    return true;
  }
}

function closeOrRetry(situation: Situation, node: Node, tolerance: Tolerance): EventBody {
  const { record, definition } = node;
  const attempt = record.attempts.at(-1);
  if (attempt === undefined || attempt.outcome === 'cancelled') return settled(record, 'cancelled', false, null);
  if (attempt.outcome === 'succeeded') return { type: 'step.skipped', step: record.key, reason: 'skip_code' };
  // One that may start again never comes here: it is staged.
  if (attempt.outcome === 'lost') return tolerance.failed(node, lostFailure(situation, record));
  const verdict = verdictOn(definition.retry, attempt, record.failures, situation.random());
  const mayGoOn = node.isCleanup ? !isCleanupOver(situation) : !isStopping(situation);
  if (verdict.kind === 'give_up' || isCutOff(node) || !mayGoOn) {
    return tolerance.failed(node, attempt.error);
  }
  return {
    type: 'retry.scheduled',
    step: record.key,
    attempt: attemptsMade(record) + 1,
    delay_ms: verdict.delay_ms,
    due: new Date(situation.now + verdict.delay_ms).toISOString(),
  };
}

function followAnswer(situation: Situation, node: Node, answer: Answer, tolerance: Tolerance): EventBody {
  const { record } = node;
  const step = record.key;
  switch (answer.kind) {
    case 'unmet':
      return { type: 'step.skipped', step, reason: 'condition' };
    case 'broken':
      return tolerance.failed(node, answer.failure);
    case 'items':
      return { type: 'step.expanded', step, items: answer.items };
    case 'wait': {
      const { kind: _, ...wait } = answer;
      return { type: 'wait.started', step, ...wait };
    }
    case 'approval': {
      const { message, params, expires } = answer;
      return { type: 'approval.requested', step, message, params, expires };
    }
    case 'recorded': {
      if (answer.answer.kind === 'run') throw new Bug(`step ${step} is to run, which is no end`);
      const { kind: _, ...reused } = answer.answer;
      return { type: 'step.reused', step, ...reused };
    }
    case 'last_iteration':
      return answer.isLast ? endIterations(node, tolerance) : nextIteration(situation, node, tolerance);
    case 'concluded':
      return concluded(situation, node, answer.outputs, tolerance);
    case 'met':
    case 'granted':
      throw new Bug(`step ${step} goes on by itself when its question is answered so`);
    default:
      return assertNever(answer, 'answer');
  }
}

function endIterations(node: Node, tolerance: Tolerance): EventBody {
  const { record } = node;
  const attempt = record.attempts.at(-1);
  return attempt?.outcome === 'succeeded'
    ? settled(record, 'succeeded', false, null, record.outputs)
    : tolerance.failed(node, attempt?.error ?? null);
}

function nextIteration(situation: Situation, node: Node, tolerance: Tolerance): EventBody {
  const { record, definition } = node;
  const { repeat } = definition;
  if (repeat === null) throw new Bug(`step ${record.key} does not repeat`);
  if (isStopping(situation) && !node.isCleanup) return settled(record, 'cancelled', false, null);
  const iteration = record.iteration + 1;
  if (repeat.max !== null && iteration >= repeat.max) {
    const message = `after ${repeat.max} iterations its \`repeat\` condition still says to go on`;
    return tolerance.failed(node, { code: 'repeat_limit', message });
  }
  const due = new Date(situation.now + repeat.every_ms).toISOString();
  return { type: 'iteration.scheduled', step: record.key, iteration, delay_ms: repeat.every_ms, due };
}

/** A map or a group whose children are settled. */
function concluded(situation: Situation, node: Node, outputs: OutputsRef | null, tolerance: Tolerance): EventBody {
  const { record, children } = node;
  const error = failureOfGroup(node);
  if (error !== null) return groupAgain(situation, node, error) ?? tolerance.failed(node, error, outputs);
  if ((children?.nodes ?? []).some(wasCutShort)) return settled(record, 'cancelled', false, null);
  return settled(record, 'succeeded', false, null, outputs);
}

const wasCutShort = ({ record: { phase } }: Node): boolean =>
  phase.kind === 'cancelled' || (phase.kind === 'skipped' && phase.reason === 'cancelled');

/** The end of a wait, or of an approval that was answered or that nobody answered in time. */
function endWait(node: Node, tolerance: Tolerance): EventBody {
  const { record, definition } = node;
  const { action } = definition;
  if (action.kind !== 'approve') return settled(record, 'succeeded', false, null);
  const { answer } = record;
  if (answer !== null) {
    const { approved, params, comment, by } = answer;
    const who = by.kind === 'user' ? by.name : by.kind;
    if (!approved) {
      const message = `rejected by ${who}${comment === null ? '' : `: ${comment}`}`;
      return tolerance.failed(node, { code: 'rejected', message });
    }
    return settled(record, 'succeeded', false, null, {
      kind: 'inline',
      value: { approved: true, by: who, comment, ...params },
    });
  }
  switch (action.on_timeout) {
    case 'approve':
      return settled(record, 'succeeded', false, null, {
        kind: 'inline',
        value: { approved: true, by: null, comment: null },
      });
    case 'skip':
      return { type: 'step.skipped', step: record.key, reason: 'condition' };
    case 'reject':
      return tolerance.failed(node, { code: 'rejected', message: 'nobody answered in time, which counts as a no' });
    case 'fail':
      return tolerance.failed(node, { code: 'timed_out', message: 'nobody answered in time' });
  }
}

/** What is left in a group whose time is over. */
function giveUpWithin(situation: Situation, group: Node): EventBody[] {
  const idle = [...nodesWithin(group)].filter((node) => node.isIdle && !node.isSettled);
  const begun = idle.filter(({ record: { phase } }) => phase.kind !== 'pending');
  return (begun.length > 0 ? begun : idle).map((node) => giveUpBeforeStart(situation, node));
}

/** A run that is being ended starts nothing more; a step that had failed and waits for its retry has failed. */
function giveUpBeforeStart({ run }: Situation, node: Node): EventBody {
  const { record, definition } = node;
  const { kind } = record.phase;
  if (kind === 'retrying') {
    if (run.cancellation !== null) return settled(record, 'cancelled', false, null);
    const tolerated = definition.continue_on_error && record.role !== 'item';
    return settled(record, 'failed', tolerated, record.attempts.at(-1)?.error ?? null);
  }
  if (kind === 'waiting' || kind === 'undecided' || (kind === 'queued' && record.attempts.length > 0)) {
    return settled(record, 'cancelled', false, null);
  }
  const reason = Frontier.blockedBy(node) === 'upstream_failed' ? 'upstream_failed' : 'cancelled';
  return { type: 'step.skipped', step: record.key, reason };
}

function settled(
  { key }: StepRecord,
  state: StepSettled['state'],
  tolerated: boolean,
  error: Failure | null,
  outputs: OutputsRef | null = null,
): EventBody {
  return { type: 'step.settled', step: key, state, tolerated, error, outputs };
}

function lostFailure({ prefix }: Situation, step: StepRecord): Failure {
  const attempt = attemptsMade(step);
  const place = prefix === null ? step.key : `${prefix}/${step.key}`;
  return {
    code: 'lost_attempt',
    message: `attempt ${attempt} was lost, and \`if_lost: fail\` leaves it to a person: \`flowctl resume --from ${place}\``,
  };
}
