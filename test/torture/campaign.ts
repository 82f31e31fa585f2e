/** Many flows tortured, several at once, until the kill points asked for are reached. */

import type { DiskKind } from '../kit/abilities.ts';
import { seeded } from '../kit/seeded.ts';
import type { KillKind } from './draw-kills.ts';
import type { DrawnFlow } from './flow-parts.ts';
import { torture } from './torture.ts';

/** What is asked of a campaign. */
export interface CampaignOptions {
  readonly seed: number;
  /** Kill points, of all kinds together. */
  readonly kills: number;
  /** Flows at once. */
  readonly jobs: number;
  readonly graceMs: number;
  readonly only: KillKind | null;
  readonly flows: DrawnFlow['kind'] | null;
  /** The seed of the one flow to torture; null: as many as it takes. */
  readonly flow: number | null;
  readonly bin: string | null;
  /** The file system of every state. Default: drawn. */
  readonly disk?: DiskKind | undefined;
  /** True to end with the first flow that breaks a promise. Default: false. */
  readonly untilCaught?: boolean;
  readonly say: (line: string) => void;
}

/** What a campaign came to. */
export interface CampaignResult {
  readonly options: CampaignOptions;
  readonly flows: number;
  readonly steps: number;
  readonly kinds: { readonly [kind in KillKind]: number };
  readonly missed: number;
  readonly violations: readonly string[];
  readonly tookMs: number;
}

const PROGRESS_EVERY = 50;

/** Runs a campaign. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { seed, kills, jobs, graceMs, only, flows, flow, bin, say } = options;
  const draw = seeded(seed);
  const began = performance.now();
  const kinds = { time: 0, call: 0, power: 0 };
  const violations: string[] = [];
  let tortured = 0;
  let steps = 0;
  let missed = 0;
  let told = 0;
  let promised = 0;
  const points = (): number => kinds.time + kinds.call + kinds.power;
  const worker = async (): Promise<void> => {
    while (points() + promised < kills && (flow === null || tortured === 0)) {
      if (options.untilCaught === true && violations.length > 0) return;
      // What is under way may still come to as many: the last flows must not be too many.
      const most = Math.min(5, kills - points() - promised);
      promised += most;
      tortured += 1;
      const next = flow ?? Math.floor(draw() * 1e9);
      const { disk } = options;
      const report = await torture({ seed: next, graceMs, only, flows, bin, disk, kills: flow === null ? most : 5 });
      promised -= most;
      steps += report.steps;
      missed += report.missed;
      for (const kind of ['time', 'call', 'power'] as const) kinds[kind] += report.kinds[kind];
      if (report.violations.length > 0) {
        violations.push(report.violations.join('\n'));
        say(`VIOLATION\n${report.violations.join('\n')}`);
      }
      if (points() - told >= PROGRESS_EVERY) {
        told = points();
        say(`${points()} of ${kills} kill points, ${tortured} flows, ${seconds()} s, ${violations.length} violations`);
      }
    }
  };
  const seconds = (): number => Math.round((performance.now() - began) / 1_000);
  await Promise.all(Array.from({ length: jobs }, worker));
  return { options, flows: tortured, steps, kinds, missed, violations, tookMs: performance.now() - began };
}

/** A campaign in two lines, with the seed that reproduces it. */
export function summary({ options, flows, steps, kinds, missed, violations, tookMs }: CampaignResult): string {
  const points = kinds.time + kinds.call + kinds.power;
  const perMinute = Math.round((points * 60_000) / tookMs);
  return [
    `torture: seed ${options.seed}, ${flows} flows of ${steps} steps, ${points} kill points: ${kinds.time} at random times, ` +
      `${kinds.call} at system calls, ${kinds.power} power cuts (${missed} lives ended before): ${violations.length} violations`,
    `${Math.round(tookMs / 1_000)} s, ${perMinute} kill points a minute, grace ${options.graceMs} ms, ${options.jobs} at once`,
  ].join('\n');
}
