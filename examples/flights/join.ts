/** Gives each flight its two airports, and the distance between their coordinates as a second opinion. */

import { join } from 'node:path';
import { type Airport, type Flight, type JoinedFlight, readTable, writeTable } from './tables.ts';

/** Mean radius of the earth (IUGG), in miles. */
const EARTH_RADIUS_MILES = 3_958.76;

/** What the join tells `check`: how much of the flights it covers, and how far the two distances lie apart at most. */
export interface JoinSummary {
  readonly file: string;
  readonly rows: number;
  readonly unmatched: number;
  readonly largest_distance_gap_miles: number;
}

/** Joins flights to airports on the airport's code; flights whose airports are unknown are counted and left out. */
export function joinAirports(
  input: { readonly flights: string; readonly airports: string },
  context: { readonly run_dir: string },
): JoinSummary {
  const airports = new Map(readTable<Airport>(input.airports).map((airport) => [airport.iata, airport]));
  const flights = readTable<Flight>(input.flights);
  const joined: JoinedFlight[] = [];
  let largestGap = 0;
  for (const flight of flights) {
    const origin = airports.get(flight.origin);
    const destination = airports.get(flight.destination);
    if (!origin || !destination) continue;
    const miles = greatCircleMiles(origin, destination);
    largestGap = Math.max(largestGap, Math.abs(miles - flight.distance_miles));
    joined.push({
      ...flight,
      origin_state: origin.state,
      destination_state: destination.state,
      great_circle_miles: Math.round(miles),
    });
  }
  const unmatched = flights.length - joined.length;
  console.log(
    `joined ${joined.length} of ${flights.length} flights; distances differ by ${largestGap.toFixed(1)} miles`,
  );
  return {
    ...writeTable(join(context.run_dir, 'joined.ndjson'), joined),
    unmatched,
    largest_distance_gap_miles: Number(largestGap.toFixed(1)),
  };
}

/** The shortest way over the earth's surface, by the haversine formula. */
function greatCircleMiles(from: Airport, to: Airport): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const latitudes = Math.sin(radians(to.latitude - from.latitude) / 2) ** 2;
  const longitudes = Math.sin(radians(to.longitude - from.longitude) / 2) ** 2;
  const half = latitudes + Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * longitudes;
  return 2 * EARTH_RADIUS_MILES * Math.asin(Math.sqrt(half));
}
