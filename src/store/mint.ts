/** New ids for runs. */

import { randomBytes } from 'node:crypto';
import { ulid } from 'ulid';
import { parseRunId, type RunId } from '../base/ids.ts';
import { Bug } from '../base/result.ts';

/** From 0 to below 1. The library's own source would load Node's web cryptography beside what is loaded anyway. */
const random = (): number => randomBytes(4).readUInt32LE() / 2 ** 32;

/** Mints the id of a new run: a ULID (https://github.com/ulid/spec) in lower case, which sorts by the time of its making. */
export function mintRunId(): RunId {
  const id = parseRunId(ulid(undefined, random));
  if (id === null) throw new Bug('the library minted an id that is none');
  return id;
}
