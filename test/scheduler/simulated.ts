/**
 * A scheduler with a world of its own: one document that survives, runs that last as long as is said, a clock that is set, and a process
 * that may be killed at any call of a port. Nothing is left out of what `pass` can see of the real world.
 */

import { type RunId, parseRunId } from '../../src/base/ids.ts';
import {
  type Deployment,
  EMPTY_PROJECT_DOCUMENT,
  type ProjectDocument,
  type TickOutcome,
} from '../../src/model/deployment.ts';
import type { SchedulerPorts } from '../../src/scheduler/pass.ts';

/** Thrown where the process is killed: nothing of it goes on. */
export class Killed extends Error {}

export interface SimulatedRun {
  readonly run: RunId;
  readonly deployment: string;
  readonly scheduled_for: string;
  readonly begun: number;
  ends: number;
  /** When it was asked to end; null: never. */
  cancelled: number | null;
}

/** What came on disk with one write of the document. */
export interface Commit {
  readonly at: number;
  readonly before: Deployment;
  readonly after: Deployment;
  readonly news: readonly TickOutcome[];
}

export interface Chances {
  /** True: the process is killed now. Asked twice by every call of a port that changes something. */
  isKilled(): boolean;
  /** How long a run lasts, in milliseconds. */
  duration(deployment: string): number;
}

/** The world. It outlives every process. */
export class SimulatedWorld {
  now: number;
  document: ProjectDocument = EMPTY_PROJECT_DOCUMENT;
  readonly runs = new Map<RunId, SimulatedRun>();
  readonly commits: Commit[] = [];
  kills = 0;
  private minted = 0;
  private last: SimulatedRun[] = [];
  private readonly chances: Chances;

  constructor(now: number, chances: Chances) {
    this.now = now;
    this.chances = chances;
  }

  /** The ports of one more process. */
  process(): SchedulerPorts {
    let isDead = false;
    const alive = (): void => {
      if (isDead) throw new Killed();
      if (!this.chances.isKilled()) return;
      isDead = true;
      this.kills += 1;
      throw new Killed();
    };
    return {
      now: () => this.now,
      mint: () => this.mint(),
      read: async () => {
        alive();
        return this.document;
      },
      change: async (change) => {
        alive();
        const after = change(this.document);
        this.commit(after);
        alive();
        return after;
      },
      standing: async (run) => {
        alive();
        const found = this.runs.get(run);
        if (found === undefined) return 'none';
        return found.ends > this.now ? 'live' : 'over';
      },
      start: async ({ name }, { run, scheduled_for }) => {
        alive();
        if (this.runs.has(run)) return { kind: 'refused', exit_code: 2, message: `run ${run} was started already` };
        const [begun, ends] = [this.now, this.now + this.chances.duration(name)];
        const made: SimulatedRun = { run, deployment: name, scheduled_for, begun, ends, cancelled: null };
        this.runs.set(run, made);
        this.last.push(made);
        alive();
        return { kind: 'started' };
      },
      cancel: async (run) => {
        alive();
        const found = this.runs.get(run);
        if (found !== undefined && found.ends > this.now) {
          found.cancelled ??= this.now;
          found.ends = Math.min(found.ends, this.now + 2_000);
        }
        alive();
      },
      tell: () => undefined,
    };
  }

  /** The runs that go on. */
  going(): readonly SimulatedRun[] {
    this.last = this.last.filter(({ ends }) => ends > this.now);
    return this.last;
  }

  private mint(): RunId {
    this.minted += 1;
    const id = parseRunId(`01m8${String(this.minted).padStart(22, '0')}`);
    if (id === null) throw new Error('no id');
    return id;
  }

  private commit(document: ProjectDocument): void {
    const deployments: { [name: string]: Deployment } = {};
    for (const [name, after] of Object.entries(document.deployments)) {
      const before = this.document.deployments[name];
      deployments[name] = after;
      if (before === after) continue;
      // As another process will read it.
      deployments[name] = JSON.parse(JSON.stringify(after)) as Deployment;
      if (before === undefined) continue;
      const known = new Set(before.ticks);
      this.commits.push({ at: this.now, before, after, news: after.ticks.filter((tick) => !known.has(tick)) });
    }
    this.document = { ...document, deployments };
  }
}
