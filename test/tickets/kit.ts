/** Ledgers over a state directory in a temporary folder: this process owns as many runs as a test wants. */

import { mkdirSync } from 'node:fs';
import type { RunId, StepKey } from '../../src/base/ids.ts';
import { recordedStepKey } from '../../src/base/ids.ts';
import type { Claim } from '../../src/engine/ports.ts';
import type { Capacity } from '../../src/model/project.ts';
import type { ConcurrencyPolicy } from '../../src/model/policies.ts';
import { DIRECTORY_MODE } from '../../src/store/durable-files.ts';
import { runLayout, type StateLayout } from '../../src/store/layout.ts';
import { lockRun, type RunLock } from '../../src/store/lock.ts';
import { Ledger } from '../../src/store/tickets/ledger.ts';
import type { MachineClock } from '../../src/store/tickets/sessions.ts';
import { Seat } from '../../src/store/tickets/seat.ts';
import { expectOk, runId } from '../store/sample-runs.ts';

export type Resources = { readonly [name: string]: Capacity };

export const amount = (units: number): Capacity => ({ kind: 'amount', units });
export const named = (...names: readonly string[]): Capacity => ({ kind: 'named', names });
export const rate = (max: number, per_ms: number): Capacity => ({ kind: 'rate', max, per_ms });

/** A policy that queues one run at a time. */
export const policy = (group: string, more: Partial<ConcurrencyPolicy> = {}): ConcurrencyPolicy => ({
  ...{ group, limit: 1, on_conflict: 'queue', queue_limit: null, queue_timeout_ms: null },
  ...more,
});

/** A run that is owned, with its seat. */
export interface Owner {
  readonly run: RunId;
  readonly lock: RunLock;
  readonly ledger: Ledger;
  readonly seat: Seat;
  /** Ends as a process does that is killed: nothing is given back. */
  die(): void;
}

/** Owns a run as a process does. */
export async function own(
  state: StateLayout,
  number: number,
  resources: Resources,
  clock?: MachineClock,
): Promise<Owner> {
  const run = runId(number);
  const layout = runLayout(state, { id: run, root: run });
  mkdirSync(layout.inbox, { recursive: true, mode: DIRECTORY_MODE });
  const lock = expectOk(await lockRun(layout.lock, run));
  const ledger = new Ledger({ state, root: run, resources, ...(clock === undefined ? {} : { clock }) });
  const seat = new Seat({ ledger, run, within: null });
  return { run, lock, ledger, seat, die: () => lock.release() };
}

export const key = (text: string): StepKey => recordedStepKey(text);

/** Where a request stands, without waiting for it. */
export interface Asked {
  readonly answer: ReturnType<Seat['request']>['answer'];
  readonly queued: Promise<void>;
  state(): 'asked' | 'queued' | 'granted' | 'impossible';
  release(): void;
}

/** Asks for tickets. */
export function ask(seat: Seat, step: string, resources: Claim['resources'], priority = 0): Asked {
  let state: ReturnType<Asked['state']> = 'asked';
  let tell = (): void => undefined;
  const queued = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const { answer, release } = seat.request({ step: key(step), resources, priority }, () => {
    state = 'queued';
    tell();
  });
  answer.then(
    ({ kind }) => {
      state = kind;
    },
    () => undefined,
  );
  return { answer, queued, state: () => state, release };
}
