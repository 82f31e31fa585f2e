/**
 * The conductor of a thread: what the library asks, in a flow function or in a task, is given its key at once and sent to the program;
 * how it ended is told to whoever waits, one at a time, the next only when the thread is quiet again. Live and in a replay alike: so a
 * function that is told the same in the same order does the same.
 */

import { createHash } from 'node:crypto';
import { canonicalJson, type Json } from '../base/json.ts';
import type { CallOutcome, CallRequest, Conductor, RecordedKind } from '../flows/conductor.ts';

/** A call on its way to the program. */
export interface SentCall {
  readonly step: string;
  /** Of a map: the keys of its items. */
  readonly items: readonly string[] | null;
  readonly arguments_hash: string;
  readonly request: CallRequest;
}

/** What a conductor works with. */
export interface CallingParts {
  readonly place: Conductor['place'];
  /** The step whose attempt this is; null: a flow function. */
  readonly caller: string | null;
  send(call: SentCall): void;
  record: Conductor['record'];
  /** Resolves when what the function was told has had its effect. Default: when its thread is quiet. */
  readonly quiet?: () => Promise<void>;
  /** The end of a call had its effect; `open`: how many have not ended. */
  ended?(open: number): void;
}

/** A key that is written like the brackets of another, or could not be read back, is none. */
const KEY = /^[^[\]/\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]{1,100}$/u;

/** The calls of one flow function, or of one attempt of a task. */
export class Calling implements Conductor {
  readonly place: Conductor['place'];
  /** How many calls were made, and how many ends of calls had their effect. */
  asked = 0;
  told = 0;
  /** Resolves when what the function was told has had its effect. */
  readonly quiet: () => Promise<void>;
  private readonly parts: CallingParts;
  private readonly occurrences = new Map<string, number>();
  private readonly taken = new Set<string>();
  private readonly waiting = new Map<string, (outcome: CallOutcome) => void>();
  private arrived: CallOutcome[] = [];
  private isTelling = false;

  constructor(parts: CallingParts) {
    this.parts = parts;
    this.place = parts.place;
    this.quiet = parts.quiet ?? quiet;
  }

  /** Calls that have not ended. */
  get open(): number {
    return this.waiting.size;
  }

  /** True while ends of calls have their effect. */
  get isBusy(): boolean {
    return this.isTelling;
  }

  call(request: CallRequest): Promise<CallOutcome> {
    const step = this.keyOf(request);
    const items = request.kind === 'map' ? itemKeys(step, request.arguments.length, request.keys) : null;
    const arguments_hash = hashOf(request);
    this.taken.add(step);
    this.asked += 1;
    return new Promise((resolve) => {
      this.waiting.set(step, resolve);
      this.parts.send({ step, items, arguments_hash, request });
    });
  }

  record(kind: RecordedKind, make: () => number | string): number | string {
    return this.parts.record(kind, make);
  }

  /** The end of a call arrived. */
  hear(outcome: CallOutcome): void {
    this.arrived.push(outcome);
    if (!this.isTelling) void this.tell();
  }

  private async tell(): Promise<void> {
    this.isTelling = true;
    for (let next = this.arrived.shift(); next !== undefined; next = this.arrived.shift()) {
      const resolve = this.waiting.get(next.step);
      this.waiting.delete(next.step);
      resolve?.(next);
      await this.quiet();
      this.told += 1;
      this.parts.ended?.(this.open);
    }
    this.isTelling = false;
  }

  private keyOf({ name, key, ...request }: CallRequest): string {
    const prefix = this.parts.caller === null ? '' : `${this.parts.caller}/`;
    if (request.kind === 'task' && request.of !== null) return this.partKey(request.of, request.part);
    if (key !== null) {
      if (!KEY.test(key)) {
        throw new Error(`\`${key}\` cannot be the key of a call: 1 to 100 characters, no brackets and slashes`);
      }
      const step = `${prefix}${name}[${key}]`;
      if (this.taken.has(step)) throw new Error(`the key \`${key}\` was given to an earlier call of \`${name}\``);
      return step;
    }
    const occurrence = (this.occurrences.get(name) ?? 0) + 1;
    this.occurrences.set(name, occurrence);
    return occurrence === 1 ? `${prefix}${name}` : `${prefix}${name}#${occurrence}`;
  }

  private partKey(of: string, part: string): string {
    const step = `${of}/${part}`;
    if (this.taken.has(step)) throw new Error(`\`${step}\` was called before`);
    return step;
  }
}

function itemKeys(step: string, count: number, keys: readonly string[] | null): readonly string[] {
  const names = keys ?? Array.from({ length: count }, (_, index) => String(index));
  const seen = new Set<string>();
  for (const name of names) {
    if (!KEY.test(name)) {
      throw new Error(`\`${name}\` cannot be the key of an item: 1 to 100 characters, no brackets and slashes`);
    }
    if (seen.has(name)) throw new Error(`two items of \`${step}\` have the key \`${name}\``);
    seen.add(name);
  }
  return names.map((name) => `${step}[${name}]`);
}

/** What a call has to have in common with the one that was recorded: what is called, with which arguments. How it is tried is left out. */
function hashOf(request: CallRequest): string {
  return createHash('sha256')
    .update(canonicalJson(identityOf(request)))
    .digest('hex');
}

function identityOf(request: CallRequest): Json {
  switch (request.kind) {
    case 'task':
      return ['task', request.task, request.part, request.arguments];
    case 'map':
      return ['map', request.task, request.arguments, request.keys];
    case 'command': {
      const { command, env, workdir, stdin, output } = request;
      return ['command', command as Json, env, workdir, stdin, output];
    }
    case 'flow':
      return ['flow', request.flow, request.params];
    case 'sleep':
      return ['sleep', request.ms];
    case 'approval':
      return ['approval', request.message, request.params.map(({ name, schema }) => [name, schema])];
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** More hops of a function over the end of the event loop's turn than this are no consequence of what it was told. */
const MOST_TURNS = 100;

/** Microtasks, and immediates that follow from them, have run. */
export async function quiet(): Promise<void> {
  for (let turns = 0; turns < MOST_TURNS; turns += 1) {
    await turn();
    if (!process.getActiveResourcesInfo().includes('Immediate')) return;
  }
}
