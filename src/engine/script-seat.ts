/** The place of a run's flow function, if its flow has one: a new one sits there in every try of the run. */

import type { StepKey } from '../base/ids.ts';
import type { EventBody, RunEvent } from '../model/event.ts';
import type { Failure } from '../model/outcome.ts';
import type { Frontier } from './frontier.ts';
import type { Inbox } from './inbox.ts';
import type { ScopeSource } from './scope.ts';
import { Script } from './script.ts';
import type { ScriptMessage } from './script-news.ts';
import type { ScriptHost } from './script-ports.ts';

/** What a seat is made from. */
export interface ScriptSeatParts {
  readonly source: ScopeSource;
  readonly host: ScriptHost | null;
  readonly inbox: Inbox;
  readonly watchesWaits: boolean;
  frontier(): Frontier;
  commit(events: readonly EventBody[]): void;
  now(): number;
}

/** Looks after the function of a run. */
export class ScriptSeat {
  /** Null for a flow without a function. */
  current: Script | null = null;
  /** Calls of tasks by tasks are taken in for flows without a function, too. */
  private readonly tasks: Script | null;
  private readonly parts: ScriptSeatParts;

  constructor(parts: ScriptSeatParts) {
    this.parts = parts;
    this.current = (parts.source.plan.flow.script ?? null) === null ? null : this.make();
    this.tasks = this.current ?? this.make();
    if (parts.source.run.cancellation !== null) this.current?.stop();
  }

  /** Begins the function when it may. */
  update(mayBegin: boolean): void {
    if (mayBegin && this.parts.source.run.ending === null) this.current?.begin();
  }

  /** Takes in what the function of this try, or a task, tells. */
  hear({ news, from }: ScriptMessage): void {
    if (from === null || from === this.current) (this.current ?? this.tasks)?.hear(news);
  }

  /** Takes in an event that was folded. */
  note(event: RunEvent): void {
    if (event.type === 'step.requested') (this.current ?? this.tasks)?.enroll(event.step);
    else if (event.type === 'run.cancel_requested' || event.type === 'run.signalled') this.current?.stop();
    else if (event.type === 'run.retried' && this.current !== null) {
      this.current.stop();
      this.current = this.make();
    }
  }

  /** Takes in an event that is on disk. */
  heed(event: RunEvent): void {
    (this.current ?? this.tasks)?.heed(event);
  }

  /** Nothing of this life goes on. */
  end(): void {
    this.current?.stop();
  }

  /** Why the run failed by its function; null otherwise. */
  get failure(): Failure | null {
    return this.current?.failure ?? null;
  }

  /** Calls that failed and from which the function went on, as the end of a run has them. */
  get caught(): { readonly caught?: readonly StepKey[] } {
    const caught = this.current?.caught ?? [];
    return caught.length === 0 ? {} : { caught };
  }

  private make(): Script | null {
    const { host, ...ground } = this.parts;
    return host === null ? null : new Script({ ...ground, host });
  }
}
