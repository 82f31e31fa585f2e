/** Opens the run of a sub-flow step: a new one under its root, or the one that an earlier attempt began. */

import { basename } from 'node:path';
import type { RunId, StepKey } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { AttemptListener, AttemptRequest } from '../engine/ports.ts';
import { definitionHash } from '../load/fingerprint.ts';
import { type GivenParam, resolveParams } from '../load/params.ts';
import { runNameOf } from '../load/run-name.ts';
import type { RunSettings, RunStarted } from '../model/event.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { beginRun } from '../model/fold.ts';
import type { Failure } from '../model/outcome.ts';
import { TOKEN_VARIABLE, tokenOf } from '../process/token.ts';
import type { FlowWork, SubRun, SubRuns } from '../runners/flow.ts';
import { continueChild, createChild } from '../store/children.ts';
import { mintRunId } from '../store/mint.ts';
import { StateError } from '../store/problem.ts';
import { continuation } from './again.ts';
import { DEEPEST, type Environment, type Family, type Member, placed } from './family.ts';
import { endedBefore, memberRun } from './member.ts';

/** An attempt of a sub-flow step, with what its run is made of. */
export interface Opening {
  readonly family: Family;
  readonly parent: Member;
  readonly request: AttemptRequest;
  readonly work: FlowWork;
  /** Without the flows it refers to: those are its root's. */
  readonly definition: FlowDefinition;
  readonly environment: Environment;
  readonly prefix: StepKey;
}

/** The sub-runs of one run of a family. */
export function subRunsOf(family: Family, parent: Member): SubRuns {
  return {
    async open(request, work, listener) {
      const opening = await prepare(family, parent, request, work);
      if (!opening.ok) return { kind: 'impossible', failure: opening.error };
      try {
        const run = (await goOn(opening.value)) ?? (await begin(opening.value, listener));
        return run.ok ? { kind: 'opened', run: run.value } : { kind: 'impossible', failure: run.error };
      } catch (error) {
        if (!(error instanceof StateError)) throw error;
        family.loseState(error);
        return { kind: 'state_lost' };
      }
    },
  };
}

/** The definition of a flow, without the flows it refers to; those are known to the family then. */
async function definitionOf({ flows, moduleFlow }: Family, key: string): Promise<Result<FlowDefinition, Failure>> {
  const known = flows[key];
  if (known !== undefined) return ok(known);
  const loaded = await moduleFlow(key);
  if (!loaded.ok) return loaded;
  const definition = { ...loaded.value, flows: {} };
  for (const [name, flow] of Object.entries({ ...loaded.value.flows, [key]: definition })) flows[name] ??= flow;
  return ok(definition);
}

async function prepare(
  family: Family,
  parent: Member,
  request: AttemptRequest,
  work: FlowWork,
): Promise<Result<Opening, Failure>> {
  const refused = (message: string): Result<never, Failure> => err({ code: 'sub_flow', message });
  const definition = await definitionOf(family, work.flow);
  if (!definition.ok) return definition;
  const found = definition.value;
  if (parent.depth >= DEEPEST) {
    return refused(
      `sub-flows are nested ${DEEPEST} deep here, and may not be nested deeper: does ${found.name} call itself?`,
    );
  }
  const environment = family.environmentFor(found);
  if (!environment.ok) return refused(environment.error);
  const chain = tokenOf(parent.environment[TOKEN_VARIABLE] ?? '', request.run, request.step, request.attempt);
  return ok({
    family,
    parent,
    request,
    work,
    definition: { ...found, flows: {} },
    environment: { ...environment.value, [TOKEN_VARIABLE]: chain },
    prefix: placed(parent.prefix, request.step),
  });
}

async function begin(opening: Opening, listener: AttemptListener): Promise<Result<SubRun, Failure>> {
  const { family, parent, work, definition } = opening;
  const id = work.child ?? mintRunId();
  const now = new Date(family.clock.wall()).toISOString();
  const { scheduled_for } = parent.record;
  const params = await childParams(opening, work.params, { id, started_at: now, scheduled_for });
  if (!params.ok) return params;
  const scope = childScope(opening, { id, started_at: now, scheduled_for });
  const name = runNameOf(definition, { ...scope, params: params.value });
  if (!name.ok) return err({ code: 'expression', message: `\`run_name\` of ${definition.name}: ${name.error}` });
  const started: RunStarted = {
    type: 'run.started',
    flow: definition.name,
    ...(name.value === null ? {} : { name: name.value }),
    version: null,
    flow_hash: definitionHash(definition),
    params: params.value,
    tags: definition.tags,
    trigger: 'parent',
    parent: { run: parent.record.id, step: opening.request.step },
    scheduled_for,
    ...(Object.keys(parent.record.vars).length === 0 ? {} : { vars: parent.record.vars }),
    settings: childSettings(definition, parent.record.settings),
    steps: definition.steps.map(({ id: step, needs }) => ({ id: step, needs })),
  };
  const first = { ...started, seq: 1, time: now };
  // First it is known whose it is: what a crash leaves is then found, and made anew under the same id.
  if (work.child === null) await listener.childStarted(id);
  const place = { id, root: family.root };
  const owned = await createChild(family.state, place, { id, definition, started: first, version: family.version });
  const record = beginRun(id, first);
  return ok(memberRun(opening, { owned, record, told: [first], opening: [], before: null }));
}

/** Null when there is nothing to go on with. */
async function goOn(opening: Opening): Promise<Result<SubRun, Failure> | null> {
  const { family, work, parent, definition } = opening;
  if (work.child === null) return null;
  const known = await continueChild(family.state, { id: work.child, root: family.root });
  if (known === null) return null;
  const { record } = known;
  const again = family.again.get(record.id) ?? { steps: [], links: [] };
  family.again.delete(record.id);
  if (record.ending?.state === 'succeeded' && again.steps.length === 0) return ok(await endedBefore(known));
  const before = structuredClone(record);
  const next = await continuation(known, definition, {
    again,
    settings: childSettings(definition, parent.record.settings),
    params: (kept) => childParams(opening, kept, record),
  });
  if (!next.ok) {
    await known.journal.close();
    return next;
  }
  return ok(memberRun(opening, { owned: known, record, told: [], opening: next.value, before }));
}

/** A sub-run has its own bounds, and what holds for the whole tree: the grace time, and when a record counts as kept. */
function childSettings(definition: FlowDefinition, { max_parallel, grace_ms, durability }: RunSettings): RunSettings {
  const { fail_fast } = definition;
  return { max_parallel: definition.max_parallel ?? max_parallel, fail_fast, grace_ms, durability };
}

/** What expressions see before the sub-run begins. */
function childScope(
  { family, definition, environment, parent }: Opening,
  {
    id,
    started_at,
    scheduled_for,
  }: { readonly id: RunId; readonly started_at: string; readonly scheduled_for: string },
): JsonObject {
  const visible = Object.entries(family.visible(environment)).filter(([, value]) => value !== undefined);
  return {
    run: { id, started_at, scheduled_for, previous_scheduled_for: null, attempt: 1 },
    env: Object.fromEntries(visible) as JsonObject,
    vars: { ...definition.vars, ...parent.record.vars },
    flow: { name: definition.name, version: null },
  };
}

async function childParams(
  opening: Opening,
  values: JsonObject,
  run: { readonly id: RunId; readonly started_at: string; readonly scheduled_for: string },
): Promise<Result<JsonObject, Failure>> {
  const { definition, request } = opening;
  const given = Object.entries(values).map(([name, value]) => [name, { kind: 'value', value }] as const);
  const params = await resolveParams(definition, new Map<string, GivenParam>(given), childScope(opening, run));
  if (params.ok) return params;
  const [first, ...others] = params.error.map(({ message }) => message);
  const { script = null, name, file } = definition;
  const whose = script === null ? '' : `, which runs the flow ${name} of ${basename(file)}`;
  const detail = others.length === 0 ? {} : { detail: others.join('\n') };
  return err({
    code: 'params',
    message: `\`with\` of \`${request.step}\`${whose}: ${first ?? 'does not fit'}`,
    ...detail,
  });
}
