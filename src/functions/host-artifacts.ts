/** What a function publishes for people to look at: notes in the attempt's artifacts folder, as `flowctl artifact` leaves them. */

import { randomUUID } from 'node:crypto';
import { constants, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Json } from '../base/json.ts';
import { type ArtifactNote, LONGEST_NAME, noteFileName, VALUE_LIMIT_BYTES } from '../model/artifact-note.ts';

/** What is published: a value, or a file that is copied as it is now. */
export type Publication =
  | { readonly kind: 'markdown' | 'table' | 'link'; readonly name: string; readonly value: Json }
  | { readonly kind: 'file' | 'image'; readonly name: string; readonly source: string };

/** So many artifacts of an attempt may be files of one name. */
const MOST_OF_A_NAME = 1_000;

/** Puts a file into the folder, under the name or one like it. @returns the name. */
function place(folder: string, name: string, put: (target: string) => void): string {
  const plain = name.replaceAll(/[^\w.-]/g, '_').replace(/^\.+/, '_');
  const { name: base, ext } = path.parse(plain);
  for (let number = 1; ; number += 1) {
    const target = number === 1 ? plain : `${base}-${number}${ext}`;
    try {
      put(path.join(folder, target));
      return target;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || number >= MOST_OF_A_NAME) throw error;
    }
  }
}

function noteOf(folder: string, publication: Publication): ArtifactNote {
  const { kind, name } = publication;
  if ('source' in publication) {
    const { source } = publication;
    const file = place(folder, path.basename(source), (target) => {
      copyFileSync(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    });
    return { kind, name, file };
  }
  const { value } = publication;
  const text = JSON.stringify(value);
  // Values stand in the journal; one that is too large for it is kept as a file.
  if (kind === 'link' || Buffer.byteLength(text) <= VALUE_LIMIT_BYTES) return { kind, name, file: null, value };
  const file = place(folder, `${name.slice(0, 100)}${kind === 'markdown' ? '.md' : '.json'}`, (target) => {
    writeFileSync(target, typeof value === 'string' ? value : `${text}\n`, { mode: 0o600, flag: 'wx' });
  });
  return { kind, name, file };
}

/**
 * Publishes something of the attempt that the calling code runs in. Where nobody keeps artifacts, as in a rehearsal, nothing happens.
 * @throws {TypeError} for a name that is none; a system error for a file that cannot be read.
 */
export function publish(publication: Publication): void {
  const { name } = publication;
  if (name === '' || name.length > LONGEST_NAME) {
    throw new TypeError(`the name of an artifact has from 1 to ${LONGEST_NAME} characters`);
  }
  const folder = process.env['FLOWCTL_ARTIFACTS'];
  if (folder === undefined) return;
  // For a task it is made by the first artifact.
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const note = JSON.stringify(noteOf(folder, publication));
  writeFileSync(path.join(folder, noteFileName(process.hrtime.bigint(), randomUUID())), note, {
    mode: 0o600,
    flag: 'wx',
  });
}
