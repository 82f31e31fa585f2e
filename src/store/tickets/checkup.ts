/** Whether the book of tickets can be read, and who stands in it that is dead. What the dead hold is free for whoever asks next. */

import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject } from '../../base/json.ts';
import { leftover, lookAt, pathsIn } from '../checkup/entries.ts';
import { type Finding, finding } from '../checkup/finding.ts';
import { isTemporaryName, readText } from '../durable-files.ts';
import type { StateLayout } from '../layout.ts';
import { BOOK_FORMAT, parseBook } from './book.ts';
import { deadAmong } from './sessions.ts';

/** A writer takes no longer than this. */
const YOUNG_MS = 60_000;
const PAGE = /^book-\d{12}\.json$/;

/** Looks at the book. */
export async function checkTickets(state: StateLayout): Promise<readonly Finding[]> {
  const folder = join(state.root, 'tickets');
  const found: Finding[] = [];
  const entries = await pathsIn(folder);
  for (const { name, path } of entries) {
    await lookAt(path, null, (each) => found.push(each));
    const stats = isTemporaryName(name) ? await lstat(path).catch(() => null) : null;
    if (stats !== null && Date.now() - stats.mtimeMs > YOUNG_MS)
      found.push(leftover(path, 'a page that was never finished'));
  }
  const page = entries
    .filter(({ name }) => PAGE.test(name))
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .at(-1);
  if (page === undefined) return found;
  const text = await readText(page.path).catch(() => '');
  const book = parseBook(text);
  if (book === null) return [...found, unreadable(page.path, text)];
  const dead = await deadAmong(state, book.sessions);
  for (const { id, root } of book.sessions) {
    if (!dead.has(id)) continue;
    const claims = book.claims.filter(({ session, state: held }) => session === id && held === 'held').length;
    const holds = claims === 0 ? 'waits in it' : `holds ${claims === 1 ? '1 ticket' : `${claims} tickets`}`;
    const message = `run ${root}, which nobody owns any more, ${holds}; whoever asks next gets what is free`;
    found.push(finding('note', 'dead_holder', message, { file: page.path, run: root }));
  }
  return found;
}

function unreadable(file: string, text: string): Finding {
  let format: unknown = null;
  try {
    const value: unknown = JSON.parse(text);
    format = isJsonObject(value) ? value['format'] : null;
  } catch {
    // A page that a power cut left.
  }
  if (typeof format === 'number' && format !== BOOK_FORMAT) {
    const message = `is of format ${format}, and this program knows ${BOOK_FORMAT}: limits across runs do not hold between the two`;
    return finding('warning', 'other_format', message, { file });
  }
  return finding('note', 'unreadable_page', 'cannot be read; the one before it, or a new one, takes its place', {
    file,
  });
}
