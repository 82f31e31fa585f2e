/** Delays per airport, route, day and hour. Each function is a step of its own, so that the four run in parallel. */

import { join } from 'node:path';
import { meanInterval } from './bootstrap.ts';
import {
  type Departure,
  type JoinedFlight,
  LATE_FROM_MINUTES,
  readTable,
  type TableFile,
  writeTable,
} from './tables.ts';

/** The columns that every aggregate has beside its key; the mean lies between low and high with 95 % confidence. */
interface DelayFigures {
  readonly flights: number;
  readonly total_delay_minutes: number;
  readonly mean_delay_minutes: number;
  readonly mean_low_minutes: number;
  readonly mean_high_minutes: number;
  readonly median_delay_minutes: number;
  readonly late_percent: number;
}

interface Input {
  readonly file: string;
}

interface Place {
  readonly run_dir: string;
}

/** One row per airport of departure. */
export function byAirport(input: Input, context: Place): TableFile {
  return aggregate(join(context.run_dir, 'by_airport.ndjson'), readTable<JoinedFlight>(input.file), (flight) => ({
    iata: flight.origin,
  }));
}

/** One row per pair of origin and destination; the way back is a route of its own. */
export function byRoute(input: Input, context: Place): TableFile {
  return aggregate(join(context.run_dir, 'by_route.ndjson'), readTable<JoinedFlight>(input.file), (flight) => ({
    origin: flight.origin,
    destination: flight.destination,
  }));
}

/** One row per local date of departure. */
export function byDay(input: Input, context: Place): TableFile {
  return aggregate(join(context.run_dir, 'by_day.ndjson'), readTable<JoinedFlight>(input.file), (flight) => ({
    day: flight.departed.slice(0, 10),
  }));
}

/** One row per local hour of departure, 0 to 23, from the larger sample. */
export function byHour(input: Input, context: Place): TableFile {
  return aggregate(join(context.run_dir, 'by_hour.ndjson'), readTable<Departure>(input.file), (departure) => ({
    hour: Math.floor(departure.minute_of_day / 60),
  }));
}

function aggregate<Row extends { readonly delay_minutes: number }>(
  file: string,
  rows: readonly Row[],
  keyOf: (row: Row) => object,
): TableFile {
  const groups = new Map<string, { readonly key: object; readonly delays: number[] }>();
  for (const row of rows) {
    const key = keyOf(row);
    const name = JSON.stringify(key);
    const group = groups.get(name);
    if (group) group.delays.push(row.delay_minutes);
    else groups.set(name, { key, delays: [row.delay_minutes] });
  }
  console.log(`${rows.length} flights in ${groups.size} groups`);
  return writeTable(
    file,
    [...groups.values()].map(({ key, delays }) => ({ ...key, ...figuresOf(delays) })),
  );
}

function figuresOf(delays: readonly number[]): DelayFigures {
  const sorted = [...delays].sort((one, other) => one - other);
  const total = sorted.reduce((sum, delay) => sum + delay, 0);
  const late = sorted.filter((delay) => delay >= LATE_FROM_MINUTES).length;
  const middle = sorted.length / 2;
  const lower = sorted[Math.ceil(middle) - 1] ?? 0;
  const upper = sorted[Math.floor(middle)] ?? 0;
  const { low, high } = meanInterval(sorted);
  return {
    flights: sorted.length,
    total_delay_minutes: total,
    mean_delay_minutes: rounded(total / sorted.length),
    mean_low_minutes: rounded(low),
    mean_high_minutes: rounded(high),
    median_delay_minutes: (lower + upper) / 2,
    late_percent: rounded((100 * late) / sorted.length),
  };
}

const rounded = (value: number): number => Number(value.toFixed(2));
