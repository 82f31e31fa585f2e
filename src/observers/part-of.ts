/** What happens in a sub-run, told as part of its root: its steps stand beneath the step whose sub-flow they are. */

import type { StepKey } from '../base/ids.ts';
import type { RunEvent } from '../model/event.ts';
import type { Observer } from './hub.ts';

/**
 * Tells an observer of a root what happens to the steps of a sub-run. What happens to the sub-run as a whole is not told: its step in
 * the root begins and ends with it.
 * @param prefix the key of that step, as the root sees it.
 */
export function partOf(prefix: StepKey, observer: Observer): Observer {
  return {
    name: observer.name,
    observe(event) {
      const told = beneath(prefix, event);
      if (told !== null) observer.observe(told);
    },
  };
}

/** An event of a sub-run with the keys that its steps have in the root; null for what is about the sub-run as a whole. */
export function beneath(prefix: StepKey, event: RunEvent): RunEvent | null {
  const place = (key: StepKey): StepKey => `${prefix}/${key}` as StepKey;
  if (event.type === 'processes.reaped' || event.type === 'warning.raised' || event.type === 'handlers.started') {
    return { ...event, step: event.step === null ? prefix : place(event.step) };
  }
  if (event.type === 'step.expanded') {
    return { ...event, step: place(event.step), items: event.items.map((each) => ({ ...each, key: place(each.key) })) };
  }
  return 'step' in event ? { ...event, step: place(event.step) } : null;
}
