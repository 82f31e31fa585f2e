/** Raw tables in, typed tables out. A row that breaks a rule is left out and counted under the rule's name. */

import { join } from 'node:path';
import { parseCsv } from './csv.ts';
import {
  type Airport,
  type Departure,
  type Flight,
  type RawTable,
  readRaw,
  type TableFile,
  writeTable,
} from './tables.ts';

interface Place {
  readonly run_dir: string;
}

/** A cleaned table, and how many rows broke which rule. */
interface Cleaned extends TableFile {
  readonly rejected: Record<string, number>;
}

/** Airports with an IATA-like code and coordinates on this planet; `NA` becomes null. */
export function cleanAirports(input: { readonly raw: RawTable }, context: Place): Cleaned {
  return clean(join(context.run_dir, 'airports.ndjson'), parseCsv(readRaw(input.raw)), (row): Airport | string => {
    const { iata = '', name = '', city = '', state = '', country = '' } = row;
    const [latitude, longitude] = [degrees(row['latitude']), degrees(row['longitude'])];
    if (!/^[A-Z0-9]{3,4}$/.test(iata)) return 'code';
    if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return 'coordinates';
    return { iata, name: name.trim(), city: known(city), state: known(state), country, latitude, longitude };
  });
}

/** Flights with a date, two different airports, a distance, and a delay between two hours early and two days late. */
export function cleanFlights(input: { readonly raw: RawTable }, context: Place): Cleaned {
  const rows = JSON.parse(readRaw(input.raw)) as Record<string, unknown>[];
  return clean(join(context.run_dir, 'flights.ndjson'), rows, (row): Flight | string => {
    const { date, origin, destination, delay, distance } = row;
    const moment = typeof date === 'string' ? /^(\d{4})\/(\d\d)\/(\d\d) (\d\d:\d\d)$/.exec(date) : null;
    if (!moment) return 'date';
    if (typeof origin !== 'string' || typeof destination !== 'string' || origin === destination) return 'airports';
    if (!isDistance(distance)) return 'distance';
    if (!isDelay(delay)) return 'delay';
    const [, year, month, day, time] = moment;
    const departed = `${year}-${month}-${day}T${time}`;
    return { departed, origin, destination, delay_minutes: delay, distance_miles: distance };
  });
}

/** Departures with a time of day (the raw table has hours with a fraction), a distance, and a delay as above. */
export function cleanDepartures(input: { readonly raw: RawTable }, context: Place): Cleaned {
  const rows = JSON.parse(readRaw(input.raw)) as Record<string, unknown>[];
  return clean(join(context.run_dir, 'departures.ndjson'), rows, (row): Departure | string => {
    const { time, delay, distance } = row;
    const minute = typeof time === 'number' ? Math.round(time * 60) : -1;
    if (!(minute >= 0 && minute < 24 * 60)) return 'time';
    if (!isDistance(distance)) return 'distance';
    if (!isDelay(delay)) return 'delay';
    return { minute_of_day: minute, delay_minutes: delay, distance_miles: distance };
  });
}

function clean<Raw>(file: string, raw: readonly Raw[], rule: (row: Raw) => object | string): Cleaned {
  const rows: object[] = [];
  const rejected: Record<string, number> = {};
  for (const row of raw) {
    const verdict = rule(row);
    if (typeof verdict === 'string') rejected[verdict] = (rejected[verdict] ?? 0) + 1;
    else rows.push(verdict);
  }
  console.log(`kept ${rows.length} of ${raw.length} rows; rejected by rule: ${JSON.stringify(rejected)}`);
  return { ...writeTable(file, rows), rejected };
}

const known = (place: string): string | null => (place === '' || place === 'NA' ? null : place.trim());

/** An empty field is no coordinate, though `Number('')` is 0. */
const degrees = (text = ''): number => (text.trim() === '' ? Number.NaN : Number(text));

const isDistance = (miles: unknown): miles is number => typeof miles === 'number' && miles > 0 && miles < 12_500;

const isDelay = (minutes: unknown): minutes is number =>
  typeof minutes === 'number' && Number.isInteger(minutes) && minutes >= -120 && minutes <= 2_880;
