/** What a backfill says: a line for what begins and for what became of each instant, and the sum. */

import { assertNever } from '../base/result.ts';
import type { BackfillOutcome, TickStanding } from '../scheduler/backfill.ts';
import type { BackfillTick } from '../scheduler/backfill-plan.ts';

/** An instant as people read it. */
export const instantText = ({ scheduled_for }: Pick<BackfillTick, 'scheduled_for'>): string =>
  scheduled_for.replace('.000Z', 'Z');

/** Half a sentence about one instant. */
export function outcomeText(each: BackfillOutcome): string {
  switch (each.outcome) {
    case 'ran':
      return `run ${each.run} ${each.state}`;
    case 'interrupted':
      return `run ${each.run} did not end${firstLine(each.message)}`;
    case 'refused':
      return `no run could be started${firstLine(each.message)}`;
    case 'had_run':
      return 'had its run before';
    case 'with_scheduler':
      return 'is started by the scheduler';
    case 'left':
      return 'left';
    default:
      return assertNever(each, 'outcome of a backfill');
  }
}

const firstLine = (message: string): string => (message === '' ? '' : `: ${message.split('\n')[0] ?? ''}`);

/** What a dry run says of an instant. */
export const STANDING_TEXT: { readonly [Standing in TickStanding]: string } = {
  free: 'would run',
  claimed: 'is claimed by a backfill: would go on with it',
  had_run: 'had its run before',
  with_scheduler: 'is started by the scheduler',
};

/** How many came to what: by the state of the run, or the outcome where there is none. */
export function countsOf(outcomes: readonly BackfillOutcome[]): { readonly [word: string]: number } {
  const counts: { [word: string]: number } = {};
  for (const each of outcomes) {
    const word = each.outcome === 'ran' ? each.state : each.outcome;
    counts[word] = (counts[word] ?? 0) + 1;
  }
  return counts;
}

/** The last line. */
export function sumText(outcomes: readonly BackfillOutcome[]): string {
  if (outcomes.length === 0) return 'no instants';
  const parts = Object.entries(countsOf(outcomes)).map(([word, count]) => `${count} ${word.replaceAll('_', ' ')}`);
  return `${outcomes.length} ${outcomes.length === 1 ? 'instant' : 'instants'}: ${parts.join(', ')}`;
}
