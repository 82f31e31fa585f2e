/** `run --only | --from | --to [--of]`: which steps run, and where the results of the others come from. */

import { parseStepId, type StepId } from '../base/ids.ts';
import { canonicalJson, type JsonObject } from '../base/json.ts';
import { listedNames } from '../diagnostics/phrase.ts';
import { suggest } from '../diagnostics/suggest.ts';
import { makePlan, type Plan } from '../engine/plan.ts';
import { type Borrowed, borrowedBy, openSelection, type SelectionRequest, selectSteps } from '../engine/selection.ts';
import { stepKeyOf } from '../base/ids.ts';
import type { EventBody } from '../model/event.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { OutputsRef } from '../model/outcome.ts';
import type { RunRecord } from '../model/run.ts';
import { stateLayout, type StateLayout } from '../store/layout.ts';
import { listRuns } from '../store/listing.ts';
import { runOutputs } from '../store/outputs.ts';
import type { OwnedRun } from '../store/owned-run.ts';
import { StateError } from '../store/problem.ts';
import { type ReadRun, readRun } from '../store/runs.ts';
import { EXIT } from './exit-codes.ts';
import { readNamedRun } from './read-run.ts';
import { type Session, UsageError } from './session.ts';

/** What the flags say. */
export interface SelectionOptions {
  readonly only?: readonly StepId[];
  readonly from?: readonly StepId[];
  readonly to?: readonly StepId[];
  readonly of?: string;
}

/** Steps that are to run. */
export interface SelectedSteps {
  readonly plan: Plan;
  readonly selected: ReadonlySet<number>;
  readonly borrowed: Borrowed;
  /** The run whose results are taken; null when none are needed. */
  readonly lender: RunRecord | null;
  /** Copies what is borrowed into the new run, and says how it opens. */
  open(owned: OwnedRun): Promise<readonly EventBody[]>;
}

/** Reads a list of steps. */
export function readSteps(text: string): readonly StepId[] {
  return text.split(',').map((name) => {
    const id = parseStepId(name.trim());
    if (id === null) throw new UsageError(`\`${name}\` is no step name`, outerHelp(name));
    return id;
  });
}

/** What to type in place of the key of an item or of a member. */
function outerHelp(name: string): string | null {
  const outer = /^[^/[]+(?=[/[])/.exec(name.trim())?.[0] ?? '';
  return parseStepId(outer) === null ? null : `name the step of the flow that it belongs to: ${outer}`;
}

/** Reads the flags. Null: all steps. `refused`: all is said, and the exit code is set (2 for two flags, 4 for an unknown step). */
export function readSelection(
  session: Session,
  definition: FlowDefinition,
  { only, from, to, of }: SelectionOptions,
): SelectionRequest | null | 'refused' {
  const given = Object.entries({ only, from, to }).filter(([, steps]) => steps !== undefined);
  if (given.length > 1) throw new UsageError(`--${given.map(([name]) => name).join(' and --')} exclude each other`);
  const [kind, steps] = given[0] ?? [];
  if (kind === undefined || steps === undefined) {
    if (of !== undefined) throw new UsageError('--of goes with --only, --from or --to');
    return null;
  }
  if ((definition.script ?? null) !== null) {
    throw new UsageError(
      `\`--${kind}\` chooses among steps that are known before a run, and flow ${definition.name} is a function, which makes its steps while it runs`,
      'use a param for what is to be left out; or run it, and ask for one of its calls again: flowctl resume --from <step>',
    );
  }
  const names = definition.steps.map(({ id }) => id);
  const unknown = steps.find((id) => !names.includes(id));
  if (unknown === undefined) return { kind: kind as SelectionRequest['kind'], steps };
  const near = suggest(unknown, names);
  session.complain(
    `flow ${definition.name} has no step \`${unknown}\``,
    near === null ? `its steps: ${names.join(', ')}` : `did you mean \`${near}\`?`,
  );
  session.exit(EXIT.not_found);
  return 'refused';
}

/**
 * Works a selection out, and finds the run that it borrows from.
 * @returns null when results are missing: all is said, and the exit code is set (4).
 */
export async function findSelection(
  session: Session,
  stateDirectory: string,
  definition: FlowDefinition,
  request: SelectionRequest | null,
  params: JsonObject,
  of: string | undefined,
): Promise<SelectedSteps | null> {
  const plan = makePlan(definition);
  const all = { kind: 'only', steps: definition.steps.map(({ id }) => id) } as const;
  const selected = selectSteps(plan, request ?? all);
  const borrowed = borrowedBy(plan, selected);
  const state = stateLayout(stateDirectory);
  const lender = borrowed.referred.length === 0 ? null : await findLender(state, definition.name, params, borrowed, of);
  if (lender !== null && 'missing' in lender) {
    const from = lender.run === null ? 'there is no run of this flow with equal params' : `run ${lender.run} has none`;
    session.complain(
      `results of ${listedNames(lender.missing, 'and')} are referred to, and ${from}`,
      `run them too: --to ${request?.steps.join(',') ?? ''}; or name a run that has them: --of <run>`,
    );
    session.exit(EXIT.not_found);
    return null;
  }
  const record = lender?.record ?? null;
  return {
    plan,
    selected,
    borrowed,
    lender: record,
    async open(owned) {
      if (lender === null || record === null) return openSelection(plan, selected, borrowed, null);
      const outputs = new Map<StepId, OutputsRef | null>();
      for (const id of borrowed.referred) outputs.set(id, await copyOutputs(lender, record, id, owned));
      return openSelection(plan, selected, borrowed, { run: record, outputs });
    },
  };
}

async function copyOutputs(
  lender: ReadRun,
  record: RunRecord,
  id: StepId,
  owned: OwnedRun,
): Promise<OutputsRef | null> {
  const ref = record.steps.get(stepKeyOf(id))?.outputs ?? null;
  return ref === null ? null : owned.outputs.store(await runOutputs(lender.layout).read(ref));
}

interface Missing {
  readonly run: string | null;
  readonly missing: readonly StepId[];
}

/** The latest run of the flow with equal params that has every result; or the one that was named. */
async function findLender(
  state: StateLayout,
  flow: string,
  params: JsonObject,
  { referred }: Borrowed,
  of: string | undefined,
): Promise<ReadRun | Missing> {
  const missingIn = ({ record }: ReadRun): readonly StepId[] =>
    referred.filter((id) => record?.steps.get(stepKeyOf(id))?.phase.kind !== 'succeeded');
  if (of !== undefined) {
    const named = await readNamedRun(state, of);
    const missing = missingIn(named);
    return missing.length === 0 ? named : { run: named.layout.place.id, missing };
  }
  const rows = await listRuns(state, { flow }, Date.now());
  if (!rows.ok) throw new StateError(rows.error);
  const wanted = canonicalJson(params);
  let latest: Missing | null = null;
  for (const { id, params: other } of rows.value) {
    if (canonicalJson(other) !== wanted) continue;
    const run = await readRun(state, { id, root: id });
    if (!run.ok) continue;
    const missing = missingIn(run.value);
    if (missing.length === 0) return run.value;
    latest ??= { run: id, missing };
  }
  return latest ?? { run: null, missing: referred };
}
