/** Edits of sub-flows, as a resume of their root meets them: those that contradict what sub-runs have done are found before it begins. */

import type { RunId } from '../base/ids.ts';
import { contradictions } from '../children/again.ts';
import type { RunAgain } from '../children/family.ts';
import { definitionHash } from '../load/fingerprint.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { isSatisfied, type RunRecord } from '../model/run.ts';
import { readDefinition } from '../store/definitions.ts';
import { moduleReference, referenceTo } from './flow-reference.ts';
import type { LoadModuleFlow } from './module-sub-flows.ts';
import { type RunLayout, subRunLayout } from '../store/layout.ts';
import { unwrap } from '../store/problem.ts';
import { readRunFolder } from '../store/run-reading.ts';

/** What edits of sub-flows mean for the runs of a tree. */
export interface SubRunEdits {
  /** Steps of sub-runs that had succeeded and are others by now, as the root sees them: `report/extract`. */
  readonly contradicting: readonly string[];
  /** Steps that have to run again for that, by their run; those of the root as well. */
  readonly again: ReadonlyMap<RunId, RunAgain>;
}

/**
 * Compares every sub-run of a run with the flow that it is a run of.
 * @param definition of the root, as it is now, with the flows that it refers to. @param load see `moduleSubFlows`.
 * @throws {StateError} when a sub-run is damaged.
 */
export async function editsOfSubRuns(
  layout: RunLayout,
  record: RunRecord,
  definition: FlowDefinition,
  load: LoadModuleFlow,
): Promise<SubRunEdits> {
  const flows = { [referenceTo(definition)]: { ...definition, flows: {} }, ...definition.flows };
  const flowNow = async (before: FlowDefinition): Promise<FlowDefinition | undefined> => {
    const key = referenceTo(before);
    // Flow functions have no steps to compare: what they call is compared when they call it.
    if (flows[key] !== undefined || before.script != null || moduleReference(key) === null) return flows[key];
    const loaded = await load(key);
    return loaded.ok ? loaded.value : undefined;
  };
  const contradicting: string[] = [];
  const again = new Map<RunId, RunAgain>();
  const runAgain = (run: RunId, steps: readonly string[]): void => {
    again.set(run, { steps: [...new Set([...(again.get(run)?.steps ?? []), ...steps])], links: [] });
  };
  /** True when something below contradicts. */
  const review = async (run: RunRecord, prefix: string): Promise<boolean> => {
    let found = false;
    for (const { key, child, phase } of run.steps.values()) {
      if (child === null) continue;
      const place = `${prefix}${key}`;
      const reading = await readRunFolder(subRunLayout(layout, child));
      // One that never began is made anew.
      if (reading.record === null) continue;
      const frozen = unwrap(await readDefinition(reading.layout, reading.record.revision));
      const now = await flowNow(frozen.definition);
      const isEdited = now !== undefined && definitionHash({ ...now, flows: {} }) !== frozen.flow_hash;
      const edited = isEdited ? contradictions(reading.record, frozen.definition, now) : [];
      contradicting.push(...edited.map((id) => `${place}/${id}`));
      const isBelow = await review(reading.record, `${place}/`);
      if (!isBelow && edited.length === 0) continue;
      found = true;
      if (edited.length > 0) runAgain(child, edited);
      // A step that had succeeded does not ask its sub-run again by itself; it begins another, for its own text may be another, too.
      if (isSatisfied(phase)) runAgain(run.id, [key]);
    }
    return found;
  };
  await review(record, '');
  return { contradicting, again };
}
