/** The attempts under way: started when their record is on disk, stopped on request, forgotten when their end is on disk. */

import type { RunId, StepKey } from '../base/ids.ts';
import type { EventBody, ProcessIdentity, WarningRaised } from '../model/event.ts';
import type { Actor, Failure, Outcome } from '../model/outcome.ts';
import type { Inbox } from './inbox.ts';
import type { Node } from './node.ts';
import type { AttemptListener, Clock, Executor, Published, RunningAttempt, StopReason } from './ports.ts';
import { makeRequest } from './request.ts';
import type { ScopeSource } from './scope.ts';
import type { CallOutcome, ScriptCall } from './script-ports.ts';

/** An attempt that was started and whose end could not be recorded. */
export interface UnrecordedAttempt {
  readonly step: StepKey;
  readonly attempt: number;
  /** How it ended; null when it never began to act. */
  readonly outcome: Outcome | null;
}

/** An attempt under way. */
export interface Under {
  readonly step: StepKey;
  readonly attempt: number;
  readonly isHandler: boolean;
  done: Promise<Outcome>;
  /** Null until it has begun. */
  running: RunningAttempt | null;
  /** Why it is to end; kept for an attempt that has not begun. */
  stopping: StopReason | null;
  /** How long the work itself ran, milliseconds; null where it ran from the beginning. */
  ran: number | null;
}

interface Parts extends ScopeSource {
  readonly executor: Executor;
  readonly clock: Clock;
}

/** Resolves when the event is written, or even on disk. */
type Recording = (event: EventBody, how?: 'durable') => Promise<void>;

/** Knows every attempt that was started in this life of the run and is not yet recorded as ended. */
export class Attempts {
  private readonly parts: Parts;
  private readonly inbox: Inbox;
  private readonly record: Recording;
  private readonly under = new Map<StepKey, Under>();

  constructor(parts: Parts, inbox: Inbox, record: Recording) {
    this.parts = parts;
    this.inbox = inbox;
    this.record = record;
  }

  /**
   * Begins an attempt whose start is on disk. Whatever happens, a message tells how it ended.
   * @param cancelledBy who cancelled the run since the start was recorded; the attempt ends before it begins.
   * @param lanes of a quick call, see `AttemptRequest`; else null.
   */
  start(node: Node, attempt: number, cancelledBy: Actor | null, lanes: number | null): void {
    const { clock } = this.parts;
    const step = node.record.key;
    const isHandler = node.record.role === 'handler';
    const began = clock.monotonic();
    const end = (end: Outcome): Outcome => {
      const outcome = this.withClock(node, end);
      const duration_ms = Math.max(0, Math.round(under.ran ?? clock.monotonic() - began));
      this.inbox.put({ kind: 'attempt_ended', step, attempt, outcome, duration_ms });
      return outcome;
    };
    const under: Under = { step, attempt, isHandler, done: NEVER, running: null, stopping: null, ran: null };
    this.under.set(step, under);
    if (cancelledBy !== null) {
      under.done = Promise.resolve(end(cancelled(cancelledBy)));
      return;
    }
    const begin = (made: Awaited<ReturnType<typeof makeRequest>>): Promise<Outcome> => {
      if (under.stopping !== null) return Promise.resolve(end(stopped(under.stopping)));
      if (!made.ok) return Promise.resolve(end(failed(made.error)));
      under.running = this.parts.executor.start(made.value, new Voice(under, this.inbox, this.record));
      return under.running.done.then(end, (error: unknown) => {
        // By its contract it never rejects: whatever this is, it is no failure of the step.
        this.inbox.put({ kind: 'broke', error });
        return end(cancelled({ kind: 'policy', policy: 'state_error' }));
      });
    };
    const request = makeRequest(this.parts, node, clock.wall(), lanes);
    under.done =
      request instanceof Promise
        ? request.then(begin, (error: unknown) => {
            // Recorded outputs that cannot be read are a fault of the state, not of the step that needs them.
            this.inbox.put({ kind: 'journal_failed', error });
            return end(cancelled({ kind: 'policy', policy: 'state_error' }));
          })
        : begin(request);
  }

  /** The end of an attempt is on disk. */
  forget(step: StepKey, attempt: number): void {
    if (this.under.get(step)?.attempt === attempt) this.under.delete(step);
  }

  /** The attempts that are under way now. */
  current(): readonly Under[] {
    return [...this.under.values()];
  }

  /** Asks attempts to end, those included that have not begun. */
  stop(attempts: readonly Under[], reason: StopReason): void {
    for (const under of attempts) {
      under.stopping ??= reason;
      under.running?.stop(reason);
    }
  }

  /** What cleans up has had its time. After a signal, or when a run above ends, that is less than it was given: nobody timed it out. */
  endCleanup(by: Actor): void {
    const isShortened = by.kind === 'signal' || (by.kind === 'policy' && by.policy === 'parent');
    const after_ms = this.parts.plan.flow.cleanup_timeout_ms;
    this.killAll(by, isShortened ? null : { kind: 'timed_out', after_ms, clock: 'cleanup' });
  }

  /** Ends every attempt without waiting any longer. @param handlers why those of handlers end; null: as all the others. */
  killAll(by: Actor, handlers: StopReason | null = null): void {
    for (const under of this.under.values()) {
      const own = under.isHandler ? handlers : null;
      under.stopping ??= own ?? { kind: 'cancelled', signal: 'SIGTERM', by };
      under.running?.stop(under.stopping);
      under.running?.kill();
    }
  }

  /** Waits for every attempt that is not recorded as ended, and tells how each ended. */
  async ended(): Promise<readonly UnrecordedAttempt[]> {
    const open = [...this.under.values()];
    return Promise.all(
      open.map(async ({ step, attempt, done, running }) => {
        const outcome = await done;
        return { step, attempt, outcome: running === null || running.hasBegun?.() === false ? null : outcome };
      }),
    );
  }

  /** The handler of a step has the time for cleaning up as its own, unless it says otherwise. */
  private withClock({ record }: Node, outcome: Outcome): Outcome {
    if (outcome.kind !== 'timed_out' || record.role !== 'handler') return outcome;
    return outcome.after_ms === this.parts.plan.flow.cleanup_timeout_ms ? { ...outcome, clock: 'cleanup' } : outcome;
  }
}

/** What an attempt tells the engine. One object with its methods: quick calls take less time than making a function for each would. */
class Voice implements AttemptListener {
  private readonly under: Under;
  private readonly inbox: Inbox;
  private readonly record: Recording;

  constructor(under: Under, inbox: Inbox, record: Recording) {
    this.under = under;
    this.inbox = inbox;
    this.record = record;
  }

  ran(ms: number): void {
    this.under.ran = ms;
  }

  spawned(process: ProcessIdentity): Promise<void> {
    const { step, attempt } = this.under;
    return this.record({ type: 'attempt.spawned', step, attempt, process });
  }

  reaped(pids: readonly number[]): void {
    const { step, attempt } = this.under;
    this.inbox.put({ kind: 'processes_reaped', step, attempt, pids });
  }

  warned(code: WarningRaised['code'], message: string): void {
    const { step, attempt } = this.under;
    this.inbox.put({ kind: 'warned', step, attempt, code, message });
  }

  /** What succeeds in the child is on disk at once, and must not be lost with the way to it. */
  childStarted(child: RunId): Promise<void> {
    return this.record({ type: 'child.started', step: this.under.step, child }, 'durable');
  }

  called(call: ScriptCall): Promise<CallOutcome> {
    return new Promise((answer) => {
      const news = { kind: 'called_by_step', call, caller: this.under.step, answer } as const;
      this.inbox.put({ kind: 'script', news, from: null });
    });
  }

  published(artifact: Published): void {
    const { step, attempt } = this.under;
    this.record({ type: 'artifact.published', step, attempt, ...artifact }).catch(() => {});
  }
}

const NEVER: Promise<Outcome> = new Promise(() => {});

const cancelled = (by: Actor): Outcome => ({ kind: 'cancelled', by, exit_code: null, signal: null });

/** The end of an attempt that never began. */
const stopped = (reason: StopReason): Outcome =>
  reason.kind === 'timed_out' ? { ...reason, exit_code: null, signal: null } : cancelled(reason.by);

const failed = (failure: Failure): Outcome => ({ kind: 'failed', failure, exit_code: null, signal: null });
