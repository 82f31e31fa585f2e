/** A project with a drawn flow in it, and the lives of flowctl that are spent on its one run. */

import { cpSync, existsSync, mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { RunDetail, RunRow } from '../../src/model/view.ts';
import { canTrace, type DiskKind } from '../kit/abilities.ts';
import { type Ended, Rig, type Started, tagged } from '../kit/rig.ts';
import { Disk } from './disk.ts';
import type { Kill } from './draw-kills.ts';
import { type DrawnFlow, NAP, SECRET } from './flow-parts.ts';
import { allProcesses, livingInGroups, readTree, type RecordedEvent, type RecordedRun } from './record.ts';
import { type CallCount, countCalls, counting, dyingAt, TRACED_ENVIRONMENT } from './tracing.ts';

/** What a run that nothing disturbs does. */
export interface Reference {
  readonly tookMs: number;
  readonly calls: ReadonlyMap<string, CallCount>;
  /** Every step's outputs, as text. */
  readonly outputs: string;
  readonly run: string;
}

/** How a life that was to be killed ended. */
export interface LifeEnd {
  readonly ended: Ended;
  /** What it was killed by; null when it had come to its end before. */
  readonly killedBy: Kill['kind'] | null;
  /** What it told while it lived; each was on disk by then. */
  readonly told: readonly RecordedEvent[];
  /** The run that it told of. */
  readonly run: string | null;
}

/** How a subject is set up. */
export interface SubjectOptions {
  readonly flow: DrawnFlow;
  readonly graceMs: number;
  /** The program; null: the built one. */
  readonly bin: string | null;
  /** The state's own file system; null: that of the project. */
  readonly disk: DiskKind | null;
}

/** A share of 1.3 times the undisturbed time; a life that naps never ends by itself. */
const STRETCH = 1.3;
/** Shares of the calls of a whole life. */
const NAPPING_REACH = 0.3;
const RESUMED_REACH = 0.6;

/** One of them. */
export class Subject {
  readonly rig: Rig;
  readonly flow: DrawnFlow;
  readonly graceMs: number;
  readonly state: string;
  /** The power was cut at least once. */
  wasCut = false;
  private readonly disk: Disk | null;

  constructor({ flow, graceMs, bin, disk }: SubjectOptions) {
    this.rig = new Rig({}, ...(bin === null ? [] : [bin]));
    this.flow = flow;
    this.graceMs = graceMs;
    for (const [name, text] of flow.files) this.rig.write(name, text);
    mkdirSync(this.rig.path('counts'));
    this.disk = disk === null ? null : new Disk(disk, this.rig.folder);
    this.state = this.disk === null ? this.rig.path('.flowctl') : `${this.disk.path}/state`;
    this.rig.give({
      COUNTS: this.rig.path('counts'),
      TORTURE_SECRET: SECRET,
      TORTURE_NAP: '',
      FLOWCTL_GRACE: `${graceMs}ms`,
      FLOWCTL_STATE_DIR: this.state,
    });
  }

  /** Runs the flow once with nothing in its way, and counts what it does. */
  async undisturbed(): Promise<Reference> {
    const trace = this.rig.path('calls');
    const began = performance.now();
    let end = await this.launch(['run', this.flow.entry, ...OPTIONS], { prefix: canTrace() ? counting(trace) : [] })
      .ended;
    const firstMs = performance.now() - began;
    const calls = canTrace() ? countCalls(trace) : new Map<string, CallCount>();
    for (let lives = 0; end.code === 6 && lives < 9; lives += 1) {
      const [row] = await this.rows();
      if (row !== undefined) end = await this.launch(await this.nextArguments(row)).ended;
    }
    if (end.code !== 0) throw new Error(`the undisturbed run ended with ${end.code}\n${end.stdout}\n${end.stderr}`);
    const detail = await this.rig.query<RunDetail>('show');
    return { tookMs: firstMs, calls, outputs: outputsOf(detail), run: detail.id };
  }

  /** The runs, newest first. */
  rows(): Promise<readonly RunRow[]> {
    return this.rig.query<readonly RunRow[]>('runs');
  }

  /** What a person would type next; null when there is nothing to do. */
  async nextArguments(row: RunRow | null, lost: string | null = null): Promise<readonly string[]> {
    if (row === null) return ['run', this.flow.entry, ...OPTIONS];
    const { gate } = this.flow;
    if (row.state === 'waiting' && gate !== null) {
      const { steps } = await this.rig.query<RunDetail>('show', row.id);
      if (steps.some(({ key, state }) => key === gate && state === 'waiting')) {
        return ['approve', row.id, gate, ...OPTIONS];
      }
    }
    return ['resume', row.id, ...(lost === null ? [] : ['--from', lost]), ...OPTIONS];
  }

  /** Starts flowctl. */
  launch(
    argv: readonly string[],
    { prefix = [], naps = false, threads = 4 }: { prefix?: readonly string[]; naps?: boolean; threads?: 1 | 4 } = {},
  ): Started {
    const [program = process.execPath, ...before] = [...prefix, process.execPath];
    const env = {
      ...(prefix.length > 0 ? TRACED_ENVIRONMENT : {}),
      ...(naps ? NAP : {}),
      UV_THREADPOOL_SIZE: String(threads),
    };
    return this.rig.startProgram(program, [...before, this.rig.bin, ...argv], { env });
  }

  /** One life, cut as drawn. */
  async liveAndDie(argv: readonly string[], kill: Kill, reference: Reference): Promise<LifeEnd> {
    const { naps, place } = kill;
    const delayMs = place * reference.tookMs * STRETCH;
    let killedBy: Kill['kind'] = kill.kind;
    // Also where the life came to its end in that very moment.
    let isCut = false;
    let started: Started;
    if (kill.kind === 'call' && canTrace()) {
      const count = reference.calls.get(kill.call) ?? { busiest: 1, all: 1 };
      // A life that goes on with what others did, or naps, makes fewer calls than a whole one.
      const reach = naps ? NAPPING_REACH : argv[0] === 'run' ? 1 : RESUMED_REACH;
      const nth = 1 + Math.floor(place * reach * (kill.threads === 1 ? count.all : count.busiest));
      started = this.launch(argv, { prefix: dyingAt(kill.call, nth), naps, threads: kill.threads });
    } else started = this.launch(argv, { naps });
    // A call that never comes must not keep a napping life for ever.
    const limitMs = kill.kind === 'call' ? reference.tookMs * STRETCH + 400 : delayMs;
    const askedMs = kill.kind === 'time' ? kill.askedMs : null;
    const asking = setTimeout(() => started.process.kill('SIGTERM'), askedMs === null ? 2 ** 30 : limitMs);
    const timer = setTimeout(
      () => {
        isCut = kill.kind === 'power';
        if (isCut) this.cutPower();
        else killedBy = 'time';
        started.process.kill('SIGKILL');
      },
      limitMs + (askedMs ?? 0),
    );
    const ended = await started.ended;
    for (const each of [timer, asking]) clearTimeout(each);
    const told = toldIn(ended.stdout);
    const run = told.find(({ type }) => type === 'run.started' || type === 'run.resumed')?.run ?? null;
    return { ended, killedBy: isCut || ended.signal === 'SIGKILL' ? killedBy : null, told, run };
  }

  /** From here on nothing reaches the disk; without a disk of its own nothing happens. */
  cutPower(): void {
    this.wasCut = true;
    this.disk?.cut();
  }

  /** `show --json`. */
  shown(run: string): Promise<RunDetail> {
    return this.rig.query<RunDetail>('show', run);
  }

  /** After a power cut: no process is left, and the disk holds what it holds. */
  async restart(run: string | null): Promise<void> {
    const everything = (): readonly number[] => [...(run === null ? [] : tagged(run)), ...this.livingHere()];
    for (let left = everything(); left.length > 0; left = everything()) {
      for (const pid of left) kill(pid);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await this.disk?.restart();
  }

  /** The journals of a run and of its sub-runs. */
  tree(run: string): readonly RecordedRun[] {
    return readTree(this.state, run);
  }

  /** Processes that carry the run's token, or belong to one of its recorded groups and stand in this project. */
  living(run: string): readonly number[] {
    const groups = livingInGroups(this.tree(run)).filter((pid) => standsIn(pid, this.rig.folder));
    return [...new Set([...tagged(run), ...groups])];
  }

  /** Takes the project away. */
  async remove(): Promise<void> {
    await this.disk?.remove();
    this.rig.remove();
  }

  /** Leaves the project to be looked at; a state on a disk of its own is copied beside it. */
  async keep(): Promise<void> {
    if (this.disk === null) return;
    try {
      await this.restart(null);
      if (existsSync(this.state)) cpSync(this.state, this.rig.path('state'), { recursive: true });
    } finally {
      await this.disk.remove();
    }
  }

  /** Whatever was started in this project and lives. */
  private livingHere(): readonly number[] {
    return livingGroupsIn(this.rig.folder);
  }
}

/** Every life says what it does, and goes away where it could only wait. */
const OPTIONS = ['--output', 'json', '--no-wait'] as const;

/** Every step's outputs. */
export const outputsOf = (run: RunDetail): string =>
  JSON.stringify([run.outputs, run.steps.map(({ key, outputs }) => [key, outputs]).sort()]);

/** What a life told on stdout, line by line; its last line may have been cut with it. */
export function toldIn(stdout: string): readonly (RecordedEvent & { readonly run: string })[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as RecordedEvent & { readonly run: string });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

function standsIn(pid: number, folder: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
  } catch {
    return false;
  }
}

function livingGroupsIn(folder: string): readonly number[] {
  const own = `EFFECTS=${folder}/effects`;
  return allProcesses().filter((pid) => {
    if (standsIn(pid, folder)) return true;
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(own);
    } catch {
      return false;
    }
  });
}
