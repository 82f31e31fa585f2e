/** Registering a flow under a name: what it consists of is kept by its hash, and becomes a version when that is a new one. */

import type { JsonObject } from '../base/json.ts';
import { type Deployment, REMEMBERED_TICKS } from '../model/deployment.ts';
import { type ScheduledDeployment, withSchedules } from '../schedules/redeploy.ts';
import { keepFlow } from '../store/deployed-flows.ts';
import type { StateLayout } from '../store/layout.ts';
import { unwrap } from '../store/problem.ts';
import { changeProjectDocument } from '../store/project-document.ts';
import { thisUser } from './actor.ts';
import { withKeptModules } from './deployed-modules.ts';
import { deployedTriggers, watchedFromHere } from './deployed-triggers.ts';
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
  const from = await watchedFromHere(state, flow.definition, now);
  let changed: DeployEnd['changed'] = 'version';
  const document = await changeProjectDocument(state, (before) => {
    const old = Object.hasOwn(before.deployments, name) ? before.deployments[name] : undefined;
    const known = old?.versions.find((each) => each.version === old.version);
    const isSame = known?.hash === hash;
    const triggers = deployedTriggers(old, flow.definition, from);
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
