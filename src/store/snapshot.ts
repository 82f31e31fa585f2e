/**
 * `run.json`: the document of `show --json` with the `seq` of its last record in front, for people and scripts that look into the
 * folder. A cache: it is written from published events, which are durable, so it never knows more than the journal.
 */

import { Low } from 'lowdb';
import type { RunId } from '../base/ids.ts';
import type { Json } from '../base/json.ts';
import type { Clock, Hub } from '../engine/ports.ts';
import type { RunEvent } from '../model/event.ts';
import { applyEvent, beginRun } from '../model/fold.ts';
import type { OutputsRef } from '../model/outcome.ts';
import type { RunRecord } from '../model/run.ts';
import { type RunDetail, runDetail } from '../model/view.ts';
import { DurableFile } from './documents.ts';
import { type RunLayout, runPaths } from './layout.ts';
import { type StateProblem, systemCode } from './problem.ts';

/** What `run.json` holds. Outputs that lie in a file of their own are named by their hash. */
export type SnapshotDocument = { readonly seq: number } & RunDetail;

/** The shortest time between two snapshots, and before the first, milliseconds. */
export const SNAPSHOT_INTERVAL_MS = 250;
/** Larger documents are written more seldom, so that a run of many steps writes this many bytes a second at most. */
const BYTES_PER_SECOND = 131_072;

/** Writes the snapshots of one run. A listener: it can neither fail nor delay the run. */
export class SnapshotWriter implements Hub {
  readonly #layout: RunLayout;
  readonly #clock: Clock;
  readonly #file: DurableFile<SnapshotDocument | null>;
  readonly #document: Low<SnapshotDocument | null>;
  #record: RunRecord | null;
  #takeBack: (() => void) | null = null;
  #writing: Promise<void> = Promise.resolve();
  /** A run that is over soon is written once, at its end. */
  #notBefore: number;
  #problem: StateProblem | null = null;

  /** @param record the run as it stands when it is resumed; copied. Null for a new run, whose first event is published. */
  constructor(layout: RunLayout, clock: Clock, record: RunRecord | null) {
    this.#layout = layout;
    this.#clock = clock;
    this.#notBefore = clock.monotonic() + SNAPSHOT_INTERVAL_MS;
    this.#record = record === null ? null : structuredClone(record);
    this.#file = new DurableFile(layout.snapshot, (value) => value as SnapshotDocument);
    this.#document = new Low<SnapshotDocument | null>(this.#file, null);
  }

  publish(events: readonly RunEvent[]): void {
    for (const event of events) {
      if (this.#record !== null) applyEvent(this.#record, event);
      else if (event.type === 'run.started') this.#record = beginRun(this.#id(), event);
    }
    const wait = Math.max(0, this.#notBefore - this.#clock.monotonic());
    this.#takeBack ??= this.#clock.after(wait, () => {
      this.#takeBack = null;
      this.#writing = this.#writing.then(() => this.#write());
    });
  }

  /** Writes the last one. Never rejects. @returns why a snapshot could not be written, or null; the run is none the worse for it. */
  async finish(): Promise<StateProblem | null> {
    this.#takeBack?.();
    this.#takeBack = null;
    await this.#writing;
    await this.#write();
    return this.#problem;
  }

  #id(): RunId {
    return this.#layout.place.id;
  }

  async #write(): Promise<void> {
    if (this.#record === null) return;
    // Taken before the writing, for more is published meanwhile.
    const pause = Math.max(SNAPSHOT_INTERVAL_MS, (this.#file.bytesWritten / BYTES_PER_SECOND) * 1_000);
    this.#notBefore = this.#clock.monotonic() + pause;
    try {
      this.#document.data = snapshotOf(this.#record, this.#layout, this.#clock.wall());
      await this.#document.write();
      this.#problem = null;
    } catch (error) {
      // Whatever it is: a cache that cannot be written must not end the run.
      const file = this.#layout.snapshot;
      this.#problem = { kind: 'io', file, code: systemCode(error) ?? 'EINVAL', message: String(error) };
    }
  }
}

/** The snapshot of a run that this process owns. */
export function snapshotOf(record: RunRecord, layout: RunLayout, now: number): SnapshotDocument {
  const live = record.ending === null;
  return { seq: record.seq, ...runDetail(record, { live, now }, runPaths(layout), inlineOrReference) };
}

const inlineOrReference = (ref: OutputsRef): Json => (ref.kind === 'inline' ? ref.value : { ...ref });
