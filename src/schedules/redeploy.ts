/** A deployment that gets other schedules: what is known of the old ones goes with what they say, not with their place in the list. */

import { canonicalJson, type Json } from '../base/json.ts';
import type { Deployment, DueTick, RunClaim, TickOutcome } from '../model/deployment.ts';
import { withRun } from './ran.ts';
import { timetableOf, Timetables } from './timetables.ts';

/** What of a deployment depends on its schedules. */
export type OfSchedules = Pick<
  Deployment,
  'schedules' | 'decided_until' | 'claims' | 'open' | 'queue' | 'backfilling' | 'ran'
>;

/** A deployment as far as its schedules are concerned. */
export type ScheduledDeployment = OfSchedules & Pick<Deployment, 'versions'>;

/**
 * Carries over what the old schedules were at.
 * @param now where schedules begin that are new; RFC 3339.
 * @returns what becomes of the deployment, and the instants that were due and whose schedule is gone: none is dropped without a word.
 */
export function withSchedules(
  old: ScheduledDeployment,
  { schedules, triggers }: Pick<Deployment, 'schedules'> & Required<Pick<Deployment, 'triggers'>>,
  now: string,
): { readonly after: OfSchedules; readonly lost: readonly TickOutcome[] } {
  const texts = schedules.map((each) => canonicalJson(each as unknown as Json));
  const oldTexts = old.schedules.map((each) => canonicalJson(each as unknown as Json));
  const placeOf = (place: number): number => texts.indexOf(oldTexts[place] ?? '');
  const known = new Set(triggers.map(({ id }) => id));
  const isGone = ({ schedule, event }: DueTick): boolean =>
    schedule === null ? event !== undefined && !known.has(event.trigger) : placeOf(schedule) < 0;
  const moved = <T extends DueTick>(list: readonly T[]): readonly T[] =>
    list
      .filter((each) => !isGone(each))
      .map((each) => ({ ...each, schedule: each.schedule === null ? null : placeOf(each.schedule) }));
  const gone = <T extends DueTick>(list: readonly T[]): readonly T[] => list.filter(isGone);
  const lost = [...gone(old.claims), ...gone(old.queue)].map(
    ({ schedule, scheduled_for, event }): TickOutcome => ({
      ...{ schedule, scheduled_for, outcome: 'missed', until: scheduled_for, count: 1, is_more: false },
      ...(event === undefined ? {} : { event: { ...event, facts: null } }),
    }),
  );
  const after: OfSchedules = {
    schedules,
    decided_until: schedules.map((_, place) => old.decided_until[oldTexts.indexOf(texts[place] ?? '')] ?? now),
    claims: moved(old.claims),
    // A run that goes on stands in the way of the next one, whichever schedule began it.
    open: old.open.map((each) => ({
      ...each,
      schedule: each.schedule === null ? null : Math.max(placeOf(each.schedule), 0),
    })),
    queue: moved(old.queue),
    backfilling: moved(old.backfilling),
    ran: gone(old.backfilling).reduce((ran, claim) => remembered(old, ran, claim), old.ran),
  };
  return { after, lost };
}

/** Their runs may be there: who wants them asks for them by their id. */
function remembered(
  old: ScheduledDeployment,
  ran: Deployment['ran'],
  { schedule, scheduled_for }: RunClaim,
): Deployment['ran'] {
  const definition = schedule === null ? undefined : old.schedules[schedule];
  if (definition === undefined) return ran;
  const timetable = timetableOf(old, definition);
  const timetables = new Timetables();
  const read = timetables.read.bind(timetables);
  return withRun(ran, { timetable, params: definition.params }, Date.parse(scheduled_for), read);
}
