/** What a scheduler does, in words. */

import { assertNever } from '../base/result.ts';
import type { TickOutcome } from '../model/deployment.ts';

/** One line about what became of what was due. */
export function tickText(deployment: string, tick: TickOutcome): string {
  switch (tick.outcome) {
    case 'started':
      return `${deployment}: run ${tick.run} for ${tick.scheduled_for}`;
    case 'missed': {
      const count = `${tick.is_more ? 'more than ' : ''}${tick.count}`;
      const span =
        tick.until === tick.scheduled_for ? tick.scheduled_for : `${count} from ${tick.scheduled_for} to ${tick.until}`;
      return `${deployment}: missed ${span}`;
    }
    case 'skipped':
      return `${deployment}: skipped ${tick.scheduled_for}: run ${tick.because_of} is still going on`;
    case 'refused': {
      const why =
        tick.message === '' ? `flowctl ended with ${tick.exit_code ?? 'a signal'}` : tick.message.split('\n')[0];
      return `${deployment}: could not start a run for ${tick.scheduled_for}: ${why}`;
    }
    default:
      return assertNever(tick, 'outcome of a tick');
  }
}
