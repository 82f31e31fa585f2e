/** `flowctl pause`. */

import type { Command } from 'commander';
import { REMEMBERED_TICKS, type TickOutcome } from '../../model/deployment.ts';
import { thisUser } from '../actor.ts';
import { changeDeployments } from '../change-deployments.ts';
import { type GlobalOptions, openSession, withGlobalOptions } from '../session.ts';

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('pause'))
    .argument('<deployments...>', 'names of deployments')
    .summary('begin no runs of a deployment for now')
    .description(
      'Nothing is run by the schedules of a paused deployment, and what is due meanwhile is not made up for. Runs under way go on.',
    )
    .addHelpText('after', '\nExamples:\n  $ flowctl pause nightly')
    .action(pause);
}

async function pause(names: readonly string[], options: GlobalOptions): Promise<void> {
  const session = openSession(options);
  const done = await changeDeployments(session, options, names, (old, now) => {
    if (old.paused !== null) return old;
    // What waits is not made up for, and not dropped without a word.
    const left = old.queue.filter(({ event }) => event === undefined);
    const missed = left.map(
      ({ schedule, scheduled_for }): TickOutcome => ({
        ...{ schedule, scheduled_for, outcome: 'missed', until: scheduled_for, count: 1, is_more: false },
      }),
    );
    return {
      ...old,
      paused: { at: now, by: thisUser() },
      queue: old.queue.filter(({ event }) => event !== undefined),
      ticks: [...old.ticks, ...missed].slice(-REMEMBERED_TICKS),
    };
  });
  for (const { name, changed } of done ?? [])
    session.stdout.write(changed ? `paused ${name}\n` : `${name} is paused already\n`);
}
