/**
 * The loop: take messages, commit one observation for each, decide until nothing more follows, and let the rest of the world
 * perform what was committed, once it is on disk. Every start is on disk before it may act; every outcome is on disk before a
 * listener hears of it. It imports no file system, no process and no clock: `ports.ts` says what it needs of them.
 *
 * The journal is a gate: its first failure ends the run. Listeners are told and cannot answer. Decisions are in `decide.ts`,
 * a new life of an old run in `recover.ts`.
 */

import { Bug, assertNever } from '../base/result.ts';
import type { CancelRequested, EventBody, RunEvent, RunSignalled } from '../model/event.ts';
import type { Actor, EndingSignal } from '../model/outcome.ts';
import type { RunRecord } from '../model/run.ts';
import { Attempts, type UnrecordedAttempt } from './attempts.ts';
import { askConditions } from './conditions.ts';
import { Deadlines } from './deadlines.ts';
import { decide, type Situation } from './decide.ts';
import { Frontier } from './frontier.ts';
import { Inbox, type Message } from './inbox.ts';
import { Ledger } from './ledger.ts';
import { finishedEvent } from './observation.ts';
import type { Clock, Executor, Hub, Journal, Random, StopReason } from './ports.ts';
import type { ScopeSource } from './scope.ts';
import { windUp, type WoundUp } from './wind-up.ts';

/** Everything an engine is made of. */
export interface EngineParts extends ScopeSource {
  readonly journal: Journal;
  readonly hub: Hub;
  readonly executor: Executor;
  readonly clock: Clock;
  readonly random: Random;
}

/** How the engine ended. */
export type EngineEnd =
  | { readonly kind: 'finished'; readonly run: RunRecord }
  /** The journal failed: what ran without its end being recorded is listed. */
  | { readonly kind: 'state_lost'; readonly error: unknown; readonly unrecorded: readonly UnrecordedAttempt[] };

const GIVING_UP: Extract<StopReason, { kind: 'cancelled' }> = {
  kind: 'cancelled',
  signal: 'SIGTERM',
  by: { kind: 'policy', policy: 'state_error' },
};

/** What steps that clean up have after a signal, beyond the grace time of the others. */
const SIGNAL_CLEANUP_MS = 2_000;
/** What they have after another cancellation, in all. */
export const CLEANUP_MS = 30_000;

/** One life of one run. */
export class Engine {
  private readonly parts: EngineParts;
  private readonly run: RunRecord;
  private readonly ledger: Ledger;
  private readonly inbox = new Inbox();
  private readonly deadlines: Deadlines;
  private readonly frontier: Frontier;
  private readonly attempts: Attempts;
  private readonly opening: readonly RunEvent[];
  private readonly began: number;
  /** Aborted when nothing is to be waited for any longer. */
  private readonly hurry = new AbortController();
  private windingUp = false;
  private isCleanupOver = false;
  /** The last event before the run was cancelled: attempts that were started up to it are not to begin any more. */
  private lastBeforeCancel: number | null = null;
  private journalError: { readonly error: unknown } | null = null;

  /**
   * @param opening events that begin this life: none for a new run, those of `recover` for a resumed one.
   */
  constructor(parts: EngineParts, opening: readonly EventBody[]) {
    this.parts = parts;
    this.run = parts.run;
    this.ledger = new Ledger({
      ...parts,
      perform: (event) => this.perform(event),
      journalFailed: (error) => this.inbox.put({ kind: 'journal_failed', error }),
      broke: (error) => this.fail(error),
    });
    // Before the frontier is built, for they decide where it begins.
    this.opening = opening.map((body) => this.ledger.fold(body));
    this.deadlines = new Deadlines(parts.clock, this.inbox);
    this.frontier = new Frontier(parts.plan, parts.run);
    this.began = parts.clock.monotonic();
    this.attempts = new Attempts(parts, this.inbox, (event, how) => this.ledger.writeSoon(this.fold(event), how));
  }

  /** A signal for flowctl arrived: the first one ends the steps, a second one kills them. */
  signal(signal: EndingSignal): void {
    this.inbox.put({ kind: 'signalled', signal });
  }

  /** Somebody asked for the end of the run. */
  cancel(by: Actor, reason: string | null): void {
    this.inbox.put({ kind: 'cancel_requested', by, reason });
  }

  /** Kills what runs, and starts nothing more, not even what cleans up. Only for a run that was asked to end. */
  endAtOnce(): void {
    this.inbox.put({ kind: 'cleanup_over' });
  }

  /** A bug of ours came to light outside the loop: the attempts are ended, and `execute` rejects with it. */
  fail(error: unknown): void {
    this.inbox.put({ kind: 'broke', error });
  }

  /** The state cannot be kept any more: nothing more is started, and what runs is ended. */
  loseState(error: unknown): void {
    this.inbox.put({ kind: 'journal_failed', error });
  }

  /** Runs until nothing more can follow. Call it once. Rejects only with a bug, when no attempt runs any more. */
  async execute(): Promise<EngineEnd> {
    try {
      this.deadlines.takeOver(this.run);
      this.commit([], this.opening);
      // A life that began in order to end a run that nobody owned.
      if (this.run.cancellation !== null) this.deadlines.after(CLEANUP_MS, { kind: 'cleanup_over' });
      return await this.loop();
    } catch (error) {
      await this.giveUp();
      throw error;
    } finally {
      this.deadlines.clear();
    }
  }

  private async loop(): Promise<EngineEnd> {
    for (;;) {
      const messages = await this.inbox.take();
      for (const message of messages) {
        if (message.kind === 'closed') return { kind: 'finished', run: this.run };
        if (this.journalError === null) this.handle(message);
      }
      if (this.journalError === null) continue;
      return { kind: 'state_lost', error: this.journalError.error, unrecorded: await this.giveUp() };
    }
  }

  private handle(message: Message): void {
    switch (message.kind) {
      case 'attempt_ended':
        return this.commit([finishedEvent(message)]);
      case 'retry_due':
        this.frontier.markDue(message.step);
        return this.commit([]);
      case 'condition_judged':
        this.frontier.judge(message.index, message.judgement);
        return this.commit([]);
      case 'signalled':
        return this.cancelWith(
          { type: 'run.signalled', signal: message.signal },
          this.run.settings.grace_ms + SIGNAL_CLEANUP_MS,
        );
      case 'cancel_requested':
        return this.cancelWith({ type: 'run.cancel_requested', by: message.by, reason: message.reason }, CLEANUP_MS);
      case 'cleanup_over':
        this.isCleanupOver = true;
        this.attempts.killAll(this.run.cancellation?.by ?? GIVING_UP.by);
        return this.commit([]);
      case 'processes_reaped': {
        const { step, attempt, pids } = message;
        return this.commit([{ type: 'processes.reaped', when: 'attempt_end', step, attempt, pids }]);
      }
      case 'warned': {
        const { step, attempt, code, message: text } = message;
        return this.commit([{ type: 'warning.raised', step, attempt, code, message: text }]);
      }
      case 'wound_up':
        return this.close(message.end);
      case 'journal_failed':
        this.journalError ??= { error: message.error };
        return;
      case 'closed':
        return;
      case 'broke':
        throw message.error;
      default:
        return assertNever(message, 'message');
    }
  }

  /**
   * Ends what runs, and leaves some time for the steps that clean up. Stopping waits for no disk: the sooner the processes are gone,
   * the better, whatever becomes of the record.
   */
  private cancelWith(event: CancelRequested | RunSignalled, cleanupMs: number): void {
    if (this.run.ending !== null) return;
    const isFirst = this.run.cancellation === null;
    // Before the commit: what it starts is there to clean up, and must not be ended with the rest.
    if (isFirst) this.lastBeforeCancel = this.run.seq;
    const running = this.attempts.current();
    this.commit([event]);
    const { cancellation } = this.run;
    if (cancellation === null) return;
    if (cancellation.signals > 1) this.kill(cancellation.by);
    else
      this.attempts.stop(running, { kind: 'cancelled', signal: cancellation.signal ?? 'SIGTERM', by: cancellation.by });
    if (isFirst) this.deadlines.after(cleanupMs, { kind: 'cleanup_over' });
  }

  /** Records an observation with everything that follows from it, in one write. */
  private commit(observed: readonly EventBody[], folded: readonly RunEvent[] = []): void {
    const events = [...folded, ...observed.map((body) => this.fold(body))];
    for (;;) {
      const decision = decide(this.situation());
      for (const body of decision.events) events.push(this.fold(body));
      const { questions } = decision;
      if (questions.length > 0 && askConditions(this.parts, this.frontier, this.inbox, questions)) continue;
      if (decision.finish !== null) this.windUp();
      if (decision.events.length === 0) break;
    }
    this.ledger.write(events);
  }

  private situation(): Situation {
    const { run, plan, random, clock } = this.parts;
    return { run, plan, frontier: this.frontier, random, now: clock.wall(), isCleanupOver: this.isCleanupOver };
  }

  private fold(body: EventBody): RunEvent {
    const event = this.ledger.fold(body);
    if ('step' in event && event.step !== null) this.frontier.note(event.type, event.step);
    return event;
  }

  private perform(event: RunEvent): void {
    if (this.journalError !== null) return;
    switch (event.type) {
      case 'attempt.started':
        return this.attempts.start(event.step, event.attempt, this.cancellationSince(event.seq));
      case 'attempt.finished':
        return this.attempts.forget(event.step, event.attempt);
      case 'retry.scheduled':
        return this.deadlines.after(event.delay_ms, { kind: 'retry_due', step: event.step });
      case 'run.finished':
        return this.inbox.put({ kind: 'closed' });
      default:
        return;
    }
  }

  /** Why an attempt that was recorded at `seq` must not begin: the run was cancelled between its record and now. */
  private cancellationSince(seq: number): Actor | null {
    const isLate = this.lastBeforeCancel !== null && seq <= this.lastBeforeCancel;
    return isLate ? (this.run.cancellation?.by ?? null) : null;
  }

  private windUp(): void {
    if (this.windingUp) return;
    this.windingUp = true;
    const yields = this.frontier.failed === 0 && this.run.cancellation === null;
    windUp(this.parts, this.parts.executor, yields, this.hurry.signal).then(
      (end) => this.inbox.put({ kind: 'wound_up', end }),
      (error: unknown) => (error instanceof Bug ? this.fail(error) : this.loseState(error)),
    );
  }

  private close({ leftovers, outputs, error }: WoundUp): void {
    const { finish } = decide(this.situation());
    if (finish === null) throw new Bug('the run was wound up before all its steps were settled');
    const failed = finish.state === 'succeeded' && error !== null;
    const finished: EventBody = {
      type: 'run.finished',
      ...(failed ? { state: 'failed', exit_code: 1 } : finish),
      outputs: finish.state === 'succeeded' ? outputs : null,
      timed_out: false,
      // A run that was cancelled meanwhile has no outputs that could be wrong.
      error: failed ? error : null,
      duration_ms: Math.round(this.parts.clock.monotonic() - this.began),
    };
    this.ledger.write([...leftovers, finished].map((body) => this.fold(body)));
  }

  /** Ends everything without a record of it. A signal that comes meanwhile kills: nobody else would hear it. */
  private async giveUp(): Promise<readonly UnrecordedAttempt[]> {
    let isOver = false;
    const hearSignals = async (): Promise<void> => {
      while (!isOver) {
        const messages = await this.inbox.take();
        if (messages.some(({ kind }) => kind === 'signalled')) this.kill(GIVING_UP.by);
      }
    };
    hearSignals().catch(() => {});
    this.attempts.stop(this.attempts.current(), GIVING_UP);
    const unrecorded = await this.attempts.ended();
    await this.parts.executor.reapRun(this.hurry.signal);
    isOver = true;
    return unrecorded;
  }

  private kill(by: Actor): void {
    this.attempts.killAll(by);
    this.hurry.abort();
  }
}
