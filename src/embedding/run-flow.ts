/**
 * Flows run by a program: in tests with fakes and a clock that does not wait. What a rehearsal is, `rehearsal.ts` says; nothing in this
 * room knows how a real run is kept.
 */

import { flowBehind } from '../flows/conductor.ts';
import type { Flow } from '../flows/flow.ts';
import { checkNames, OptionError } from '../flows/options.ts';
import type { Fake, RehearsedStep } from './rehearsal.ts';

/** How a program runs a flow. */
export interface RunFlowOptions<G> {
  /** The params; those without a default have to be there. */
  readonly params?: G;
  /**
   * Functions in place of tasks and flows, by their names, with their arguments. `sh` stands for commands (the text with the values in
   * it, or the list of words; one that is named by `sh.with({ name })` under that name), `approval` for a person: what it returns is the
   * answer, and throwing is a no.
   */
  readonly fakes?: { readonly [name: string]: Fake };
  /**
   * `test`: nothing waits. `context().sleep()` and delays of retries end as soon as nothing else is under way, and `context().now()` tells
   * the time that would have passed; it begins at `now`, an RFC 3339 instant. Default: `system`.
   */
  readonly clock?: 'system' | 'test' | { readonly now: string };
  /** What `context().secrets` gives, by name. */
  readonly secrets?: { readonly [name: string]: string };
}

/** How a run went. */
export type FlowRun<R> = {
  /** The steps in the order in which they ended. */
  readonly steps: readonly RehearsedStep[];
} & (
  | { readonly state: 'succeeded'; readonly outputs: R; readonly error: null }
  | { readonly state: 'failed'; readonly outputs: null; readonly error: unknown }
);

const OPTION_NAMES = ['params', 'fakes', 'clock', 'secrets'];

/**
 * Runs a flow in this program, for tests: in this thread, in memory, with the real functions of its tasks or with fakes. Keys, retries,
 * maps, hooks and transactions are those of `flowctl run`; nothing is recorded, and a timeout only aborts `context().signal`.
 * @returns how it went; a flow that fails does not reject.
 * @throws {OptionError} for options or params that are none.
 * @example
 * const run = await runFlow(etl, { params: { path: 'a.csv' }, fakes: { extract: async () => [1, 2] }, clock: 'test' });
 * expect(run.outputs).toEqual([2, 3]);
 */
export async function runFlow<G, R>(flow: Flow<G, R>, options: RunFlowOptions<NoInfer<G>> = {}): Promise<FlowRun<R>> {
  checkNames('runFlow()', options, OPTION_NAMES);
  const registered = flowBehind(flow);
  if (registered === null) throw new OptionError('runFlow() takes what flow() made');
  if (registered.kind === 'declarative') {
    throw new OptionError(`flow \`${registered.name}\` is a graph of steps: run it with flowctl run`);
  }
  // Whoever only loads a flow needs nothing of this.
  const { rehearse } = await import('./rehearse.ts');
  return (await rehearse(registered, options)) as FlowRun<R>;
}
