/**
 * A flow run in the thread of the program, in memory: tasks are called here, or fakes in their place. Keys, occurrences, retries, maps,
 * hooks and the order of deliveries are those of a real run; nothing is recorded, so nothing can be resumed.
 */

import type { Json } from '../base/json.ts';
import { assertNever } from '../base/result.ts';
import {
  type CallFailure,
  type CallOutcome,
  type CallRequest,
  type CommandRequest,
  type Conductor,
  conducted,
  type FlowRequest,
  type ItemOutcome,
  type MapRequest,
  registeredFlow,
  registeredTask,
  type TaskRequest,
} from '../flows/conductor.ts';
import { asJson } from '../flows/values.ts';
import { type Attempts, type Ended, failureOf } from './attempts.ts';
import { paramsFor } from './flow-params.ts';
import { KeyBook } from './key-book.ts';
import type { RehearsalClock } from './rehearsal-clock.ts';

/** A function in place of a task, a flow or a command. */
export type Fake = (...args: never) => unknown;

/** A step of a rehearsal. */
export interface RehearsedStep {
  readonly key: string;
  readonly kind: CallRequest['kind'];
  readonly state: 'succeeded' | 'failed';
  readonly attempts: number;
  readonly outputs: Json;
  readonly error: CallFailure | null;
}

/** What a rehearsal is made of. */
export interface RehearsalParts {
  readonly fakes: ReadonlyMap<string, Fake>;
  readonly clock: RehearsalClock;
  readonly attempts: Attempts;
}

/** A run in memory. */
export class Rehearsal {
  readonly steps: RehearsedStep[] = [];
  readonly used = new Set<string>();
  readonly #parts: RehearsalParts;
  #open = 0;
  #delivered: Promise<void> = Promise.resolve();
  #quiet: (() => void)[] = [];

  constructor(parts: RehearsalParts) {
    this.#parts = parts;
  }

  /** Resolves when no call is under way and what followed from the last one has happened. */
  async settled(): Promise<void> {
    do {
      if (this.#open > 0) await new Promise<void>((resolve) => this.#quiet.push(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#open > 0);
  }

  /** Whom a flow function asks, or a task. @param prefix stands before the keys, such as `report/`. */
  conductor(place: Conductor['place'], prefix: string, known: Map<string, CallOutcome> = new Map()): Conductor {
    const keys = new KeyBook(prefix);
    const { clock } = this.#parts;
    return {
      place,
      call: (request) => {
        const key = keys.take(request);
        const before = known.get(key);
        return this.#deliver(before === undefined ? this.#step(request, key, known) : Promise.resolve(before));
      },
      record: (kind, make) => (kind === 'now' ? (clock.now() ?? make()) : make()),
    };
  }

  /** One outcome after the other, each when what followed from the one before has happened. */
  #deliver(ended: Promise<CallOutcome>): Promise<CallOutcome> {
    this.#open += 1;
    this.#parts.clock.begin();
    return new Promise((resolve, reject) => {
      const give = (settle: () => void): void => {
        this.#delivered = this.#delivered.then(async () => {
          settle();
          await new Promise((quiet) => setImmediate(quiet));
          this.#open -= 1;
          if (this.#open > 0) return;
          for (const quiet of this.#quiet.splice(0)) quiet();
        });
      };
      ended
        .finally(() => this.#parts.clock.end())
        .then(
          (outcome) => give(() => resolve(outcome)),
          (error: unknown) => give(() => reject(error)),
        );
    });
  }

  async #step(request: CallRequest, key: string, known: Map<string, CallOutcome>): Promise<CallOutcome> {
    const outcome = await this.#perform(request, key);
    const failed = outcome.kind === 'failed';
    const error = failed ? outcome.failure : null;
    const { attempts } = outcome;
    const state = outcome.kind;
    this.steps.push({ key, kind: request.kind, state, attempts, outputs: failed ? null : outcome.outputs, error });
    if (!failed) known.set(key, outcome);
    return outcome;
  }

  async #perform(request: CallRequest, key: string): Promise<CallOutcome> {
    switch (request.kind) {
      case 'task':
        return this.#task(request, key, request.arguments);
      case 'map':
        return this.#map(request, key);
      case 'command':
        return this.#faked(request, key, request.name === 'sh' ? ['sh'] : [request.name, 'sh'], [commandOf(request)]);
      case 'flow':
        return this.#flow(request, key);
      case 'sleep':
        // Nothing keeps a sleeper from being jumped to.
        this.#parts.clock.end();
        await this.#parts.clock.wait(request.ms);
        this.#parts.clock.begin();
        return { kind: 'succeeded', step: key, attempts: 1, outputs: null };
      case 'approval':
        return this.#faked(request, key, ['approval'], [{ message: request.message }], 'rejected');
      default:
        return assertNever(request, 'request');
    }
  }

  #fake(names: readonly string[]): ((...args: readonly unknown[]) => unknown) | undefined {
    const name = names.find((each) => this.#parts.fakes.has(each));
    if (name === undefined) return undefined;
    this.used.add(name);
    return this.#parts.fakes.get(name) as ((...args: readonly unknown[]) => unknown) | undefined;
  }

  async #task(request: TaskRequest | MapRequest, key: string, args: readonly Json[]): Promise<CallOutcome> {
    const registered = registeredTask(null, request.task);
    const part = request.kind === 'task' ? request.part : 'body';
    const fake = part === 'body' ? this.#fake([request.task]) : undefined;
    const known = new Map<string, CallOutcome>();
    return this.#parts.attempts.run(request.options, key, {
      judge: (error, attempt) => registered?.judge(error, attempt) ?? Promise.resolve({ retry: null, delay_ms: null }),
      call: () =>
        conducted(this.conductor('task', `${key}/`, known), async () => {
          if (registered === null) throw new Error(`there is no task \`${request.task}\``);
          return registered.invoke(part, args, fake);
        }),
    });
  }

  async #map(request: MapRequest, key: string): Promise<CallOutcome> {
    const { arguments: lists, keys, max_parallel, tolerate } = request;
    const ended: CallOutcome[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < lists.length) {
        const index = next;
        next += 1;
        const item = `${key}[${keys?.[index] ?? index}]`;
        ended[index] = await this.#task(request, item, lists[index] ?? []);
      }
    };
    await Promise.all(Array.from({ length: Math.min(max_parallel ?? lists.length, lists.length) }, work));
    const items = ended.map((outcome, index): ItemOutcome => ({ ...outcome, index }));
    const failures = items.filter((item) => item.kind === 'failed');
    const allowed = tolerate.kind === 'count' ? tolerate.value : (tolerate.value * lists.length) / 100;
    const facts = { step: key, attempts: 1, items };
    if (failures.length <= allowed) {
      const outputs = items.map((item) => (item.kind === 'succeeded' ? item.outputs : null));
      return { ...facts, kind: 'succeeded', outputs };
    }
    const [first] = failures;
    const why = first === undefined ? '' : `: \`${first.step}\`: ${first.failure.message}`;
    const message = `${failures.length} of ${lists.length} items failed${why}`;
    return { ...facts, kind: 'failed', failure: { code: 'members_failed', message, detail: null, thrown: null } };
  }

  async #flow(request: FlowRequest, key: string): Promise<CallOutcome> {
    if (this.#parts.fakes.has(request.flow)) return this.#faked(request, key, [request.flow], [request.params]);
    const registered = registeredFlow(null, request.flow);
    const ended = await this.#ended(async () => {
      if (registered === null) throw new Error(`there is no flow \`${request.flow}\``);
      const params = await paramsFor(registered, request.params);
      const conductor = this.conductor('flow', `${key}/`);
      return this.#parts.attempts.inFlow(key, () => conducted(conductor, () => registered.invoke(params)));
    });
    return { step: key, attempts: 1, ...ended };
  }

  /** A step that only a fake can be. */
  async #faked(
    request: CallRequest,
    key: string,
    names: readonly string[],
    args: readonly unknown[],
    code: CallFailure['code'] = 'thrown',
  ): Promise<CallOutcome> {
    const fake = this.#fake(names);
    const message = `nothing stands for it in a rehearsal: give runFlow a fake named \`${names[0]}\`, or run the flow with flowctl run`;
    const nobody = { code: 'start_refused', message, detail: null, thrown: null } as const;
    const missing = { kind: 'failed', step: key, attempts: 0, failure: nobody } as const;
    if (fake === undefined) return missing;
    const judge = async () => ({ retry: null, delay_ms: null });
    const outcome = await this.#parts.attempts.run(request.options, key, { judge, call: async () => fake(...args) });
    if (outcome.kind === 'succeeded' || code === 'thrown') return outcome;
    return { ...outcome, failure: { ...outcome.failure, code } };
  }

  async #ended(call: () => Promise<unknown>): Promise<Ended> {
    try {
      return { kind: 'succeeded', outputs: asJson('what the flow returned', (await call()) ?? null) };
    } catch (error) {
      return { kind: 'failed', failure: failureOf(error) };
    }
  }
}

/** A command as a person would write it, or its words. */
function commandOf({ command }: CommandRequest): string | readonly string[] {
  if (command.kind === 'argv') return command.argv;
  return command.text.replace(
    /"\$(FLOWCTL_VALUE_\d+)"|\$\{(FLOWCTL_VALUE_\d+)\}/g,
    (written, bare: string | undefined, quoted: string | undefined) => command.values[bare ?? quoted ?? ''] ?? written,
  );
}
