/** `flowctl pause`. */

import type { Command } from 'commander';
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
  const done = await changeDeployments(session, options, names, (old, now) =>
    old.paused === null
      ? { ...old, paused: { at: now, by: thisUser() }, queue: old.queue.filter(({ event }) => event !== undefined) }
      : old,
  );
  for (const { name, changed } of done ?? [])
    session.stdout.write(changed ? `paused ${name}\n` : `${name} is paused already\n`);
}
