/**
 * What an attempt leaves for people to look at, however it ended: everything in its artifacts folder, and the files that its globs mean,
 * which are copied there. Each becomes an `artifact.published`; what is not kept becomes a warning that says how much and why.
 */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { AttemptListener, AttemptRequest, Published } from '../engine/ports.ts';
import { findFiles } from '../process/glob.ts';
import { ArtifactFolder, type ArtifactLimits } from './artifact-folder.ts';
import { type ArtifactNote, isNoteFile, parseNote } from '../model/artifact-note.ts';
import type { AttemptPlaces } from './runner.ts';

/** 1 GiB, a thousand files. */
const LIMITS: ArtifactLimits = { bytes: 1_073_741_824, files: 1_000 };
/** Most bytes of JSON that the values of an attempt may have in all: they stand in the journal. */
const VALUES_LIMIT_BYTES = 1_048_576;
/** So many names stand in a warning. */
const NAMED = 3;

/** What artifacts are kept of. */
export interface KeptAttempt {
  readonly request: Pick<AttemptRequest, 'step' | 'workdir' | 'artifacts'>;
  readonly places: Pick<AttemptPlaces, 'artifacts' | 'runDirectory'>;
  readonly listener: Pick<AttemptListener, 'published' | 'warned'>;
  /** True once nothing may take time any more. */
  readonly isHurried: () => boolean;
  /** Default: 1 GiB in all, 1,000 files. */
  readonly limits?: ArtifactLimits;
}

/** Keeps and publishes the artifacts of an attempt that has ended. Never rejects: what cannot be kept is warned about. */
export async function keepArtifacts(attempt: KeptAttempt): Promise<void> {
  const { request, places, listener } = attempt;
  const warn = (message: string): void => listener.warned('artifacts', `\`${request.step}\`: ${message}`);
  const folder = new ArtifactFolder(places.artifacts, attempt.limits ?? LIMITS, attempt.isHurried);
  const notes: ArtifactNote[] = [];
  try {
    await folder.tidy((name, absolute) => {
      const note = isNoteFile(name) ? parseNote(readFileSync(absolute)) : null;
      if (note !== null) notes.push(note);
    });
    await addMatches(folder, attempt, warn);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    warn(`artifacts could not be kept (${message})`);
  }
  folder.close();
  publish(folder, notes, path.basename(places.artifacts), listener, warn);
}

async function addMatches(
  folder: ArtifactFolder,
  { request, places, isHurried }: KeptAttempt,
  warn: (message: string) => void,
): Promise<void> {
  const { artifacts, workdir } = request;
  if (artifacts.length === 0 || isHurried()) return;
  const found = await findFiles(workdir, artifacts);
  if (!found.ok) return warn(`artifacts could not be looked for: ${found.error}`);
  for (const file of found.value.files) {
    const source = path.resolve(workdir, file);
    await folder.add(source, placeOf(source, [places.runDirectory, workdir]));
  }
  for (const file of found.value.missing) warn(`there is no \`${file}\` to be kept as an artifact`);
}

/** Where a file is kept: as it lies in the innermost of the folders, else as it lies on the disk. */
function placeOf(source: string, folders: readonly string[]): string {
  const places = folders.map((folder) => path.relative(folder, source)).filter((place) => !/^\.\.(?:\/|$)/.test(place));
  return places.reduce((shortest, place) => (place.length < shortest.length ? place : shortest), source.slice(1));
}

function publish(
  folder: ArtifactFolder,
  notes: readonly ArtifactNote[],
  place: string,
  listener: KeptAttempt['listener'],
  warn: (message: string) => void,
): void {
  const files = new Set(folder.kept);
  const published: Published[] = [];
  let valueBytes = 0;
  let tooMany = 0;
  for (const { kind, name, file, value } of notes) {
    if (file !== null) {
      if (files.delete(file)) published.push({ kind, name, file: `${place}/${file}` });
      continue;
    }
    valueBytes += Buffer.byteLength(JSON.stringify(value));
    if (valueBytes > VALUES_LIMIT_BYTES) tooMany += 1;
    else published.push({ kind, name, file: null, value: value ?? null });
  }
  for (const file of files) published.push({ kind: 'file', name: file, file: `${place}/${file}` });
  for (const artifact of published) listener.published(artifact);
  if (tooMany > 0) warn(`${tooMany} values were not kept: all of an attempt may have ${VALUES_LIMIT_BYTES} bytes`);
  const [first] = folder.dropped;
  if (first === undefined) return;
  const names = folder.dropped.slice(0, NAMED).map(({ file, why }) => `\`${file}\` (${REASONS[why]})`);
  const more = folder.dropped.length > NAMED ? ` and ${folder.dropped.length - NAMED} more` : '';
  const count = folder.dropped.length === 1 ? '1 artifact was' : `${folder.dropped.length} artifacts were`;
  warn(`${count} not kept: ${names.join(', ')}${more}`);
}

const REASONS: { readonly [Why in ArtifactFolder['dropped'][number]['why']]: string } = {
  link: 'a link, which is not followed',
  special: 'no regular file',
  room: 'no room: an attempt may keep 1 GiB in 1,000 files',
  unreadable: 'cannot be read',
};
