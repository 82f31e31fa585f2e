/**
 * How a process tree ends. The ladder: ask the group and what escaped it, wait for the grace time, kill, and look until two
 * scans in a row find nobody.
 *
 *     asking --(all gone)------------------> ended
 *     asking --(grace over, or forced)--> killing --(all gone, or limit)--> ended
 *
 * Numbers stay valid without a check by identity as long as the leader was not collected, which Node reports in the same turn
 * in which it happens; afterwards `isGroupLeftBehind` decides.
 */

import type { Clock } from '../engine/ports.ts';
import { pause, startWait } from './clock.ts';
import { isGroupLeftBehind, livingMembers, signalGroup } from './group.ts';
import { isDead, readProcessStat } from './identity.ts';
import type { LaunchedProcess, ProcessEnd } from './launcher.ts';
import { findTagged, signalTagged } from './sweep.ts';
import type { TokenPattern } from './token.ts';

/** How long KILL may take to show: a process inside the kernel does not die, and the run must go on. */
const KILL_LIMIT_MS = 5_000;
/** What a finished step left behind is asked, and killed after this, so that the step settles within 2 s. */
const LEFTOVER_GRACE_MS = 1_500;
const LEFTOVER_LIMIT_MS = 1_900;

/** What is to end. */
export interface LadderRequest {
  readonly process: LaunchedProcess;
  /** Finds what left the group. */
  readonly pattern: TokenPattern;
  /** What somebody asked with: INT stays INT, everything else is TERM. */
  readonly signal: NodeJS.Signals;
  readonly graceMs: number;
  readonly clock: Clock;
}

/** A ladder under way. */
export interface Ladder {
  /** Resolves when nothing of the tree lives, or with what cannot be ended. Never rejects. */
  readonly done: Promise<readonly number[]>;
  /** Skips the rest of the grace time. */
  kill(): void;
}

/** Begins the ladder for a process and everything that it started. */
export function startLadder(request: LadderRequest): Ladder {
  const signal: NodeJS.Signals = request.signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM';
  let force = (): void => {};
  const forced = new Promise<'forced'>((resolve) => {
    force = () => resolve('forced');
  });
  return { done: climb(request, signal, forced), kill: force };
}

async function climb(
  request: LadderRequest,
  signal: NodeJS.Signals,
  forced: Promise<'forced'>,
): Promise<readonly number[]> {
  const { process: target, pattern, clock, graceMs } = request;
  const { group } = target.identity;
  const leader = { exited: false };
  const exited = target.exited.then(() => {
    leader.exited = true;
  });
  let killing = false;
  const grace = startWait(clock, graceMs);
  const overdue = Promise.race([grace.over, forced]).then(() => {
    killing = true;
    grace.cancel();
  });

  signalGroup(group, signal);
  const asked = new Set<number>();
  const ask = (pids: readonly number[]): void => {
    for (const pid of pids) {
      if (asked.has(pid)) continue;
      asked.add(pid);
      // Members of the group have had the signal already; whoever is elsewhere gets it now.
      if (readProcessStat(pid)?.group !== group) signalTagged(pid, pattern, signal);
    }
  };
  ask(await findTagged(pattern));
  await Promise.race([exited, overdue]);

  let killedAtMs: number | undefined;
  let emptyScans = 0;
  let delayMs = 2;
  for (;;) {
    const groupLives = !leader.exited || groupHasLife(group);
    const tagged = groupLives && !killing ? [] : await findTagged(pattern);
    emptyScans = groupLives || tagged.length > 0 ? 0 : emptyScans + 1;
    if (emptyScans === 2) {
      grace.cancel();
      return [];
    }
    if (emptyScans === 1) continue;
    if (killing) {
      killedAtMs ??= clock.monotonic();
      if (clock.monotonic() - killedAtMs > KILL_LIMIT_MS) {
        return [...new Set([...(groupLives ? (livingMembers(group) ?? [group]) : []), ...tagged])];
      }
      if (!leader.exited || isGroupLeftBehind(group)) signalGroup(group, 'SIGKILL');
      for (const pid of tagged) signalTagged(pid, pattern, 'SIGKILL');
    } else ask(tagged);
    await Promise.race([pause(clock, delayMs), overdue]);
    delayMs = Math.min(delayMs * 2, 50);
    // Once killing, `overdue` has long resolved and would turn this into a busy loop.
    if (killing) await pause(clock, delayMs);
  }
}

/** True while a group without its leader has a living member. */
function groupHasLife(group: number): boolean {
  return isGroupLeftBehind(group) && (livingMembers(group)?.length ?? 1) > 0;
}

function isAlive(pid: number): boolean {
  const stat = readProcessStat(pid);
  return stat !== null && !isDead(stat);
}

/**
 * Ends what a step left in its group when it ended by itself, see `endLeftovers`. In a group that stays it is known what is left; if anything, whoever
 * leads it goes first.
 */
export async function endLeftoversOf(
  target: LaunchedProcess,
  { left = [] }: ProcessEnd,
  clock: Clock,
  isKilled: () => boolean,
): Promise<readonly number[]> {
  const { staying } = target;
  if (staying !== undefined && !staying.isGone) {
    if (!left.some(isAlive)) return [];
    await staying.retire();
  }
  return endLeftovers(target, clock, isKilled);
}

/**
 * Ends what a step left in its group when it ended by itself: asked first, killed after 1.5 s, or when `isKilled` says so.
 * @returns the pids that were ended; empty, after one system call, in the ordinary case.
 */
export async function endLeftovers(
  target: LaunchedProcess,
  clock: Clock,
  isKilled: () => boolean,
): Promise<readonly number[]> {
  const { group } = target.identity;
  if (!groupHasLife(group)) return [];
  const found = new Set(livingMembers(group) ?? []);
  signalGroup(group, 'SIGTERM');
  const began = clock.monotonic();
  for (let delayMs = 2; ; delayMs = Math.min(delayMs * 2, 50)) {
    await pause(clock, delayMs);
    const elapsedMs = clock.monotonic() - began;
    // One that moved to a group of its own before the signal came lives on until the run is swept.
    if (!groupHasLife(group) || elapsedMs > LEFTOVER_LIMIT_MS) return [...found].filter((pid) => !isAlive(pid));
    for (const pid of livingMembers(group) ?? []) found.add(pid);
    if (elapsedMs > LEFTOVER_GRACE_MS || isKilled()) signalGroup(group, 'SIGKILL');
  }
}
