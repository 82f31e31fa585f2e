/** What `flowctl artifact` does: puts a file, or a value, with a note about it into the artifacts folder of the attempt around it. */

import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { Json } from '../base/json.ts';
import { assertNever } from '../base/result.ts';
import type { ArtifactPublished } from '../model/event.ts';
import { findUntakeable } from '../process/output-value.ts';
import {
  type ArtifactNote,
  LONGEST_NAME,
  noteFileName,
  OWN_PREFIX,
  VALUE_LIMIT_BYTES,
} from '../model/artifact-note.ts';
import { UsageError } from './session.ts';

/** What was typed. */
export interface ArtifactWish {
  readonly kind: ArtifactPublished['kind'];
  readonly what: string;
  readonly name?: string | undefined;
  readonly title?: string | undefined;
}

/** Texts and tables that are larger belong into files. */
const TEXT_LIMIT_BYTES = 10_485_760;

/**
 * Publishes something.
 * @param folder the value of `FLOWCTL_ARTIFACTS`.
 * @returns null, or why it cannot be written.
 * @throws {UsageError} for what cannot be published.
 */
export async function publishArtifact(folder: string, wish: ArtifactWish): Promise<string | null> {
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new UsageError('the folder that `FLOWCTL_ARTIFACTS` names is not there', 'the attempt around it has ended');
  }
  if (wish.name !== undefined && (wish.name === '' || wish.name.length > LONGEST_NAME)) {
    throw new UsageError(`\`--name\`: from 1 to ${LONGEST_NAME} characters`);
  }
  try {
    writeNote(folder, await keep(folder, wish));
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return `the artifact cannot be kept: ${message}`;
  }
}

async function keep(folder: string, { kind, what, name, title }: ArtifactWish): Promise<ArtifactNote> {
  switch (kind) {
    case 'file':
    case 'image': {
      const file = copyInto(folder, what);
      return { kind, name: name ?? shortened(file), file };
    }
    case 'markdown': {
      const text = what === '-' ? await readInput() : what;
      return keepValue(folder, { kind, name: name ?? kind, value: text }, text, '.md');
    }
    case 'table': {
      const rows = readRows(what === '-' ? await readInput() : what);
      return keepValue(folder, { kind, name: name ?? kind, value: rows }, `${JSON.stringify(rows)}\n`, '.json');
    }
    case 'link': {
      const isAddress = URL.canParse(what) && /^https?:$/.test(new URL(what).protocol);
      if (!isAddress) throw new UsageError(`\`${what}\` is no address`, 'write it whole: https://example.com/page');
      return { kind, name: name ?? shortened(title ?? what), file: null, value: { url: what, title: title ?? null } };
    }
    default:
      return assertNever(kind, 'kind of artifact');
  }
}

const shortened = (text: string): string => text.slice(0, LONGEST_NAME);

/** Values stand in the journal; one that is too large for it is kept as a file. */
function keepValue(
  folder: string,
  value: { readonly kind: 'markdown' | 'table'; readonly name: string; readonly value: Json },
  text: string,
  extension: string,
): ArtifactNote {
  if (Buffer.byteLength(JSON.stringify(value.value)) <= VALUE_LIMIT_BYTES) return { ...value, file: null };
  const aside = freshName('copy');
  writeFileSync(path.join(folder, aside), text, { mode: 0o600, flag: 'wx' });
  const { kind, name } = value;
  return { kind, name, file: moveInto(folder, aside, `${name.replaceAll(/[^\w.-]/g, '_').slice(0, 100)}${extension}`) };
}

function readRows(text: string): Json {
  let rows: Json;
  try {
    rows = JSON.parse(text) as Json;
  } catch {
    throw new UsageError('a table is JSON: a list of rows', 'such as [{"city": "Oslo", "mm": 25}]');
  }
  if (!Array.isArray(rows)) throw new UsageError('a table is a list of rows', 'such as [{"city": "Oslo", "mm": 25}]');
  const problem = findUntakeable(rows as Json);
  if (problem !== null) throw new UsageError(`the table cannot be taken: ${problem}`);
  return rows;
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > TEXT_LIMIT_BYTES) {
      throw new UsageError(`standard input has more than ${TEXT_LIMIT_BYTES} bytes`, 'use `flowctl artifact file`');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Copies a file, as it is now, under its own name or, where that is taken, one like it. @returns the name. */
function copyInto(folder: string, source: string): string {
  const status = statSync(source, { throwIfNoEntry: false });
  if (status === undefined) throw new UsageError(`there is no file \`${source}\``);
  if (!status.isFile())
    throw new UsageError(`\`${source}\` is no file`, 'name the files, or put a folder into $FLOWCTL_ARTIFACTS');
  const aside = freshName('copy');
  copyFileSync(source, path.join(folder, aside), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  chmodSync(path.join(folder, aside), 0o600);
  return moveInto(folder, aside, path.basename(path.resolve(source)));
}

/** Gives a finished file its name, whoever else does the same at the same time. @returns the name, which is a fresh one. */
function moveInto(folder: string, aside: string, wished: string): string {
  const { name, ext } = path.parse(wished);
  for (let number = 1; ; number += 1) {
    const file = number === 1 ? wished : `${name}-${number}${ext}`;
    try {
      linkSync(path.join(folder, aside), path.join(folder, file));
      rmSync(path.join(folder, aside));
      return file;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') continue;
      if (code !== 'EPERM' && code !== 'ENOTSUP') throw error;
      // A file system without hard links: nothing there is proof against somebody who takes the name in between.
      if (lstatSync(path.join(folder, file), { throwIfNoEntry: false }) !== undefined) continue;
      renameSync(path.join(folder, aside), path.join(folder, file));
      return file;
    }
  }
}

const freshName = (what: string): string => `${OWN_PREFIX}${what}-${randomBytes(8).toString('hex')}`;

/** Written aside and moved, for an attempt may end while it is written. */
function writeNote(folder: string, note: ArtifactNote): void {
  const aside = path.join(folder, freshName('note'));
  writeFileSync(aside, JSON.stringify(note), { mode: 0o600, flag: 'wx' });
  renameSync(aside, path.join(folder, noteFileName(process.hrtime.bigint(), randomBytes(4).toString('hex'))));
}
