/** What a scheduler does, in words. */

import { assertNever } from '../base/result.ts';
import type { DueTick, TickOutcome } from '../model/deployment.ts';
import { withoutControls } from '../observers/terminal-filter.ts';
import { EXIT } from './exit-codes.ts';
import type { GlobalOptions, Session } from './session.ts';

/** Tells what one look did: with `--quiet` only that nobody was there, or that a run could not be started, which sets the exit code (1). */
export function tellTick(session: Session, { quiet }: GlobalOptions, deployment: string, tick: TickOutcome): void {
  const text = tickText(deployment, tick);
  if (tick.outcome === 'refused') {
    session.complain(text);
    session.exit(EXIT.failed);
  } else if (quiet !== true) session.stdout.write(`${text}\n`);
  else if (isTrouble(tick)) session.stderr.write(`${text}\n`);
}

/** True for what somebody has to know of, also under `--quiet`: nobody was there, or a run could not be started. */
export const isTrouble = ({ outcome }: TickOutcome): boolean => outcome === 'missed' || outcome === 'refused';

/** What made a run due: an instant, or what happened. */
const dueText = ({ scheduled_for, event }: DueTick): string =>
  event === undefined ? scheduled_for : `${withoutControls(event.what)} at ${scheduled_for}`;

/** One line about what became of what was due. */
export function tickText(deployment: string, tick: TickOutcome): string {
  switch (tick.outcome) {
    case 'started':
      return `${deployment}: run ${tick.run} for ${dueText(tick)}`;
    case 'missed': {
      if (tick.event !== undefined) return `${deployment}: missed ${dueText(tick)}`;
      const count = `${tick.is_more ? 'more than ' : ''}${tick.count}`;
      const span =
        tick.until === tick.scheduled_for ? tick.scheduled_for : `${count} from ${tick.scheduled_for} to ${tick.until}`;
      return `${deployment}: missed ${span}`;
    }
    case 'skipped':
      return `${deployment}: skipped ${dueText(tick)}: run ${tick.because_of} is still going on`;
    case 'refused': {
      const why =
        tick.message === ''
          ? `flowctl ended with ${tick.exit_code ?? 'a signal'}`
          : withoutControls(tick.message.split('\n')[0] ?? '').replace(/^error: /, '');
      return `${deployment}: could not start a run for ${dueText(tick)}: ${why}`;
    }
    default:
      return assertNever(tick, 'outcome of a tick');
  }
}
