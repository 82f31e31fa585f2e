/** `flowctl runs`. */

import type { Command } from 'commander';
import { parseDuration } from '../../base/duration.ts';
import { RUN_STATES, type RunState } from '../../model/view.ts';
import { listRuns } from '../../store/listing.ts';
import { StateError } from '../../store/problem.ts';
import { instantOrAge, positiveInteger } from '../arguments.ts';
import { runsText } from '../runs-text.ts';
import { type GlobalOptions, openSession, UsageError, withGlobalOptions } from '../session.ts';
import { stateToRead } from '../state-directory.ts';

interface RunsOptions extends GlobalOptions {
  readonly flow?: string;
  readonly state?: RunState;
  readonly tag?: string;
  readonly since?: string;
  readonly limit: number;
  readonly all?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ flowctl runs
  $ flowctl runs --flow etl --state failed --since 7d
  $ flowctl runs --all
  $ flowctl runs --json | jq '.[0].state'`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('runs'))
    .summary('list runs, newest first')
    .description(
      'Lists the runs of the project, newest first. A run whose owner died is `crashed`: `flowctl resume` goes on.',
    )
    .option('--flow <name>', 'only runs of this flow')
    .option('--state <state>', `only runs in this state: ${RUN_STATES.join(', ')}`, readState)
    .option('--tag <tag>', 'only runs with this tag')
    .option('--since <time>', 'only runs started since an instant, or an age such as 2d')
    .option('--all', 'also the runs of sub-flows, and those that a step began with `flowctl run`')
    .option('--limit <n>', 'at most so many', positiveInteger('--limit'), 20)
    .option('--json', 'print a JSON array')
    .addHelpText('after', EXAMPLES)
    .action(runs);
}

function readState(text: string): RunState {
  const state = RUN_STATES.find((known) => known === text);
  if (state === undefined) throw new UsageError(`\`--state ${text}\`: expected one of ${RUN_STATES.join(', ')}`);
  return state;
}

async function runs(options: RunsOptions): Promise<void> {
  const session = openSession(options);
  const now = Date.now();
  const age = (text: string): number | null => {
    const duration = parseDuration(text);
    return duration.ok ? duration.value : null;
  };
  const { flow, state, tag, limit, all } = options;
  const since = options.since === undefined ? undefined : instantOrAge(options.since, now, age);
  const rows = await listRuns(stateToRead(session, options), { flow, state, tag, since, limit, all }, now);
  if (!rows.ok) throw new StateError(rows.error);
  const text =
    options.json === true
      ? `${JSON.stringify(rows.value, null, 2)}\n`
      : runsText(rows.value, session.style, all === true);
  await session.stdout.writeAll(text);
}
