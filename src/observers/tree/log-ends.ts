/** What visible steps printed last: read a few times a second from the end of their logs, never from what passes by. */

import type { StepKey } from '../../base/ids.ts';
import { withoutControls } from '../terminal-filter.ts';

/** A line is read again after this time. */
const FRESH_MS = 300;
/** However many steps are visible, a frame reads only so many logs; the others have their turn in the next ones. */
const MOST_READS = 12;
const LONGEST_LINE = 500;

interface KnownEnd {
  line: string | null;
  readAtMs: number;
  frame: number;
}

/** Remembers the last lines of what is visible. */
export class LogEnds {
  readonly #read: (step: StepKey, attempt: number) => string | null;
  readonly #known = new Map<string, KnownEnd>();
  #frame = 0;
  #reads = 0;

  /** @param read the last bytes of an attempt's log as text; null when there are none. */
  constructor(read: (step: StepKey, attempt: number) => string | null) {
    this.#read = read;
  }

  /** Begins a frame: what the last one did not ask for is forgotten. */
  begin(): void {
    for (const [key, end] of this.#known) if (end.frame !== this.#frame) this.#known.delete(key);
    this.#frame += 1;
    this.#reads = 0;
  }

  /** The last line of an attempt's log that is not blank, as far as it is known now. */
  lastLine(step: StepKey, attempt: number, nowMs: number): string | null {
    const key = `${attempt} ${step}`;
    let end = this.#known.get(key);
    if (end === undefined) {
      end = { line: null, readAtMs: Number.NEGATIVE_INFINITY, frame: this.#frame };
      this.#known.set(key, end);
    }
    end.frame = this.#frame;
    if (nowMs - end.readAtMs >= FRESH_MS && this.#reads < MOST_READS) {
      this.#reads += 1;
      end.readAtMs = nowMs;
      end.line = lastLineOf(this.#read(step, attempt) ?? '');
    }
    return end.line;
  }
}

/** The last line that is not blank; progress meters overwrite theirs after a carriage return. */
export function lastLineOf(text: string): string | null {
  const lines = text.split(/[\r\n]+/);
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    const line = withoutControls((lines[index] ?? '').slice(0, LONGEST_LINE)).trim();
    if (line !== '') return line;
  }
  return null;
}
