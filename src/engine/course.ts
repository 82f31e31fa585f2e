/**
 * The course of a run: every observation is folded and followed by what the decider makes of it, and all of that is written together.
 * Knows what is decided and recorded; what is done about it is `engine.ts`.
 */

import type { StepKey } from '../base/ids.ts';
import { assertNever, Bug } from '../base/result.ts';
import type { EventBody, RunEvent } from '../model/event.ts';
import { isLegalMove } from '../model/moves.ts';
import type { RunRecord } from '../model/run.ts';
import { decide, isStopping, type Situation } from './decide.ts';
import { Entrance } from './entrance.ts';
import { stateAhead } from './finish.ts';
import { Frontier } from './frontier.ts';
import { Grants } from './grants.ts';
import type { ApprovalGiven, Inbox, Message } from './inbox.ts';
import { Ledger, type LedgerParts } from './ledger.ts';
import type { EngineParts } from './parts.ts';
import { Questions } from './questions.ts';
import { BUSY, type FamilyMessage, IdleChildren, type Idleness, LeftWaiting } from './relatives.ts';
import { RunTime } from './run-time.ts';
import { ScriptSeat } from './script-seat.ts';
import { windUp, type WoundUp } from './wind-up.ts';

/** With these events a step needs nothing any more of what it held: what ran is gone, whatever becomes of the record. */
const RELEASING: ReadonlySet<string> = new Set([
  'attempt.finished',
  'step.settled',
  'step.skipped',
  'step.reused',
  'retry.scheduled',
]);

/** `flowctl help exit-codes`: waiting. */
const PARKED = 6;

/** One life of a run, as far as it is decided and recorded. */
export class Course {
  readonly parts: EngineParts;
  readonly ledger: Ledger;
  readonly grants: Grants;
  readonly entrance: Entrance;
  readonly questions: Questions;
  /** The time for cleaning up is over. */
  isCleanupOver = false;
  /** The delay before another try of the run is over. */
  isRetryDue = false;
  frontier: Frontier;
  private readonly run: RunRecord;
  private readonly children = new IdleChildren();
  private told: Idleness = BUSY;
  private readonly time: RunTime;
  private readonly inbox: Inbox;
  private readonly hurry: AbortSignal;
  private readonly opening: readonly RunEvent[];
  private readonly began: number;
  private windingUp = false;
  readonly scripts: ScriptSeat;

  /**
   * @param opening events that begin this life: none for a new run, those of `recover` for a resumed one.
   * @param perform what is done about an event once it is on disk. @param hurry aborted when nothing is to be waited for.
   */
  constructor(
    parts: EngineParts,
    inbox: Inbox,
    opening: readonly EventBody[],
    { perform, hurry }: { readonly perform: LedgerParts['perform']; readonly hurry: AbortSignal },
  ) {
    const ending = (): string | null => (this.run.handlers.length > 0 ? stateAhead(this.situation()) : null);
    this.parts = { ...parts, ending };
    this.run = parts.run;
    this.inbox = inbox;
    this.hurry = hurry;
    this.ledger = new Ledger({
      ...parts,
      perform: (event) => {
        this.scripts.heed(event);
        perform(event);
      },
      journalFailed: (error) => inbox.put({ kind: 'journal_failed', error }),
      broke: (error) => inbox.put({ kind: 'broke', error }),
    });
    // Before the frontier is built, for they decide where it begins.
    this.opening = opening.map((body) => this.ledger.fold(body));
    this.frontier = new Frontier(parts.plan, parts.run);
    this.scripts = new ScriptSeat({
      ...{ source: this.parts, host: parts.scripts ?? null, inbox },
      watchesWaits: parts.watchesWaits ?? parts.waits === 'park',
      ...{ frontier: () => this.frontier, commit: (events) => this.commit(events) },
      now: () => parts.clock.wall(),
    });
    this.began = parts.clock.monotonic();
    this.grants = new Grants(parts.tickets ?? null, inbox);
    this.questions = new Questions(this.parts, inbox, this.grants);
    this.entrance = new Entrance(parts.admission ?? null, inbox);
    this.time = new RunTime(parts.clock, parts.plan.flow.timeout_ms, () => inbox.put({ kind: 'run_timed_out' }));
  }

  /** Writes the events that begin this life, with what follows from them. */
  open(): void {
    this.commit([], this.opening);
  }

  /** Nothing of this life goes on. */
  end(): void {
    this.time.stop();
    this.scripts.end();
    this.entrance.leave();
    this.grants.releaseAll();
  }

  /** Records an observation with everything that follows from it, in one write. */
  commit(observed: readonly EventBody[], folded: readonly RunEvent[] = []): void {
    const events = [...folded, ...observed.map((body) => this.fold(body))];
    this.scripts.update(!this.isWaitingToBegin && this.run.cancellation === null && this.entrance.refusal === null);
    // While what the steps left behind is swept away nothing begins: the sweep would end it with the rest. See `close`.
    while (!this.windingUp) {
      if (this.frontier.hasReopening && isStopping(this.situation())) this.frontier.reopenAll();
      const decision = decide(this.situation());
      for (const body of decision.events) events.push(this.fold(body));
      const { questions } = decision;
      if (questions.length > 0 && this.questions.ask(this.frontier, questions)) continue;
      if (decision.finish !== null) this.windUp();
      if (decision.events.length === 0) break;
    }
    // Handlers have a time of their own.
    const isTimed = this.run.ending === null && !this.run.parked && this.run.handlers.length === 0;
    if (this.time.isLimited) this.time.update(isTimed && this.idleness().isExecuting);
    this.ledger.write(events);
  }

  /**
   * For now there is nothing more to do: those above hear whether the run is idle, and one that nobody stays with is left waiting. A
   * message that is still to be taken may be the answer it waits for, so this is for an empty inbox.
   */
  rest(): void {
    if (this.run.parked) return;
    const idleness = this.idleness();
    this.tellIdleness(idleness);
    if (this.parts.waits === 'park' && idleness.canPark) this.ledger.write([this.park()]);
  }

  /** Another run of the same tree has something to say. */
  hearRelative(message: FamilyMessage): void {
    switch (message.kind) {
      case 'child_idled':
        this.children.note(message.step, message.idleness);
        return this.commit([]);
      case 'park_asked':
        if (this.run.parked || this.run.ending !== null) return;
        if (this.idleness().canPark) this.ledger.write([this.park()]);
        else this.inbox.put({ kind: 'journal_failed', error: new LeftWaiting('the tree of runs was left waiting') });
        return;
      case 'slot_freed':
        return this.commit([]);
      default:
        return assertNever(message, 'message of a relative');
    }
  }

  private park(): RunEvent {
    const event = this.fold({ type: 'run.parked', exit_code: PARKED });
    this.parts.parked?.();
    return event;
  }

  private tellIdleness(idleness: Idleness): void {
    const { canPark } = idleness;
    // A run that comes to its end is not one that waits for somebody.
    const isExecuting = idleness.isExecuting || this.windingUp;
    if (isExecuting === this.told.isExecuting && canPark === this.told.canPark) return;
    this.told = { isExecuting, canPark };
    this.parts.idled?.(this.told);
  }

  /** A step waits for capacities that others hold. */
  noteQueued({ step, resources }: Message & { kind: 'claim_queued' }): void {
    const node = this.frontier.tree.find(step);
    // A group that goes on with what an earlier life began stays open.
    if (node?.wanted !== 'tickets' || this.run.cancellation !== null) return;
    if (!isLegalMove(node.record.phase.kind, 'step.queued')) return;
    // Nothing rests on it, but whoever watches is to see it now, and not with whatever comes next.
    this.ledger.write([this.fold({ type: 'step.queued', step, resources })]);
  }

  /** A person answered; what is not asked for, or was answered before, changes nothing. */
  takeAnswer(step: StepKey, answer: ApprovalGiven): void {
    const record = this.run.steps.get(step);
    const isAsked = record?.phase.kind === 'waiting' && record.phase.for === 'approval' && record.answer === null;
    if (isAsked && this.run.cancellation === null && !this.run.parked)
      this.commit([{ type: 'approval.answered', step, ...answer }]);
  }

  private idleness(): Idleness {
    const { underway, waits, staging } = this.frontier;
    const { resting, parkable } = this.children;
    const isActing = this.scripts.current?.isActing === true;
    const isExecuting =
      underway - resting + waits.time + waits.iteration > 0 || (isActing && this.frontier.unsettled === 0);
    const others = waits.iteration + waits.condition + this.questions.pending + staging.claims;
    const isBusy = underway - parkable + others > 0 || this.isHeld || this.windingUp || isActing;
    const isWaiting = waits.time + waits.approval + parkable > 0 && this.run.cancellation === null && !this.run.parked;
    return { isExecuting, canPark: isWaiting && !isBusy };
  }

  /** True while nothing may begin. */
  get isHeld(): boolean {
    return this.isWaitingToBegin || this.scripts.current?.isReplaying === true;
  }

  private get isWaitingToBegin(): boolean {
    return this.entrance.isClosed || (this.run.retry_due !== null && !this.isRetryDue);
  }

  private situation(): Situation {
    const { run, plan, random, clock } = this.parts;
    const { frontier, isCleanupOver, isHeld, freeSlots } = this;
    const { refusal } = this.entrance;
    const { prefix = null } = this.parts;
    const { current: script } = this.scripts;
    const now = clock.wall();
    return { run, plan, frontier, random, now, freeSlots, isCleanupOver, refusal, isHeld, script, prefix };
  }

  /** True for a step that may go on with another iteration. */
  repeats(step: StepKey): boolean {
    return (this.frontier.tree.find(step)?.definition.repeat ?? null) !== null;
  }

  /** Gives an event its place and takes it in; it is not written yet. */
  fold(body: EventBody): RunEvent {
    const event = this.ledger.fold(body);
    this.scripts.note(event);
    if (event.type === 'run.retried') {
      this.isRetryDue = false;
      this.frontier = new Frontier(this.parts.plan, this.run);
    } else if (event.type === 'handlers.started') this.frontier.noteHandlers(event.step, event.phase);
    else if ('step' in event && event.step !== null) {
      if (event.type === 'attempt.finished') this.children.forget(event.step);
      // Before the decider looks: a lost attempt is followed at once by the next, which asks for itself.
      if (RELEASING.has(event.type)) this.grants.release(event.step);
      this.noteStep(event, event.step);
    }
    return event;
  }

  /** Takes in what became of a step. Of starts and ends, those are told who share the slots. */
  private noteStep({ type }: RunEvent, step: StepKey): void {
    const { frontier } = this;
    const before = frontier.running;
    frontier.note(type, step, type === 'attempt.started' && this.freeSlots > 0);
    const { slots } = this.parts;
    if (!slots || (type !== 'attempt.started' && type !== 'attempt.finished')) return;
    if (frontier.running > before) slots.take();
    else if (frontier.running < before) slots.give();
  }

  private get freeSlots(): number {
    const { slots, run } = this.parts;
    return Math.min(run.settings.max_parallel - this.frontier.running, slots?.free ?? Number.POSITIVE_INFINITY);
  }

  /** Asks for the end of what the steps left behind, and for what the run yields. */
  private windUp(): void {
    if (this.windingUp) return;
    this.windingUp = true;
    const { cancellation } = this.run;
    const { current } = this.scripts;
    const hasFailed = this.frontier.hasFailed || (current?.failure ?? null) !== null;
    const yields = !hasFailed && cancellation === null && this.entrance.refusal === null;
    const returned = current?.end?.kind === 'returned' ? { value: current.end.value } : null;
    windUp(this.parts, this.parts.executor, { yields, returned }, this.hurry).then(
      (end) => this.inbox.put({ kind: 'wound_up', end }),
      (error: unknown) =>
        this.inbox.put(error instanceof Bug ? { kind: 'broke', error } : { kind: 'journal_failed', error }),
    );
  }

  /** Records the end, when nothing of the run is left. */
  close({ leftovers, outputs, error }: WoundUp): void {
    const { finish } = decide(this.situation());
    if (finish === null) {
      // Its end was asked for meanwhile, and what handles that is still to run.
      this.windingUp = false;
      return this.commit(leftovers);
    }
    const failed = finish.state === 'succeeded' && error !== null;
    const finished: EventBody = {
      type: 'run.finished',
      ...(failed ? { state: 'failed', exit_code: 1, timed_out: false } : finish),
      outputs: finish.state === 'succeeded' ? outputs : null,
      // A run that was cancelled meanwhile has no outputs that could be wrong.
      error: failed ? error : finish.state === 'failed' ? this.scripts.failure : this.entrance.error,
      ...this.scripts.caught,
      duration_ms: Math.round(this.parts.clock.monotonic() - this.began),
    };
    this.ledger.write([...leftovers, finished].map((body) => this.fold(body)));
  }
}
