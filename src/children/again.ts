/** Another life of a sub-run: its attempt is tried again, or its root was resumed. */

import type { JsonObject } from '../base/json.ts';
import { ok, type Result } from '../base/result.ts';
import { makePlan } from '../engine/plan.ts';
import { recover } from '../engine/recover.ts';
import { compareRevisions } from '../engine/revisions.ts';
import { PARENT, relinked, type RunAgain } from './family.ts';
import { definitionHash, stepFingerprints } from '../load/fingerprint.ts';
import type { EventBody, RunSettings } from '../model/event.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { Failure } from '../model/outcome.ts';
import type { ContinuedChild } from '../store/children.ts';
import { writeDefinition } from '../store/definitions.ts';

/** What the new life is to be. */
export interface Continuation {
  /** Steps that are to run again though they had succeeded. */
  readonly again: RunAgain;
  readonly settings: RunSettings;
  /** Checks params under the definition as it is now, and adds the defaults of new ones. */
  readonly params: (kept: JsonObject) => Promise<Result<JsonObject, Failure>>;
}

/**
 * The events that open another life of a sub-run. Edits are taken over: whoever resumed the root was asked about those that
 * contradict the record (see `contradictions`).
 * @param definition the flow as the root knows it now.
 */
export async function continuation(
  { record, frozen, layout, torn }: ContinuedChild,
  definition: FlowDefinition,
  { again, settings, params }: Continuation,
): Promise<Result<readonly EventBody[], Failure>> {
  const hash = definitionHash(definition);
  const isEdited = hash !== frozen.flow_hash;
  const kept = isEdited ? await params(keptParams(record.params, definition)) : ok(record.params);
  if (!kept.ok) return kept;
  const revision = isEdited ? record.revision + 1 : record.revision;
  if (isEdited) await writeDefinition(layout, { revision, flow_hash: hash, definition });
  const edited = isEdited ? contradictions(record, frozen.definition, definition) : [];
  const events = recover(record, makePlan(definition), {
    by: PARENT,
    settings,
    params: kept.value,
    revision,
    flow_hash: hash,
    again: [...new Set([...again.steps, ...edited])],
    ...(isEdited ? { before: frozen.definition } : {}),
    reaped: [],
  });
  return ok([...events, ...relinked(again), ...tornWarning(torn)]);
}

/** The steps of a run that had succeeded and are others by now. */
export function contradictions(
  record: ContinuedChild['record'],
  before: FlowDefinition,
  after: FlowDefinition,
): readonly string[] {
  return compareRevisions(record, stepFingerprints(before), stepFingerprints(after)).contradicting;
}

function keptParams(params: JsonObject, definition: FlowDefinition): JsonObject {
  const names = definition.params.map(({ name }) => name).filter((name) => Object.hasOwn(params, name));
  return Object.fromEntries(names.map((name) => [name, params[name] ?? null]));
}

/** The warning that a torn tail was cut off the journal of a sub-run; nothing when there was none. */
export function tornWarning(torn: ContinuedChild['torn']): EventBody[] {
  if (torn === null) return [];
  const message = `the journal's last record was cut short; what was left of it is kept as ${torn.kept}`;
  return [{ type: 'warning.raised', step: null, attempt: null, code: 'journal_tail_torn', message }];
}
