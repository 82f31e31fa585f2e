/** A flow function in the world of the engine's tests: it runs in this thread, with the conductor that it would have in its own. */

import type { Json } from '../../src/base/json.ts';
import type { RunningScript, ScriptHost } from '../../src/engine/ports.ts';
import type { CallOutcome, CallRequest, RequestedOptions } from '../../src/flows/conductor.ts';
import { Calling } from '../../src/functions/calling.ts';
import { Watch } from '../../src/functions/watch.ts';
import { NO_RETRY } from '../../src/model/defaults.ts';
import { scriptCall } from '../../src/runners/call-definition.ts';

export const OPTIONS: RequestedOptions = {
  timeout_ms: null,
  grace_ms: null,
  if_lost: 'run_again',
  resources: {},
  priority: 0,
  secrets: [],
  isolate: 'thread',
  artifacts: [],
  retry: { ...NO_RETRY, delays_ms: null },
  cache: null,
  tags: [],
  run_name: null,
};

/** A failed call, as the library throws it. */
export class CallError extends Error {
  readonly step: string;

  constructor(step: string, message: string) {
    super(`${step}: ${message}`);
    this.step = step;
  }
}

/** What a function of a test can do. */
export interface Actions {
  task(name: string, ...args: readonly Json[]): Promise<Json>;
  map(name: string, items: readonly Json[]): Promise<Json>;
  sleep(ms: number): Promise<Json>;
  random(): number;
}

/** The function of one life, and what it saw. */
export interface StagedScript {
  readonly host: ScriptHost;
  /** The keys of the calls whose ends it was told, in that order. */
  readonly told: string[];
}

/** What the thread of the tests holds open says nothing about the function: it is quiet after a turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Makes a host that runs a function. @param draw the source of what is recorded. */
export function stage(body: (actions: Actions) => Promise<Json>, draw: () => number = Math.random): StagedScript {
  const told: string[] = [];
  const host: ScriptHost = {
    start: ({ values, isReplay }, listener): RunningScript => {
      let isStopped = false;
      const numbers = [...values.random];
      const calling = new Calling({
        place: 'flow',
        caller: null,
        quiet: turn,
        send: (call) => {
          if (isStopped) return;
          listener.called(scriptCall(call, { module: '/stage.ts', flow: (name) => name }));
          watch?.look();
        },
        record: (_kind, make) => {
          const known = numbers.shift();
          if (typeof known === 'number') return known;
          const value = make();
          listener.recorded('random', value);
          return value;
        },
      });
      const watch = isReplay
        ? new Watch(
            calling,
            (count, asked) => listener.waits(count, asked),
            () => 0,
          )
        : null;
      const call = async (request: CallRequest): Promise<Json> => {
        const outcome: CallOutcome = await calling.call(request);
        told.push(outcome.step);
        if (outcome.kind === 'succeeded') return outcome.outputs;
        throw new CallError(outcome.step, outcome.failure.message);
      };
      const base = { key: null, needs: [], options: OPTIONS } as const;
      const actions: Actions = {
        task: (name, ...args) =>
          call({ ...base, kind: 'task', name, task: name, part: 'body', of: null, arguments: args }),
        map: (name, items) =>
          call({
            ...base,
            kind: 'map',
            name,
            task: name,
            arguments: items.map((item) => [item]),
            keys: null,
            max_parallel: null,
            tolerate: { kind: 'count', value: 0 },
          }),
        sleep: (ms) => call({ ...base, kind: 'sleep', name: 'sleep', ms }),
        random: () => Number(calling.record('random', draw)),
      };
      let settled: { readonly value: Json } | { readonly error: unknown } | null = null;
      const settle = (how: typeof settled): void => {
        settled = how;
        if (!isStopped) listener.settled();
        watch?.look();
      };
      body(actions).then(
        (value) => settle({ value }),
        (error: unknown) => settle({ error }),
      );
      watch?.look();
      const finish = async (): Promise<void> => {
        do await turn();
        while (calling.isBusy);
        if (isStopped || settled === null || calling.open > 0) return;
        if ('value' in settled) return listener.ended({ kind: 'returned', value: settled.value });
        const { error } = settled;
        const blamed = error instanceof CallError ? [error.step] : [];
        listener.ended({ kind: 'failed', failure: { code: 'thrown', message: String(error) }, blamed });
      };
      return {
        tell: (outcome) => {
          calling.hear(outcome);
          watch?.look();
        },
        goLive: () => watch?.end(),
        finish: () => void finish(),
        stop: () => {
          isStopped = true;
          watch?.end();
        },
      };
    },
  };
  return { host, told };
}

/** Everything that a function does by itself has happened. */
export async function settleScript(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
