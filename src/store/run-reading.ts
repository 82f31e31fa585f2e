/** One run as its folder tells it: the journal folded, as far as it is good. Neither locks nor writes. */

import { lstat, readdir } from 'node:fs/promises';
import type { RunId } from '../base/ids.ts';
import type { JournalHeader, RunEvent } from '../model/event.ts';
import { misshapenMember } from '../model/event-shape.ts';
import { applyEvent, beginRun } from '../model/fold.ts';
import type { RunRecord } from '../model/run.ts';
import { type RunProblem, type RunRow, runRow } from '../model/view.ts';
import { openForReading } from './durable-files.ts';
import { type JournalReading, readJournal, type TornTail } from './journal-reader.ts';
import type { RunLayout } from './layout.ts';
import { describeProblem, problemFrom, type StateProblem, systemCode } from './problem.ts';

/** What a run's folder holds. */
export interface RunReading {
  readonly layout: RunLayout;
  readonly header: JournalHeader | null;
  /** Null when not even the first event could be read. */
  readonly record: RunRecord | null;
  readonly torn: TornTail | null;
  /** The checksum of the journal's last good line. */
  readonly lastCrc: string | null;
  /** Why the run cannot be read to its end, or must not be resumed. */
  readonly problem: StateProblem | null;
  /** False for a folder whose run never began: its creation was interrupted. Listings hide it. */
  readonly started: boolean;
}

/** Reads a run's folder. Never rejects for what the folder holds: that is `problem`. */
export async function readRunFolder(layout: RunLayout): Promise<RunReading> {
  const fold = new CarefulFold(layout.place.id);
  // Before the journal: what a live owner records while that is read is no loss.
  const known = await snapshotSeq(layout.snapshot);
  let reading: JournalReading;
  try {
    reading = await readJournal(layout.journal, (event, offset) => fold.take(event, offset));
  } catch (error) {
    return unreadable(layout, error);
  }
  const { record } = fold;
  if (record !== null && fold.damage === null) record.seq = reading.lastSeq;
  const problem = damageOf(layout, reading, fold) ?? (await lossOf(layout, reading, known));
  const started = record !== null || (problem !== null && problem.kind !== 'not_resumable') || isForeign(reading);
  const { header, torn, lastCrc } = reading;
  return { layout, header, record, torn, lastCrc, problem, started };
}

/** A run as a row of a listing, with its problem where it has one. */
export function rowOf({ layout, record, problem }: RunReading, live: boolean, now: number): RunRow {
  const row = record === null ? blankRow(layout.place.id, live) : runRow(record, { live, now });
  return problem === null ? row : { ...row, problem: rowProblem(problem, layout) };
}

/** A problem as listings show it; the code is the exit code's name. */
export function rowProblem(problem: StateProblem, layout: RunLayout): RunProblem {
  const message = describeProblem(problem);
  switch (problem.kind) {
    case 'damaged':
      return { code: 'state-corrupt', message: problem.message, file: problem.file, offset: problem.offset };
    case 'io':
      return { code: 'state-io', message, file: problem.file, offset: null };
    case 'permission':
      return { code: 'permission', message, file: problem.file, offset: null };
    case 'busy':
    case 'not_found':
    case 'not_resumable':
    case 'ambiguous':
    case 'invalid_id':
      return { code: 'not-found', message, file: layout.journal, offset: null };
  }
}

/**
 * Folds what the journal's reader hands over, and stops at what cannot follow. The reader has checked `seq`; a gap in what
 * arrives here is an event of a later minor version, which is passed over.
 */
class CarefulFold {
  readonly #id: RunId;
  record: RunRecord | null = null;
  damage: { readonly offset: number; readonly message: string } | null = null;

  constructor(id: RunId) {
    this.#id = id;
  }

  take(event: RunEvent, offset: number): void {
    if (this.damage !== null) return;
    try {
      const message = this.#apply(event);
      if (message !== null) this.damage = { offset, message };
    } catch {
      // The checksum is right, but members are missing or of other types: whoever wrote this was not flowctl.
      this.damage = { offset, message: `${event.type}: is malformed` };
    }
  }

  #apply(event: RunEvent): string | null {
    const member = misshapenMember(event);
    if (member !== null) return `${event.type}: \`${member}\` is malformed`;
    if (this.record === null) {
      if (event.type !== 'run.started' || event.seq !== 1) return `${event.type}: stands first`;
      this.record = beginRun(this.#id, event);
      return null;
    }
    this.record.seq = event.seq - 1;
    if (event.type === 'run.finished') {
      // Whoever ends a run has recorded the end of every attempt.
      const open = [...this.record.steps.values()].find(({ phase }) => phase.kind === 'running');
      if (open !== undefined) return `${event.type}: step ${open.key} is running`;
    }
    return applyEvent(this.record, event)?.message ?? null;
  }
}

function damageOf(layout: RunLayout, reading: JournalReading, fold: CarefulFold): StateProblem | null {
  const file = layout.journal;
  const run = layout.place.id;
  if (reading.foreignFormat !== null) {
    return { kind: 'not_resumable', run, message: `its journal has format ${reading.foreignFormat}` };
  }
  const damages = [reading.damage, fold.damage].filter((damage) => damage !== null);
  const [first] = damages.sort((one, other) => one.offset - other.offset);
  if (first !== undefined) return { kind: 'damaged', file, ...first };
  if (reading.header !== null && reading.header.run !== run) {
    return { kind: 'damaged', file, offset: 0, message: `the header names run ${reading.header.run}` };
  }
  return null;
}

const isForeign = (reading: JournalReading): boolean => reading.foreignFormat !== null;

/**
 * What a journal without a bad record may still lack. A snapshot is written when its records are durable, so one that knows more
 * proves that records are lost; but for a single one whose torn rest is still there, which is warned about and done again.
 */
async function lossOf(layout: RunLayout, reading: JournalReading, known: number | null): Promise<StateProblem | null> {
  const file = layout.journal;
  const damaged = (message: string): StateProblem => ({ kind: 'damaged', file, offset: null, message });
  if (reading.lastSeq === 0) {
    if (reading.torn !== null && (await hasTraces(layout))) return damaged('none of its records can be read');
    return { kind: 'not_resumable', run: layout.place.id, message: 'it never started' };
  }
  if (known === null || known <= reading.lastSeq + (reading.torn === null ? 0 : 1)) return null;
  return damaged(`ends at record ${reading.lastSeq}, but record ${known} had been written`);
}

/** The `seq` of a snapshot, which is its first member; null when there is none to be had: it is only a cache. */
async function snapshotSeq(path: string): Promise<number | null> {
  try {
    const handle = await openForReading(path);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
      const seq = /^\{"seq":(\d{1,15})[,}]/.exec(buffer.toString('latin1', 0, bytesRead))?.[1];
      return seq === undefined ? null : Number(seq);
    } finally {
      await handle.close();
    }
  } catch {
    return null;
  }
}

async function unreadable(layout: RunLayout, error: unknown): Promise<RunReading> {
  const missing = systemCode(error) === 'ENOENT';
  const problem: StateProblem = missing
    ? { kind: 'damaged', file: layout.journal, offset: null, message: 'the journal is missing' }
    : problemFrom(error, layout.journal);
  const started = !missing || (await hasTraces(layout));
  return { layout, header: null, record: null, torn: null, lastCrc: null, problem, started };
}

/** True when the folder holds what only a run that began leaves there. */
async function hasTraces(layout: RunLayout): Promise<boolean> {
  const snapshot = await lstat(layout.snapshot).catch(() => null);
  if (snapshot !== null) return true;
  const logs = await readdir(layout.logs).catch(() => []);
  return logs.length > 0;
}

function blankRow(id: RunId, live: boolean): RunRow {
  return {
    id,
    flow: null,
    name: null,
    version: null,
    state: live ? 'running' : 'crashed',
    exit_code: null,
    trigger: null,
    params: {},
    tags: [],
    parent: null,
    scheduled_for: null,
    created_at: null,
    started_at: null,
    finished_at: null,
    duration_ms: null,
    steps: { total: 0, succeeded: 0, failed: 0, skipped: 0, cached: 0 },
    timed_out: false,
    resumes: 0,
    durability: 'full',
  };
}
