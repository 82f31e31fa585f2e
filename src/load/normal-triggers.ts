/** Triggers in the normal form. */

import { isJsonObject } from '../base/json.ts';
import { ENDED_STATES } from '../model/run-ending.ts';
import { OVERLAPS } from '../model/schedule.ts';
import { EVENT_OVERLAP, type EventSource, FILE_CHANGES, SETTLE_MS, type TriggerDefinition } from '../model/trigger.ts';
import { type DocumentNode, entryOf, textOf } from './document.ts';
import { durationOf, itemsOf, jsonOf, type Node, oneOrMoreTexts } from './node-values.ts';

const knownOf = <T extends string>(known: readonly T[], node: Node): readonly T[] => {
  const texts = new Set<string>(oneOrMoreTexts(node));
  return known.filter((each) => texts.has(each));
};

/** What a trigger watches, or what its absence is of; null where none of the keys is written that say so. */
export function eventSourceOf(node: Node): EventSource | null {
  const value = (key: string): Node => entryOf(node, key)?.value;
  const file = value('file');
  if (file !== undefined) {
    const on = knownOf(FILE_CHANGES, value('on'));
    const settle_ms = durationOf(value('debounce')) ?? SETTLE_MS;
    return { kind: 'file', paths: oneOrMoreTexts(file), on: on.length === 0 ? FILE_CHANGES : on, settle_ms };
  }
  const flow = textOf(value('flow'));
  if (flow !== undefined) {
    const states = knownOf(ENDED_STATES, value('states'));
    return { kind: 'flow', flow, states: states.length === 0 ? ['succeeded'] : states };
  }
  const name = textOf(value('webhook'));
  return name === undefined ? null : { kind: 'webhook', name, secret: textOf(value('secret')) ?? '' };
}

function sourceOf(trigger: DocumentNode): TriggerDefinition['source'] | null {
  const absence = entryOf(trigger, 'absence')?.value;
  if (absence === undefined) return eventSourceOf(trigger);
  const of = eventSourceOf(entryOf(absence, 'of')?.value);
  const within_ms = durationOf(entryOf(absence, 'within')?.value);
  return of === null || within_ms === null ? null : { kind: 'absence', of, within_ms };
}

function triggerOf(trigger: DocumentNode): readonly TriggerDefinition[] {
  const source = sourceOf(trigger);
  if (source === null) return [];
  const value = (key: string): Node => entryOf(trigger, key)?.value;
  const params = jsonOf(value('params'));
  const active = value('active');
  return [
    {
      source,
      // A file that is written to settles by itself: two files are two events.
      debounce_ms: source.kind === 'file' ? 0 : (durationOf(value('debounce')) ?? 0),
      params: isJsonObject(params) ? params : {},
      active: !(active?.kind === 'scalar' && active.value === false),
      overlap: OVERLAPS.find((each) => each === textOf(value('overlap'))) ?? EVENT_OVERLAP,
    },
  ];
}

/** The triggers under `triggers`. */
export const triggersOf = (node: Node): readonly TriggerDefinition[] => itemsOf(node).flatMap(triggerOf);
