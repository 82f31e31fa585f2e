/**
 * The steps that people know by name, each on a line of its own, members beneath their groups; a map is one line with the counts of its
 * items, and as far as there is room beneath it those that run, and those that failed.
 */

import type { StepKey } from '../../base/ids.ts';
import type { StepRecord } from '../../model/run.ts';
import type { RunProgress } from './progress.ts';
import { type Row, widthOf } from './row.ts';
import type { Scene } from './scene.ts';
import { stepRow } from './step-row.ts';

/** The lines. @param room how many there may be; at least as many as there are steps with names. */
export function checklist(scene: Scene, room: number): readonly Row[] {
  const { progress } = scene;
  const shown = new Map<StepKey, StepRecord>(progress.named);
  for (const item of itemsToShow(progress, room - shown.size)) shown.set(item.key, item);
  const beneath = new Map<StepKey | null, StepRecord[]>();
  for (const step of shown.values()) {
    const parent = nearestShown(progress, step, shown);
    const known = beneath.get(parent);
    if (known === undefined) beneath.set(parent, [step]);
    else known.push(step);
  }
  const placed: { readonly step: StepRecord; readonly depth: number }[] = [];
  const add = (step: StepRecord, depth: number): void => {
    placed.push({ step, depth });
    for (const child of beneath.get(step.key) ?? []) add(child, depth + 1);
  };
  for (const step of beneath.get(null) ?? []) add(step, 0);
  const nameColumns = Math.max(0, ...placed.map(({ step, depth }) => 2 * depth + widthOf(step.key)));
  return placed.map(({ step, depth }) => stepRow(step, scene, { depth, nameColumns }));
}

/** All items where there is room for all that is in them; else what runs, oldest first, and what failed last. */
function itemsToShow(
  { record, named, running, retrying, failed, total }: RunProgress,
  room: number,
): readonly StepRecord[] {
  if (record === null || room <= 0) return [];
  const isItem = ({ key }: StepRecord): boolean => !named.has(key);
  if (total - named.size <= room) return [...record.steps.values()].filter(isItem);
  const lately: StepRecord[] = [];
  const take = (steps: Iterable<StepRecord>, most: number): void => {
    let left = most;
    for (const step of steps) {
      if (left <= 0) return;
      if (!isItem(step)) continue;
      lately.push(step);
      left -= 1;
    }
  };
  // A quarter of the room is for what failed, so that it is seen though much runs.
  const failures = [...lastOf(failed, room)].filter(isItem).slice(-Math.max(1, Math.floor(room / 4)));
  take(stepsOf(running), room - failures.length);
  take(stepsOf(retrying), room - failures.length - lately.length);
  return [...lately, ...failures];
}

function* stepsOf(timed: ReadonlyMap<StepKey, { readonly step: StepRecord }>): Iterable<StepRecord> {
  for (const { step } of timed.values()) yield step;
}

function* lastOf(steps: ReadonlyMap<StepKey, StepRecord>, most: number): Iterable<StepRecord> {
  let before = steps.size - most;
  for (const step of steps.values()) {
    before -= 1;
    if (before < 0) yield step;
  }
}

function nearestShown(
  { record }: RunProgress,
  { parent }: StepRecord,
  shown: ReadonlyMap<StepKey, StepRecord>,
): StepKey | null {
  let key = parent;
  while (key !== null && !shown.has(key)) key = record?.steps.get(key)?.parent ?? null;
  return key;
}
