/** From a launched process to its end: recorded before it may act, watched, stopped when that is wished, and followed by nothing of its own. */

import type { AttemptRequest } from '../engine/ports.ts';
import type { LaunchedProcess, ProcessEnd } from '../process/launcher.ts';
import { endLeftoversOf, type Ladder, startLadder } from '../process/terminate.ts';
import type { Watchdog } from '../process/watchdog.ts';
import type { RunnerContext, WorkEnd } from './runner.ts';

/** What `stop` and `kill` act upon, whatever has been reached when they are called, and what every way out needs to know. */
export interface Control {
  stopSignal: NodeJS.Signals | null;
  killed: boolean;
  /** How far its process wrote its log, as {@link ProcessEnd} says it; known when that has ended, however it did. */
  written: number | undefined;
  /** Its artifacts folder is known to be empty. */
  leftNothing: boolean;
  /** Tells a waiting phase that one of the two above changed. */
  changed(): void;
}

/** What is watched. */
export interface Supervised {
  readonly watchdog: Watchdog;
  readonly request: AttemptRequest;
  readonly context: RunnerContext;
  readonly control: Control;
}

/** The process came to its end by itself; what that means is still to be said. */
export interface Exited {
  readonly kind: 'exited';
  readonly end: ProcessEnd;
}

/**
 * From the launched process to its end; the caller puts the files away.
 * @throws what the listener threw that could not record the process: it did nothing then.
 */
export async function supervise(attempt: Supervised, target: LaunchedProcess): Promise<WorkEnd | Exited> {
  const { context, control, watchdog } = attempt;
  void target.exited.then(({ written }) => {
    control.written = written;
  });
  watchdog.register(target.identity);
  try {
    await context.listener.spawned(target.identity);
  } catch (error) {
    // The record could not be written: nothing may happen that nobody will know of.
    target.discard();
    await target.exited;
    release(watchdog, target);
    throw error;
  }
  if (control.stopSignal !== null) {
    target.discard();
    await target.exited;
    release(watchdog, target);
    return { kind: 'stopped', exit_code: null, signal: null };
  }
  target.release();
  context.begun();
  const stopped = new Promise<'stopped'>((resolve) => {
    control.changed = () => resolve('stopped');
  });
  const first = await Promise.race([target.exited, stopped]);
  if (first === 'stopped') return climbDown(attempt, target);
  // What left its group is still to be ended, and nobody wished it: the executor calls that lost.
  if (first.lost === true) {
    const end = await climbDown(attempt, target, 0);
    return { ...end, detail: 'the process that had started it was killed' };
  }
  const leftovers = await endLeftoversOf(target, first, context.clock, () => control.killed);
  if (leftovers.length > 0) context.listener.reaped(leftovers);
  release(watchdog, target);
  return { kind: 'exited', end: first };
}

/** It was stopped. */
export type StoppedWork = Extract<WorkEnd, { readonly kind: 'stopped' }>;

async function climbDown(attempt: Supervised, target: LaunchedProcess, graceMs?: number): Promise<StoppedWork> {
  const { watchdog, request, context, control } = attempt;
  void target.staying?.retire();
  const ladder: Ladder = startLadder({
    process: target,
    pattern: { kind: 'attempt', run: request.run, step: request.step, attempt: request.attempt },
    signal: control.stopSignal ?? 'SIGTERM',
    graceMs: control.killed ? 0 : (graceMs ?? request.grace_ms),
    clock: context.clock,
  });
  control.changed = () => {
    if (control.killed) ladder.kill();
  };
  const left = await ladder.done;
  if (left.length > 0) {
    context.listener.warned('processes_left', `cannot be ended: ${left.join(', ')}`);
    return { kind: 'stopped', exit_code: null, signal: null };
  }
  release(watchdog, target);
  const { exitCode, signal } = await target.exited;
  return { kind: 'stopped', exit_code: exitCode, signal };
}

/** A group whose leader stays is not given back: it is the next step's. */
function release(watchdog: Watchdog, { identity, staying }: LaunchedProcess): void {
  if (staying === undefined || staying.isGone) watchdog.unregister(identity);
}
