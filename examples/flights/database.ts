/** SQLite compiled to WebAssembly (sql.js): it works in memory, so a database is read and written as one file at a time. */

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import initSqlJs from 'sql.js';

/** An open database of sql.js. */
export type Database = initSqlJs.Database;

/** Values of one row by column name. */
export type Row = Record<string, initSqlJs.SqlValue>;

/** A new, empty database in memory. */
export async function createDatabase(): Promise<Database> {
  const { Database } = await initSqlJs();
  return new Database();
}

/** Reads a database file into memory. */
export async function openDatabase(file: string): Promise<Database> {
  const { Database } = await initSqlJs();
  return new Database(readFileSync(file));
}

/** Writes a database under its name only when it is whole. */
export function saveDatabase(database: Database, file: string): { bytes: number } {
  const content = database.export();
  writeFileSync(`${file}.partial`, content);
  renameSync(`${file}.partial`, file);
  return { bytes: content.length };
}

/** All rows of a query; `parameters` are bound to the question marks in its text. */
export function select(database: Database, query: string, ...parameters: (number | string)[]): Row[] {
  const statement = database.prepare(query, parameters);
  try {
    const rows: Row[] = [];
    while (statement.step()) rows.push(statement.getAsObject());
    return rows;
  } finally {
    statement.free();
  }
}

/**
 * The single number that a query yields.
 * @throws Error when it yields anything else.
 */
export function selectNumber(database: Database, query: string): number {
  const [value] = Object.values(select(database, query)[0] ?? {});
  if (typeof value !== 'number') throw new Error(`no number: ${query}`);
  return value;
}
