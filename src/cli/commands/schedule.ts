/** `flowctl schedule`: when flows run by themselves. */

import type { Command } from 'commander';
import { parseDuration } from '../../base/duration.ts';
import { nearestWord } from '../../base/suggestion.ts';
import { DEFAULT_ZONE, type ScheduleTiming } from '../../model/schedule.ts';
import { describeTiming } from '../../schedules/describe.ts';
import { instantOf, readMoment } from '../../schedules/moment.ts';
import { nextOf, type Occurrences, readTimetable, type Timetable } from '../../schedules/occurrences.ts';
import { positiveInteger } from '../arguments.ts';
import { loadOrComplain } from '../flow-file.ts';
import { occurrencesText } from '../occurrences-text.ts';
import { exportText } from '../schedule-export.ts';
import { stateLayout } from '../../store/layout.ts';
import { statePath } from '../state-directory.ts';
import { type GlobalOptions, openSession, type Session, UsageError, withGlobalOptions } from '../session.ts';

/** What can be asked of schedules. */
export const SCHEDULE_ACTIONS = ['next', 'export'] as const;

interface ScheduleOptions extends GlobalOptions {
  readonly cron?: string;
  readonly interval?: string;
  readonly anchor?: string;
  readonly rrule?: string;
  readonly at?: string;
  readonly timezone?: string;
  readonly from?: string;
  readonly number: number;
  readonly profile?: string;
  readonly json?: boolean;
  readonly crontab?: boolean;
  readonly systemd?: boolean;
}

const EXAMPLES = `
Examples:
  $ flowctl schedule next etl.yaml
  $ flowctl schedule next --cron '30 2 * * *' --timezone America/New_York --from 2027-03-13
  $ flowctl schedule next --interval 1d --anchor 2026-01-01T06:00 --timezone Europe/Berlin -n 3
  $ flowctl schedule next --rrule 'FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=18;BYMINUTE=0;BYSECOND=0' --json
  $ flowctl schedule export --crontab         the line by which cron starts what is due; --systemd: a unit`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('schedule'))
    .argument('<action>', SCHEDULE_ACTIONS.join(', '))
    .argument('[flow]', 'a flow file; not with --cron, --interval, --rrule or --at')
    .summary('list when a flow is due; keep cron or systemd looking')
    .description(
      'Lists the instants at or after one that the schedules of a flow name, or a schedule given here. JSON: an array of instants in UTC. ' +
        '`export` prints what cron or systemd need to start the runs of deployments.',
    )
    .option('--cron <expression>', 'five fields, or six with seconds first')
    .option('--interval <duration>', 'equal steps of time, such as 15m or 1d')
    .option('--anchor <time>', 'of --interval: what it is counted from (default: 2020-01-01T00:00 in the zone)')
    .option('--rrule <rule>', 'a recurrence rule (RFC 5545)')
    .option('--at <time>', 'once')
    .option('--timezone <zone>', `an IANA time zone (default: ${DEFAULT_ZONE}, or that of the flow's schedule)`)
    .option('--from <time>', "an instant, or a time of the zone's clock (default: now)")
    .option('-n, --number <n>', 'how many', positiveInteger('-n'), 10)
    .option('--profile <name>', 'lay a profile of flowctl.config.yaml over the flow')
    .option('--json', 'print a JSON array of instants')
    .option('--crontab', 'of `export`: a line for crontab, which calls `flowctl tick`')
    .option('--systemd', 'of `export`: a unit that keeps `flowctl serve` running')
    .addHelpText('after', EXAMPLES)
    .action(schedule);
}

async function schedule(action: string, flow: string | undefined, options: ScheduleOptions): Promise<void> {
  const session = openSession(options);
  if (!SCHEDULE_ACTIONS.some((known) => known === action)) {
    const near = nearestWord(action, SCHEDULE_ACTIONS);
    const help = near === null ? 'flowctl schedule next etl.yaml' : `did you mean \`${near}\`?`;
    throw new UsageError(`\`flowctl schedule ${action}\`: there is no such action`, help);
  }
  if (action === 'export') return exportSchedules(session, flow, options);
  const tables = await timetables(session, flow, options);
  if (tables === null) return;
  const read = tables.map((each) => ({ table: each, occurrences: occurrencesOf(each) }));
  const from = fromOf(options.from, read[0]?.occurrences);
  const all = read.map(({ occurrences }) => occurrences);
  const instants = nextOf(all, from, options.number);
  if (options.json === true) {
    const written = instants.map((instant) => new Date(instant).toISOString());
    await session.stdout.writeAll(`${JSON.stringify(written, null, 2)}\n`);
    return;
  }
  if (read.length === 0) {
    session.stdout.write('the flow has no active schedules\n');
    return;
  }
  const groups = read.map(({ table, occurrences }) => ({
    title: describeTiming(table),
    zone: occurrences.zone,
    instants: nextOf([occurrences], from, options.number),
  }));
  await session.stdout.writeAll(occurrencesText(groups, Date.now(), session.style));
}

async function exportSchedules(session: Session, flow: string | undefined, options: ScheduleOptions): Promise<void> {
  if ((options.crontab === true) === (options.systemd === true))
    throw new UsageError('say for whom: --crontab or --systemd');
  if (flow !== undefined)
    throw new UsageError('`flowctl schedule export` is about all deployments of the project, and takes no flow');
  const state = stateLayout(statePath(session, options));
  const path = session.environment['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
  const program = { node: process.execPath, file: process.argv[1] ?? '', path };
  await session.stdout.writeAll(exportText(options.crontab === true ? 'crontab' : 'systemd', state, program));
}

/** The schedule that the options say. Null: they say none. */
function timingOf(options: ScheduleOptions): ScheduleTiming | null {
  const { cron, interval, rrule, at, anchor } = options;
  const given = Object.entries({ cron, interval, rrule, at }).filter(([, value]) => value !== undefined);
  if (given.length > 1) throw new UsageError(`--${given[0]?.[0]} and --${given[1]?.[0]} exclude each other`);
  if (anchor !== undefined && interval === undefined) throw new UsageError('`--anchor` belongs to `--interval`');
  if (cron !== undefined) return { kind: 'cron', expression: cron };
  if (rrule !== undefined) return { kind: 'rrule', rule: rrule };
  if (at !== undefined) return { kind: 'at', time: at };
  if (interval === undefined) return null;
  const every = parseDuration(interval);
  if (!every.ok) throw new UsageError(`\`--interval ${interval}\`: that is no duration, such as 15m or 1d`);
  return { kind: 'interval', every_ms: every.value, anchor: anchor ?? null };
}

/** Null: the flow is not there or not valid, which was said. */
async function timetables(
  session: Session,
  flow: string | undefined,
  options: ScheduleOptions,
): Promise<readonly Timetable[] | null> {
  const timing = timingOf(options);
  if (timing !== null) {
    if (flow !== undefined) throw new UsageError('give a flow, or a schedule, but not both');
    return [{ timing, timezone: options.timezone ?? DEFAULT_ZONE, start: null, end: null }];
  }
  if (flow === undefined) throw new UsageError('give a flow file, or one of --cron, --interval, --rrule and --at');
  const loaded = await loadOrComplain(session, flow, options.profile ?? null);
  if (loaded === null) return null;
  const active = (loaded.definition.schedules ?? []).filter((each) => each.active);
  const { timezone } = options;
  return timezone === undefined ? active : active.map((each) => ({ ...each, timezone }));
}

function occurrencesOf(table: Timetable): Occurrences {
  const read = readTimetable(table);
  if (read.ok) return read.value;
  const [first] = read.error;
  throw new UsageError(`\`--${first?.key ?? 'cron'}\`: ${first?.message ?? 'it names no instants'}`, first?.help);
}

/** From where on, in milliseconds: a time without an offset is one of the schedule's own zone. */
function fromOf(text: string | undefined, first: Occurrences | undefined): number {
  if (text === undefined) return Date.now();
  const moment = readMoment(text);
  if (moment === null)
    throw new UsageError(
      `\`--from ${text}\`: that is no time`,
      'such as 2027-01-31, 2027-01-31T06:00 or 2027-01-31T06:00:00Z',
    );
  if (moment.kind === 'instant') return moment.instant;
  return first === undefined ? moment.wall : instantOf(moment, first.zone);
}
