/**
 * How a figure is taken. Every one is a ratio to a reference measured in the same interleaved run: A B A B, the order turned round in
 * each round, after one warm-up. What is reported is the median of the rounds' ratios, the best of them, and the ratio of CPU times
 * (user and system of the whole tree). No difference smaller than the spread is a difference.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compiledReference } from './reference.ts';

/** One measurement of one program. */
export interface Sample {
  readonly wallMs: number;
  /** User and system time of the whole tree. */
  readonly cpuMs: number;
  /** The largest resident set of any process of the tree, kB. */
  readonly peakKb: number;
}

/** Something to measure. */
export interface Subject {
  readonly name: string;
  /** Runs once and is checked: a case that does not do its work has no time. */
  measure(): Sample | Promise<Sample>;
}

/** A subject compared with the reference. */
export interface Row {
  readonly area: string;
  readonly name: string;
  readonly reference: string;
  /** Median of the rounds' ratios of wall time. */
  readonly ratio: number;
  readonly best: number;
  readonly cpuRatio: number;
  readonly wallMs: number;
  readonly peakKb: number;
  readonly goal: number | null;
  readonly samples: readonly Sample[];
  readonly note?: string;
}

/** A row for what cannot be measured here. */
export interface Absence {
  readonly area: string;
  readonly name: string;
  readonly absent: string;
}

/** The middle value; the lower of two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** The slope of log(value) over log(size): 1 is linear, 2 quadratic. Least squares. */
export function exponent(points: readonly (readonly [size: number, value: number])[]): number {
  const logs = points.map(([size, value]) => [Math.log(size), Math.log(Math.max(value, 1e-9))] as const);
  const mean = (pick: 0 | 1) => logs.reduce((sum, point) => sum + point[pick], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const above = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return above / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

/** Measures subjects against a reference, interleaved. */
export async function compare(
  area: string,
  reference: Subject,
  subjects: readonly (Subject & { readonly goal?: number })[],
  rounds: number,
): Promise<readonly Row[]> {
  const all = [reference, ...subjects];
  const samples = new Map<Subject, Sample[]>(all.map((subject) => [subject, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const subject of round % 2 === 0 ? all : [...all].reverse()) {
      const sample = await subject.measure();
      if (round > 0) samples.get(subject)?.push(sample);
    }
  }
  const base = samples.get(reference) ?? [];
  return all.map((subject) => {
    const goal = ('goal' in subject ? (subject.goal as number) : undefined) ?? null;
    return rowOf({ area, name: subject.name, goal }, samples.get(subject) ?? [], reference.name, base);
  });
}

/** A row as compared with another one of the same rounds. */
export const rowAgainst = ({ area, name, samples }: Row, reference: Row, goal: number | null): Row =>
  rowOf({ area, name, goal }, samples, reference.name, reference.samples);

function rowOf(
  of: Pick<Row, 'area' | 'name' | 'goal'>,
  samples: readonly Sample[],
  reference: string,
  base: readonly Sample[],
): Row {
  const ratios = samples.map(({ wallMs }, round) => wallMs / (base[round]?.wallMs ?? Number.NaN));
  const cpu = samples.map(({ cpuMs }, round) => cpuMs / (base[round]?.cpuMs ?? Number.NaN));
  return {
    ...of,
    reference,
    ratio: median(ratios),
    best: Math.min(...ratios),
    cpuRatio: median(cpu),
    wallMs: median(samples.map(({ wallMs }) => wallMs)),
    peakKb: Math.max(...samples.map(({ peakKb }) => peakKb)),
    samples,
  };
}

const TIME = '/usr/bin/time';

/** True when programs can be measured with their CPU time and memory. */
export const canMeasurePrograms = (): boolean => compiledReference('measure') !== null || existsSync(TIME);

interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Measures one program from its start to its end, by `reference/measure.c`; where it cannot be compiled by GNU time, whose CPU times are
 * hundredths of a second and whose own start is measured as well.
 * @throws {Error} when it does not exit with 0.
 */
export function program(name: string, argv: readonly string[], options: ProgramOptions = {}): Subject {
  return {
    name,
    measure() {
      const report = join(tmpdir(), `flowctl-bench-${process.pid}-${Math.random()}`);
      const helper = compiledReference('measure');
      if (helper !== null) return reported(name, report, [helper, report, ...argv], options);
      const began = performance.now();
      const [user = 0, system = 0, peakKb = 0] = figuresOf(
        name,
        report,
        [TIME, '-f', '%U %S %M', '-o', report, '--', ...argv],
        options,
      );
      return { wallMs: performance.now() - began, cpuMs: (user + system) * 1_000, peakKb };
    },
  };
}

/**
 * Measures one program from its start to the first byte on its standard output; its CPU time up to there is that of itself, without what
 * it started.
 * @returns null where `reference/measure.c` cannot be compiled.
 * @throws {Error} when it does not exit with 0.
 */
export function firstByte(name: string, argv: readonly string[], options: ProgramOptions = {}): Subject | null {
  const helper = compiledReference('measure');
  if (helper === null) return null;
  return {
    name,
    measure() {
      const report = join(tmpdir(), `flowctl-bench-${process.pid}-${Math.random()}`);
      const sample = reported(name, report, [helper, report, '--first', ...argv], options);
      if (sample.wallMs < 0) throw new Error(`${name} printed nothing`);
      return sample;
    },
  };
}

function reported(name: string, report: string, argv: readonly string[], options: ProgramOptions): Sample {
  const [wall = 0, cpu = 0, peakKb = 0] = figuresOf(name, report, argv, options);
  return { wallMs: wall / 1_000, cpuMs: cpu / 1_000, peakKb };
}

function figuresOf(
  name: string,
  report: string,
  [file = '', ...argv]: readonly string[],
  { cwd, env = process.env }: ProgramOptions,
): readonly number[] {
  const ended = spawnSync(file, argv, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
  if (ended.status !== 0) throw new Error(`${name} ended with ${ended.status}: ${ended.stderr.toString()}`);
  const figures = readFileSync(report, 'utf8').trim().split(/\s+/).map(Number);
  rmSync(report, { force: true });
  return figures;
}

/** Measures work inside this process. */
export function inside(name: string, work: () => void | Promise<void>): Subject {
  return {
    name,
    async measure() {
      const cpu = process.cpuUsage();
      const began = performance.now();
      await work();
      const wallMs = performance.now() - began;
      const { user, system } = process.cpuUsage(cpu);
      return { wallMs, cpuMs: (user + system) / 1_000, peakKb: Math.round(process.memoryUsage.rss() / 1_024) };
    },
  };
}
