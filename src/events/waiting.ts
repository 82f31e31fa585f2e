/** What waits in a trigger's memory: how events are added, how a silence becomes one, what of accepted requests is remembered. Pure. */

import type { Delivery, TriggerMemory, WaitingEvent } from '../model/trigger-memory.ts';
import type { TriggerEvent } from '../model/trigger.ts';
import { WINDOW_MS } from './signed-request.ts';

/** Most events of one trigger that wait; then files stay where they are, and requests are put off. */
export const MOST_WAITING = 1_000;

/** Whether an event may be taken up. A clock that was set back since holds up nothing. */
export const isReady = ({ ready_ms }: Pick<WaitingEvent, 'ready_ms'>, now: number, debounceMs: number): boolean =>
  ready_ms <= now || ready_ms - now > debounceMs;

/**
 * Adds an event.
 * @param debounceMs events that follow each other within this time are one: the last, under the id of the first.
 * @param isTaken whether the deployment has an event already; nothing may take its place then.
 */
export function withEvent(
  memory: TriggerMemory,
  event: TriggerEvent,
  { now, debounceMs, isTaken }: { readonly now: number; readonly debounceMs: number; isTaken(id: string): boolean },
): TriggerMemory {
  const { waiting } = memory;
  const last = waiting.at(-1);
  const merges = last !== undefined && !isReady(last, now, debounceMs) && !isTaken(last.event.id);
  const added = { event: merges ? { ...event, id: last.event.id } : event, ready_ms: now + debounceMs };
  return { ...memory, waiting: [...(merges ? waiting.slice(0, -1) : waiting), added] };
}

/** The memory of an absence when something happened after all. @param at RFC 3339. */
export function withSign(memory: TriggerMemory, at: string): TriggerMemory {
  const isLater = memory.last_at === null || Date.parse(at) > Date.parse(memory.last_at);
  return { ...memory, last_at: isLater ? at : memory.last_at, is_silence_told: false };
}

/** A silence that lasts. */
export interface Silence {
  /** RFC 3339: the last time, or the beginning of the watch. */
  readonly since: string;
  /** When it is long enough, in milliseconds since the epoch. */
  readonly due_ms: number;
}

/** The silence that goes on; null where it was told. @param watchedSince RFC 3339. */
export function silenceOf(memory: TriggerMemory, watchedSince: string, withinMs: number): Silence | null {
  if (memory.is_silence_told) return null;
  const since = memory.last_at ?? watchedSince;
  return { since, due_ms: Date.parse(since) + withinMs };
}

/** Senders try again for about a day. */
const REMEMBERED_MS = 3 * 86_400_000;
/** Beyond so many only those are remembered whose requests still hold. */
const MOST_REMEMBERED = 5_000;

/** The accepted requests with one more, without those that are too old. */
export function withDelivery(memory: TriggerMemory, id: string, delivery: Delivery): TriggerMemory {
  const { at_ms } = delivery;
  const kept = Object.entries(memory.deliveries)
    .filter(([, each]) => at_ms - each.at_ms <= REMEMBERED_MS)
    .sort(([, one], [, other]) => other.at_ms - one.at_ms)
    // A request may be dated as far ahead as back.
    .filter(([, each], index) => index < MOST_REMEMBERED || at_ms - each.at_ms <= 2 * WINDOW_MS);
  return { ...memory, deliveries: Object.fromEntries([...kept.reverse(), [id, delivery]]) };
}

/** The accepted request of an id, or the one with the same signature: ids of GitHub are not signed. */
export function deliveryLike(memory: TriggerMemory, id: string, proof: string): Delivery | null {
  if (Object.hasOwn(memory.deliveries, id)) return memory.deliveries[id] ?? null;
  return Object.values(memory.deliveries).find((each) => each.proof === proof) ?? null;
}
