/** What a measurement leaves: a file with every sample, area by area. One of some areas keeps what the file says of the others. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Figure } from './area.ts';

declare const REPOSITORY: string;

/** One area, as it was measured. */
export interface Measured {
  readonly name: string;
  readonly commit: string;
  readonly full: boolean;
  /** How much the machine had to do before, the average number of waiting programs. */
  readonly load: number;
  readonly figures: readonly Figure[];
}

/** Everything of a machine and a Node. */
export interface Report {
  readonly flowctl: string;
  readonly node: string;
  readonly machine: { readonly cores: number; readonly model: string; readonly memory: number };
  readonly areas: readonly Measured[];
}

const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { readonly version: string };
const commit = spawnSync('git', ['-C', REPOSITORY, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).stdout.trim();

/** Notes an area that has been measured now. */
export const measured = (name: string, full: boolean, load: number, figures: readonly Figure[]): Measured => ({
  name,
  commit,
  full,
  load,
  figures,
});

/** How many programs want a processor, on the average of the last minute. */
export const loadNow = (): number => loadavg()[0] ?? 0;

/** @throws {Error} when the file is no report. */
export function readReport(file: string): Report {
  const report = JSON.parse(readFileSync(file, 'utf8')) as Partial<Report>;
  if (report.areas === undefined) throw new Error(`${file} is no report of a bench`);
  return report as Report;
}

/** Writes the areas that were measured; those of the file that were not stay, where it is of the same Node. */
export function writeReport(file: string, areas: readonly Measured[]): Report {
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Partial<Report>) : {};
  const kept = before.node === process.versions.node ? (before.areas ?? []) : [];
  const names = new Set(areas.map(({ name }) => name));
  const report: Report = {
    flowctl: version,
    node: process.versions.node,
    machine: { cores: cpus().length, model: cpus()[0]?.model ?? 'unknown', memory: totalmem() },
    areas: [...kept.filter(({ name }) => !names.has(name)), ...areas],
  };
  writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  return report;
}
