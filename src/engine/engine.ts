/**
 * The loop: take messages, commit one observation for each, decide until nothing more follows, and let the rest of the world
 * perform what was committed, once it is on disk. Every start is on disk before it may act; every outcome is on disk before a
 * listener hears of it. It imports no file system, no process and no clock: `ports.ts` says what it needs of them.
 *
 * The journal is a gate: its first failure ends the run. Listeners are told and cannot answer. Decisions are in `decide.ts`,
 * a new life of an old run in `recover.ts`.
 */

import { LeftWaiting, Relatives } from './relatives.ts';
import type { StepKey } from '../base/ids.ts';
import { assertNever, Bug } from '../base/result.ts';
import type { CancelRequested, EventBody, RunEvent, RunSignalled } from '../model/event.ts';
import type { Actor, EndingSignal } from '../model/outcome.ts';
import { dueOf, type RunRecord } from '../model/run.ts';
import { Attempts, type UnrecordedAttempt } from './attempts.ts';
import { Course } from './course.ts';
import { Deadlines } from './deadlines.ts';
import { GroupTimes } from './group-times.ts';
import { type ApprovalGiven, Inbox, type Message } from './inbox.ts';
import { finishedEvent, remarkOf } from './observation.ts';
import type { EngineEnd, EngineParts } from './parts.ts';
import type { StopReason } from './ports.ts';

export type { EngineEnd, EngineParts } from './parts.ts';

const GIVING_UP: Extract<StopReason, { kind: 'cancelled' }> = {
  kind: 'cancelled',
  signal: 'SIGTERM',
  by: { kind: 'policy', policy: 'state_error' },
};

/** What steps that clean up have after a signal, beyond the grace time of the others. */
const SIGNAL_CLEANUP_MS = 2_000;

/** One life of one run. */
export class Engine {
  private readonly parts: EngineParts;
  private readonly run: RunRecord;
  private readonly inbox = new Inbox();
  /** The way here for other runs of the same tree. */
  readonly relatives = new Relatives(this.inbox);
  private readonly course: Course;
  private readonly deadlines: Deadlines;
  private readonly attempts: Attempts;
  private readonly groups: GroupTimes;
  /** Aborted when nothing is to be waited for any longer. */
  private readonly hurry = new AbortController();
  private hasCleanupLimit = false;
  /** The last event before the run was cancelled: attempts that were started up to it are not to begin any more. */
  private lastBeforeCancel: number | null = null;
  private journalError: { readonly error: unknown } | null = null;

  /**
   * @param opening events that begin this life: none for a new run, those of `recover` for a resumed one.
   */
  constructor(parts: EngineParts, opening: readonly EventBody[]) {
    this.parts = parts;
    this.run = parts.run;
    this.course = new Course(parts, this.inbox, opening, {
      perform: (event) => this.perform(event),
      hurry: this.hurry.signal,
    });
    this.deadlines = new Deadlines(parts.clock, this.inbox);
    this.attempts = new Attempts(this.course.parts, this.inbox, (event, how) =>
      this.course.ledger.writeSoon(this.course.fold(event), how),
    );
    this.groups = new GroupTimes(this.course, this.deadlines, this.attempts);
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

  /** A person answered an approval; one that is not asked for, or was answered before, changes nothing. */
  answer(step: StepKey, answer: ApprovalGiven): void {
    this.inbox.put({ kind: 'approval_answered', step, answer });
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
    const unwatch = this.parts.slots?.watch(() => this.inbox.put({ kind: 'slot_freed' }));
    try {
      this.deadlines.takeOver(this.run);
      // A life that begins in order to end a run that nobody owned asks nobody whether it may.
      if (this.run.cancellation === null) this.course.entrance.ask();
      // The same for one whose handlers had begun.
      if (this.run.cancellation !== null || this.run.handlers.length > 0) this.limitCleanup(this.cleanupMs);
      this.course.open();
      return await this.loop();
    } catch (error) {
      await this.giveUp();
      throw error;
    } finally {
      unwatch?.();
      this.course.end();
      this.deadlines.clear();
    }
  }

  private async loop(): Promise<EngineEnd> {
    for (;;) {
      if (!this.course.isHeld) this.groups.beginOpened();
      if (this.inbox.isEmpty && this.journalError === null) this.course.rest();
      const messages = await this.inbox.take();
      for (const message of messages) {
        if (message.kind === 'closed') return this.leave();
        if (this.journalError === null) this.handle(message);
      }
      if (this.journalError === null) continue;
      const { error } = this.journalError;
      const unrecorded = await this.giveUp();
      if (error instanceof LeftWaiting) return { kind: 'parked', run: this.run };
      return { kind: 'state_lost', error, unrecorded };
    }
  }

  private async leave(): Promise<EngineEnd> {
    if (!this.run.parked) return { kind: 'finished', run: this.run };
    await this.parts.executor.reapRun(this.hurry.signal);
    return { kind: 'parked', run: this.run };
  }

  private handle(message: Message): void {
    const { course } = this;
    switch (message.kind) {
      case 'attempt_ended':
        return course.commit([finishedEvent(message, course.repeats(message.step))]);
      case 'due':
        return this.goOn(message.step, message.due);
      case 'answered':
        course.questions.take(course.frontier, message);
        return course.commit([]);
      case 'claim_queued':
        return course.noteQueued(message);
      case 'slot_freed':
      case 'child_idled':
      case 'park_asked':
        return course.hearRelative(message);
      case 'script':
        return course.scripts.hear(message);
      case 'approval_answered':
        return course.takeAnswer(message.step, message.answer);
      case 'run_queued':
      case 'run_admitted':
      case 'run_refused':
        return course.commit(course.entrance.hear(message, this.run));
      case 'group_timed_out':
        return this.groups.end(message);
      case 'run_timed_out':
        return this.cancelBy({ kind: 'policy', policy: 'timeout' }, null);
      case 'signalled':
        return this.cancelWith(
          { type: 'run.signalled', signal: message.signal },
          this.run.settings.grace_ms + SIGNAL_CLEANUP_MS,
        );
      case 'cancel_requested':
        return this.cancelBy(message.by, message.reason);
      case 'cleanup_over':
        course.isCleanupOver = true;
        this.attempts.endCleanup(this.run.cancellation?.by ?? GIVING_UP.by);
        return course.commit([]);
      case 'processes_reaped':
      case 'warned':
        return course.commit([remarkOf(message)]);
      case 'wound_up':
        return course.close(message.end);
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
    if (this.run.ending !== null || this.run.parked) return;
    const isFirst = this.run.cancellation === null;
    // Before the commit: what it starts is there to clean up, and must not be ended with the rest.
    if (isFirst) this.lastBeforeCancel = this.run.seq;
    const running = this.attempts.current();
    this.course.commit([event]);
    const { cancellation } = this.run;
    if (cancellation === null) return;
    if (cancellation.signals > 1) this.kill(cancellation.by);
    else
      this.attempts.stop(running, { kind: 'cancelled', signal: cancellation.signal ?? 'SIGTERM', by: cancellation.by });
    if (isFirst) this.limitCleanup(cleanupMs);
  }

  private cancelBy(by: Actor, reason: string | null): void {
    this.cancelWith({ type: 'run.cancel_requested', by, reason }, this.cleanupMs);
  }

  private get cleanupMs(): number {
    return this.parts.plan.flow.cleanup_timeout_ms;
  }

  private limitCleanup(ms: number): void {
    this.hasCleanupLimit = true;
    this.deadlines.after(ms, { kind: 'cleanup_over' });
  }

  private goOn(step: StepKey | null, due: string): void {
    const node = step === null ? undefined : this.course.frontier.tree.find(step);
    if (step === null) this.course.isRetryDue = true;
    // What was given up rings all the same, and must not end another wait of the same step.
    if (node !== undefined && dueOf(node.record.phase) === due) this.course.frontier.staging.markDue(node);
    this.course.commit([]);
  }

  private perform(event: RunEvent): void {
    if (this.journalError !== null) return;
    switch (event.type) {
      case 'attempt.started': {
        const node = this.course.frontier.tree.find(event.step);
        if (node === undefined) throw new Bug(`attempt of unknown step ${event.step}`);
        const lanes = node.isInLane ? this.course.frontier.staging.lanes.count : null;
        return this.attempts.start(node, event.attempt, this.cancellationSince(event.seq), lanes);
      }
      case 'attempt.finished':
        return this.attempts.forget(event.step, event.attempt);
      case 'retry.scheduled':
      case 'iteration.scheduled':
      case 'wait.started':
      case 'approval.requested':
      case 'run.retried':
        return this.deadlines.follow(event);
      case 'handlers.started':
        if (event.step === null && !this.hasCleanupLimit) this.limitCleanup(this.cleanupMs);
        return;
      case 'run.parked':
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
