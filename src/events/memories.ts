/** What is remembered of triggers, read once and written through: one process changes it, and each trigger's one change at a time. */

import type { RunId } from '../base/ids.ts';
import type { TriggerMemory, WaitingEvent } from '../model/trigger-memory.ts';
import type { EventPorts } from './ports.ts';

/** The memories of one process. */
export class Memories {
  readonly #ports: Pick<EventPorts, 'read' | 'write'>;
  readonly #known = new Map<RunId, TriggerMemory>();
  readonly #turns = new Map<RunId, Promise<unknown>>();
  #isClosed = false;

  constructor(ports: Pick<EventPorts, 'read' | 'write'>) {
    this.#ports = ports;
  }

  /** The memory of a trigger. Rejects where it cannot be read. */
  async of(trigger: RunId): Promise<TriggerMemory> {
    const known = this.#known.get(trigger);
    if (known !== undefined) return known;
    const read = await this.#ports.read(trigger);
    this.#known.set(trigger, read);
    return read;
  }

  /** What was read already; absent: nothing, or it could not be. */
  known(trigger: RunId): TriggerMemory | undefined {
    return this.#known.get(trigger);
  }

  /** All events that are known to wait. */
  waiting(): readonly WaitingEvent[] {
    return [...this.#known.values()].flatMap((memory) => memory.waiting);
  }

  /** On disk when it resolves, and not before it counts. */
  async remember(trigger: RunId, memory: TriggerMemory): Promise<void> {
    await this.#ports.write(trigger, memory);
    this.#known.set(trigger, memory);
  }

  /** Does something about one trigger when nobody else does. Rejects when it is too late for that. */
  turn<T>(trigger: RunId, work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(new Error('the events of this project are looked at by another process'));
    const before = this.#turns.get(trigger) ?? Promise.resolve();
    const result = before.then(work, work);
    this.#turns.set(
      trigger,
      result.catch(() => undefined),
    );
    return result;
  }

  /** Another process may change them from now on: what goes on here comes to its end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#turns.values());
  }

  /** Keeps these triggers alone in mind. */
  keep(triggers: ReadonlySet<RunId>): void {
    for (const known of [this.#known, this.#turns])
      for (const id of known.keys()) if (!triggers.has(id)) known.delete(id);
  }
}
