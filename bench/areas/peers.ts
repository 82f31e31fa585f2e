/**
 * The workload of a published comparison of orchestrators, one worker, tasks in sequence: 40 times fib(10) and 10 times fib(33), in Python
 * and in TypeScript, against a plain loop that starts python, one `node -e 0`, and Prefect 3 with its server warm. Each task checks its
 * result. What an orchestrator adds is its time less that of the plain loop, by the number of tasks.
 */

import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { Area, Figure } from '../area.ts';
import { type Prefect, startPrefect } from '../prefect.ts';
import { compare, median, program, type Row, rowAgainst, type Subject } from '../protocol.ts';

declare const REPOSITORY: string;

const AREA = 'peers';
const PLAIN = 'python, started by a C loop';
const NODE = 'node -e 0';
const STEPS = 'flowctl, python steps';
const WARM = 'flowctl, python steps, warm';
const FUNCTIONS = 'flowctl, TypeScript';

interface Load {
  readonly count: number;
  readonly n: number;
}

const LOADS: readonly Load[] = [
  { count: 40, n: 10 },
  { count: 10, n: 33 },
];

/** What all subjects of a load need. */
interface Ground {
  readonly folder: string;
  readonly flowctl: string;
  readonly spawn: string;
  readonly python: string;
  readonly prefect: Prefect | null;
}

/** Runs only when it is asked for: the first time it installs Prefect, which takes minutes. */
export const peers: Area = {
  name: AREA,
  onRequest: true,
  async run({ flowctl, spawn, full }): Promise<readonly Figure[]> {
    const python = pythonItself();
    if (python === null) return [{ area: AREA, name: 'all', absent: 'there is no python3' }];
    if (spawn === null) return [{ area: AREA, name: 'all', absent: 'there is no C compiler for the reference' }];
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    const prefect = await startPrefect(python);
    const running = 'absent' in prefect ? null : prefect;
    try {
      const figures: Figure[] = 'absent' in prefect ? [{ area: AREA, name: 'Prefect 3', absent: prefect.absent }] : [];
      const ground = { folder, flowctl, spawn, python, prefect: running };
      const hasWarm = knowsWarm(ground);
      if (!hasWarm) figures.push({ area: AREA, name: WARM, absent: 'this flowctl keeps no interpreter warm' });
      for (const load of LOADS) figures.push(...(await measureLoad(ground, load, hasWarm, full ? 5 : 3)));
      return figures;
    } finally {
      await running?.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function measureLoad(ground: Ground, load: Load, hasWarm: boolean, rounds: number): Promise<readonly Row[]> {
  const { count, n } = load;
  const named = (name: string): string => `${name}, ${count} x fib(${n})`;
  const fib = join(REPOSITORY, 'bench', 'workload', 'fib.py');
  const plain = program(named(PLAIN), [ground.spawn, String(count), '1', ground.python, fib, String(n)]);
  const { prefect } = ground;
  const isShort = n === 10;
  const aim = (goal: number): { readonly goal?: number } => (isShort ? { goal } : {});
  const subjects: (Subject & { readonly goal?: number })[] = [
    program(named(NODE), [process.execPath, '-e', '0']),
    { ...flowctlRun(ground, named(STEPS), pythonFlow(ground, load, false), count), ...aim(1) },
    ...(hasWarm ? [{ ...flowctlRun(ground, named(WARM), pythonFlow(ground, load, true), count), ...aim(0.2) }] : []),
    flowctlRun(ground, named(FUNCTIONS), functionFlow(ground, load), count),
    ...(prefect === null ? [] : [prefectRun(prefect, named(prefect.name), load)]),
  ];
  const rows = await compare(AREA, plain, subjects, rounds);
  const row = (name: string): Row | undefined => rows.find((each) => each.name === named(name));
  const found: Row[] = [...rows];
  const against = (name: string, other: string, goal: number | null): void => {
    const [one, reference] = [row(name), row(other)];
    if (one !== undefined && reference !== undefined)
      found.push({ ...rowAgainst(one, reference, goal), note: `against ${other}` });
  };
  against(FUNCTIONS, NODE, isShort ? 2 : null);
  if (prefect !== null) {
    for (const [name, goal] of [
      [STEPS, 0.5],
      [WARM, 0.05],
      [FUNCTIONS, 0.05],
    ] as const) {
      against(name, prefect.name, isShort ? goal : null);
      const [own, theirs, base] = [row(name), row(prefect.name), row(name === FUNCTIONS ? NODE : PLAIN)];
      const loop = row(PLAIN);
      if (own === undefined || theirs === undefined || base === undefined || loop === undefined) continue;
      const added = rowAgainst(overhead(own, base, count), overhead(theirs, loop, count), isShort ? 0.05 : null);
      const perTask = (one: Row, plain: Row): string => overhead(one, plain, count).wallMs.toFixed(1);
      found.push({ ...added, note: `${perTask(own, base)} ms a task, with ${prefect.name} ${perTask(theirs, loop)}` });
    }
  }
  return found;
}

/** What a task costs beside its work, in each round. */
function overhead(row: Row, plain: Row, count: number): Row {
  const samples = row.samples.map((sample, round) => {
    const base = plain.samples[round] ?? { wallMs: 0, cpuMs: 0 };
    return {
      ...sample,
      wallMs: (sample.wallMs - base.wallMs) / count,
      cpuMs: (sample.cpuMs - base.cpuMs) / count,
    };
  });
  const wallMs = median(samples.map((sample) => sample.wallMs));
  return { ...row, name: `${row.name}: added to each`, wallMs, samples };
}

/** The interpreter itself: what stands for it in the PATH may be a script that looks for it. */
function pythonItself(): string | null {
  const { status, stdout } = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

function pythonFlow({ folder }: Ground, { count, n }: Load, warm: boolean): string {
  const file = join(folder, `python-${n}${warm ? '-warm' : ''}.yaml`);
  const text = [
    'def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)',
    `assert fib(${n}) == ${n === 10 ? 55 : 3_524_578}`,
  ];
  const lines = text.map((line) => `      ${line}`).join('\n');
  const steps = Array.from(
    { length: count },
    (_, index) => `  - name: s${index}\n    shell: python\n${warm ? '    warm: true\n' : ''}    run: |\n${lines}\n`,
  );
  writeFileSync(file, `name: fibs\nsteps:\n${steps.join('')}`);
  return file;
}

function functionFlow({ folder }: Ground, { count, n }: Load): string {
  const file = join(folder, 'fib.ts');
  copyFileSync(join(REPOSITORY, 'bench', 'workload', 'fib.ts'), file);
  return `${file} -p count=${count} -p n=${n}`;
}

function knowsWarm(ground: Ground): boolean {
  const file = pythonFlow(ground, { count: 1, n: 10 }, true);
  return spawnSync(process.execPath, [ground.flowctl, 'validate', file], { stdio: 'ignore' }).status === 0;
}

/** In a project that is kept, as a module is compiled only once there. @param flow a file, and the params, with spaces between. */
function flowctlRun({ folder, flowctl, python }: Ground, name: string, flow: string, count: number): Subject {
  const state = join(folder, 'state');
  const env = { ...process.env, PATH: `${dirname(python)}${delimiter}${process.env['PATH'] ?? ''}` };
  const run = [process.execPath, flowctl, 'run', ...flow.split(' '), '-q', '--state-dir', state];
  const inner = program(name, run, { env });
  return {
    name,
    async measure() {
      const sample = await inner.measure();
      const listed = spawnSync(process.execPath, [flowctl, 'runs', '--json', '--limit', '1', '--state-dir', state], {
        encoding: 'utf8',
      });
      const [row] = JSON.parse(listed.stdout) as readonly { readonly state: string; readonly steps: unknown }[];
      const steps = { total: count, succeeded: count, failed: 0, skipped: 0, cached: 0 };
      if (row?.state !== 'succeeded' || JSON.stringify(row.steps) !== JSON.stringify(steps)) {
        throw new Error(`${name}: not what was to be done: ${listed.stdout}`);
      }
      return sample;
    },
  };
}

/** Its client with all it imports; its server's CPU time is not counted. */
function prefectRun({ python, env }: Prefect, name: string, { count, n }: Load): Subject {
  const script = join(REPOSITORY, 'bench', 'workload', 'prefect_fib.py');
  return program(name, [python, script, String(count), String(n)], { env });
}
