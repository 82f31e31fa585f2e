/** `flowctl cancel`. */

import type { Command } from 'commander';
import { StateError } from '../../store/problem.ts';
import { thisUser } from '../actor.ts';
import { cancelRun } from '../cancel-run.ts';
import { EXIT } from '../exit-codes.ts';
import { readNamedRun } from '../read-run.ts';
import { type GlobalOptions, openSession, UsageError, withGlobalOptions } from '../session.ts';
import { stateToRead } from '../state-directory.ts';

interface CancelOptions extends GlobalOptions {
  readonly reason?: string;
  readonly wait: boolean;
}

const LONGEST_REASON = 1_000;

const EXAMPLES = `
Examples:
  $ flowctl cancel 01kdbq                        the run whose id begins so
  $ flowctl cancel last --reason "wrong date"    the newest run; the reason is recorded
  $ flowctl cancel 01kdbq --no-wait              ask, and do not wait for the end`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('cancel'))
    .argument('<run>', 'an id, the unique beginning of one, or `last`')
    .summary('end a run that goes on')
    .description(
      'Asks the process that owns a run to end it, and waits until its end is recorded: its steps are asked to end, and killed ' +
        'after their grace time. The run ends as cancelled, with exit code 5; who asked, when, and why is recorded. A crashed ' +
        'run, which nobody owns, is ended here. `flowctl resume` can go on with a cancelled run.',
    )
    .option('--reason <text>', 'why; recorded', readReason)
    .option('--no-wait', 'do not wait for the end')
    .addHelpText('after', EXAMPLES)
    .action(cancel);
}

function readReason(text: string): string {
  if (text.length <= LONGEST_REASON) return text;
  throw new UsageError(`\`--reason\`: at most ${LONGEST_REASON} characters`);
}

async function cancel(text: string, options: CancelOptions): Promise<void> {
  const session = openSession(options);
  const state = stateToRead(session, options);
  const run = await readNamedRun(state, text);
  const { place } = run.layout;
  if (place.id !== place.root) {
    session.complain(`run ${place.id} is part of run ${place.root}`, `cancel that one: flowctl cancel ${place.root}`);
    return session.exit(EXIT.usage);
  }
  if (run.problem !== null) throw new StateError(run.problem);
  const end = await cancelRun(session, state, run, {
    by: thisUser(),
    reason: options.reason ?? null,
    waits: options.wait,
  });
  switch (end.kind) {
    case 'refused':
      return undefined;
    case 'asked':
      return session.mention(`run ${place.id} was asked to end`);
    case 'had_ended':
      return session.mention(`run ${place.id} had already ended: ${end.state}; nothing to do`);
    case 'ended':
      return session.mention(
        end.state === 'cancelled'
          ? `run ${place.id} is cancelled; to go on: flowctl resume ${place.id}`
          : `run ${place.id} ended before it could be cancelled: ${end.state}`,
      );
    case 'late':
      session.complain(
        `run ${place.id} has not ended within ${Math.round(end.afterMs / 1_000)} s; the request stands`,
        `see what it does: flowctl show ${place.id}`,
      );
      return session.exit(EXIT.busy);
  }
}
