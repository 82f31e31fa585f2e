/**
 * Which host a quick call goes to: behind others of its queue, as long as they are soon done, and to one of its own else. What waits
 * behind a call that does not end is taken back.
 */

import type { HostThread } from './host-thread.ts';
import type { FunctionCall } from './messages.ts';

/** Calls that may wait behind each other. */
export interface Queue {
  /** The same for all of them. */
  readonly name: string;
  /** How many hosts they may use at once, from 1. */
  readonly hosts: number;
}

/** A place in line. */
export interface PlaceInLine {
  /** Null: every line is long, or does not move. */
  readonly host: HostThread | null;
  /** The call will begin at once, as far as is known: another host would not be faster. */
  readonly isEnough: boolean;
  /** True when the queue may use another host. */
  readonly mayGrow: boolean;
}

/** Most calls that a host has at once. */
const LONGEST_LINE = 64;
/** Waking another thread takes about as long. */
const SOON_MS = 0.25;
/** A call that has been running for so long holds up nobody any longer. */
const PATIENCE_MS = 10;
/** What a function that is not known yet is taken to need. */
const UNKNOWN_MS = 1;
/** How much the last call of a function weighs in what is expected of the next. */
const NEWEST = 0.2;

/** Knows the lines of a pool's hosts. */
export class Lines {
  /** The queues of the hosts that serve one. */
  readonly #queues = new Map<HostThread, string>();
  /** How long functions run, milliseconds. */
  readonly #paces = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  /** The best place in the lines of a queue. */
  find(call: FunctionCall, { name, hosts }: Queue): PlaceInLine {
    let best: HostThread | null = null;
    let used = 0;
    const now = performance.now();
    for (const host of this.#queues.keys()) {
      if (host.isEnding || host.length === 0) {
        this.#queues.delete(host);
        continue;
      }
      if (this.#queues.get(host) !== name || host.isWaiting) continue;
      used += 1;
      const isOpen = host.length < LONGEST_LINE && now - host.since < PATIENCE_MS;
      if (isOpen && (best === null || host.length < best.length)) best = host;
    }
    const expectedMs = (best?.length ?? 0) * (this.#paces.get(nameOf(call)) ?? UNKNOWN_MS);
    return { host: best, isEnough: best !== null && expectedMs < SOON_MS, mayGrow: used < hosts };
  }

  /** A host gets a call. @param queue null: one that has the host to itself. */
  join(queue: Queue | null, host: HostThread): void {
    if (queue === null) this.#queues.delete(host);
    else this.#queues.set(host, queue.name);
  }

  /** A call ended. */
  learn(call: FunctionCall, ranMs: number): void {
    const name = nameOf(call);
    const before = this.#paces.get(name) ?? ranMs;
    this.#paces.set(name, before + (ranMs - before) * NEWEST);
  }

  /** Sees to it that nothing waits in line for long. @param dispatch sends what was taken back elsewhere. */
  watch(hosts: ReadonlySet<HostThread>, dispatch: () => void): void {
    this.#timer ??= setTimeout(() => {
      // What has arrived meanwhile is heard first: this thread may have been the slow one.
      setImmediate(() => {
        if (this.#timer === null) return;
        this.#timer = null;
        const now = performance.now();
        for (const host of hosts) if (now - host.since >= PATIENCE_MS) host.takeBackLine();
        dispatch();
        if ([...hosts].some(({ length }) => length > 1)) this.watch(hosts, dispatch);
      });
    }, PATIENCE_MS);
  }

  /** Nothing is looked after any more. */
  close(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

const nameOf = ({ module, export: name, task }: FunctionCall): string => `${task ?? ''}#${name}#${module}`;
