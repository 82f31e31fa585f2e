/**
 * The call that a host serves. What most functions never ask for is made when one does: the signal, the list of the tasks that it called.
 * To make them for every call costs more than a quick function.
 */

import type { CallOutcome, CallRequest, Conductor, RecordedKind } from '../flows/conductor.ts';
import { handedSecrets, maskOf } from './call-secrets.ts';
import { Calling, type CallingParts } from './calling.ts';
import { AttemptLog } from './capture.ts';
import type { StepContext } from './context.ts';
import type { ContextFacts, FunctionCall } from './messages.ts';

/** How a call of a task gets to the program, and what happens when the last one has ended. */
export type WayOut = Required<Pick<CallingParts, 'send' | 'ended'>>;

const NO_SECRETS = handedSecrets({});

/** One call, from when it is begun. */
export class ServedCall implements Conductor {
  readonly place = 'task';
  readonly ticket: number;
  /** When it began, as `performance.now()`. */
  readonly since = performance.now();
  readonly log: AttemptLog;
  readonly context: StepContext;
  readonly #step: string;
  readonly #way: WayOut;
  #controller: AbortController | null = null;
  #calling: Calling | null = null;

  constructor(
    ticket: number,
    { log, secrets }: Pick<FunctionCall, 'log' | 'secrets'>,
    facts: ContextFacts,
    way: WayOut,
  ) {
    this.ticket = ticket;
    this.log = new AttemptLog(log, maskOf(secrets));
    this.#step = facts.step;
    this.#way = way;
    const signal = (): AbortSignal => this.#abortion.signal;
    this.context = Object.freeze({
      ...facts,
      secrets: secrets === undefined ? NO_SECRETS : handedSecrets(secrets.values),
      get signal() {
        return signal();
      },
    });
  }

  /** Aborts its signal. @param reason the message of the signal's reason. */
  abort(reason: string): void {
    this.#abortion.abort(new DOMException(reason, 'AbortError'));
  }

  /** True while a task that it called has not ended. */
  get isWaiting(): boolean {
    return this.#calling !== null && this.#calling.open > 0;
  }

  /** How a task ended that it called. */
  hear(outcome: CallOutcome): void {
    this.#calling?.hear(outcome);
  }

  call(request: CallRequest): Promise<CallOutcome> {
    const { place } = this;
    this.#calling ??= new Calling({ place, caller: this.#step, record: (_, make) => make(), ...this.#way });
    return this.#calling.call(request);
  }

  record(_kind: RecordedKind, make: () => number | string): number | string {
    return make();
  }

  get #abortion(): AbortController {
    this.#controller ??= new AbortController();
    return this.#controller;
  }
}
