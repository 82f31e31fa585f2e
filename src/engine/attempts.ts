/** The attempts under way: started when their record is on disk, stopped on request, forgotten when their end is on disk. */

import type { StepKey } from '../base/ids.ts';
import { Bug } from '../base/result.ts';
import type { EventBody } from '../model/event.ts';
import type { Outcome } from '../model/outcome.ts';
import type { Inbox } from './inbox.ts';
import { stepAt } from './plan.ts';
import type { AttemptListener, Clock, Executor, RunningAttempt, StopReason } from './ports.ts';
import { makeRequest } from './request.ts';
import type { ScopeSource } from './scope.ts';

/** An attempt that was started and whose end could not be recorded. */
export interface UnrecordedAttempt {
  readonly step: StepKey;
  readonly attempt: number;
  /** How it ended; null when it never began to act. */
  readonly outcome: Outcome | null;
}

interface Under {
  readonly step: StepKey;
  readonly attempt: number;
  readonly done: Promise<Outcome>;
  readonly running: RunningAttempt | null;
}

interface Parts extends ScopeSource {
  readonly executor: Executor;
  readonly clock: Clock;
}

/** Knows every attempt that was started in this life of the run and is not yet recorded as ended. */
export class Attempts {
  private readonly parts: Parts;
  private readonly inbox: Inbox;
  private readonly record: (event: EventBody) => Promise<void>;
  private readonly under = new Map<StepKey, Under>();
  private stopping: StopReason | null = null;

  constructor(parts: Parts, inbox: Inbox, record: (event: EventBody) => Promise<void>) {
    this.parts = parts;
    this.inbox = inbox;
    this.record = record;
  }

  /** Begins an attempt whose start is on disk. Whatever happens, a message tells how it ended. */
  start(step: StepKey, attempt: number): void {
    const { run, plan, clock } = this.parts;
    const record = run.steps.get(step);
    const index = plan.graph.indexOf.get(step);
    if (record === undefined || index === undefined) throw new Bug(`attempt of unknown step ${step}`);
    const began = clock.monotonic();
    const end = (outcome: Outcome): Outcome => {
      const duration_ms = Math.max(0, Math.round(clock.monotonic() - began));
      this.inbox.put({ kind: 'attempt_ended', step, attempt, outcome, duration_ms });
      return outcome;
    };
    const request = makeRequest(this.parts, stepAt(plan, index), record);
    const begin = (made: Awaited<typeof request>): RunningAttempt | Outcome => {
      if (this.stopping?.kind === 'cancelled') {
        return { kind: 'cancelled', by: this.stopping.by, exit_code: null, signal: null };
      }
      if (!made.ok) return { kind: 'failed', failure: made.error, exit_code: null, signal: null };
      return this.parts.executor.start(made.value, this.listener(step, attempt));
    };
    if (!(request instanceof Promise)) {
      this.track(step, attempt, begin(request), end);
      return;
    }
    const pending = request.then(begin, unreadable);
    const done = pending.then((begun) => {
      this.track(step, attempt, begun, end);
      return 'kind' in begun ? begun : begun.done;
    });
    this.under.set(step, { step, attempt, done, running: null });
  }

  /** The end of an attempt is on disk. */
  forget(step: StepKey, attempt: number): void {
    if (this.under.get(step)?.attempt === attempt) this.under.delete(step);
  }

  /** Asks every attempt to end, those included that are about to begin. */
  stopAll(reason: StopReason): void {
    this.stopping ??= reason;
    for (const { running } of this.under.values()) running?.stop(reason);
  }

  /** Ends every attempt without waiting any longer. */
  killAll(): void {
    for (const { running } of this.under.values()) running?.kill();
  }

  /** Waits for every attempt that is not recorded as ended, and tells how each ended. */
  async ended(): Promise<readonly UnrecordedAttempt[]> {
    const open = [...this.under.values()];
    return Promise.all(open.map(async ({ step, attempt, done }) => ({ step, attempt, outcome: await done })));
  }

  private track(
    step: StepKey,
    attempt: number,
    begun: RunningAttempt | Outcome,
    end: (outcome: Outcome) => Outcome,
  ): void {
    if ('kind' in begun) {
      end(begun);
      this.under.set(step, { step, attempt, done: Promise.resolve(begun), running: null });
      return;
    }
    const done = begun.done.then(end, (error: unknown) => end(brokenExecutor(error)));
    this.under.set(step, { step, attempt, done, running: begun });
  }

  private listener(step: StepKey, attempt: number): AttemptListener {
    return {
      spawned: (process) => this.record({ type: 'attempt.spawned', step, attempt, process }),
      reaped: (pids) => this.inbox.put({ kind: 'processes_reaped', step, attempt, pids }),
      warned: (code, message) => this.inbox.put({ kind: 'warned', step, attempt, code, message }),
    };
  }
}

const unreadable = (error: unknown): Outcome => ({
  kind: 'failed',
  failure: { code: 'outputs', message: `outputs of a step that is needed cannot be read: ${String(error)}` },
  exit_code: null,
  signal: null,
});

const brokenExecutor = (error: unknown): Outcome => ({
  kind: 'failed',
  failure: { code: 'start_refused', message: `internal: the executor rejected: ${String(error)}` },
  exit_code: null,
  signal: null,
});
