/** `flowctl tick`: one look at all deployments, for cron. */

import type { Command } from 'commander';
import { pass } from '../../scheduler/pass.ts';
import { Timetables } from '../../schedules/timetables.ts';
import type { StateLayout } from '../../store/layout.ts';
import { openExisting } from '../../store/open.ts';
import { hasMessages } from '../../store/outbox-folder.ts';
import { unwrap } from '../../store/problem.ts';
import { lockScheduler } from '../../store/scheduler-lock.ts';
import type { Delivery } from '../deliver-messages.ts';
import { bothEvents, openAutomations } from '../open-automations.ts';
import { openEvents } from '../open-events.ts';
import { schedulerPorts } from '../scheduler-ports.ts';
import { type GlobalOptions, openSession, type Session, withGlobalOptions } from '../session.ts';
import { stateToRead } from '../state-directory.ts';
import { tellTick } from '../tick-text.ts';

const EXAMPLES = `
Examples:
  $ flowctl tick
  $ crontab -l
  * * * * * cd /srv/project && flowctl tick`;

/** The next minute's tick is not to wait for this one. */
const DELIVERY_BUDGET_MS = 30_000;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('tick'))
    .summary('start what is due, once')
    .description(
      'Looks at all deployments of the project once and starts what is due, each run as a process of its own. For cron, where no ' +
        '`flowctl serve` runs; beside one it does nothing. Ends with 1 when a run that was due could not be started.',
    )
    .addHelpText('after', EXAMPLES)
    .action(tick);
}

async function tick(options: GlobalOptions): Promise<void> {
  const session = openSession(options);
  const state = stateToRead(session, options);
  const isThere = await openExisting(state);
  // Called in the wrong folder it must not make a project of that.
  if (!isThere.ok && isThere.error.kind === 'not_found') {
    session.mention('nothing is deployed: flowctl deploy <flow>');
    return;
  }
  unwrap(isThere);
  const lock = unwrap(await lockScheduler(state));
  if (lock === null) {
    session.mention('another flowctl is looking at the schedules');
    return;
  }
  try {
    const ports = schedulerPorts(state, (name, outcome) => tellTick(session, options, name, outcome));
    const events = openEvents(session, state, true, () => undefined);
    const sayDone = (text: string, isTrouble: boolean): void => {
      if (isTrouble) session.mention(text);
      else if (options.quiet !== true) session.stdout.write(`${text}\n`);
    };
    const automations = openAutomations(session, state, sayDone);
    await pass({ ...ports, events: bothEvents(events.port, automations.port) }, new Timetables());
  } finally {
    lock.release();
  }
  await sendLeftBehind(session, options, state);
}

/** Messages of earlier runs that did not arrive. */
async function sendLeftBehind(session: Session, options: GlobalOptions, state: StateLayout): Promise<void> {
  if (!(await hasMessages(state))) return;
  const { deliverMessages, deliveryText } = await import('../deliver-messages.ts');
  const tell: Delivery = (message, end) => {
    if (options.quiet !== true) session.stdout.write(`${deliveryText(message, end)}\n`);
  };
  await deliverMessages(session, state, { budgetMs: DELIVERY_BUDGET_MS, tell });
}
