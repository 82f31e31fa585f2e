/**
 * What is to be done about what is due: pure. A deployment and the time come in; out come the runs to start, what is to be cancelled for
 * them, what was missed, and the deployment as it is to be written down before anything is started.
 */

import { createHash } from 'node:crypto';
import type { RunId } from '../base/ids.ts';
import { assertNever } from '../base/result.ts';
import {
  type Deployment,
  type DueTick,
  REMEMBERED_TICKS,
  type RunClaim,
  type TickOutcome,
} from '../model/deployment.ts';
import type { ScheduleDefinition } from '../model/schedule.ts';
import type { TriggerEvent } from '../model/trigger.ts';
import type { Occurrences } from './occurrences.ts';

/** An instant that is found within this time was not missed: whoever looks may do so once in five minutes. */
export const ON_TIME_MS = 600_000;
/** Most instants of one schedule that are counted when nobody was there for a long time. */
const MOST_COUNTED = 10_000;
/** Most instants that wait in a deployment's queue. */
export const LONGEST_QUEUE = 1_000;

const instantOf = (text: string): number => Date.parse(text);
const textOf = (instant: number): string => new Date(instant).toISOString();

/** How much later than its instant a run begins: the same whenever it is asked. */
export function jitterOf(deployment: string, schedule: number, instant: number, jitterMs: number): number {
  if (jitterMs <= 0) return 0;
  const digest = createHash('sha256').update(`${deployment}\n${schedule}\n${instant}`).digest();
  return Math.floor((digest.readUInt32BE(0) / 4_294_967_296) * jitterMs);
}

/** What one schedule has to say. */
interface Looked {
  readonly run: readonly number[];
  readonly missed: {
    readonly first: number;
    readonly last: number;
    readonly count: number;
    readonly isMore: boolean;
  } | null;
  readonly until: number;
}

/** Looks at one schedule. */
function look(
  name: string,
  index: number,
  schedule: ScheduleDefinition,
  occurrences: Occurrences,
  since: number,
  now: number,
  isTaken: (index: number, instant: number) => boolean,
): Looked {
  const due: number[] = [];
  let counted = 0;
  let until = since;
  for (const instant of occurrences.from(since + 1)) {
    if (instant > now || instant + jitterOf(name, index, instant, schedule.jitter_ms) > now) break;
    counted += 1;
    until = instant;
    if (!isTaken(index, instant)) due.push(instant);
    if (counted > MOST_COUNTED) break;
  }
  const isMore = counted > MOST_COUNTED;
  const last = due.at(-1);
  if (last === undefined) return { run: [], missed: null, until };
  // Behind more than can be counted nothing is on time; what is left is looked at from here on.
  const recent = now - schedule.catch_up_window_ms;
  const isOnTime = !isMore && now - last - schedule.jitter_ms <= ON_TIME_MS;
  const caught = ((): readonly number[] => {
    switch (schedule.catch_up) {
      case 'none':
        return isOnTime ? [last] : [];
      case 'latest':
        return isOnTime || last >= recent ? [last] : [];
      case 'all':
        return due.filter((instant) => instant >= recent || (isOnTime && instant === last)).slice(-LONGEST_QUEUE);
      default:
        return assertNever(schedule.catch_up, 'way of catching up');
    }
  })();
  const missed = due.slice(0, due.length - caught.length);
  const [first] = missed;
  return {
    run: caught,
    missed: first === undefined ? null : { first, last: missed.at(-1) ?? first, count: missed.length, isMore },
    until,
  };
}

/**
 * From where on instants are looked at. What was decided ahead of now was decided by a clock that has been set back since: it goes on
 * from now, and what had its run is left out. A few minutes are waited for.
 */
const sinceOf = (decided: number, now: number): number => (decided > now + ON_TIME_MS ? now : decided);

/**
 * When a deployment next has to be looked at; null: never, as it is.
 * @param now milliseconds since the epoch.
 */
export function nextLook(
  deployment: Deployment,
  schedules: readonly (Occurrences | null)[],
  now: number,
): number | null {
  if (deployment.paused !== null) return null;
  let next: number | null = null;
  for (const [index, schedule] of deployment.schedules.entries()) {
    const occurrences = schedules[index];
    if (!schedule.active || occurrences == null) continue;
    const since = sinceOf(instantOf(deployment.decided_until[index] ?? ''), now);
    for (const instant of occurrences.from(since + 1)) {
      const due = instant + jitterOf(deployment.name, index, instant, schedule.jitter_ms);
      next = next === null ? due : Math.min(next, due);
      break;
    }
  }
  return next;
}

/** What is to be done for one deployment. */
export interface Decided {
  /** The deployment as it is to be written down; the same object when nothing changes. */
  readonly deployment: Deployment;
  /** What became of what was due: all of it, also what is more than a deployment remembers. */
  readonly news: readonly TickOutcome[];
  /** Runs to cancel, for newer ones take their place. */
  readonly cancel: readonly RunId[];
}

/** What is known beside the deployment itself. */
export interface Surroundings {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** By schedule; null where it cannot be read. */
  readonly occurrences: readonly (Occurrences | null)[];
  /** Of the runs in `open`: those that go on. */
  readonly live: ReadonlySet<RunId>;
  /** What happened and was not taken up yet, or was and may not be known to be. `isWhole`: nothing else is. Default: nothing is known. */
  readonly waiting?: { readonly events: readonly DueEvent[]; readonly isWhole: boolean };
  /** True when an instant of a schedule has had its run: a backfill may have been first. */
  hasRun(schedule: number, instant: number): boolean;
  /** A new id for a run. */
  mint(): RunId;
}

/** Something that happened, and what its trigger says about runs that still go on. */
export interface DueEvent {
  readonly event: TriggerEvent;
  readonly overlap: ScheduleDefinition['overlap'];
}

/** Most events that are taken up before those before them have run: the others wait where they take less to be written down. */
const MOST_EVENTS = 100;

/** Ids of events that are over are forgotten when something else changes, or when there are so many. */
const MOST_TAKEN = 100;

/** A tick for the memory: what is known of its event is not needed any more. */
export const remembered = <T extends DueTick>(tick: T): T =>
  tick.event === undefined ? tick : { ...tick, event: { ...tick.event, facts: null } };

/** Decides about everything that is due. The runs to be started are the new members of `claims`. */
export function decideDue(deployment: Deployment, surroundings: Surroundings): Decided {
  const { now, occurrences, live, mint, waiting: { events, isWhole } = { events: [], isWhole: false } } = surroundings;
  const open = deployment.open.filter(({ run }) => live.has(run));
  const claims: RunClaim[] = [...deployment.claims];
  const ticks: TickOutcome[] = [];
  let queue: readonly DueTick[] = deployment.queue;
  const cancel: RunId[] = [];
  const decided = [...deployment.decided_until];
  const taken = new Set(deployment.taken);
  const fresh = events.filter(({ event }) => !taken.has(event.id));
  const isBusy = (): boolean => open.length + claims.length > 0;
  const claim = ({ instead: _, ...tick }: DueTick): void => {
    const { event } = tick;
    claims.push({ ...tick, run: event?.id ?? mint(), trigger: event?.kind ?? 'schedule', claimed_at: textOf(now) });
  };
  const atWork = [...deployment.backfilling, ...deployment.claims, ...deployment.queue];
  const written = new Set(atWork.map((each) => `${each.schedule} ${instantOf(each.scheduled_for)}`));
  const isTaken = (index: number, instant: number): boolean =>
    written.has(`${index} ${instant}`) || surroundings.hasRun(index, instant);
  if (deployment.paused === null) {
    const due: {
      readonly tick: DueTick;
      readonly overlap: ScheduleDefinition['overlap'];
      readonly isAlone: boolean;
    }[] = [];
    for (const [index, schedule] of deployment.schedules.entries()) {
      const known = instantOf(deployment.decided_until[index] ?? '');
      const instants = occurrences[index];
      if (!schedule.active || instants == null || !Number.isFinite(known)) continue;
      const since = sinceOf(known, now);
      if (since !== known) decided[index] = textOf(since);
      const { run, missed, until } = look(deployment.name, index, schedule, instants, since, now, isTaken);
      if (until > since) decided[index] = textOf(until);
      if (missed !== null) {
        const { first, last, count, isMore } = missed;
        const tick = { schedule: index, scheduled_for: textOf(first) };
        ticks.push({ ...tick, outcome: 'missed', until: textOf(last), count, is_more: isMore });
      }
      for (const instant of run) {
        const tick = { schedule: index, scheduled_for: textOf(instant) };
        due.push({ tick, overlap: schedule.overlap, isAlone: run.length === 1 });
      }
    }
    // Events for which there is no room stay where they are.
    for (const { event, overlap } of fresh.slice(0, Math.max(0, MOST_EVENTS - queue.length - due.length))) {
      taken.add(event.id);
      due.push({ tick: { schedule: null, scheduled_for: event.at, event }, overlap, isAlone: true });
    }
    due.sort((one, other) => instantOf(one.tick.scheduled_for) - instantOf(other.tick.scheduled_for));
    for (const { tick, overlap, isAlone } of due) {
      const before = open.at(-1) ?? claims.at(-1);
      if (before === undefined && queue.length === 0) claim(tick);
      else if (!isAlone) queue = [...queue, tick];
      else {
        switch (overlap) {
          case 'allow':
            claim(tick);
            break;
          case 'queue':
            queue = [...queue, tick];
            break;
          case 'cancel_running':
            if (before === undefined) queue = [...queue, tick];
            else {
              for (const { instead: _, ...older } of queue) {
                ticks.push({ ...older, outcome: 'skipped', because_of: before.run });
              }
              queue = [{ ...tick, instead: true }];
            }
            break;
          case 'skip':
            if (before === undefined) queue = [...queue, tick];
            else ticks.push({ ...tick, outcome: 'skipped', because_of: before.run });
            break;
          default:
            assertNever(overlap, 'overlap');
        }
      }
    }
    const [first, ...rest] = queue;
    if (first !== undefined && !isBusy()) {
      claim(first);
      queue = rest;
    }
    // Asked in every look: whoever was to do so may have died.
    if (queue[0]?.instead === true) cancel.push(...[...open, ...claims].map(({ run }) => run));
    for (const lost of queue.slice(LONGEST_QUEUE)) {
      ticks.push({ ...lost, outcome: 'missed', until: lost.scheduled_for, count: 1, is_more: false });
    }
    if (queue.length > LONGEST_QUEUE) queue = queue.slice(0, LONGEST_QUEUE);
  }
  // What happens while it is paused is not made up for.
  if (deployment.paused !== null) for (const { event } of fresh) taken.add(event.id);
  const pending = new Set(events.map(({ event }) => event.id));
  const still = [...taken].filter((id) => !isWhole || pending.has(id));
  const isSame =
    open.length === deployment.open.length &&
    claims.length === deployment.claims.length &&
    queue === deployment.queue &&
    ticks.length === 0 &&
    taken.size === (deployment.taken?.length ?? 0) &&
    taken.size - still.length < MOST_TAKEN &&
    decided.every((each, index) => each === deployment.decided_until[index]);
  if (isSame) return { deployment, news: [], cancel };
  const kept = [...deployment.ticks, ...ticks.map(remembered)].slice(-REMEMBERED_TICKS);
  return {
    deployment: {
      ...deployment,
      ...(still.length === 0 && deployment.taken === undefined ? {} : { taken: still }),
      open,
      claims,
      queue,
      ticks: kept,
      decided_until: decided,
    },
    news: ticks,
    cancel,
  };
}
