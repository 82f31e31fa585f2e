/**
 * An imperative flow in a run: the flow function's calls become steps, and it is told how each of them ended, in the order of the journal,
 * once that is on disk. In a later life the function runs again and is told the same, in the same order; only then does anything begin.
 * A call that contradicts what is recorded is refused.
 *     waiting -- the run may begin --> replaying -- all told --> live -- it settled, all calls ended --> finishing --> over
 *
 * This file knows the function only by `script-ports.ts`. Which calls stand for what is recorded is `replay.ts`.
 */

import type { StepKey } from '../base/ids.ts';
import { assertNever, Bug } from '../base/result.ts';
import type { EventBody, RunEvent } from '../model/event.ts';
import type { Failure } from '../model/outcome.ts';
import { isSettled, type RunRecord, type StepRecord } from '../model/run.ts';
import type { Frontier } from './frontier.ts';
import type { Inbox } from './inbox.ts';
import { caughtCalls, lastRequest } from './caught-calls.ts';
import { driftBetween, Replay } from './replay.ts';
import type { ScopeSource } from './scope.ts';
import { type Answer, failed, requested, type ScriptNews } from './script-news.ts';
import type { RunningScript, ScriptCall, ScriptEnd, ScriptHost } from './script-ports.ts';
import { Telling } from './telling.ts';
import { unmadeCalls } from './unmade-calls.ts';

/** What of the engine a script works on. */
export interface ScriptGround {
  readonly source: ScopeSource;
  readonly inbox: Inbox;
  readonly host: ScriptHost;
  /** True where it has to be known whether the function only waits. */
  readonly watchesWaits: boolean;
  frontier(): Frontier;
  commit(events: readonly EventBody[]): void;
  /** Wall clock, milliseconds since the epoch. */
  now(): number;
}

/** The flow function of one life of a run. */
export class Script {
  /** How it ended; null until nothing more comes of it. */
  end: ScriptEnd | null = null;
  private readonly ground: ScriptGround;
  private readonly run: RunRecord;
  private running: RunningScript | null = null;
  private hasBegun = false;
  private hasSettled = false;
  private isFinishing = false;
  private isLive = false;
  private replay = new Replay([]);
  private readonly claimed = new Set<StepKey>();
  private readonly callers = new Map<StepKey, Answer>();
  /** The call whose request is being recorded. */
  private requesting: ScriptCall | null = null;
  private told = 0;
  /** Calls of the function whose ends it was not told yet: what is settled may still be on its way to the disk. */
  private untold = 0;
  private asked = 0;
  private isIdle = false;
  /** The last event by which the function asked for anything, and the last one before it settled. */
  private lastAsked = 0;
  private settledAt = Number.POSITIVE_INFINITY;
  private readonly fresh: StepRecord[] = [];
  private readonly telling: Telling;
  private readonly nested: Telling;

  constructor(ground: ScriptGround) {
    this.ground = ground;
    this.run = ground.source.run;
    this.telling = new Telling(ground.source, ground.inbox);
    this.nested = new Telling(ground.source, ground.inbox);
  }

  /** True while something may still come of it. */
  get isOpen(): boolean {
    return this.end === null;
  }

  /** True while nothing may begin, for the function has not yet come to where it was. */
  get isReplaying(): boolean {
    return this.isOpen && !(this.hasBegun && this.replay.isOver);
  }

  /** True when its own code is what the run is about. */
  get isActing(): boolean {
    return this.isOpen && this.hasBegun && !this.isIdle;
  }

  /** True when it contradicts the record. */
  get hasDrifted(): boolean {
    return this.end?.kind === 'failed' && this.end.failure.code === 'drift';
  }

  /** Why the run failed by it; null otherwise. */
  get failure(): Failure | null {
    return this.end?.kind === 'failed' ? this.end.failure : null;
  }

  /** Begins, or begins anew after a retry of the run; once in each life. */
  begin(): void {
    if (this.hasBegun || !this.isOpen) return;
    const { script } = this.ground.source.plan.flow;
    if (script === undefined || script === null) throw new Bug('the flow has no function');
    this.hasBegun = true;
    this.replay = new Replay(this.run.steps.values());
    this.lastAsked = lastRequest(this.run);
    const put = (news: ScriptNews): void => this.ground.inbox.put({ kind: 'script', news, from: this });
    const { params, values, resumes, retries } = this.run;
    this.running = this.ground.host.start(
      {
        ...{ script, params },
        values: structuredClone(values),
        life: resumes + retries + 1,
        isReplay: this.ground.watchesWaits || !this.replay.isOver,
      },
      {
        called: (call) => put({ kind: 'called', call }),
        recorded: (kind, value) => put({ kind: 'recorded', value: { type: 'value.recorded', kind, value } }),
        waits: (told, asked) => put({ kind: 'waits', told, asked }),
        settled: () => put({ kind: 'settled' }),
        ended: (end) => put({ kind: 'ended', end }),
      },
    );
  }

  /** Takes in what it tells. */
  hear(news: ScriptNews): void {
    if (news.kind === 'called_by_step') return this.takeNested(news);
    if (!this.isOpen) return;
    switch (news.kind) {
      case 'called':
        this.asked += 1;
        // Also when it had returned, because of what it was told last: that end is waited for as well.
        this.isIdle = this.isFinishing = false;
        return this.take(news.call);
      case 'recorded':
        this.ground.commit([news.value]);
        this.lastAsked = this.run.seq;
        return;
      case 'waits':
        if (news.told !== this.told || news.asked !== this.asked || this.telling.isReading) return;
        this.isIdle = true;
        return this.goOn();
      case 'settled':
        this.hasSettled = true;
        this.settledAt = this.run.seq;
        return this.finishWhenDone();
      case 'ended':
        return this.close(news.end);
      default:
        return assertNever(news, 'news of a flow function');
    }
  }

  /** An event is on disk: whoever called the step that it settled is told. */
  heed(event: RunEvent): void {
    if (!('step' in event) || event.step === null) return;
    const record = this.run.steps.get(event.step);
    if (record === undefined || record.call === null || record.settled_at !== event.seq) return;
    // What ends by itself while the function is told what was recorded comes after all of that.
    if (record.call.caller === null && this.isReplaying) this.fresh.push(record);
    else this.pass(record);
    this.finishWhenDone();
  }

  /** Ends it: nothing more comes of it, and it is told nothing more. */
  stop(): void {
    this.running?.stop();
    if (this.isOpen) this.end = { kind: 'stopped' };
  }

  /** Calls that failed and from which the function went on: a later life tells it the same. */
  get caught(): readonly StepKey[] {
    const blamed = this.end?.kind === 'failed' ? this.end.blamed : [];
    return caughtCalls(this.run, { blamed, lastAsked: this.lastAsked, settledAt: this.settledAt });
  }

  private take(call: ScriptCall): void {
    const record = this.run.steps.get(call.step);
    if (record === undefined && !this.replay.isOver) {
      // What it stands for is known when everything that is recorded has been told.
      this.replay.hold(call);
      return;
    }
    const drift = record === undefined ? null : driftBetween(record, call);
    if (drift !== null) return this.refuse(drift);
    this.admit(call, record);
    if (record !== undefined || !this.isLive) this.goOn();
  }

  private admit(call: ScriptCall, record: StepRecord | undefined): void {
    this.claimed.add(call.step);
    this.untold += 1;
    const isKnown = record !== undefined && record.call?.arguments_hash === call.arguments_hash;
    // Where it was taken for one that is not made any more, its turn is over.
    const isLate = this.replay.isOver;
    if (isKnown) this.goOnWith(record, call);
    else {
      this.request(call, null);
      this.lastAsked = this.run.steps.get(call.step)?.call?.seq ?? this.run.seq;
    }
    this.replay.claim(call.step);
    if (isKnown && isLate && isSettled(record.phase)) this.pass(record);
  }

  /** A task calls a task. What succeeded for an earlier attempt of it is told again; everything else is done again. */
  private takeNested({ call, caller, answer }: ScriptNews & { kind: 'called_by_step' }): void {
    const record = this.run.steps.get(call.step);
    const isSame = record?.call?.arguments_hash === call.arguments_hash && record.id === call.name;
    if (record !== undefined && (record.call === null || record.phase.kind === 'running' || record.id !== call.name)) {
      const message = `\`${call.step}\` was called before with other arguments, and that call has not ended`;
      return answer(failed(call.step, { code: 'drift', message }));
    }
    this.callers.set(call.step, answer);
    if (isSame && record.phase.kind === 'succeeded') return this.pass(record);
    const isUnderway = isSame && !isSettled(record.phase) && this.claimed.has(call.step);
    if (isUnderway) return;
    this.claimed.add(call.step);
    if (isSame && !isSettled(record.phase)) {
      this.goOnWith(record, call);
      this.ground.commit([]);
    } else this.request(call, caller);
  }

  /** A call of an earlier life goes on from where it was. Its delay may have been over before it was made again: nobody heard of that. */
  private goOnWith(record: StepRecord, call: ScriptCall): void {
    this.ground.frontier().addCall(record, call);
    const { phase } = record;
    const due = phase.kind === 'waiting' || phase.kind === 'retrying' ? phase.due : null;
    if (due !== null && Date.parse(due) <= this.ground.now())
      this.ground.inbox.put({ kind: 'due', step: record.key, due });
  }

  private request(call: ScriptCall, caller: StepKey | null): void {
    this.requesting = call;
    this.ground.commit([requested(call, caller)]);
  }

  /** Adds the step that an event requested, when it is folded and nothing is decided on it. */
  enroll(key: StepKey): void {
    const record = this.run.steps.get(key);
    const call = this.requesting;
    if (record === undefined || call?.step !== key) throw new Bug(`nobody made the call ${key}`);
    this.requesting = null;
    this.ground.frontier().addCall(record, call);
  }

  private goOn(): void {
    for (;;) {
      const next = this.replay.next(this.isIdle);
      if (next === null) break;
      this.isIdle = false;
      const record = this.run.steps.get(next);
      if (record !== undefined) this.pass(record);
    }
    const contradiction = this.isIdle ? this.replay.contradiction(this.run) : null;
    if (contradiction !== null) return this.refuse(contradiction);
    if (this.replay.isOver) {
      for (const record of this.fresh.splice(0)) this.pass(record);
      const held = this.replay.release();
      for (const call of held) this.admit(call, this.run.steps.get(call.step));
      if (!this.ground.watchesWaits && !this.isLive) this.running?.goLive();
      this.isLive = true;
    }
    this.ground.commit([]);
    this.finishWhenDone();
  }

  /** Tells the caller of a step how it ended, after everything that it was told before. */
  private pass(record: StepRecord): void {
    const { key, call } = record;
    if (call?.caller != null) {
      const answer = this.callers.get(key);
      this.callers.delete(key);
      if (answer !== undefined) this.nested.tell(record, answer);
      return;
    }
    if (!this.claimed.has(key) || this.running === null) return;
    this.told += 1;
    this.untold -= 1;
    this.isIdle = false;
    this.telling.tell(record, (outcome) => this.running?.tell(outcome));
  }

  private finishWhenDone(): void {
    if (!this.hasSettled || this.isFinishing || !this.isOpen || this.isReplaying) return;
    if (this.untold > 0 || this.ground.frontier().unsettled > 0 || this.replay.isHolding) return;
    this.isFinishing = true;
    this.telling.afterwards(() => this.running?.finish());
  }

  private refuse(failure: Failure): void {
    this.running?.stop();
    this.close({ kind: 'failed', failure, blamed: [] });
  }

  private close(end: ScriptEnd): void {
    this.end = end;
    this.ground.commit(this.hasDrifted ? [] : unmadeCalls(this.run, this.claimed));
  }
}
