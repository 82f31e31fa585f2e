/**
 * Listeners of a run: each a small fold of the events that it cares for. They hear of an event when it is on disk and cannot answer:
 * one that throws is reported once and never called again. What they print goes to a function that never blocks the run.
 * An observer must not look at the engine, the store or a process; `compose` subscribes them.
 */

import type { Hub } from '../engine/ports.ts';
import type { RunEvent } from '../model/event.ts';

/** Somebody who listens to a run. */
export interface Observer {
  /** For the message when it breaks. */
  readonly name: string;
  observe(event: RunEvent): void;
}

/**
 * Joins observers into what the engine tells.
 * @param broken told once for every observer that threw; it is not called again.
 */
export function createHub(observers: readonly Observer[], broken: (name: string, error: unknown) => void): Hub {
  let active = observers;
  return {
    publish(events) {
      for (const observer of active) {
        try {
          for (const event of events) observer.observe(event);
        } catch (error) {
          active = active.filter((other) => other !== observer);
          broken(observer.name, error);
        }
      }
    },
  };
}
