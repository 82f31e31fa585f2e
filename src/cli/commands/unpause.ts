/** `flowctl unpause`. */

import type { Command } from 'commander';
import { changeDeployments } from '../change-deployments.ts';
import { type GlobalOptions, openSession, withGlobalOptions } from '../session.ts';

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('unpause'))
    .argument('<deployments...>', 'names of deployments')
    .summary('begin runs of a deployment again')
    .description(
      'The schedules of a deployment are looked at again, from now on: what was due while it was paused is not run.',
    )
    .addHelpText('after', '\nExamples:\n  $ flowctl unpause nightly')
    .action(unpause);
}

async function unpause(names: readonly string[], options: GlobalOptions): Promise<void> {
  const session = openSession(options);
  const done = await changeDeployments(session, options, names, (old, now) =>
    old.paused === null ? old : { ...old, paused: null, decided_until: old.schedules.map(() => now) },
  );
  for (const { name, changed } of done ?? [])
    session.stdout.write(changed ? `${name} goes on\n` : `${name} is not paused\n`);
}
