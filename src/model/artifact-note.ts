/**
 * How `flowctl artifact`, inside a step, tells the flowctl around it what is to be published: by a note, a small JSON file in the
 * attempt's artifacts folder, which is read and removed when the attempt has ended.
 */

import type { Json } from '../base/json.ts';
import type { ArtifactPublished } from './event.ts';

/** The kinds of artifacts. */
export const ARTIFACT_KINDS = [
  'file',
  'image',
  'markdown',
  'table',
  'link',
] as const satisfies readonly ArtifactPublished['kind'][];

/** What is published: a file of the artifacts folder, by its name there, or a value. */
export interface ArtifactNote {
  readonly kind: ArtifactPublished['kind'];
  readonly name: string;
  readonly file: string | null;
  readonly value?: Json;
}

/** Names in an artifacts folder that begin so are flowctl's own, and none is published. */
export const OWN_PREFIX = '.flowctl-artifact-';
/** A value whose JSON has more bytes goes into a file, for values stand in the journal. */
export const VALUE_LIMIT_BYTES = 65_536;
/** The longest name of an artifact, in UTF-16 code units. */
export const LONGEST_NAME = 200;
/** A note holds a value, a name and little else. */
const NOTE_LIMIT_BYTES = VALUE_LIMIT_BYTES + 8_192;

/** The name of a note's file. @param order sorts the notes of an attempt. @param unique makes the name a fresh one. */
export const noteFileName = (order: bigint, unique: string): string =>
  `${OWN_PREFIX}${order.toString().padStart(20, '0')}-${unique}.json`;

/** True for the name of a note's file. */
export const isNoteFile = (name: string): boolean => name.startsWith(OWN_PREFIX) && name.endsWith('.json');

/** Reads a note. @returns null for what is none. */
export function parseNote(bytes: Buffer): ArtifactNote | null {
  if (bytes.length > NOTE_LIMIT_BYTES) return null;
  let note: Partial<Record<keyof ArtifactNote, Json>> | null;
  try {
    note = JSON.parse(bytes.toString('utf8')) as Partial<Record<keyof ArtifactNote, Json>> | null;
  } catch {
    return null;
  }
  if (typeof note !== 'object' || note === null) return null;
  const { kind: kindText, name, file = null, value } = note;
  const kind = ARTIFACT_KINDS.find((known) => known === kindText);
  if (kind === undefined || typeof name !== 'string' || name === '' || name.length > LONGEST_NAME) return null;
  if (file === null)
    return value === undefined || kind === 'file' || kind === 'image' ? null : { kind, name, file, value };
  const isPlainName = typeof file === 'string' && !file.includes('/') && !file.startsWith(OWN_PREFIX);
  return isPlainName ? { kind, name, file } : null;
}
