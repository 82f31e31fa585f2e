/** Projects as released versions of flowctl left them, see `test/state/make-fixture.js`. */

import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { canonicalJson, type Json, type JsonObject } from '../../src/base/json.ts';
import { linesOfJournal, sealedJournal } from './journal-lines.ts';
import type { Rig } from './rig.ts';

const FIXTURES = resolve(import.meta.dirname, '../state/fixtures');

/** The versions of which there is one. */
export const OLD_VERSIONS: readonly string[] = readdirSync(FIXTURES).sort();

/** A row as it was listed when the project was kept. */
export interface OldRow {
  readonly id: string;
  readonly flow: string;
  readonly state: string;
  readonly exit_code: number | null;
  readonly parent: string | null;
  readonly steps: object;
}

interface OldProject {
  /** Where it lay. */
  readonly folder: string;
  readonly runs: readonly OldRow[];
  readonly files: { readonly [path: string]: string };
}

/**
 * Puts such a project into the folder of a rig.
 * @param where `as it was`: byte for byte. `moved`: records that name its folder name that of the rig, sealed anew.
 * @returns the rows that it had.
 */
export function unpackOldProject(rig: Rig, version: string, where: 'as it was' | 'moved'): readonly OldRow[] {
  const { folder, runs, files } = JSON.parse(readFileSync(`${FIXTURES}/${version}/project.json`, 'utf8')) as OldProject;
  for (const [name, text] of Object.entries(files)) {
    const path = rig.write(name, where === 'moved' ? moved(name, text, folder, rig.folder) : text);
    if (!name.startsWith('.flowctl/')) continue;
    chmodSync(path, 0o600);
    for (let above = dirname(path); above !== rig.folder; above = dirname(above)) chmodSync(above, 0o700);
  }
  for (const { id } of runs.filter(({ parent }) => parent === null)) makeFolders(rig, `.flowctl/runs/${id}`);
  for (const folderOf of ['.flowctl/open', '.flowctl/runs']) makeFolders(rig, folderOf, []);
  return runs;
}

/** Git and JSON keep no empty folders. */
function makeFolders(rig: Rig, at: string, names = ['dir', 'logs', 'outputs', 'artifacts', 'inbox']): void {
  for (const name of ['', ...names.map((each) => `/${each}`)]) {
    rig.makeFolder(`${at}${name}`, 0o700);
  }
}

function moved(name: string, text: string, from: string, to: string): string {
  if (!text.includes(from)) return text;
  const changed = text.replaceAll(from, to);
  if (name.endsWith('journal.ndjson')) return resealed(text, from, to);
  if (!/\/flow(\.\d+)?\.json$/.test(name)) return changed;
  const document = JSON.parse(changed) as JsonObject;
  const sha256 = createHash('sha256')
    .update(canonicalJson(document['definition'] as Json))
    .digest('hex');
  return `${JSON.stringify({ ...document, sha256 })}\n`;
}

function resealed(journal: string, from: string, to: string): string {
  const lines = linesOfJournal(journal);
  return sealedJournal(
    lines.map(({ value, isLinked }) => ({
      value: JSON.parse(JSON.stringify(value).replaceAll(from, to)) as JsonObject,
      isLinked,
    })),
  );
}
