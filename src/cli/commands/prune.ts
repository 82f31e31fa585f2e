/** `flowctl prune`. */

import type { Command } from 'commander';
import { parseDuration } from '../../base/duration.ts';
import type { RunId } from '../../base/ids.ts';
import { DEFAULT_RETENTION } from '../../model/project.ts';
import { RUN_STATES, type RunRow, type RunState } from '../../model/view.ts';
import { exitCodeOf, unwrap } from '../../store/problem.ts';
import { openExisting } from '../../store/open.ts';
import { removeTrash } from '../../store/removal.ts';
import { chooseOld, forgetDeleted } from '../../store/retention.ts';
import { positiveInteger } from '../arguments.ts';
import { RunRemover } from '../remove-runs.ts';
import { runsText } from '../runs-text.ts';
import { type GlobalOptions, openSession, type Session, UsageError, withGlobalOptions } from '../session.ts';
import { failureOf } from '../state-failure.ts';
import { stateToRead } from '../state-directory.ts';

interface PruneOptions extends GlobalOptions {
  readonly olderThan?: string;
  readonly keep?: number;
  readonly flow?: string;
  readonly state?: RunState;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** A run that is owned is not old: nobody is waited for. */
const PATIENCE_MS = 100;

const EXAMPLES = `
Examples:
  $ flowctl prune --dry-run                            what ended more than 30 days ago
  $ flowctl prune --older-than 7d
  $ flowctl prune --keep 20                            of each flow the newest 20 stay, whatever their age
  $ flowctl prune --older-than 7d --keep 20            what is older, but for the newest 20 of each flow
  $ flowctl prune --flow etl --state failed --older-than 1d`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('prune'))
    .summary('delete old runs')
    .description(
      'Deletes runs that ended some time ago, as `flowctl delete` does. Runs that are going on, wait or crashed stay, unless `--state` names ' +
        'theirs; so do damaged ones. Once a day this happens by itself when a run has ended, as `retention` of flowctl.config.yaml says.',
    )
    .option('--older-than <age>', 'what ended so long ago, such as 7d (default: 30d, without --keep)')
    .option('--keep <n>', 'the newest of each flow stay, so many, whatever their age', positiveInteger('--keep'))
    .option('--flow <name>', 'only runs of this flow')
    .option('--state <state>', `only runs in this state: ${RUN_STATES.join(', ')}`, readState)
    .option('--dry-run', 'say which runs would go, and delete nothing')
    .option('--json', 'print a JSON array of the runs that went')
    .addHelpText('after', EXAMPLES)
    .action(prune);
}

function readState(text: string): RunState {
  const state = RUN_STATES.find((known) => known === text);
  if (state === undefined) throw new UsageError(`\`--state ${text}\`: expected one of ${RUN_STATES.join(', ')}`);
  return state;
}

function ageOf({ olderThan, keep }: PruneOptions): number | null {
  if (olderThan === undefined) return keep === undefined ? DEFAULT_RETENTION.older_than_ms : null;
  const age = parseDuration(olderThan);
  if (!age.ok) throw new UsageError(`\`--older-than ${olderThan}\`: that is no duration, such as 7d`);
  return age.value;
}

async function prune(options: PruneOptions): Promise<void> {
  const session = openSession(options);
  const age = ageOf(options);
  const state = stateToRead(session, options);
  const { keep = null, flow, state: wanted } = options;
  const removing = { by: 'prune', patienceMs: PATIENCE_MS, onlyEnded: wanted === undefined } as const;
  const remover = new RunRemover(session, state, removing);
  const rule = { older_than_ms: age, keep, flow, state: wanted };
  const chosen = chooseOld(await remover.rows(), rule, Date.now());
  if (options.dryRun === true) return tell(session, options, chosen);
  const isThere = await openExisting(state);
  if (isThere.ok) {
    const gone = await removeAll(session, remover, chosen);
    await removeTrash(state);
    if (gone.size > 0) await forgetDeleted(state);
    tell(
      session,
      options,
      chosen.filter(({ id }) => gone.has(id)),
    );
  } else if (isThere.error.kind === 'not_found') tell(session, options, []);
  else unwrap(isThere);
}

async function removeAll(
  session: Session,
  remover: RunRemover,
  chosen: readonly RunRow[],
): Promise<ReadonlySet<RunId>> {
  const gone = new Set<RunId>();
  for (const { id } of chosen) {
    const end = await remover.remove(id);
    if (end.ok) {
      if (end.value.kind === 'removed') gone.add(id);
      continue;
    }
    // Somebody else deleted it, or goes on with it: then it is not old.
    if (end.error.kind === 'not_found' || end.error.kind === 'busy') continue;
    const { message, help } = failureOf(end.error);
    session.complain(message, help);
    session.exit(exitCodeOf(end.error));
    if (end.error.kind === 'io') break;
  }
  return gone;
}

function tell(session: Session, options: PruneOptions, rows: readonly RunRow[]): void {
  if (options.json === true) {
    session.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
    return;
  }
  const count = rows.length === 1 ? '1 run' : `${rows.length} runs`;
  const { olderThan = options.keep === undefined ? '30d' : null } = options;
  const older = olderThan === null ? '' : ` that ended more than ${olderThan} ago`;
  if (options.dryRun !== true) session.stdout.write(`deleted ${count}${older}\n`);
  else if (rows.length === 0) session.stdout.write(`nothing to delete: there are no such runs${older}\n`);
  else session.stdout.write(`${runsText(rows, session.style, false)}${count}${older} would be deleted\n`);
}
