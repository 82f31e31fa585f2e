/** `--output json`: one event per line, with the journal's own types; the run's id stands in every one. */

import type { RunId } from '../base/ids.ts';
import type { Observer } from './hub.ts';

/** Writes every event of a run as a line of JSON. */
export function createNdjsonObserver(run: RunId, write: (line: string) => void): Observer {
  return {
    name: 'json',
    observe({ type, time, seq, ...rest }) {
      write(`${JSON.stringify({ type, time, run, seq, ...rest })}\n`);
    },
  };
}
