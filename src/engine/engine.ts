/**
 * The loop: take messages, commit one observation for each, decide until nothing more follows, and let the rest of the world
 * perform what was committed, once it is on disk. Every start is on disk before it may act; every outcome is on disk before a
 * listener hears of it. It imports no file system, no process and no clock: `ports.ts` says what it needs of them.
 *
 * The journal is a gate: its first failure ends the run. Listeners are told and cannot answer. Decisions are in `decide.ts`,
 * a new life of an old run in `recover.ts`.
 */

import type { StepKey } from '../base/ids.ts';
import { Bug, assertNever } from '../base/result.ts';
import type { EventBody, RunEvent } from '../model/event.ts';
import { applyEvent } from '../model/fold.ts';
import type { Actor, EndingSignal } from '../model/outcome.ts';
import type { RunRecord } from '../model/run.ts';
import { Attempts, type UnrecordedAttempt } from './attempts.ts';
import { decide, type Situation } from './decide.ts';
import { Frontier } from './frontier.ts';
import { Inbox, type Message } from './inbox.ts';
import { finishedEvent } from './observation.ts';
import type { Clock, Executor, Hub, Journal, Random } from './ports.ts';
import { evaluateOutputs } from './request.ts';
import type { ScopeSource } from './scope.ts';

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

/** One life of one run. */
export class Engine {
  private readonly parts: EngineParts;
  private readonly run: RunRecord;
  private readonly inbox = new Inbox();
  private readonly frontier: Frontier;
  private readonly attempts: Attempts;
  private readonly opening: readonly RunEvent[];
  private readonly began: number;
  private unpublished: RunEvent[] = [];
  private windingUp = false;
  private journalError: { readonly error: unknown } | null = null;

  /**
   * @param opening events that begin this life: none for a new run, those of `recover` for a resumed one.
   */
  constructor(parts: EngineParts, opening: readonly EventBody[]) {
    this.parts = parts;
    this.run = parts.run;
    this.opening = opening.map((body) => stamp(parts.run, parts.clock, body));
    this.frontier = new Frontier(parts.plan, parts.run);
    this.began = parts.clock.monotonic();
    this.attempts = new Attempts(parts, this.inbox, (event) => this.record(event));
  }

  /** A signal for flowctl arrived: the first one ends the steps, a second one kills them. */
  signal(signal: EndingSignal): void {
    this.inbox.put({ kind: 'signalled', signal });
  }

  /** Somebody asked for the end of the run. */
  cancel(by: Actor, reason: string | null): void {
    this.inbox.put({ kind: 'cancel_requested', by, reason });
  }

  /** A bug of ours came to light outside the loop: the attempts are ended, and `execute` rejects with it. */
  fail(error: unknown): void {
    this.inbox.put({ kind: 'broke', error });
  }

  /** Runs until nothing more can follow. Call it once. Rejects only with a bug, when no attempt runs any more. */
  async execute(): Promise<EngineEnd> {
    try {
      this.armRetries();
      this.commit([], this.opening);
      return await this.loop();
    } catch (error) {
      this.attempts.stopAll({ kind: 'cancelled', signal: 'SIGTERM', by: { kind: 'policy', policy: 'state_error' } });
      await this.attempts.ended();
      throw error;
    }
  }

  private async loop(): Promise<EngineEnd> {
    for (;;) {
      const messages = await this.inbox.take();
      for (const message of messages) {
        if (message.kind === 'closed') return { kind: 'finished', run: this.run };
        if (this.journalError === null) this.handle(message);
      }
      if (this.journalError !== null) return this.abandon(this.journalError.error);
    }
  }

  private handle(message: Message): void {
    switch (message.kind) {
      case 'attempt_ended':
        return this.commit([finishedEvent(message)]);
      case 'retry_due':
        this.frontier.markDue(message.step);
        return this.commit([]);
      case 'signalled':
        if (this.run.ending !== null) return;
        this.commit([{ type: 'run.signalled', signal: message.signal }]);
        return this.endAttempts();
      case 'cancel_requested':
        if (this.run.ending !== null) return;
        this.commit([{ type: 'run.cancel_requested', by: message.by, reason: message.reason }]);
        return this.endAttempts();
      case 'processes_reaped': {
        const { step, attempt, pids } = message;
        return this.commit([{ type: 'processes.reaped', when: 'attempt_end', step, attempt, pids }]);
      }
      case 'warned': {
        const { step, attempt, code, message: text } = message;
        return this.commit([{ type: 'warning.raised', step, attempt, code, message: text }]);
      }
      case 'wound_up':
        return this.close(message);
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

  /** Stopping waits for no disk: the sooner the processes are gone, the better, whatever becomes of the record. */
  private endAttempts(): void {
    const { cancellation } = this.run;
    if (cancellation === null) return;
    if (cancellation.signals > 1) this.attempts.killAll();
    else this.attempts.stopAll({ kind: 'cancelled', signal: cancellation.signal ?? 'SIGTERM', by: cancellation.by });
  }

  /** Records an observation with everything that follows from it, in one write. */
  private commit(observed: readonly EventBody[], folded: readonly RunEvent[] = []): void {
    const events = [...folded, ...observed.map((body) => this.fold(body))];
    for (;;) {
      const decision = decide(this.situation());
      for (const body of decision.events) events.push(this.fold(body));
      if (decision.finish !== null) this.windUp();
      if (decision.events.length === 0) break;
    }
    if (events.length > 0) this.write(events);
  }

  private situation(): Situation {
    const { run, plan, random, clock } = this.parts;
    return { run, plan, frontier: this.frontier, random, now: clock.wall() };
  }

  private fold(body: EventBody): RunEvent {
    const event = stamp(this.run, this.parts.clock, body);
    if ('step' in event && event.step !== null) this.frontier.note(event.type, event.step);
    return event;
  }

  private write(events: readonly RunEvent[]): void {
    this.unpublished.push(...events);
    const last = this.run.seq;
    this.parts.journal
      .append(events)
      .then(
        () => {
          this.publishUpTo(last);
          for (const event of events) this.perform(event);
        },
        (error: unknown) => this.inbox.put({ kind: 'journal_failed', error }),
      )
      .catch((error: unknown) => this.fail(error));
  }

  /** For what need not reach the disk before it is acted on: it matters only where the kernel survived, and so its page cache. */
  private record(body: EventBody): Promise<void> {
    const event = this.fold(body);
    this.unpublished.push(event);
    return this.parts.journal.appendWritten([event]).catch((error: unknown) => {
      this.inbox.put({ kind: 'journal_failed', error });
      throw error;
    });
  }

  private publishUpTo(seq: number): void {
    const cut = this.unpublished.findIndex((event) => event.seq > seq);
    const durable = cut === -1 ? this.unpublished : this.unpublished.slice(0, cut);
    this.unpublished = cut === -1 ? [] : this.unpublished.slice(cut);
    if (durable.length > 0) this.parts.hub.publish(durable);
  }

  private perform(event: RunEvent): void {
    if (this.journalError !== null) return;
    switch (event.type) {
      case 'attempt.started':
        return this.attempts.start(event.step, event.attempt);
      case 'attempt.finished':
        return this.attempts.forget(event.step, event.attempt);
      case 'retry.scheduled':
        return this.armRetry(event.step, event.delay_ms);
      case 'run.finished':
        return this.inbox.put({ kind: 'closed' });
      default:
        return;
    }
  }

  private armRetry(step: StepKey, delayMs: number): void {
    this.parts.clock.after(delayMs, () => this.inbox.put({ kind: 'retry_due', step }));
  }

  /** What an earlier life left waiting: the rest of the delay, never more than the whole of it, whatever the clock says. */
  private armRetries(): void {
    const now = this.parts.clock.wall();
    for (const step of this.run.steps.values()) {
      if (step.phase.kind !== 'retrying') continue;
      this.armRetry(step.key, Math.min(Math.max(Date.parse(step.phase.due) - now, 0), step.phase.delay_ms));
    }
  }

  /** Every step is settled: end what they left running, then evaluate what the run yields. */
  private windUp(): void {
    if (this.windingUp) return;
    this.windingUp = true;
    const finish = async (): Promise<void> => {
      const { ended, left } = await this.parts.executor.reapRun();
      const leftovers: EventBody[] = [];
      if (ended.length > 0) {
        leftovers.push({ type: 'processes.reaped', when: 'run_end', step: null, attempt: null, pids: ended });
      }
      if (left.length > 0) {
        const message = `processes of this run refuse to end: ${left.join(', ')}`;
        leftovers.push({ type: 'warning.raised', step: null, attempt: null, code: 'processes_left', message });
      }
      if (leftovers.length > 0) this.write(leftovers.map((body) => this.fold(body)));
      const outputs = this.frontier.failed > 0 ? null : await evaluateOutputs(this.parts);
      this.inbox.put({
        kind: 'wound_up',
        outputs: outputs?.ok === true ? outputs.value : null,
        error: outputs?.ok === false ? outputs.error : null,
      });
    };
    finish().catch((error: unknown) => this.fail(error));
  }

  private close({ outputs, error }: Message & { kind: 'wound_up' }): void {
    const { finish } = decide(this.situation());
    if (finish === null) throw new Bug('the run was wound up before all its steps were settled');
    const failed = finish.state === 'succeeded' && error !== null;
    const finished: EventBody = {
      type: 'run.finished',
      ...(failed ? { state: 'failed', exit_code: 1 } : finish),
      outputs: finish.state === 'succeeded' ? outputs : null,
      timed_out: false,
      error,
      duration_ms: Math.round(this.parts.clock.monotonic() - this.began),
    };
    this.write([this.fold(finished)]);
  }

  private async abandon(error: unknown): Promise<EngineEnd> {
    this.attempts.stopAll({ kind: 'cancelled', signal: 'SIGTERM', by: { kind: 'policy', policy: 'state_error' } });
    const unrecorded = await this.attempts.ended();
    await this.parts.executor.reapRun();
    return { kind: 'state_lost', error, unrecorded };
  }
}

/**
 * Gives an event its place and folds it in.
 * @throws {Bug} when it cannot follow what came before.
 */
function stamp(run: RunRecord, clock: Clock, body: EventBody): RunEvent {
  const event: RunEvent = { ...body, seq: run.seq + 1, time: new Date(clock.wall()).toISOString() };
  const illegal = applyEvent(run, event);
  if (illegal !== null) throw new Bug(`illegal move at event ${illegal.seq}: ${illegal.message}`);
  return event;
}
