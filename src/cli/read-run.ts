/** Reading the run that a command names. */

import { recordedStepKey, type StepKey } from '../base/ids.ts';
import type { Json } from '../base/json.ts';
import type { OutputsRef } from '../model/outcome.ts';
import { type RunDetail, runDetail, type StepView } from '../model/view.ts';
import { makeDurable } from '../store/last-words.ts';
import { runPaths, type StateLayout } from '../store/layout.ts';
import { runOutputs } from '../store/outputs.ts';
import { guarded, StateError } from '../store/problem.ts';
import { rowProblem } from '../store/run-reading.ts';
import { readSubRuns } from '../store/sub-runs.ts';
import { type ReadRun, readRun, resolveRun } from '../store/runs.ts';

/**
 * Finds and reads a run.
 * @param text an id, the beginning of one, or `last`.
 * @throws {StateError} when there is none, or several.
 */
export async function readNamedRun(state: StateLayout, text: string): Promise<ReadRun> {
  const place = await resolveRun(state, text);
  if (!place.ok) throw new StateError(place.error);
  const run = await readRun(state, place.value);
  if (!run.ok) throw new StateError(run.error);
  return run.value;
}

/**
 * The document of `show --json`, with the steps of sub-runs beneath theirs; null when not even the first event of the run could be read.
 */
export async function detailOf(run: ReadRun, now: number): Promise<RunDetail | null> {
  const detail = await ownDetail(run, now);
  if (detail === null || run.record === null) return detail;
  const members = new Map<StepKey, RunDetail>();
  let { problem } = detail;
  for (const { prefix, reading } of await readSubRuns(run.layout, run.record)) {
    if (!run.live) await makeDurable(reading.layout);
    const member = await ownDetail({ ...reading, live: run.live }, now);
    if (member !== null) members.set(prefix, member);
    problem ??= member?.problem ?? (reading.problem === null ? undefined : rowProblem(reading.problem, reading.layout));
  }
  if (members.size === 0 && problem === undefined) return detail;
  const artifacts = [...members].flatMap(([prefix, member]) =>
    member.artifacts.map((artifact) => ({ ...artifact, step: recordedStepKey(`${prefix}/${artifact.step}`) })),
  );
  const steps = stepsBeneath(null, detail, members);
  const whole = { ...detail, artifacts: [...detail.artifacts, ...artifacts], steps };
  return problem === undefined ? whole : { ...whole, problem };
}

/** The steps of a run, and beneath the step of every sub-run those of that. */
function stepsBeneath(
  prefix: StepKey | null,
  { steps }: RunDetail,
  members: ReadonlyMap<StepKey, RunDetail>,
): readonly StepView[] {
  const place = (key: StepKey): StepKey => (prefix === null ? key : recordedStepKey(`${prefix}/${key}`));
  return steps.flatMap((step) => {
    const key = place(step.key);
    const member = members.get(key);
    const parent = step.parent === null ? prefix : place(step.parent);
    const own = { ...step, key, parent, needs: step.needs.map(place), call: placedCall(step.call, place) };
    return member === undefined ? [own] : [own, ...stepsBeneath(key, member, members)];
  });
}

function placedCall(call: StepView['call'], place: (key: StepKey) => StepKey): StepView['call'] {
  if (call === null) return null;
  const { caller, after } = call;
  return { ...call, caller: caller === null ? null : place(caller), after: after === null ? null : place(after) };
}

async function ownDetail(
  { record, layout, live, problem }: Pick<ReadRun, 'record' | 'layout' | 'live' | 'problem'>,
  now: number,
): Promise<RunDetail | null> {
  if (record === null) return null;
  const store = runOutputs(layout);
  const stored = new Map<string, Json>();
  let damage = problem;
  const kept = [...record.steps.values()].map(({ outputs }) => outputs);
  for (const outputs of [...kept, record.ending?.outputs ?? null]) {
    // Outputs that cannot be read are shown as null, with the problem: the rest of the run is still worth seeing.
    if (outputs?.kind !== 'stored') continue;
    const value = await guarded(layout.outputs, () => store.read(outputs));
    if (value.ok) stored.set(outputs.hash, value.value);
    else damage ??= value.error;
  }
  const outputsOf = (ref: OutputsRef): Json => (ref.kind === 'inline' ? ref.value : (stored.get(ref.hash) ?? null));
  const detail = runDetail(record, { live, now }, runPaths(layout), outputsOf);
  return damage === null ? detail : { ...detail, problem: rowProblem(damage, layout) };
}
