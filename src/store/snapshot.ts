/**
 * `run.json`: the document of `show --json` with the `seq` of its last record in front, for people and scripts that look into the
 * folder. A cache: it is written from published events, which are durable, so it never knows more than the journal.
 */

import { Low } from 'lowdb';
import type { Json } from '../base/json.ts';
import type { Clock, Hub, Journal } from '../engine/ports.ts';
import type { RunEvent } from '../model/event.ts';
import type { OutputsRef } from '../model/outcome.ts';
import type { RunRecord, StepRecord } from '../model/run.ts';
import { type RunDetail, runDetail } from '../model/view.ts';
import { DurableFile } from './documents.ts';
import { type RunLayout, runPaths } from './layout.ts';
import { type StateProblem, systemCode } from './problem.ts';

/** What `run.json` holds. Outputs that lie in a file of their own are named by their hash. */
export type SnapshotDocument = { readonly seq: number } & RunDetail & {
    /** Of a run of many steps, of which only those stand in it that a person may have to look at: how many others there are. */
    readonly steps_left_out?: number;
  };

/** The shortest time between two snapshots, and before the first, milliseconds. */
export const SNAPSHOT_INTERVAL_MS = 250;
/** Larger documents are written more seldom, so that a run of many steps writes this many bytes a second at most. */
const BYTES_PER_SECOND = 131_072;
/** Looking at so many steps takes about a millisecond; a hundredth of the time is enough for it. */
const STEPS_PER_SECOND = 100_000;
/** A run of more steps has in its snapshot only so many, of those that neither succeeded nor are still to begin. */
const MOST_STEPS = 1_000;

/** What the snapshots of a run are made of. */
export interface SnapshotSource {
  readonly layout: RunLayout;
  readonly journal: Pick<Journal, 'append'>;
  /** The run as it goes on. */
  readonly record: RunRecord;
}

/** Writes the snapshots of one run. A listener: it can neither fail nor delay the run. */
export class SnapshotWriter implements Hub {
  readonly #source: SnapshotSource;
  readonly #clock: Clock;
  readonly #file: DurableFile<SnapshotDocument | null>;
  readonly #document: Low<SnapshotDocument | null>;
  #published = 0;
  #takeBack: (() => void) | null = null;
  #writing: Promise<void> = Promise.resolve();
  /** A run that is over soon is written once, at its end. */
  #notBefore: number;
  #problem: StateProblem | null = null;

  constructor(source: SnapshotSource, clock: Clock) {
    this.#source = source;
    this.#clock = clock;
    this.#notBefore = clock.monotonic() + SNAPSHOT_INTERVAL_MS;
    this.#file = new DurableFile(source.layout.snapshot, (value) => value as SnapshotDocument);
    this.#document = new Low<SnapshotDocument | null>(this.#file, null);
  }

  publish(events: readonly RunEvent[]): void {
    this.#published = events.at(-1)?.seq ?? this.#published;
    if (this.#takeBack !== null) return;
    this.#takeBack = this.#clock.after(Math.max(0, this.#notBefore - this.#clock.monotonic()), () => {
      this.#takeBack = null;
      this.#writing = this.#writing.then(() => this.#writeWhenQuiet());
    });
  }

  /** Writes the last one. Never rejects. @returns why a snapshot could not be written, or null; the run is none the worse for it. */
  async finish(): Promise<StateProblem | null> {
    this.#takeBack?.();
    this.#takeBack = null;
    await this.#writing;
    // What goes beyond was lost with the state: nobody was told of it.
    if (this.#published === this.#source.record.seq) await this.#write();
    return this.#problem;
  }

  /** The record is ahead of the disk while anything is being written, and then there is none: the next one will do, or the last. */
  async #writeWhenQuiet(): Promise<void> {
    const { journal, record } = this.#source;
    const { seq } = record;
    this.#pause();
    try {
      if (this.#published !== seq) await journal.append([]);
    } catch {
      return;
    }
    if (record.seq === seq) await this.#write();
  }

  #pause(): void {
    const seconds = Math.max(
      this.#file.bytesWritten / BYTES_PER_SECOND,
      this.#source.record.steps.size / STEPS_PER_SECOND,
    );
    this.#notBefore = this.#clock.monotonic() + Math.max(SNAPSHOT_INTERVAL_MS, seconds * 1_000);
  }

  async #write(): Promise<void> {
    const { layout, record } = this.#source;
    try {
      this.#document.data = snapshotOf(record, layout, this.#clock.wall());
      // Made into text before anything else happens to the record.
      const written = this.#document.write();
      this.#document.data = null;
      await written;
      this.#pause();
      this.#problem = null;
    } catch (error) {
      // Whatever it is: a cache that cannot be written must not end the run.
      const file = layout.snapshot;
      this.#problem = { kind: 'io', file, code: systemCode(error) ?? 'EINVAL', message: String(error) };
    }
  }
}

/** The snapshot of a run that this process owns. */
export function snapshotOf(record: RunRecord, layout: RunLayout, now: number): SnapshotDocument {
  const context = { live: record.ending === null, now };
  const { size } = record.steps;
  if (size <= MOST_STEPS) {
    return { seq: record.seq, ...runDetail(record, context, runPaths(layout), inlineOrReference) };
  }
  const steps = notable(record);
  const detail = runDetail(record, context, runPaths(layout), inlineOrReference, steps);
  return { seq: record.seq, ...detail, steps_left_out: size - steps.length };
}

/** What failed, was cancelled, runs or waits, the earliest first. */
function notable({ steps }: RunRecord): readonly StepRecord[] {
  const found: StepRecord[] = [];
  for (const step of steps.values()) {
    const { kind } = step.phase;
    if (kind === 'succeeded' || kind === 'pending' || kind === 'skipped') continue;
    found.push(step);
    if (found.length === MOST_STEPS) break;
  }
  return found;
}

const inlineOrReference = (ref: OutputsRef): Json => (ref.kind === 'inline' ? ref.value : { ...ref });
