/** A run of a deployment: the flow as it was kept, with the params that the deployment, its schedule and the user give. */

import type { ContentHash } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import type { Deployment } from '../model/deployment.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { readKeptFlow } from '../store/deployed-flows.ts';
import { readEventFacts } from '../store/trigger-memory.ts';
import type { StateLayout } from '../store/layout.ts';
import { readProjectDocument } from '../store/project-document.ts';
import { unwrap } from '../store/problem.ts';
import type { DeploymentReference } from './deployment-reference.ts';
import { EXIT } from './exit-codes.ts';
import { type LoadedFlow, likelyFile } from './flow-file.ts';
import { projectOrComplain } from './project.ts';
import type { Session } from './session.ts';
import type { GivenClaim } from './start-claim.ts';

/** What a deployment runs. */
export interface DeployedRun {
  readonly flow: LoadedFlow;
  /** Given by the deployment. */
  readonly params: JsonObject;
  /** What expressions in params see beside the usual: `event`. */
  readonly seen: JsonObject;
}

/**
 * The deployment of a name.
 * @param or what else the name could have been. Default: nothing.
 * @returns null when there is none: that is said, and the exit code is set (4).
 */
export async function deploymentOrComplain(
  session: Session,
  state: StateLayout,
  name: string,
  or: 'flow file' | null = null,
): Promise<Deployment | null> {
  const { deployments } = unwrap(await readProjectDocument(state));
  const found = Object.hasOwn(deployments, name) ? deployments[name] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(deployments);
  const file = or === null ? null : likelyFile(name);
  const help =
    file ??
    (known.length === 0 ? 'nothing is deployed: flowctl deploy <flow>' : `there are: ${known.slice(0, 20).join(', ')}`);
  session.complain(`there is no ${or === null ? '' : `${or} and no `}deployment \`${name}\``, help);
  session.exit(EXIT.not_found);
  return null;
}

/** A flow with other defaults, which may be templates. */
const withDefaults = (definition: FlowDefinition, values: JsonObject): FlowDefinition => ({
  ...definition,
  params: definition.params.map((param) =>
    Object.hasOwn(values, param.name) ? { ...param, required: false, default: values[param.name] ?? null } : param,
  ),
});

/** A flow whose runs wait where others would be refused: what is made up for is not to be left out, nor to end what goes on. */
const patient = (definition: FlowDefinition): FlowDefinition => {
  const { concurrency } = definition;
  if (concurrency === null || concurrency.on_conflict === 'allow') return definition;
  const waiting = { on_conflict: 'queue', queue_limit: null, queue_timeout_ms: null } as const;
  return { ...definition, concurrency: { ...concurrency, ...waiting } };
};

/**
 * Loads what a deployment runs.
 * @param claim what made it due: the params are those of its schedule or trigger; null: nothing but a person.
 *   `isTrial`: it is not written down, for no run shall begin.
 * @returns null when there is no such deployment or version, or the claim is gone: all is said, and the exit code is set.
 */
export async function loadDeployed(
  session: Session,
  state: StateLayout,
  reference: DeploymentReference,
  claim: (Pick<GivenClaim, 'run' | 'schedule' | 'trigger'> & { readonly isTrial?: true }) | null,
): Promise<DeployedRun | null> {
  const deployment = await deploymentOrComplain(session, state, reference.name, 'flow file');
  if (deployment === null) return null;
  const wanted = reference.version ?? deployment.version;
  const version = deployment.versions.find((each) => each.version === wanted);
  if (version === undefined) {
    const last = deployment.versions.at(-1)?.version ?? 0;
    session.complain(`deployment \`${deployment.name}\` has no version ${wanted}`, `its versions are 1 to ${last}`);
    session.exit(EXIT.not_found);
    return null;
  }
  // Who is this late was taken for dead, and the run has another id by now.
  const written = [...deployment.claims, ...deployment.backfilling];
  if (claim !== null && claim.isTrial !== true && !written.some(({ run }) => run === claim.run)) {
    session.complain(`run ${claim.run} is not asked for any more`, 'somebody else has taken over what it was to do');
    session.exit(EXIT.busy);
    return null;
  }
  const { definition, flow_hash } = unwrap(await readKeptFlow(state, version.hash));
  const { given: ofClaim, seen } = await givenByClaim(state, deployment, claim);
  const deployed = { name: deployment.name, version: wanted };
  const given = Object.entries(deployment.params).filter(([name]) => !Object.hasOwn(ofClaim, name));
  const kept = claim?.trigger === 'backfill' ? patient(definition) : definition;
  const flow = await inProject(session, { ...withDefaults(kept, ofClaim), deployed }, flow_hash);
  return flow && { flow, params: Object.fromEntries(given), seen };
}

/**
 * A definition that was kept, with the config of its project as that is now.
 * @param hash of the flow, as it was recorded.
 * @returns null when the config is not valid: all is said, and the exit code is set.
 */
export async function inProject(
  session: Session,
  definition: FlowDefinition,
  hash: ContentHash,
): Promise<LoadedFlow | null> {
  const project = await projectOrComplain(session, definition.file, definition.profile);
  if (project === null) return null;
  return { kind: 'loaded', definition, hash, warnings: [], sources: new Map(), project: project.config };
}

/** What a claim says of params, and what they see. */
async function givenByClaim(
  state: StateLayout,
  { schedules, triggers = [], claims }: Deployment,
  claim: Pick<GivenClaim, 'run' | 'schedule'> | null,
): Promise<{ readonly given: JsonObject; readonly seen: JsonObject }> {
  if (claim === null) return { given: {}, seen: {} };
  const { run, schedule } = claim;
  const event = claims.find((each) => each.run === run)?.event;
  if (event === undefined) return { given: schedule === null ? {} : (schedules[schedule]?.params ?? {}), seen: {} };
  const facts = event.facts ?? unwrap(await readEventFacts(state, event.id));
  const trigger = triggers.find(({ id }) => id === event.trigger);
  return { given: event.params ?? trigger?.definition.params ?? {}, seen: { event: facts } };
}
