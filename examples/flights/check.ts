/** Refuses figures that cannot be right. Every rule is tried before the step fails, so that one look at the log is enough. */

import { type Database, openDatabase, select, selectNumber } from './database.ts';
import type { JoinSummary } from './join.ts';
import { LATE_FROM_MINUTES } from './tables.ts';

interface Input {
  readonly database: string;
  readonly min_flights: number;
  /** Rows of the raw tables. */
  readonly extracted: { readonly airports: number; readonly flights: number; readonly departures: number };
  readonly joined: JoinSummary;
}

/** The key figures of the run. */
export interface Figures {
  readonly flights: number;
  readonly departures: number;
  readonly airports: number;
  readonly routes: number;
  readonly days: number;
  readonly mean_delay_minutes: number;
  readonly late_percent: number;
}

/** What is claimed, whether it holds, and the numbers that it was judged by. */
interface Finding {
  readonly claim: string;
  readonly holds: boolean;
  readonly found: string;
}

/**
 * Checks the loaded database against the raw tables, against itself, and against what is plausible for flights.
 * @throws Error that names every claim that does not hold.
 */
export async function check(input: Input): Promise<Figures> {
  const database = await openDatabase(input.database);
  const findings = [
    ...rowsArrived(database, input),
    ...joinIsRight(input.joined),
    ...delaysArePlausible(database),
    ...totalsAgree(database),
    ...someAreRanked(database, input.min_flights),
  ];
  for (const { claim, holds, found } of findings) console.log(`${holds ? 'ok    ' : 'FAILED'} ${claim} (${found})`);
  const broken = findings.filter((finding) => !finding.holds);
  if (broken.length > 0) {
    const claims = broken.map(({ claim, found }) => `${claim} (${found})`);
    throw new Error(`${broken.length} of ${findings.length} checks failed: ${claims.join('; ')}`);
  }
  const figures = figuresOf(database);
  database.close();
  return figures;
}

function rowsArrived(database: Database, { extracted, joined }: Input): Finding[] {
  const arrived = (table: string, raw: number): Finding => {
    const rows = selectNumber(database, `SELECT count(*) FROM ${table}`);
    const claim = `table ${table} holds at least 99 % of the raw rows, and none beyond them`;
    return { claim, holds: raw > 0 && rows >= 0.99 * raw && rows <= raw, found: `${rows} of ${raw}` };
  };
  const flights = selectNumber(database, 'SELECT count(*) FROM flight');
  return [
    arrived('airport', extracted.airports),
    arrived('flight', extracted.flights),
    arrived('departure', extracted.departures),
    {
      claim: 'table flight holds what the join wrote',
      holds: flights === joined.rows,
      found: `${flights} of ${joined.rows}`,
    },
  ];
}

function joinIsRight({ rows, unmatched, largest_distance_gap_miles: gap }: JoinSummary): Finding[] {
  return [
    {
      claim: 'at least 99 % of the flights have both airports',
      holds: rows >= 99 * unmatched,
      found: `${unmatched} of ${rows + unmatched} without`,
    },
    {
      claim: 'distances agree with the coordinates of the airports to 25 miles',
      holds: gap <= 25,
      found: `${gap} at most`,
    },
  ];
}

function delaysArePlausible(database: Database): Finding[] {
  const [low, high, mean, sample] = [
    selectNumber(database, 'SELECT coalesce(min(delay_minutes), 0) FROM flight'),
    selectNumber(database, 'SELECT coalesce(max(delay_minutes), 0) FROM flight'),
    selectNumber(database, 'SELECT coalesce(round(avg(delay_minutes), 2), 0) FROM flight'),
    selectNumber(database, 'SELECT coalesce(round(avg(delay_minutes), 2), 0) FROM departure'),
  ];
  return [
    {
      claim: 'some flights are early, some late, none by more than two hours or two days',
      holds: low >= -120 && low < 0 && high > 0 && high <= 2_880,
      found: `${low} to ${high} minutes`,
    },
    {
      claim: 'the two samples have the same mean delay to a minute',
      holds: Math.abs(mean - sample) <= 1,
      found: `${mean} and ${sample} minutes`,
    },
  ];
}

/** The aggregates were made in TypeScript; here SQLite adds up the rows that they were made from. */
function totalsAgree(database: Database): Finding[] {
  return ['by_airport', 'by_route', 'by_day', 'by_hour'].map((table) => {
    const source = table === 'by_hour' ? 'departure' : 'flight';
    const total = (query: string) => Object.values(select(database, query)[0] ?? {}).join(' flights, ');
    const added = total(`SELECT sum(flights), sum(total_delay_minutes) FROM ${table}`);
    const counted = total(`SELECT count(*), sum(delay_minutes) FROM ${source}`);
    const claim = `the totals of ${table} are those of table ${source}`;
    return { claim, holds: added === counted, found: `${added} minutes; ${counted} minutes` };
  });
}

function someAreRanked(database: Database, minFlights: number): Finding[] {
  const largest = selectNumber(database, 'SELECT coalesce(max(flights), 0) FROM by_airport');
  const claim = `an airport has the ${minFlights} flights that a rank takes`;
  return [{ claim, holds: largest >= minFlights, found: `${largest} at most` }];
}

function figuresOf(database: Database): Figures {
  const count = (table: string) => selectNumber(database, `SELECT count(*) FROM ${table}`);
  return {
    flights: count('flight'),
    departures: count('departure'),
    airports: count('by_airport'),
    routes: count('by_route'),
    days: count('by_day'),
    mean_delay_minutes: selectNumber(database, 'SELECT round(avg(delay_minutes), 2) FROM flight'),
    late_percent: selectNumber(
      database,
      `SELECT round(100.0 * avg(delay_minutes >= ${LATE_FROM_MINUTES}), 2) FROM flight`,
    ),
  };
}
