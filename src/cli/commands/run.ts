/** `flowctl run`. */

import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import type { JsonObject } from '../../base/json.ts';
import { environmentOrComplain } from '../dotenv.ts';
import { fileOf } from '../flow-reference.ts';
import type { DeployedRun } from '../deployed-run.ts';
import { loadOrComplain } from '../flow-file.ts';
import { type FreshOptions, freshWish, readForced } from '../freshness.ts';
import { deploymentReference, type DeploymentReference } from '../deployment-reference.ts';
import { type GivenClaim, readClaim, recordedTrigger } from '../start-claim.ts';
import { collect, type ParamOptions, paramsFor } from '../params.ts';
import { stateLayout } from '../../store/layout.ts';
import { storedVars, withVars } from '../stored-vars.ts';
import { withRunOptions } from '../run-options.ts';
import { openSession, type Session, UsageError, withGlobalOptions } from '../session.ts';
import { dryRun } from '../dry-run.ts';
import { findSelection, readSelection, readSteps, type SelectionOptions } from '../selection.ts';
import { type RunToStart, type StartOptions, startRun } from '../start-run.ts';
import { statePath } from '../state-directory.ts';
import type { AboutToRun } from '../watch.ts';

interface RunOptions extends StartOptions, ParamOptions, SelectionOptions, FreshOptions {
  readonly dryRun?: boolean;
  readonly profile?: string;
  readonly watch?: boolean;
  /** What a scheduler says of the run; see `readClaim`. */
  readonly claim?: string;
}

const EXAMPLES = `
Examples:
  $ flowctl run etl.yaml
  $ flowctl run etl.yaml -p date=2026-03-01 -p limit=100
  $ flowctl run etl.yaml --params-file nightly.json --max-parallel 8
  $ flowctl run etl.yaml --from load          step load and what follows it, with the results of the last run
  $ flowctl run etl.yaml --to report --dry-run
  $ flowctl run build.yaml --force test       step test runs, though nothing it depends on changed
  $ flowctl run build.yaml --watch            again whenever the flow, a module or a source changes
  $ flowctl run etl.yaml --detach             prints the id; flowctl logs, show, cancel do the rest
  $ flowctl run etl.yaml --output json | jq -r 'select(.type == "attempt.finished") | .step'`;

/** Adds the command. */
export function define(program: Command): void {
  withRunOptions(withGlobalOptions(program.command('run')))
    .argument('<flow>', 'a flow file; or a deployment, `nightly`, or one of its versions, `nightly@3`')
    .summary('start a run of a flow')
    .description('Runs a flow: every step as soon as what it needs has succeeded. The run is recorded step by step.')
    .option('-p, --param <name=value>', 'value of a param, read as its type says; repeatable', collect)
    .option('--params-file <file>', 'values of params from a JSON object')
    .option('--only <steps>', 'run only these steps, separated by commas', readSteps)
    .option('--from <step>', 'run this step and everything downstream of it', readSteps)
    .option('--to <steps>', 'run these steps and everything they need', readSteps)
    .option('--of <run>', 'where results of other steps come from; default: the latest run with equal params')
    .option('--profile <name>', 'lay a profile of flowctl.config.yaml over the flow')
    .option('--no-cache', 'reuse no recorded result; what is made is kept all the same')
    .option('--force <steps>', 'run these steps whatever results are recorded, with all that is in them', readForced)
    .option('--dry-run', 'print what would run, and start nothing')
    .option(
      '--watch',
      'run again whenever a file that it depends on changes: the flow, its modules, its sources ...; a run under way ends first',
    )
    .option('--detach', 'print the id of the run when it is on disk, and leave it to a process of its own')
    .option('--claim <json>', 'what `flowctl serve` and `flowctl tick` say of a run that they start')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(file: string, options: RunOptions): Promise<void> {
  const session = openSession(options);
  const wishes = WISHES.filter((name) => options[name] === true);
  if (wishes.length > 1) {
    const [first, second] = wishes.map((name) => `\`--${name === 'dryRun' ? 'dry-run' : name}\``);
    throw new UsageError(`${first} and ${second} exclude each other`);
  }
  if (options.watch !== true) return runOnce(session, file, options);
  const { watchRuns } = await import('../watch.ts');
  const path = resolve(file);
  await watchRuns(session, {
    file: path,
    output: options.output,
    once: (isAbout) => runOnce(session, path, options, isAbout),
  });
}

/** Of these only one can be wished for. */
const WISHES = ['dryRun', 'detach', 'watch'] as const;

async function runOnce(session: Session, file: string, options: RunOptions, isAbout?: AboutToRun): Promise<void> {
  const claim = options.claim === undefined ? null : readClaim(options.claim);
  const reference = deploymentReference(file);
  const deployed = reference !== null && !/\.(ya?ml|[cm]?[jt]sx?)$/.test(file) ? reference : null;
  const stateDirectory =
    deployed === null ? statePath(session, options, dirname(resolve(fileOf(file)))) : statePath(session, options);
  const kept = deployed === null ? null : await loadDeployment(session, stateDirectory, deployed, claim);
  if (deployed !== null && kept === null) return;
  if (kept !== null && options.profile !== undefined) {
    const help = `deploy it with the profile: flowctl deploy ${kept.flow.definition.file} --profile ${options.profile}`;
    throw new UsageError(
      `\`--profile\` is laid over a flow when it is deployed, and \`${file}\` is a deployment`,
      help,
    );
  }
  const flow = kept?.flow ?? (await loadOrComplain(session, file, options.profile ?? null));
  if (flow === null) return;
  const request = readSelection(session, flow.definition, options);
  if (request === 'refused') return;
  const fresh = freshWish(session, flow.definition, options);
  if (fresh === null) return;
  const select = (params: JsonObject) =>
    findSelection(session, stateDirectory, flow.definition, request, params, options.of);
  const vars = await storedVars(stateDirectory);
  const params = async (context: JsonObject) => {
    const values = await paramsFor(
      session,
      withVars(flow.definition, vars),
      options,
      context,
      kept?.params,
      kept?.seen,
    );
    if (values !== null) await isAbout?.(flow, values);
    return values;
  };
  if (options.dryRun === true) {
    const { definition } = flow;
    const state = stateLayout(stateDirectory);
    return dryRun(session, definition, params, select, async (values, selection) => {
      const environment = environmentOrComplain(session, definition);
      if (environment === null) return null;
      if (definition.steps.every(({ reuse }) => reuse === null)) return new Map();
      const { predictReuse } = await import('../predict-reuse.ts');
      return predictReuse({ state, definition, selection, params: values, environment, fresh });
    });
  }
  const trigger = claim === null ? 'manual' : recordedTrigger(claim);
  const start: RunToStart = {
    flow,
    stateDirectory,
    trigger,
    vars,
    params,
    fresh,
    ...(claim === null ? {} : { claim }),
  };
  await startRun(session, request === null ? start : { ...start, selection: select }, options);
}

/** The code of deployments is loaded where one is named. */
async function loadDeployment(
  session: Session,
  stateDirectory: string,
  reference: DeploymentReference,
  claim: GivenClaim | null,
): Promise<DeployedRun | null> {
  const { loadDeployed } = await import('../deployed-run.ts');
  return loadDeployed(session, stateLayout(stateDirectory), reference, claim);
}
