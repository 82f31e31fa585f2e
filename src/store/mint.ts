/** New ids for runs. */

import { ulid } from 'ulid';
import { parseRunId, type RunId } from '../base/ids.ts';
import { Bug } from '../base/result.ts';

/** Mints the id of a new run: a ULID (https://github.com/ulid/spec) in lower case, which sorts by the time of its making. */
export function mintRunId(): RunId {
  const id = parseRunId(ulid());
  if (id === null) throw new Bug('the library minted an id that is none');
  return id;
}
