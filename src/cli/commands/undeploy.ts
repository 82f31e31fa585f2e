/** `flowctl undeploy`. */

import type { Command } from 'commander';
import { changeDeployments } from '../change-deployments.ts';
import { type GlobalOptions, openSession, withGlobalOptions } from '../session.ts';

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('undeploy'))
    .argument('<deployments...>', 'names of deployments')
    .summary('forget a deployment')
    .description(
      'Takes the name, the versions and the schedules away. Runs that it began are kept; those under way go on.',
    )
    .addHelpText('after', '\nExamples:\n  $ flowctl undeploy nightly')
    .action(undeploy);
}

async function undeploy(names: readonly string[], options: GlobalOptions): Promise<void> {
  const session = openSession(options);
  const done = await changeDeployments(session, options, names, () => null);
  for (const { name, changed } of done ?? [])
    session.stdout.write(`${name} is not deployed any more${changed ? '' : ', and was not'}\n`);
}
