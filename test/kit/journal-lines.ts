/** Journals that a test changes: each line is sealed again, and linked to the one before it where it was. */

import { readFileSync, writeFileSync } from 'node:fs';
import { readLine, sealAfter } from '../../src/store/sealed-line.ts';

/** A line without its checksums. */
export interface JournalLine {
  readonly value: { readonly [member: string]: unknown };
  readonly isLinked: boolean;
}

/** The lines of a journal, the header first. */
export function linesOfJournal(text: string): readonly JournalLine[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const read = readLine(Buffer.from(line));
      if (read.kind !== 'good') throw new Error(`a line of the journal is ${read.kind}`);
      return { value: read.value, isLinked: read.previous !== null };
    });
}

/** The text of a journal of these lines. */
export function sealedJournal(lines: readonly JournalLine[]): string {
  let text = '';
  let previous: string | null = null;
  for (const { value, isLinked } of lines) {
    const { line, crc } = sealAfter(JSON.stringify(value), isLinked ? previous : null);
    text += line;
    previous = crc;
  }
  return text;
}

/** Changes the lines of a journal, the header first; the links follow. */
export function changeJournal(
  journal: string,
  change: (values: readonly JournalLine['value'][]) => readonly JournalLine['value'][],
): void {
  const lines = linesOfJournal(readFileSync(journal, 'utf8'));
  const isLinked = lines.some((line) => line.isLinked);
  const changed = change(lines.map(({ value }) => value));
  writeFileSync(journal, sealedJournal(changed.map((value) => ({ value, isLinked }))));
}
