/** Builds the database: strict column types and foreign keys, so that SQLite itself refuses a row that does not fit. */

import { join } from 'node:path';
import { createDatabase, type Database, saveDatabase, select } from './database.ts';
import { readTable } from './tables.ts';

const FIGURES = [
  'flights INTEGER NOT NULL CHECK (flights > 0)',
  'total_delay_minutes INTEGER NOT NULL',
  'mean_delay_minutes REAL NOT NULL',
  'mean_low_minutes REAL NOT NULL',
  'mean_high_minutes REAL NOT NULL',
  'median_delay_minutes REAL NOT NULL',
  'late_percent REAL NOT NULL CHECK (late_percent BETWEEN 0 AND 100)',
];

/** Each table's columns, in an order in which no table refers to a later one. */
const COLUMNS = {
  airport: [
    'iata TEXT PRIMARY KEY',
    'name TEXT NOT NULL',
    'city TEXT',
    'state TEXT',
    'country TEXT NOT NULL',
    'latitude REAL NOT NULL',
    'longitude REAL NOT NULL',
  ],
  flight: [
    'departed TEXT NOT NULL',
    'origin TEXT NOT NULL REFERENCES airport',
    'destination TEXT NOT NULL REFERENCES airport',
    'delay_minutes INTEGER NOT NULL',
    'distance_miles INTEGER NOT NULL',
    'great_circle_miles INTEGER NOT NULL',
  ],
  departure: [
    'minute_of_day INTEGER NOT NULL CHECK (minute_of_day BETWEEN 0 AND 1439)',
    'delay_minutes INTEGER NOT NULL',
    'distance_miles INTEGER NOT NULL',
  ],
  by_airport: ['iata TEXT PRIMARY KEY REFERENCES airport', ...FIGURES],
  by_route: ['origin TEXT NOT NULL REFERENCES airport', 'destination TEXT NOT NULL REFERENCES airport', ...FIGURES],
  by_day: ['day TEXT PRIMARY KEY', ...FIGURES],
  by_hour: ['hour INTEGER PRIMARY KEY CHECK (hour BETWEEN 0 AND 23)', ...FIGURES],
} as const satisfies Record<string, readonly string[]>;

type Table = keyof typeof COLUMNS;

const TABLES = Object.keys(COLUMNS) as Table[];

/** Loads the file of each table into a new database in the run's folder. */
export async function load(
  input: Readonly<Record<Table, string>>,
  context: { readonly run_dir: string },
): Promise<{ file: string; bytes: number; rows: Record<string, number> }> {
  const file = join(context.run_dir, 'flights.sqlite');
  const database = await createDatabase();
  const rows: Record<string, number> = {};
  database.run('PRAGMA foreign_keys = ON');
  for (const table of TABLES) {
    rows[table] = loadTable(database, table, readTable(input[table]));
    console.log(`${table}: ${rows[table]} rows`);
  }
  database.run('CREATE INDEX flight_by_route ON flight (origin, destination)');
  database.run('CREATE INDEX departure_by_minute ON departure (minute_of_day)');
  const damage = select(database, 'PRAGMA integrity_check').filter((row) => row['integrity_check'] !== 'ok');
  if (damage.length > 0) throw new Error(`the new database is damaged: ${JSON.stringify(damage)}`);
  const { bytes } = saveDatabase(database, file);
  database.close();
  return { file, bytes, rows };
}

function loadTable(database: Database, table: Table, rows: readonly Record<string, string | number | null>[]): number {
  const columns: readonly string[] = COLUMNS[table];
  const names = columns.map((column) => column.slice(0, column.indexOf(' ')));
  database.run(`CREATE TABLE ${table} (${columns.join(', ')}) STRICT`);
  // One transaction for the whole table: with one per row, SQLite spends its time on beginning and ending them.
  database.run('BEGIN');
  const insert = database.prepare(`INSERT INTO ${table} VALUES (${names.map(() => '?').join(', ')})`);
  for (const row of rows) insert.run(names.map((name) => row[name] ?? null));
  insert.free();
  database.run('COMMIT');
  return rows.length;
}
