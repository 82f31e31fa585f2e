/** Long work on many small files, in slices: Node's synchronous calls are several times faster, but hold everything else up. */

import { monotonicMs } from '../base/stopwatch.ts';

/** No slice is longer than this and one file: timeouts, signals and commits wait no longer. */
const SLICE_MS = 4;

/** Lets everything else have its turn, when it is time for that. */
export class Breath {
  private since = monotonicMs();

  /** Called between two pieces of work; a slice that is not used up goes on at once. */
  async take(): Promise<void> {
    if (monotonicMs() - this.since < SLICE_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.since = monotonicMs();
  }
}
