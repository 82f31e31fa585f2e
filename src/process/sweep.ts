/**
 * Ends what carries a token: the daemons that left their group, and everything of a run whose owner died. A sweep reads the
 * environment of every process of the machine, so it belongs to the end of a run, to ladders and to resume, never to the
 * ordinary end of a step.
 */

import { readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { RunId } from '../base/ids.ts';
import type { Clock } from '../engine/ports.ts';
import type { ProcessIdentity } from '../model/event.ts';
import { pause } from './clock.ts';
import { livingMembers, signalGroup, signalProcess } from './group.ts';
import { isSameProcess } from './identity.ts';
import { readProcFile } from './proc-file.ts';
import { type TokenPattern, tokenInEnvironment, tokenMatches } from './token.ts';

/** A living process with a token. */
export interface Tagged {
  readonly pid: number;
  readonly token: string;
}

/** How many processes are looked at before other work gets its turn. */
const SCAN_SLICE = 64;
/** A sweep that has not succeeded by then reports what is left; a process inside the kernel cannot be ended. */
export const SWEEP_LIMIT_MS = 30_000;

let nextScan: Promise<readonly Tagged[]> | undefined;

/** All tagged processes. Whoever asks before a scan has begun shares it: a cancelled run of a thousand steps scans once. */
function scanTagged(): Promise<readonly Tagged[]> {
  nextScan ??= setImmediate().then(() => {
    nextScan = undefined;
    return readEnvironments();
  });
  return nextScan;
}

async function readEnvironments(): Promise<readonly Tagged[]> {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    return [];
  }
  const tagged: Tagged[] = [];
  let looked = 0;
  for (const name of names) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid) || pid <= 1 || pid === process.pid) continue;
    looked += 1;
    if (looked % SCAN_SLICE === 0) await setImmediate();
    const token = readToken(pid);
    if (token !== null) tagged.push({ pid, token });
  }
  return tagged;
}

/** The token of a process; null also for the dead (their environment is empty) and for those of other users. */
function readToken(pid: number): string | null {
  try {
    return tokenInEnvironment(readProcFile(`/proc/${pid}/environ`));
  } catch {
    return null;
  }
}

/** Every living process with a token that we may look at, flowctl itself left out. Empty where there is no /proc. */
export const findEveryTagged = (): Promise<readonly Tagged[]> => scanTagged();

/**
 * The living processes that carry a token of the pattern, flowctl itself left out. Empty where there is no /proc.
 */
export async function findTagged(pattern: TokenPattern): Promise<readonly number[]> {
  const tagged = await scanTagged();
  return tagged.filter(({ token }) => tokenMatches(token, pattern)).map(({ pid }) => pid);
}

/** Signals a process only if it carries the token in this very turn: a number found earlier may be another's by now. */
export function signalTagged(pid: number, pattern: TokenPattern, signal: NodeJS.Signals): boolean {
  const token = readToken(pid);
  return token !== null && tokenMatches(token, pattern) && signalProcess(pid, signal) === 'sent';
}

/** What a sweep is to end, and how. */
export interface SweepRequest {
  readonly pattern: TokenPattern;
  /** Recorded processes, whose groups are ended too; only those that provably still live. */
  readonly identities?: readonly ProcessIdentity[];
  readonly clock: Clock;
  /** From TERM to KILL; 0 kills at once. */
  readonly graceMs: number;
  /** Aborted when nobody wants to wait any more: what is left of the grace time is skipped. Default: never. */
  readonly hurry?: AbortSignal | undefined;
  /** Milliseconds after which it gives up; `SWEEP_LIMIT_MS` unless given. */
  readonly limitMs?: number;
}

/** Whom a sweep signalled, and who lives in spite of it. */
export interface SweepReport {
  readonly ended: readonly number[];
  readonly left: readonly number[];
}

/**
 * Asks every process of the pattern to end (TERM), kills after the grace time, and returns when two scans in a row found
 * nobody: one scan can miss a process that is just being forked. Never throws.
 */
export async function sweep(request: SweepRequest): Promise<SweepReport> {
  const { pattern, clock, graceMs, hurry, identities = [], limitMs = SWEEP_LIMIT_MS } = request;
  const began = clock.monotonic();
  const asked = new Set<number>();
  const watched = new Set<number>();
  let emptyScans = 0;
  let delayMs = 2;
  for (;;) {
    const alive = new Set(await findTagged(pattern));
    // A group that was known by its leader is watched until it is empty, though its leader is gone: till then its number is nobody else's.
    for (const identity of identities) if (isSameProcess(identity)) watched.add(identity.group);
    const groups = [...watched].map((group) => ({ group, members: livingMembers(group) ?? [] }));
    for (const { group, members } of groups) if (members.length === 0) watched.delete(group);
    for (const { members } of groups) for (const pid of members) alive.add(pid);
    emptyScans = alive.size === 0 ? emptyScans + 1 : 0;
    const elapsedMs = clock.monotonic() - began;
    if (emptyScans === 2 || elapsedMs > limitMs) {
      return { ended: [...asked].filter((pid) => !alive.has(pid)), left: [...alive] };
    }
    if (emptyScans === 1) continue;
    const killing = elapsedMs >= graceMs || hurry?.aborted === true;
    for (const { group, members } of groups) {
      if (killing) signalGroup(group, 'SIGKILL');
      else if (!asked.has(group)) {
        signalGroup(group, 'SIGTERM');
        // They have it with their group: a second one would tell a flowctl among them to kill instead of asking.
        for (const pid of members) asked.add(pid);
      }
    }
    for (const pid of alive) {
      if (killing || !asked.has(pid)) signalTagged(pid, pattern, killing ? 'SIGKILL' : 'SIGTERM');
      asked.add(pid);
    }
    // While killing, every turn pauses: a process inside the kernel would otherwise keep us busy for nothing.
    if (killing) await pause(clock, delayMs);
    else await pause(clock, Math.min(delayMs, Math.max(1, graceMs - elapsedMs)), hurry);
    delayMs = Math.min(delayMs * 2, 100);
  }
}

/** Ends everything of a run: when it ends, and before it is resumed (holding its lock proves that nobody watches them). */
export const sweepRun = (run: RunId, options: Omit<SweepRequest, 'pattern'>): Promise<SweepReport> =>
  sweep({ ...options, pattern: { kind: 'run', run } });
