/** Registering a flow under a name: what it consists of is kept by its hash, and becomes a version when that is a new one. */

import { join } from 'node:path';
import type { Json, JsonObject } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import { type Deployment, REMEMBERED_TICKS } from '../model/deployment.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { compileModule } from '../functions/compile.ts';
import { type ScheduledDeployment, withSchedules } from '../schedules/redeploy.ts';
import { keepFlow, keepModule } from '../store/deployed-flows.ts';
import type { StateLayout } from '../store/layout.ts';
import { unwrap } from '../store/problem.ts';
import { changeProjectDocument } from '../store/project-document.ts';
import { thisUser } from './actor.ts';
import { deployedTriggers } from './deployed-triggers.ts';
import { EXIT } from './exit-codes.ts';
import type { LoadedFlow } from './flow-file.ts';
import type { Session } from './session.ts';

/** What is to be deployed. */
export interface Deploying {
  readonly name: string;
  readonly flow: LoadedFlow;
  /** How the flow is named: absolute. */
  readonly reference: string;
  /** Laid over the defaults of its params. */
  readonly params: JsonObject;
}

/** What came of it. */
export interface DeployEnd {
  readonly deployment: Deployment;
  /** `version`: the flow is a new one; `settings`: only the params or schedules are; `none`: all was so already. */
  readonly changed: 'version' | 'settings' | 'none';
}

/** The modules that a definition names, with those of its sub-flows. */
function modulesOf(value: Json, found = new Set<string>()): ReadonlySet<string> {
  if (Array.isArray(value)) for (const item of value) modulesOf(item, found);
  else if (isJsonObject(value)) {
    const { kind, module } = value;
    if (typeof module === 'string' && (kind === 'call' || 'flow' in value)) found.add(module);
    for (const member of Object.values(value)) if (member !== undefined) modulesOf(member, found);
  }
  return found;
}

/** A definition whose modules lie elsewhere. Flows of a module are named by it and `#`, as keys too. */
function movedModules(value: Json, places: ReadonlyMap<string, string>): Json {
  const moved = (text: string): string => {
    const sign = text.lastIndexOf('#');
    const module = sign < 0 ? text : text.slice(0, sign);
    const place = places.get(module);
    return place === undefined ? text : place + text.slice(module.length);
  };
  const walk = (each: Json, key: string | null): Json => {
    if (typeof each === 'string') return key === 'file' || key === 'directory' ? each : moved(each);
    if (Array.isArray(each)) return each.map((item) => walk(item, null));
    if (!isJsonObject(each)) return each;
    return Object.fromEntries(Object.entries(each).map(([name, member]) => [moved(name), walk(member ?? null, name)]));
  };
  return walk(value, null);
}

/** The definition with its modules kept. Null: one cannot be compiled, which is said. */
async function withKeptModules(
  session: Session,
  state: StateLayout,
  definition: FlowDefinition,
): Promise<FlowDefinition | null> {
  const json = JSON.parse(JSON.stringify(definition)) as Json;
  const places = new Map<string, string>();
  const program = new URL('./index.js', import.meta.url);
  for (const module of modulesOf(json)) {
    const compiled = await compileModule(module, join(state.root, 'deployments', 'bundle.mjs'), program.href);
    if (!compiled.ok) {
      session.complain(compiled.error.message, null);
      session.exit(EXIT.invalid_flow);
      return null;
    }
    places.set(module, unwrap(await keepModule(state, compiled.value.code)));
  }
  return movedModules(json, places) as unknown as FlowDefinition;
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** What the schedules of a deployment are at that is not there yet. */
const NOTHING_KNOWN: ScheduledDeployment = {
  ...{ versions: [], schedules: [], decided_until: [], claims: [], open: [], queue: [], backfilling: [], ran: [] },
};

/** Deploys a flow. @returns null when it cannot be: all is said, and the exit code is set. */
export async function deployFlow(
  session: Session,
  state: StateLayout,
  { name, flow, reference, params }: Deploying,
): Promise<DeployEnd | null> {
  const definition = await withKeptModules(session, state, flow.definition);
  if (definition === null) return null;
  const hash = unwrap(await keepFlow(state, { flow_hash: flow.hash, definition }));
  const schedules = flow.definition.schedules ?? [];
  const now = new Date().toISOString();
  let changed: DeployEnd['changed'] = 'version';
  const document = await changeProjectDocument(state, (before) => {
    const old = Object.hasOwn(before.deployments, name) ? before.deployments[name] : undefined;
    const known = old?.versions.find((each) => each.version === old.version);
    const isSame = known?.hash === hash;
    const triggers = deployedTriggers(old, flow.definition, now);
    const isSetSame =
      old !== undefined &&
      same(old.schedules, schedules) &&
      same(old.triggers ?? [], triggers) &&
      same(old.params, params) &&
      old.flow === reference;
    changed = !isSame ? 'version' : isSetSame ? 'none' : 'settings';
    if (changed === 'none') return before;
    const versions = old?.versions ?? [];
    const next = (versions.at(-1)?.version ?? 0) + 1;
    const added = isSame ? [] : [{ version: next, hash, deployed_at: now, by: thisUser() }];
    const { after, lost } = withSchedules(old ?? NOTHING_KNOWN, { schedules, triggers }, now);
    const deployment: Deployment = {
      paused: old?.paused ?? null,
      name,
      flow: reference,
      version: isSame ? (old?.version ?? next) : next,
      versions: [...versions, ...added],
      params,
      triggers,
      ...after,
      ticks: [...(old?.ticks ?? []), ...lost].slice(-REMEMBERED_TICKS),
      updated_at: now,
    };
    return { ...before, deployments: { ...before.deployments, [name]: deployment } };
  });
  const deployment = unwrap(document).deployments[name];
  return deployment === undefined ? null : { deployment, changed };
}
