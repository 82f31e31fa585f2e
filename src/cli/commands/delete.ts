/** `flowctl delete`. */

import type { Command } from 'commander';
import type { RunId } from '../../base/ids.ts';
import { exitCodeOf, unwrap } from '../../store/problem.ts';
import { openExisting } from '../../store/open.ts';
import { removeTrash } from '../../store/removal.ts';
import { resolveRun } from '../../store/runs.ts';
import { RunRemover } from '../remove-runs.ts';
import { type GlobalOptions, openSession, UsageError, withGlobalOptions } from '../session.ts';
import { failureOf } from '../state-failure.ts';
import { stateToRead } from '../state-directory.ts';

interface DeleteOptions extends GlobalOptions {
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ flowctl delete 01kdbq                    the run whose id begins so
  $ flowctl delete last                      the newest run
  $ flowctl delete 01kdbq 01kdc0 01kdc7      several
  $ flowctl prune --older-than 7d            by age: see flowctl prune --help`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('delete'))
    .argument('<runs...>', 'ids, the unique beginnings of some, or `last`')
    .summary('delete runs with all that belongs to them')
    .description(
      'Deletes runs for good: journal, logs, outputs, artifacts, `run.dir`, sub-runs, and the runs that a `flowctl` inside of their steps ' +
        'began. What a crashed run left running is ended first. A run that is going on is refused (75). Results that are kept for reuse stay; ' +
        '`flowctl cache clear` forgets those.',
    )
    .option('--json', 'print a JSON array of the ids that were deleted')
    .addHelpText('after', EXAMPLES)
    .action(deleteRuns);
}

async function deleteRuns(texts: readonly string[], options: DeleteOptions): Promise<void> {
  const session = openSession(options);
  const state = stateToRead(session, options);
  const ids = new Set<RunId>();
  // All are known before the first one goes.
  for (const text of texts) {
    const { id, root } = unwrap(await resolveRun(state, text));
    if (id !== root) {
      throw new UsageError(`run ${id} is part of run ${root}`, `it goes with that: flowctl delete ${root}`);
    }
    ids.add(id);
  }
  unwrap(await openExisting(state));
  const remover = new RunRemover(session, state, { by: 'delete' });
  const gone: RunId[] = [];
  for (const id of ids) {
    if (gone.includes(id)) continue;
    const end = await remover.remove(id);
    if (!end.ok) {
      const { message, help } = failureOf(end.error);
      session.complain(message, help);
      session.exit(exitCodeOf(end.error));
      // A state that cannot be written will not let the next one go either.
      if (end.error.kind === 'io') break;
    } else if (end.value.kind === 'removed') {
      gone.push(...end.value.ids);
      if (options.json !== true) {
        for (const each of end.value.ids) session.stdout.write(`deleted ${each}\n`);
      }
    }
  }
  await removeTrash(state);
  if (options.json === true) session.stdout.write(`${JSON.stringify(gone, null, 2)}\n`);
}
