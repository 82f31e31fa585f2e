/**
 * How an event becomes true: folded into the run at once, written with everything that is queued, told to the listeners and performed
 * when it is on disk. Events are published in their order, without gaps.
 */

import { Bug } from '../base/result.ts';
import type { EventBody, RunEvent } from '../model/event.ts';
import { applyEvent } from '../model/fold.ts';
import type { RunRecord } from '../model/run.ts';
import type { Clock, Hub, Journal } from './ports.ts';

/** What a ledger works on, and whom it tells. */
export interface LedgerParts {
  readonly run: RunRecord;
  readonly journal: Journal;
  readonly hub: Hub;
  readonly clock: Clock;
  /** The event is on disk, and the listeners know. */
  perform(event: RunEvent): void;
  /** The journal failed; told for every write that is lost with it. */
  journalFailed(error: unknown): void;
  /** A listener or a performer threw: a bug. */
  broke(error: unknown): void;
}

/** The one way to a run's record. */
export class Ledger {
  private readonly parts: LedgerParts;
  /** Folded in this turn. */
  private unwritten: RunEvent[] = [];
  /** Being written and perhaps not durable; those before `published` have been told. */
  private unpublished: RunEvent[] = [];
  private published = 0;
  private last = { now: Number.NaN, time: '' };

  constructor(parts: LedgerParts) {
    this.parts = parts;
  }

  /**
   * Gives an event its place and folds it in; it is not written yet.
   * @throws {Bug} when it cannot follow what came before.
   */
  fold(body: EventBody): RunEvent {
    const { run, clock } = this.parts;
    // A member that is added to a copied object makes V8 copy it slowly: this one is made for every event.
    const event: RunEvent = { seq: run.seq + 1, time: this.timeOf(clock.wall()), ...body };
    const illegal = applyEvent(run, event);
    if (illegal !== null) throw new Bug(`illegal move at event ${illegal.seq}: ${illegal.message}`);
    return event;
  }

  /** RFC 3339. Events of one millisecond share the text. */
  private timeOf(now: number): string {
    if (now !== this.last.now) this.last = { now, time: new Date(now).toISOString() };
    return this.last.time;
  }

  /**
   * Writes folded events; they are published and performed when they are on disk. What is written in one turn goes in one go: one write,
   * and one promise to wait for it.
   */
  write(events: readonly RunEvent[]): void {
    if (events.length === 0) return;
    if (this.unwritten.length === 0) queueMicrotask(() => this.flush());
    // One by one: there may be more than a call takes arguments.
    for (const event of events) this.unwritten.push(event);
  }

  private flush(): void {
    const events = this.unwritten;
    const last = events.at(-1);
    if (last === undefined) return;
    this.unwritten = [];
    for (const event of events) this.unpublished.push(event);
    this.parts.journal
      .append(events)
      .then(
        () => {
          this.publishUpTo(last.seq);
          for (const event of events) this.parts.perform(event);
        },
        (error: unknown) => this.parts.journalFailed(error),
      )
      .catch((error: unknown) => this.parts.broke(error));
  }

  /**
   * Writes a folded event that need not reach the disk before it is acted on: it matters only where the kernel survived, and so its
   * page cache. It is published with the next one that does.
   * @param how `durable`: it is waited for until it is on disk all the same.
   */
  async writeSoon(event: RunEvent, how: 'written' | 'durable' = 'written'): Promise<void> {
    const { journal } = this.parts;
    this.flush();
    this.unpublished.push(event);
    try {
      await (how === 'durable' ? journal.append([event]) : journal.appendWritten([event]));
    } catch (error) {
      this.parts.journalFailed(error);
      throw error;
    }
  }

  /** In all this takes time linear in the events, also where thousands of writes wait for one sync. */
  private publishUpTo(seq: number): void {
    const { unpublished, published: from } = this;
    let end = from;
    while (end < unpublished.length && (unpublished[end]?.seq ?? 0) <= seq) end += 1;
    if (end === from) return;
    const durable = unpublished.slice(from, end);
    const isTold = end === unpublished.length;
    if (isTold || end > unpublished.length / 2) this.unpublished = isTold ? [] : unpublished.slice(end);
    this.published = this.unpublished === unpublished ? end : 0;
    this.parts.hub.publish(durable);
  }
}
