/**
 * What the runs of one tree tell each other: a sub-run that only waits says so, for its step counts as executing in the run above; and
 * where nobody stays for what a tree waits for, all its runs are left together.
 */

import type { StepKey } from '../base/ids.ts';
import type { Inbox } from './inbox.ts';

/** What a run is about, as far as those above it care. */
export interface Idleness {
  /** Something is executed, or waits for an instant: the time counts. False while all wait for a person, or for other runs. */
  readonly isExecuting: boolean;
  /** Nothing is left but to wait for a person or an instant. */
  readonly canPark: boolean;
}

/** Busy, as a run is that says nothing. */
export const BUSY: Idleness = { isExecuting: true, canPark: false };

/** What a run hears of its relatives. */
export type FamilyMessage =
  /** A run that shares this one's slots has one less in use. */
  | { readonly kind: 'slot_freed' }
  /** The sub-run of a step is idle now, or busy again. */
  | { readonly kind: 'child_idled'; readonly step: StepKey; readonly idleness: Idleness }
  /** Nobody stays for what the whole tree waits for. */
  | { readonly kind: 'park_asked' };

/** Ends a life without a record of it: the tree was left waiting, and this run had become busy in the same instant. */
export class LeftWaiting extends Error {
  override readonly name = 'LeftWaiting';
}

/** The way to a run for its relatives. */
export class Relatives {
  private readonly inbox: Inbox;

  constructor(inbox: Inbox) {
    this.inbox = inbox;
  }

  /** The sub-run of a step tells what it is about. */
  idled(step: StepKey, idleness: Idleness): void {
    this.inbox.put({ kind: 'child_idled', step, idleness });
  }

  /** The tree is left waiting; a sub-run that has something to do after all is ended without a record of it, as by a crash. */
  park(): void {
    this.inbox.put({ kind: 'park_asked' });
  }
}

/** What the sub-runs of a run are about, by their steps; those that say nothing are busy. */
export class IdleChildren {
  private readonly known = new Map<StepKey, Idleness>();

  /** Takes in what a sub-run says. */
  note(step: StepKey, idleness: Idleness): void {
    this.known.set(step, idleness);
  }

  /** The attempt of a step has ended, and its sub-run with it. */
  forget(step: StepKey): void {
    this.known.delete(step);
  }

  /** How many of them only wait for a person or for other runs. */
  get resting(): number {
    return [...this.known.values()].filter(({ isExecuting }) => !isExecuting).length;
  }

  /** How many of them can be left waiting. */
  get parkable(): number {
    return [...this.known.values()].filter(({ canPark }) => canPark).length;
  }
}
