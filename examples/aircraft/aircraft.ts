/** Which airports the aircraft in the air are near: positions are replayed from a file, so that it runs without a network. */

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { context, flow, task } from 'flowctl';

interface Airport {
  readonly iata: string;
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
}

/** One report of an aircraft: who, where, when. */
interface Position {
  readonly aircraft: string;
  readonly second: number;
  readonly latitude: number;
  readonly longitude: number;
  readonly altitudeFeet: number;
}

interface Sighting {
  readonly aircraft: string;
  readonly airport: string;
  readonly miles: number;
  readonly altitudeFeet: number;
}

const EARTH_RADIUS_MILES = 3_958.8;

/** The great-circle distance by the haversine formula. */
function milesBetween(a: { latitude: number; longitude: number }, b: { latitude: number; longitude: number }): number {
  const radians = (degrees: number): number => (degrees * Math.PI) / 180;
  const half = (from: number, to: number): number => Math.sin(radians(to - from) / 2) ** 2;
  const chord =
    half(a.latitude, b.latitude) +
    Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * half(a.longitude, b.longitude);
  return 2 * EARTH_RADIUS_MILES * Math.asin(Math.sqrt(chord));
}

/** The airports of the npm package `vega-datasets`; only those with a name in the usual three letters. */
const loadAirports = task('load_airports', { tags: ['reference'] }, async (): Promise<Airport[]> => {
  const entry = createRequire(import.meta.url).resolve('vega-datasets');
  const table = readFileSync(
    join(entry.slice(0, entry.lastIndexOf('vega-datasets')), 'vega-datasets/data/airports.csv'),
  );
  const rows = table.toString().trim().split('\n').slice(1);
  return rows.flatMap((row) => {
    // Names may hold commas, in quotes; the coordinates are the last two columns.
    const cells =
      row.match(/("([^"]*)"|[^,]*)(,|$)/g)?.map((cell) => cell.replace(/,$/, '').replace(/^"|"$/g, '')) ?? [];
    const [iata = '', name = '', , , , latitude, longitude] = cells;
    return /^[A-Z]{3}$/.test(iata) ? [{ iata, name, latitude: Number(latitude), longitude: Number(longitude) }] : [];
  });
});

/** What was received in one minute of the recording. The receiver drops out now and then, so it is asked again. */
const receive = task(
  'receive',
  {
    retry: { max: 3, delay: '100ms', backoff: 'exponential' },
    timeout: '10s',
    runName: (_file, minute) => `minute ${minute}`,
  },
  async (file: string, minute: number): Promise<Position[]> => {
    const { attempt, logger } = context();
    if (minute === 1 && attempt === 1) throw new Error('the receiver dropped out');
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    const heard = lines
      .map((line) => JSON.parse(line) as Position)
      .filter(({ second }) => Math.floor(second / 60) === minute);
    logger.info('received', { minute, positions: heard.length });
    return heard;
  },
);

/** The nearest airport of each aircraft in a batch. */
const locate = task(
  'locate',
  async (positions: readonly Position[], airports: readonly Airport[], withinMiles: number) => {
    const sightings: Sighting[] = [];
    for (const position of positions) {
      let nearest: { airport: string; miles: number } | null = null;
      for (const airport of airports) {
        const miles = milesBetween(position, airport);
        if (miles <= withinMiles && miles < (nearest?.miles ?? Number.POSITIVE_INFINITY))
          nearest = { airport: airport.iata, miles };
      }
      if (nearest !== null) {
        const { aircraft, altitudeFeet } = position;
        sightings.push({
          aircraft,
          airport: nearest.airport,
          miles: Math.round(nearest.miles * 10) / 10,
          altitudeFeet,
        });
      }
    }
    return sightings;
  },
);

const publish = task('publish', async (sightings: readonly Sighting[]) => {
  const file = join(context().run_dir, 'sightings.csv');
  writeFileSync(file, 'aircraft,airport,miles,altitude_feet\n');
  for (const { aircraft, airport, miles, altitudeFeet } of sightings) {
    appendFileSync(file, `${aircraft},${airport},${miles},${altitudeFeet}\n`);
  }
  return file;
});

export default flow(
  'aircraft',
  {
    description: 'Which airports the aircraft in the air are near.',
    params: {
      positions: { type: 'string', default: new URL('positions.ndjson', import.meta.url).pathname },
      minutes: { type: 'integer', minimum: 1, default: 3 },
      withinMiles: { type: 'number', exclusiveMinimum: 0, default: 25 },
    },
  },
  async ({ positions, minutes, withinMiles }) => {
    const airports = await loadAirports();
    const sightings: Sighting[] = [];
    // A minute at a time, as they come; what was located is kept if the next minute fails.
    for (let minute = 0; minute < minutes; minute += 1) {
      const heard = await receive(positions, minute);
      if (heard.length === 0) break;
      sightings.push(...(await locate(heard, airports, withinMiles)));
    }
    const busiest = new Map<string, Set<string>>();
    for (const { airport, aircraft } of sightings)
      busiest.set(airport, (busiest.get(airport) ?? new Set()).add(aircraft));
    const report = Object.fromEntries([...busiest].map(([airport, aircraft]) => [airport, aircraft.size]));
    return { airports: report, sightings: sightings.length, file: await publish(sightings) };
  },
);
