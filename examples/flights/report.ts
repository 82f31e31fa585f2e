/** Writes the findings as Markdown, and prints them, so that `flowctl logs report` shows what the file says. */

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Figures } from './check.ts';
import { openDatabase, type Row, select } from './database.ts';
import { LATE_FROM_MINUTES } from './tables.ts';

interface Input {
  readonly database: string;
  readonly min_flights: number;
  /** Where to write; relative to this folder. */
  readonly report: string;
  readonly figures: Figures;
}

/** Width of the longest bar, in characters. */
const BAR_WIDTH = 40;

const AIRPORTS = `
  SELECT iata AS airport, coalesce(city, name) || coalesce(', ' || state, '') AS place, flights,
    mean_delay_minutes AS "mean delay", mean_low_minutes || ' to ' || mean_high_minutes AS "95 % sure",
    median_delay_minutes AS median, late_percent AS "late %"
  FROM by_airport JOIN airport USING (iata) WHERE flights >= ?`;

const ROUTES = `
  SELECT origin || ' to ' || destination AS route, flights, mean_delay_minutes AS "mean delay",
    mean_low_minutes || ' to ' || mean_high_minutes AS "95 % sure", late_percent AS "late %"
  FROM by_route WHERE flights >= ? ORDER BY mean_delay_minutes DESC, route LIMIT 5`;

const DAYS = `
  SELECT day, flights, mean_delay_minutes AS "mean delay", late_percent AS "late %"
  FROM by_day ORDER BY mean_delay_minutes DESC, day LIMIT 5`;

const HOURS = 'SELECT hour, flights, mean_delay_minutes AS mean FROM by_hour WHERE flights >= ? ORDER BY hour';

/** Writes the report from the checked database; a reader finds the old report or the new one, never a part. */
export async function report(
  input: Input,
  context: { readonly run: string },
): Promise<{ file: string; slowest_airport: string }> {
  const { figures, min_flights: minFlights } = input;
  const routeMinimum = Math.ceil(minFlights / 5);
  const database = await openDatabase(input.database);
  const slowest = select(database, `${AIRPORTS} ORDER BY mean_delay_minutes DESC, iata LIMIT 5`, minFlights);
  const quickest = select(database, `${AIRPORTS} ORDER BY mean_delay_minutes, iata LIMIT 5`, minFlights);
  const text = [
    '# Flight delays',
    `${figures.flights} flights between ${figures.airports} airports on ${figures.routes} routes and ${figures.days} days` +
      ` arrived ${figures.mean_delay_minutes} minutes late on average; ${figures.late_percent} % came ${LATE_FROM_MINUTES} minutes late or more.`,
    'Delays are those of the arrival, in minutes; early flights count below zero.',
    `## Airports with the longest delays\n\nBy airport of departure, at least ${minFlights} flights.`,
    table(slowest),
    '## Airports with the shortest delays',
    table(quickest),
    `## Routes with the longest delays\n\nAt least ${routeMinimum} flights.`,
    table(select(database, ROUTES, routeMinimum)),
    '## The worst days',
    table(select(database, DAYS)),
    `## Mean delay by hour of departure\n\nFrom a sample of ${figures.departures} flights; hours with fewer than ${minFlights} are` +
      ' left out. The hour is that of the actual departure: who is held back for long departs at night.',
    `\`\`\`text\n${bars(select(database, HOURS, minFlights))}\n\`\`\``,
  ].join('\n\n');
  database.close();
  const file = resolve(import.meta.dirname, input.report);
  mkdirSync(dirname(file), { recursive: true });
  // The run's id keeps two runs that end at the same time out of each other's way.
  writeFileSync(`${file}.${context.run}`, `${text}\n`);
  renameSync(`${file}.${context.run}`, file);
  console.log(text);
  return { file, slowest_airport: String(slowest[0]?.['airport']) };
}

function table(rows: readonly Row[]): string {
  if (rows.length === 0) return 'None.';
  const names = Object.keys(rows[0] ?? {});
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const alignment = names.map((name) => (typeof rows[0]?.[name] === 'number' ? '---:' : '---'));
  const cells = rows.map((row) => line(names.map((name) => String(row[name]).replaceAll('|', '\\|'))));
  return [line(names), line(alignment), ...cells].join('\n');
}

function bars(rows: readonly Row[]): string {
  const longest = Math.max(...rows.map((row) => Number(row['mean'])));
  return rows
    .map((row) => {
      const mean = Number(row['mean']);
      const bar = '#'.repeat(Math.max(0, Math.round((BAR_WIDTH * mean) / longest)));
      return `${String(row['hour']).padStart(2, '0')}h ${mean.toFixed(1).padStart(6)} ${bar}`.trimEnd();
    })
    .join('\n');
}
