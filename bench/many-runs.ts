/** A project with so many runs that were, made from one that really was: the same events, at other times, under other ids. */

import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { ulid } from 'ulid';
import { parseRunId, type RunId } from '../src/base/ids.ts';
import { COMPLETE, entryLine, headLine, HEAD_BYTES } from '../src/store/index-file.ts';
import { runLayout, type StateLayout } from '../src/store/layout.ts';
import { readRunFolder, rowOf } from '../src/store/run-reading.ts';
import { sealAfter } from '../src/store/sealed-line.ts';

/** Between the beginnings of two runs. */
const APART_MS = 60_000;
const INSTANT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;
const SEALS = /(,"prev":"[0-9a-f]{8}")?,"crc":"[0-9a-f]{8}"\}$/;

/**
 * Adds runs that ended before the given one, and makes the index of all.
 * @param count how many there are in the end, with that one.
 * @returns the ids, newest first.
 * Of a folder only the journal is made: it is the truth, and what a listing looks at.
 * @throws {Error} when the last one that was made cannot be read as what the index says of it.
 */
export async function makeRuns(state: StateLayout, model: RunId, count: number): Promise<readonly RunId[]> {
  const layout = runLayout(state, { id: model, root: model });
  const lines = readFileSync(layout.journal, 'utf8').trimEnd().split('\n');
  const bodies = lines.map((line) => `${line.replace(SEALS, '')}}`);
  const row = rowOf(await readRunFolder(layout), false, 0);
  const began = Date.parse(row.created_at ?? '');
  const ids = [model];
  const entries = [entryLine(entryOf(layout.journal, model, JSON.stringify(row), lines.length))];
  for (let index = 1; index < count; index += 1) {
    const earlier = index * APART_MS;
    const id = parseRunId(ulid(began - earlier));
    if (id === null) throw new Error('no id');
    const own = runLayout(state, { id, root: id });
    const shifted = (text: string): string =>
      text.replaceAll(model, id).replace(INSTANT, (instant) => new Date(Date.parse(instant) - earlier).toISOString());
    mkdirSync(own.directory, { mode: 0o700 });
    writeFileSync(own.journal, chained(bodies.map(shifted)), { mode: 0o600 });
    ids.push(id);
    entries.push(entryLine(entryOf(own.journal, id, shifted(JSON.stringify(row)), lines.length)));
  }
  const body = `${COMPLETE}${entries.reverse().join('')}`;
  writeFileSync(state.index, `${headLine(HEAD_BYTES + Buffer.byteLength(body))}${body}`, { mode: 0o600 });
  await check(state, ids.at(-1) ?? model, entries[0] ?? '');
  return ids;
}

function entryOf(journal: string, id: RunId, row: string, lines: number) {
  const { size, mtimeMs } = statSync(journal);
  return { id, seq: lines - 1, journal_bytes: size, journal_changed: mtimeMs, row: JSON.parse(row) };
}

function chained(bodies: readonly string[]): string {
  let previous: string | null = null;
  return bodies
    .map((body) => {
      const sealed: { readonly line: string; readonly crc: string } = sealAfter(body, previous);
      previous = sealed.crc;
      return sealed.line;
    })
    .join('');
}

async function check(state: StateLayout, id: RunId, line: string): Promise<void> {
  const layout = runLayout(state, { id, root: id });
  const read = rowOf(await readRunFolder(layout), false, 0);
  const { row } = JSON.parse(line) as { readonly row: unknown };
  if (JSON.stringify(read) !== JSON.stringify(row)) throw new Error(`${dirname(layout.journal)} is not what was meant`);
}
