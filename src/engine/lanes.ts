/**
 * How quick calls share slots. A task that takes next to no time costs less than the way to it and back: over threads, and over the disk
 * twice. So more of them are started than there are slots, and wait in line behind each other where they run. What runs at one time stays
 * within the slots all the same: a *lane* is a slot of the run, in which such calls run one after the other.
 *
 * Whoever performs attempts is told how many lanes there are. Nothing may run in more, nor may a call wait behind one that turned out
 * to be slow while another lane has room.
 */

import { callBehind, type Node, takesSlot } from './node.ts';

/** So many calls are under way for each lane: about what is done while one write reaches the disk. */
export const CALLS_PER_LANE = 32;
/** A call of up to so many milliseconds is quick. */
const QUICK_MS = 3;
/** So many quick calls of a task in a row make it a quick one. */
const QUICK_AFTER = 4;
/** So many more after one that was slow. */
const DISTRUST = 32;

/** The lanes of a run. */
export class Lanes {
  /** How many there are now. */
  count = 0;
  private underway = 0;
  private readonly isShared: boolean;
  /** Of functions by `functionOf`: quick calls in a row. */
  private readonly quick = new Map<string, number>();

  /** @param isShared false: every call has a slot of its own. */
  constructor(isShared: boolean) {
    this.isShared = isShared;
  }

  /** How many calls may be started without a slot of their own. */
  get room(): number {
    return this.count * CALLS_PER_LANE - this.underway;
  }

  /** True for a call that may wait in line, and may have others behind it. */
  takes(node: Node): boolean {
    const called = this.isShared ? functionOf(node) : null;
    if (called === null || (this.quick.get(called) ?? 0) < QUICK_AFTER) return false;
    const { isolate, if_lost, resources, reuse } = node.definition;
    // One that was started counts as run, and with `if_lost: fail` a person is asked, even where it was still waiting.
    const isPlain = isolate === 'thread' && if_lost === 'run_again' && reuse === null;
    return isPlain && takesSlot(node) && isEmpty(resources);
  }

  /** A call that may wait in line was started. @returns the slots that it takes. */
  enter(node: Node, hasFreeSlot: boolean): number {
    node.isInLane = true;
    this.underway += 1;
    if (!hasFreeSlot) return 0;
    this.count += 1;
    return 1;
  }

  /** It ended: the lane stays while there are others for it. @returns the slots that it gives back. */
  leave(node: Node): number {
    node.isInLane = false;
    this.underway -= 1;
    if (this.underway >= this.count) return 0;
    this.count -= 1;
    return 1;
  }

  /** Learns from an attempt that ended how long its task takes. */
  learn(node: Node): void {
    const called = functionOf(node);
    const attempt = node.record.attempts.at(-1);
    if (called === null || attempt === undefined) return;
    const isQuick = attempt.outcome === 'succeeded' && (attempt.duration_ms ?? Number.POSITIVE_INFINITY) <= QUICK_MS;
    const row = isQuick ? (this.quick.get(called) ?? 0) + 1 : -DISTRUST;
    this.quick.set(called, Math.min(row, QUICK_AFTER));
  }
}

/** Which function a step calls, a task's by its name; null for a step that calls none, and for what handles an end: it has little time. */
function functionOf(node: Node): string | null {
  const { action } = node.definition;
  if (action.kind !== 'call' || node.record.role === 'handler') return null;
  return callBehind(node)?.name ?? `${action.module}#${action.export}`;
}

const isEmpty = (object: object): boolean => {
  for (const _ in object) return false;
  return true;
};
