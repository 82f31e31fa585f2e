/** `flowctl tick`: one look at all deployments, for cron. */

import type { Command } from 'commander';
import { pass, Timetables } from '../../scheduler/pass.ts';
import { openState } from '../../store/open.ts';
import { unwrap } from '../../store/problem.ts';
import { lockScheduler } from '../../store/scheduler-lock.ts';
import { schedulerPorts } from '../scheduler-ports.ts';
import { type GlobalOptions, openSession, withGlobalOptions } from '../session.ts';
import { statePath } from '../state-directory.ts';
import { tickText } from '../tick-text.ts';

const EXAMPLES = `
Examples:
  $ flowctl tick
  $ crontab -l
  * * * * * cd /srv/project && flowctl tick`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('tick'))
    .summary('start what is due, once')
    .description(
      'Looks at all deployments of the project once and starts what is due, each run as a process of its own. For cron, where no ' +
        '`flowctl serve` runs; beside one it does nothing.',
    )
    .addHelpText('after', EXAMPLES)
    .action(tick);
}

async function tick(options: GlobalOptions): Promise<void> {
  const session = openSession(options);
  const state = unwrap(await openState(statePath(session, options)));
  const lock = unwrap(await lockScheduler(state));
  if (lock === null) {
    session.mention('another flowctl is looking at the schedules');
    return;
  }
  try {
    const ports = schedulerPorts(state, (name, outcome) => session.stdout.write(`${tickText(name, outcome)}\n`));
    await pass(ports, new Timetables());
  } finally {
    lock.release();
  }
}
