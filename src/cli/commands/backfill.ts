/** `flowctl backfill`: runs of a deployment for instants of the past. */

import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Deployment } from '../../model/deployment.ts';
import { starterOfThis } from '../../process/detached.ts';
import { backfill as runBackfill, type BackfillOutcome, isFailure, standingOf } from '../../scheduler/backfill.ts';
import { type BackfillTick, MOST_INSTANTS, planBackfill } from '../../scheduler/backfill-plan.ts';
import { readMoment } from '../../schedules/moment.ts';
import { Timetables } from '../../schedules/timetables.ts';
import type { StateLayout } from '../../store/layout.ts';
import { mintRunId } from '../../store/mint.ts';
import { openState } from '../../store/open.ts';
import { unwrap } from '../../store/problem.ts';
import { positiveInteger } from '../arguments.ts';
import { backfillPorts, paramArguments } from '../backfill-ports.ts';
import { countsOf, instantText, outcomeText, STANDING_TEXT, sumText } from '../backfill-text.ts';
import { deploymentReference } from '../deployment-reference.ts';
import { deploymentOrComplain, loadDeployed } from '../deployed-run.ts';
import { detachBackfill } from '../detached-backfill.ts';
import { EXIT } from '../exit-codes.ts';
import { collect, type ParamOptions, paramsFor } from '../params.ts';
import { type GlobalOptions, openSession, type Session, UsageError, withGlobalOptions } from '../session.ts';
import { dieOf, takeSignals } from '../signals.ts';
import { hintSuffix, stateToRead } from '../state-directory.ts';
import type { EndingSignal } from '../../model/outcome.ts';

interface BackfillOptions extends GlobalOptions, ParamOptions {
  readonly from?: string;
  readonly to?: string;
  readonly maxParallel: number;
  readonly failFast?: boolean;
  readonly detach?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ flowctl backfill nightly --from 2026-03-01 --to 2026-04-01
  $ flowctl backfill nightly --from 2026-03-01 --to 2026-04-01 --dry-run
  $ flowctl backfill nightly --from 2026-03-01 --to 2026-04-01 --max-parallel 4 --fail-fast
  $ flowctl backfill nightly@2 --from 2026-03-01T06:00 --to 2026-03-02 -p limit=10 --detach`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('backfill'))
    .argument('<deployment>', 'the name of a deployment, or one of its versions, `nightly@3`')
    .summary('run a deployment for instants of the past')
    .description(
      'Starts one run for every instant that the schedules of a deployment name from one time up to, not including, another, in their ' +
        'order; an instant that has had its run, by a schedule or by a backfill, is left out. Stays until they are over. What was ' +
        'stopped half way goes on when the same is asked for again.',
    )
    .option('--from <time>', "the first instant; a time without an offset is one of the schedule's zone")
    .option('--to <time>', 'nothing from here on')
    .option(
      '--max-parallel <n>',
      "at most so many runs of the deployment's backfills at once",
      positiveInteger('--max-parallel'),
      1,
    )
    .option('--fail-fast', 'after a run that did not succeed start nothing new')
    .option('-p, --param <name=value>', 'value of a param for all runs; repeatable', collect)
    .option('--params-file <file>', 'values of params from a JSON object')
    .option('--dry-run', 'list the instants and what would become of them, and start nothing')
    .option('--detach', 'leave it to a process of its own; what it says is in the file that is printed')
    .option('--json', 'print JSON when all is over')
    .addHelpText('after', EXAMPLES)
    .action(backfill);
}

/** What is to be run, once it is known that it can be. */
interface Prepared {
  readonly state: StateLayout;
  readonly deployment: Deployment;
  readonly version: number;
  readonly ticks: readonly BackfillTick[];
  readonly timetables: Timetables;
}

async function backfill(name: string, options: BackfillOptions): Promise<void> {
  const session = openSession(options);
  const prepared = await prepare(session, name, options);
  if (prepared === null) return;
  if (options.dryRun === true) return dryRun(session, prepared, options);
  unwrap(await openState(prepared.state.root));
  const starter = options.detach === true ? starterOfThis() : null;
  if (options.detach === true && starter === null) {
    return detachBackfill(session, prepared.state, prepared.deployment.name, options.json === true);
  }
  const signals = takeSignals(session.environment, starter !== null);
  if (starter !== null) {
    await starter.receive();
    await starter.answer({ begun: true });
  }
  await perform(session, prepared, options, signals);
}

function momentOf(flag: string, text: string | undefined): NonNullable<ReturnType<typeof readMoment>> {
  const help = 'such as 2027-01-31, 2027-01-31T06:00 or 2027-01-31T06:00:00Z';
  if (text === undefined) throw new UsageError(`\`${flag}\` is missing: say which instants are meant`, help);
  const moment = readMoment(text);
  if (moment === null) throw new UsageError(`\`${flag} ${text}\`: that is no time`, help);
  return moment;
}

/** Null: it cannot be; that is said, and the exit code is set. */
async function prepare(session: Session, text: string, options: BackfillOptions): Promise<Prepared | null> {
  const [from, to] = [momentOf('--from', options.from), momentOf('--to', options.to)];
  if (
    from.kind === to.kind &&
    (from.kind === 'wall' ? from.wall : from.instant) > (to.kind === 'wall' ? to.wall : to.instant)
  )
    throw new UsageError('`--to` is before `--from`');
  const reference = deploymentReference(text);
  if (reference === null)
    throw new UsageError(`\`${text}\` is no name of a deployment`, 'to deploy a flow first: flowctl deploy flow.yaml');
  const state = stateToRead(session, options);
  const deployment = await deploymentOrComplain(session, state, reference.name);
  if (deployment === null) return null;
  const timetables = new Timetables();
  if (!deployment.schedules.some(({ active }) => active)) {
    session.complain(`deployment \`${deployment.name}\` has no active schedules, so that it has no instants`, null);
    session.exit(EXIT.usage);
    return null;
  }
  const now = Date.now();
  const { ticks, isCut } = planBackfill(deployment, { from, to, now }, timetables);
  if (ticks === null) {
    session.complain(`these are more than ${MOST_INSTANTS} instants`, 'do it in parts: name a shorter span');
    session.exit(EXIT.usage);
    return null;
  }
  if (isCut) session.mention('instants after now are left to `flowctl serve` or `flowctl tick`');
  const version = reference.version ?? deployment.version;
  const [first] = ticks;
  if (first !== undefined && !(await fits(session, state, { ...reference, version }, first, options))) return null;
  return { state, deployment, version, ticks, timetables };
}

/** What every run would be refused for is said once, before any is started. */
async function fits(
  session: Session,
  state: StateLayout,
  reference: { readonly name: string; readonly version: number },
  { schedule, scheduled_for, previous_scheduled_for }: BackfillTick,
  options: BackfillOptions,
): Promise<boolean> {
  const deployed = await loadDeployed(session, state, reference, {
    run: mintRunId(),
    schedule,
    trigger: 'backfill',
    isTrial: true,
  });
  if (deployed === null) return false;
  const run = { id: '', started_at: new Date().toISOString(), scheduled_for, previous_scheduled_for, attempt: 1 };
  return (await paramsFor(session, deployed.flow.definition, options, run, deployed.params)) !== null;
}

async function dryRun(session: Session, prepared: Prepared, options: BackfillOptions): Promise<void> {
  const { deployment, ticks, timetables } = prepared;
  const standings = ticks.map((tick) => ({ tick, standing: standingOf(deployment, tick, timetables) }));
  if (options.json === true) {
    const instants = standings.map(({ tick: { scheduled_for, schedule }, standing }) => ({
      ...{ scheduled_for, schedule, standing },
    }));
    await session.stdout.writeAll(`${JSON.stringify({ ...headOf(prepared), instants }, null, 2)}\n`);
    return;
  }
  const lines = standings.map(({ tick, standing }) => `${instantText(tick)}  ${STANDING_TEXT[standing]}`);
  await session.stdout.writeAll(`${(lines.length === 0 ? ['no instants'] : lines).join('\n')}\n`);
}

const headOf = ({ deployment, version }: Prepared) => ({ deployment: deployment.name, version });

async function perform(
  session: Session,
  prepared: Prepared,
  options: BackfillOptions,
  signals: ReturnType<typeof takeSignals>,
): Promise<void> {
  const { state, deployment, version, ticks, timetables } = prepared;
  const given = paramArguments({
    ...options,
    ...(options.paramsFile === undefined ? {} : { paramsFile: resolve(options.paramsFile) }),
  });
  let received: EndingSignal | null = null;
  const ports = backfillPorts(state, `${deployment.name}@${version}`, given, {
    ...signals,
    deliverTo: (target) =>
      signals.deliverTo((signal) => {
        received ??= signal;
        target(signal);
      }),
  });
  let over = 0;
  const say = (text: string): void => {
    if (options.json !== true && options.quiet !== true) session.stdout.write(`${text}\n`);
  };
  const asked = { deployment, ticks, maxParallel: options.maxParallel, failFast: options.failFast === true };
  const { outcomes, isChanged } = await runBackfill(asked, timetables, {
    ...ports,
    began: (tick, run) => say(`${instantText(tick)}  run ${run}`),
    ended: (tick, outcome) => {
      over += 1;
      say(`${instantText(tick)}  ${outcomeText(outcome)} (${over} of ${ticks.length})`);
    },
  });
  await tellEnd(session, prepared, options, outcomes);
  const isWhole = !isChanged && outcomes.every(({ outcome }) => outcome !== 'left' && outcome !== 'interrupted');
  if (isChanged) session.complain(`\`${deployment.name}\` was deployed again meanwhile`, null);
  if (!isWhole) {
    const again = `flowctl backfill ${deployment.name} --from ${options.from} --to ${options.to}`;
    session.mention(`to go on: ${again}${hintSuffix(session, options, state)}`);
  }
  session.exit(!isWhole || outcomes.some(isFailure) ? EXIT.failed : EXIT.ok);
  await session.stdout.flush(FLUSH_LIMIT_MS);
  await session.stderr.flush(FLUSH_LIMIT_MS);
  signals.remove();
  if (received !== null) dieOf(received);
}

/** A reader that does not read must not keep it from ending. */
const FLUSH_LIMIT_MS = 300;

async function tellEnd(
  session: Session,
  prepared: Prepared,
  options: BackfillOptions,
  outcomes: readonly BackfillOutcome[],
): Promise<void> {
  if (options.json === true) {
    const instants = prepared.ticks.map(({ scheduled_for, schedule }, place) => ({
      ...{ scheduled_for, schedule },
      ...(outcomes[place] ?? { outcome: 'left' }),
    }));
    const end = { ...headOf(prepared), counts: countsOf(outcomes), instants };
    await session.stdout.writeAll(`${JSON.stringify(end, null, 2)}\n`);
    return;
  }
  session.stdout.write(`${sumText(outcomes)}\n`);
  const failed = outcomes.flatMap((each) => (each.outcome === 'ran' && isFailure(each) ? [each.run] : []));
  const [first] = failed;
  if (first !== undefined) session.mention(`to go on with what failed: flowctl resume ${first}`);
}
