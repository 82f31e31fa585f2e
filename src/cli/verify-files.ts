/** Before a run is resumed: the files that its succeeded steps made are still what they were, or are made so again. */

import { isWithin, type StepKey } from '../base/ids.ts';
import { isJsonObject, type Json } from '../base/json.ts';
import { Contents } from '../cache/content.ts';
import {
  areKept,
  describeDeviations,
  type Deviation,
  findDeviations,
  readManifest,
  restoreFiles,
} from '../cache/generated.ts';
import { Records } from '../cache/records.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { RunRecord, StepRecord } from '../model/run.ts';
import { readDefinition } from '../store/definitions.ts';
import type { RunLayout, StateLayout } from '../store/layout.ts';
import { runOutputs } from '../store/outputs.ts';
import { StateError } from '../store/problem.ts';
import { readSubRuns } from '../store/sub-runs.ts';
import type { Session } from './session.ts';
import { EXIT } from './exit-codes.ts';

/** A run that is to be resumed. */
export interface RunToVerify {
  readonly state: StateLayout;
  readonly layout: RunLayout;
  readonly record: RunRecord;
  /** The one that it goes on with. */
  readonly definition: FlowDefinition;
  /** Steps that run again whatever there is, with all that is in them, as the root sees them. */
  readonly again: readonly string[];
}

/** One run of the tree. */
interface Member {
  readonly prefix: StepKey | null;
  readonly layout: RunLayout;
  readonly record: RunRecord;
  readonly directory: string;
}

/**
 * Compares the files, and restores what is kept of them.
 * @returns false when some can only be made anew: all is said, and the exit code is set (4).
 */
export async function verifyFiles(session: Session, run: RunToVerify): Promise<boolean> {
  const { state, record } = run;
  const again = new Set(run.again);
  if (!makesFiles(run.definition as unknown as Json)) return true;
  const contents = new Contents(() => Date.now());
  const records = new Records(state.cache);
  const lost: { readonly from: string; readonly what: string }[] = [];
  for (const member of await membersOf(run)) {
    const { prefix, layout, directory } = member;
    const placed = (key: string): string => (prefix === null ? key : `${prefix}/${key}`);
    for (const step of member.record.steps.values()) {
      const key = placed(step.key);
      if (!hasMade(step) || again.has(key) || isWithin(again, key)) continue;
      const files = readManifest(await runOutputs(layout).read(step.generated));
      const deviations = await findDeviations(contents, directory, files);
      if (deviations.length === 0) continue;
      if (await restored(records, contents, directory, deviations)) {
        session.mention(`restored what step ${key} had made: ${describeDeviations(deviations)}`);
      } else lost.push({ from: placed(topOf(step.key)), what: `${describeDeviations(deviations)} (step ${key})` });
    }
  }
  if (lost.length === 0) return true;
  const steps = [...new Set(lost.map(({ from }) => from))];
  session.complain(
    `files that steps of run ${record.id} had made are not what they were: ${lost.map(({ what }) => what).join('; ')}`,
    `make them again, and what follows: flowctl resume ${record.id} ${steps.map((step) => `--from ${step}`).join(' ')}`,
  );
  session.exit(EXIT.not_found);
  return false;
}

const hasMade = (step: StepRecord): step is StepRecord & { readonly generated: NonNullable<StepRecord['generated']> } =>
  step.phase.kind === 'succeeded' && step.generated !== null;

/** True when any step of a flow, or of a sub-flow, has `generates`: else no sub-run has to be read. */
function makesFiles(definition: Json): boolean {
  if (Array.isArray(definition)) return (definition as readonly Json[]).some(makesFiles);
  if (!isJsonObject(definition)) return false;
  const { generates } = definition;
  return (Array.isArray(generates) && generates.length > 0) || Object.values(definition).some(makesFiles);
}

const topOf = (key: string): string => /^[^[/]*/.exec(key)?.[0] ?? key;

async function restored(
  records: Records,
  contents: Contents,
  directory: string,
  deviations: readonly Deviation[],
): Promise<boolean> {
  if (!(await areKept(records, deviations))) return false;
  const files = deviations.map(({ file }) => file);
  return (await restoreFiles(records, contents, directory, files)) === null;
}

async function membersOf({ layout, record, definition: { directory } }: RunToVerify): Promise<readonly Member[]> {
  const members: Member[] = [{ prefix: null, layout, record, directory }];
  for (const { prefix, reading } of await readSubRuns(layout, record)) {
    const { record: child, layout: place } = reading;
    if (child === null || ![...child.steps.values()].some(hasMade)) continue;
    const frozen = await readDefinition(place, child.revision);
    if (!frozen.ok) throw new StateError(frozen.error);
    members.push({ prefix, layout: place, record: child, directory: frozen.value.definition.directory });
  }
  return members;
}
