/**
 * `logs -f`: what steps print, while they print it. A reader like every other: it looks at the journal and at the sizes of logs a few
 * times a second, takes no lock, and the run does not know of it. Logs are files that only grow, so nothing is missed in between.
 */

import { type FileHandle, open } from 'node:fs/promises';
import { isSettled } from '../model/run.ts';
import { TerminalFilter } from '../observers/terminal-filter.ts';
import { logPath, type RunPlace, type StateLayout } from '../store/layout.ts';
import { describeProblem, StateError, systemCode } from '../store/problem.ts';
import { readRun } from '../store/runs.ts';
import { isBeneath, type TreeStep, treeSteps } from '../store/sub-runs.ts';
import type { Session } from './session.ts';

/** What is to be followed. */
export interface Following {
  readonly state: StateLayout;
  readonly place: RunPlace;
  /** A step by its key, or by that of what it is part of; undefined: all of them, with a headline wherever another one goes on. */
  readonly step: string | undefined;
  /** True: headlines say whose log goes on. False: it is that of one step. */
  readonly isMixed: boolean;
  /** Of the step; undefined: its last attempt and those that follow it. */
  readonly attempt: number | undefined;
}

const INTERVAL_MS = 250;
const CHUNK_BYTES = 262_144;

/**
 * Prints until what is followed has ended, or the run has, or its owner is dead, or nobody reads any more. The bytes of a single step
 * are printed as they are; of several steps only whole lines, as far as lines are shorter than 256 KiB.
 * @throws {StateError} when the run cannot be read.
 */
export async function followLogs(session: Session, following: Following): Promise<void> {
  const printer = new LogPrinter(session, following.isMixed);
  const logs = new Map<string, FollowedLog>();
  let first = following.attempt;
  for (;;) {
    const began = performance.now();
    const run = await readRun(following.state, following.place);
    if (!run.ok) throw new StateError(run.error);
    const { record, live, layout, problem } = run.value;
    if (record === null) throw new StateError(problem ?? noRecord(layout.journal));
    const steps = await treeSteps(layout, record);
    if (!following.isMixed) first ??= attemptsOf(steps, following.step) || undefined;
    for (const { key, log: path, number, started_at, isOver } of attemptsToFollow(steps, following, first ?? 1)) {
      const name = `${key} ${number}`;
      const log = logs.get(name) ?? new FollowedLog(path, name);
      logs.set(name, log);
      await log.print(printer, `== ${key}, attempt ${number}, ${started_at}\n`, isOver || !live);
    }
    if (record.ending !== null || problem !== null || !live) {
      if (problem !== null) session.mention(`warning: ${describeProblem(problem)}`);
      else if (record.ending === null) {
        session.mention(`run ${record.id} has crashed: nobody owns it; to go on: flowctl resume ${record.id}`);
      }
      return;
    }
    if (session.stdout.isGone || hasEnded(steps, following)) return;
    // A long journal takes its time to read, and the run has better things to do with the machine.
    const pauseMs = Math.max(INTERVAL_MS, 3 * (performance.now() - began));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

const noRecord = (file: string) =>
  ({ kind: 'damaged', file, offset: null, message: 'nothing in it can be read' }) as const;

/** The number of a step's last attempt; 0 for one that has not begun. */
function attemptsOf(steps: readonly TreeStep[], wanted: string | undefined): number {
  return steps.find(({ key }) => key === wanted)?.step.attempts.at(-1)?.number ?? 0;
}

function attemptsToFollow(steps: readonly TreeStep[], { step: wanted, attempt, isMixed }: Following, first: number) {
  return steps
    .filter(({ key, step }) => step.child === null && (isMixed ? isBeneath(key, wanted) : key === wanted))
    .flatMap(({ key, step, layout }) =>
      step.attempts
        .filter(({ number }) => (attempt === undefined ? isMixed || number >= first : number === attempt))
        .map(({ number, started_at, outcome }) => {
          const log = logPath(layout, step.key, number);
          return { key, log, number, started_at, isOver: outcome !== null };
        }),
    )
    .sort((one, other) => (one.started_at < other.started_at ? -1 : one.started_at > other.started_at ? 1 : 0));
}

/** True when what is followed prints nothing more, though the run goes on. */
function hasEnded(steps: readonly TreeStep[], { step: wanted, attempt }: Following): boolean {
  if (wanted === undefined) return false;
  const followed = steps.find(({ key }) => key === wanted);
  if (followed === undefined || isSettled(followed.step.phase)) return true;
  return followed.step.attempts.some(({ number, outcome }) => number === attempt && outcome !== null);
}

/** Writes chunks of several logs, and says wherever another one goes on. */
class LogPrinter {
  /** True when headlines are wanted, and only whole lines. */
  readonly isMixed: boolean;
  readonly #session: Session;
  #current: string | null = null;
  #atLineStart = true;

  constructor(session: Session, isMixed: boolean) {
    this.#session = session;
    this.isMixed = isMixed;
  }

  get isGone(): boolean {
    return this.#session.stdout.isGone;
  }

  /** A filter for one log, where a person reads. */
  filter(): TerminalFilter | null {
    return this.#session.stdout.isTerminal ? new TerminalFilter() : null;
  }

  async headline(name: string, line: string): Promise<void> {
    if (!this.isMixed || this.#current === name) return;
    this.#current = name;
    const { stdout, style } = this.#session;
    await stdout.writeAll(`${this.#atLineStart ? '' : '\n'}${style.strong(line)}`);
    this.#atLineStart = true;
  }

  async write(text: string | Uint8Array): Promise<void> {
    if (text.length === 0) return;
    this.#atLineStart = typeof text === 'string' ? text.endsWith('\n') : text.at(-1) === 0x0a;
    await this.#session.stdout.writeAll(text);
  }
}

/** A log, and how far it was printed. */
class FollowedLog {
  readonly #file: string;
  readonly #name: string;
  #offset = 0;
  #filter: TerminalFilter | null | undefined;
  #isDone = false;

  constructor(file: string, name: string) {
    this.#file = file;
    this.#name = name;
  }

  /** Prints what is new. @param isOver true when nothing more will come. */
  async print(printer: LogPrinter, headline: string, isOver: boolean): Promise<void> {
    if (this.#isDone) return;
    this.#isDone = isOver;
    if (isOver) await printer.headline(this.#name, headline);
    const handle = await openLog(this.#file);
    if (handle === null) return;
    try {
      // A program that truncates its own log begins anew.
      const { size } = await handle.stat();
      if (size < this.#offset) this.#offset = 0;
      while (size > this.#offset) {
        const chunk = await this.#next(handle, printer.isMixed && !isOver);
        if (chunk.length === 0 || printer.isGone) break;
        this.#offset += chunk.length;
        await printer.headline(this.#name, headline);
        this.#filter ??= printer.filter();
        await printer.write(this.#filter === null ? chunk : this.#filter.push(chunk));
      }
    } finally {
      await handle.close();
    }
    if (isOver && this.#filter) await printer.write(this.#filter.end());
  }

  async #next(handle: FileHandle, onlyLines: boolean): Promise<Uint8Array> {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, this.#offset);
    if (!onlyLines || bytesRead === CHUNK_BYTES) return buffer.subarray(0, bytesRead);
    return buffer.subarray(0, buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1);
  }
}

/** Null while there is none: an attempt is on record before its log is made. */
async function openLog(file: string): Promise<FileHandle | null> {
  try {
    return await open(file, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null;
    throw error;
  }
}
