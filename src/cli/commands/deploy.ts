/** `flowctl deploy`. */

import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { isFlowName } from '../../base/ids.ts';
import { type Deployment, REMEMBERED_TICKS } from '../../model/deployment.ts';
import { watchedBy } from '../../model/trigger.ts';
import { openState } from '../../store/open.ts';
import { unwrap } from '../../store/problem.ts';
import { withSchedules } from '../../schedules/redeploy.ts';
import { stateLayout } from '../../store/layout.ts';
import { changeProjectDocument } from '../../store/project-document.ts';
import { deployFlow } from '../deploy-flow.ts';
import { deployedTriggers, watchedFromHere } from '../deployed-triggers.ts';
import { deploymentOrComplain } from '../deployed-run.ts';
import { deploymentReference } from '../deployment-reference.ts';
import { loadOrComplain } from '../flow-file.ts';
import { fileOf, referenceTo } from '../flow-reference.ts';
import { collect, type ParamOptions, paramsGiven } from '../params.ts';
import { EXIT } from '../exit-codes.ts';
import { type GlobalOptions, openSession, type Session, UsageError, withGlobalOptions } from '../session.ts';
import { statePath } from '../state-directory.ts';

interface DeployOptions extends GlobalOptions, ParamOptions {
  readonly name?: string;
  readonly profile?: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ flowctl deploy etl.yaml
  $ flowctl deploy etl.yaml --name etl-eu -p region=eu
  $ flowctl deploy flows.ts#nightly
  $ flowctl deploy etl-eu@3                   back to version 3
  $ flowctl run etl-eu                        a run of it now; flowctl run etl-eu@2 of an older version`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('deploy'))
    .argument(
      '<flow>',
      'a flow file; or a version of a deployment, `nightly@3`, which is the one that runs from then on',
    )
    .summary('register a flow under a name, with a version')
    .description(
      'Keeps a flow as it is now, with the modules that it calls, and runs it when its schedules say so, as long as `flowctl serve` or ' +
        '`flowctl tick` look. The version is raised when the flow or a module has changed, and not otherwise.',
    )
    .option('--name <name>', "the deployment's name; default: the flow's")
    .option('-p, --param <name=value>', 'value of a param for all its runs; repeatable', collect)
    .option('--params-file <file>', 'values of params from a JSON object')
    .option('--profile <name>', 'lay a profile of flowctl.config.yaml over the flow')
    .option('--json', 'print the deployment as JSON')
    .addHelpText('after', EXAMPLES)
    .action(deploy);
}

async function deploy(text: string, options: DeployOptions): Promise<void> {
  const session = openSession(options);
  const reference = deploymentReference(text);
  if (reference !== null && reference.version !== null) {
    const stray = ALONE.find((name) => options[name] !== undefined);
    if (stray === undefined) return activate(session, options, reference.name, reference.version);
    const flag = stray === 'paramsFile' ? 'params-file' : stray;
    throw new UsageError(`\`${text}\` is a version as it was deployed, and takes no \`--${flag}\``);
  }
  const flow = await loadOrComplain(session, text, options.profile ?? null);
  if (flow === null) return;
  const name = options.name ?? flow.definition.name;
  if (!isFlowName(name))
    throw new UsageError(`\`--name ${name}\`: a name is made of letters, digits, \`_\`, \`.\` and \`-\``);
  const params = await paramsGiven(session, flow.definition, options);
  if (params === null) return;
  const state = unwrap(await openState(statePath(session, options, dirname(resolve(fileOf(text))))));
  const end = await deployFlow(session, state, { name, flow, params, reference: referenceTo(flow.definition) });
  if (end === null) return;
  const { deployment, changed } = end;
  const said = {
    version: `deployed ${name}, version ${deployment.version}`,
    settings: `deployed ${name}: still version ${deployment.version}, with other settings`,
    none: `${name} is deployed already, version ${deployment.version}: nothing has changed`,
  }[changed];
  session.stdout.write(options.json === true ? `${JSON.stringify(deployment, null, 2)}\n` : `${said}\n`);
  if (deployment.paused !== null) session.mention(`it is paused: flowctl unpause ${name}`);
  else if (changed === 'version' && options.json !== true) {
    if (deployment.schedules.length > 0)
      session.mention('its schedules are looked at by flowctl serve, or by flowctl tick from cron');
    mentionTriggers(session, deployment);
  }
}

function mentionTriggers(session: Session, { triggers = [] }: Deployment): void {
  const active = triggers.filter(({ definition }) => definition.active);
  const hooks = active.filter(({ definition }) => watchedBy(definition).kind === 'webhook');
  if (active.length > hooks.length)
    session.mention('its triggers are watched by flowctl serve, or looked at by flowctl tick from cron');
  if (hooks.length > 0) session.mention('its webhooks are answered by flowctl serve --listen 127.0.0.1:7717');
}

/** Options that a version that is there already has no use for. */
const ALONE = ['name', 'param', 'paramsFile', 'profile'] as const;

/** Makes an older version, or a newer one, the version that runs. */
async function activate(session: Session, options: DeployOptions, name: string, version: number): Promise<void> {
  const state = stateLayout(statePath(session, options));
  const known = await deploymentOrComplain(session, state, name);
  if (known === null) return;
  if (!known.versions.some((each) => each.version === version)) {
    session.complain(
      `deployment \`${name}\` has no version ${version}`,
      `its versions are 1 to ${known.versions.at(-1)?.version ?? 0}`,
    );
    session.exit(EXIT.not_found);
    return;
  }
  const { readKeptFlow } = await import('../../store/deployed-flows.ts');
  const hash = known.versions.find((each) => each.version === version)?.hash;
  const kept = hash === undefined ? null : unwrap(await readKeptFlow(state, hash));
  const schedules = kept?.definition.schedules ?? [];
  const now = new Date().toISOString();
  unwrap(await openState(state.root));
  const from = await watchedFromHere(state, kept?.definition ?? {}, now);
  const document = await changeProjectDocument(state, (before) => {
    const old = before.deployments[name];
    if (old === undefined || old.version === version) return before;
    const triggers = kept === null ? [] : deployedTriggers(old, kept.definition, from);
    const { after, lost } = withSchedules(old, { schedules, triggers }, now);
    const ticks = [...old.ticks, ...lost].slice(-REMEMBERED_TICKS);
    const deployment = { ...old, ...after, version, triggers, ticks, updated_at: now };
    return { ...before, deployments: { ...before.deployments, [name]: deployment } };
  });
  const deployment = unwrap(document).deployments[name];
  session.stdout.write(
    options.json === true ? `${JSON.stringify(deployment, null, 2)}\n` : `${name} runs version ${version}\n`,
  );
}
