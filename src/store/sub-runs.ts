/** The sub-runs of a run, for readers: found through the steps that began them, at any depth. Neither locks nor writes. */

import type { RunId, StepKey } from '../base/ids.ts';
import { recordedStepKey } from '../base/ids.ts';
import type { RunRecord, StepRecord } from '../model/run.ts';
import { type RunLayout, subRunLayout } from './layout.ts';
import { readRunFolder, type RunReading } from './run-reading.ts';

/** A sub-run, and where it belongs. */
export interface SubRunReading {
  /** The key of its step, as the run sees it whose tree was asked for: `report`, `load[3]/report`. */
  readonly prefix: StepKey;
  readonly reading: RunReading;
}

/** Folders that are read at once. */
const BATCH = 16;
/** Deeper than any tree that flowctl makes; a record that names itself as its own child is not followed for ever. */
const DEEPEST = 64;

/**
 * Reads the sub-runs of a run, each before those that it has itself. One that never began is left out, a damaged one has its problem.
 * @param run whose tree is wanted: a root, or a sub-run.
 */
export async function readSubRuns(run: RunLayout, record: RunRecord): Promise<readonly SubRunReading[]> {
  return below(run, record, null, 0);
}

async function below(
  run: RunLayout,
  record: RunRecord,
  prefix: StepKey | null,
  depth: number,
): Promise<readonly SubRunReading[]> {
  if (depth > DEEPEST) return [];
  const links = [...record.steps.values()].flatMap(({ key, child }) => (child === null ? [] : [{ key, child }]));
  const found: SubRunReading[] = [];
  for (let from = 0; from < links.length; from += BATCH) {
    const batch = await Promise.all(links.slice(from, from + BATCH).map((link) => readLink(run, link, prefix, depth)));
    found.push(...batch.flat());
  }
  return found;
}

async function readLink(
  run: RunLayout,
  { key, child }: { readonly key: StepKey; readonly child: RunId },
  prefix: StepKey | null,
  depth: number,
): Promise<readonly SubRunReading[]> {
  const place = beneath(prefix, key);
  const reading = await readRunFolder(subRunLayout(run, child));
  if (!reading.started) return [];
  const own: SubRunReading = { prefix: place, reading };
  return reading.record === null ? [own] : [own, ...(await below(run, reading.record, place, depth + 1))];
}

const beneath = (prefix: StepKey | null, key: StepKey): StepKey =>
  prefix === null ? key : recordedStepKey(`${prefix}/${key}`);

/** A step of a run or of one of its sub-runs. */
export interface TreeStep {
  /** As the run sees it whose tree was asked for. */
  readonly key: StepKey;
  readonly step: StepRecord;
  /** Of the run that the step is part of. */
  readonly layout: RunLayout;
}

/** All steps of a run, those of its sub-runs beneath theirs. */
export async function treeSteps(run: RunLayout, record: RunRecord): Promise<readonly TreeStep[]> {
  const members = await readSubRuns(run, record);
  const byPrefix = new Map(members.map((member) => [member.prefix, member.reading]));
  const steps: TreeStep[] = [];
  const add = (layout: RunLayout, { steps: own }: RunRecord, prefix: StepKey | null): void => {
    for (const step of own.values()) {
      const key = beneath(prefix, step.key);
      steps.push({ key, step, layout });
      const child = byPrefix.get(key);
      if (child?.record) add(child.layout, child.record, key);
    }
  };
  add(run, record, null);
  return steps;
}

/** True for a member of a group or sub-flow, and for an item of a map. @param step undefined: everything is beneath it. */
export const isBeneath = (key: string, step: string | undefined): boolean =>
  step === undefined || key.startsWith(`${step}/`) || key.startsWith(`${step}[`);
