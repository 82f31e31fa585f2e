/** What of a run's messages has not arrived, for `show`. */

import { LEFT_BEHIND_MS, type OutgoingMessage } from '../model/message.ts';
import { withoutControls } from '../observers/terminal-filter.ts';
import type { RunPlace, StateLayout } from '../store/layout.ts';
import { subRunIdsOnDisk } from '../store/listing.ts';
import { messagesIn } from '../store/outbox.ts';
import type { Style } from './style.ts';

/** A member of `messages` of `show --json`. */
export type Undelivered = Pick<
  OutgoingMessage,
  'run' | 'step' | 'channel' | 'tries' | 'last' | 'created_at' | 'next_at' | 'given_up_at'
>;

/** The messages of a run and of its sub-runs that are tried again, or were given up. One that is just being sent is none. */
export async function undeliveredOf(state: StateLayout, place: RunPlace): Promise<readonly Undelivered[]> {
  const runs = new Set([place.id, ...(place.id === place.root ? await subRunIdsOnDisk(state, place.root) : [])]);
  return (await messagesIn(state))
    .filter(
      ({ run, tries, created_at: at }) => runs.has(run) && (tries > 0 || Date.now() - Date.parse(at) > LEFT_BEHIND_MS),
    )
    .map(({ run, step, channel, tries, last, created_at, next_at, given_up_at }) => {
      return { run, step, channel, tries, last, created_at, next_at, given_up_at };
    });
}

/** Them in words; nothing where all have arrived. */
export function undeliveredText(messages: readonly Undelivered[], style: Style): string {
  return messages
    .map(({ step, channel, tries, last, next_at, given_up_at }) => {
      const why = last === null ? 'whoever sent it was gone' : `${withoutControls(last)}, ${tries} times tried`;
      const end = given_up_at === null ? `tried again after ${next_at}` : `given up at ${given_up_at}`;
      return `\n${style.odd('not delivered')}: ${withoutControls(`${step}: ${channel}`)}: ${why}; ${end}\n`;
    })
    .join('');
}
