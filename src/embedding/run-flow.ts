/**
 * Flows run by a program: in tests with fakes and a clock that does not wait, or for real. What a rehearsal is, `rehearsal.ts` says; a real
 * run is lived by a flowctl of its own (`recorded-run.ts`), and nothing in this room knows how it is kept.
 */

import { flowBehind } from '../flows/conductor.ts';
import type { Flow } from '../flows/flow.ts';
import { checkNames, OptionError } from '../flows/options.ts';
import type { RecordedRun } from './recorded-run.ts';
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

/** How a program runs a flow that is to be recorded. */
export interface RecordedRunOptions<G> {
  readonly params?: G;
  /** The state directory: made when it is missing, and what `flowctl --state-dir` and all others on it see. */
  readonly stateDir: string;
  /** The id of a run of the flow, with which it goes on; `params` are the run's own then. */
  readonly resume?: string;
  /** How many steps run at once. */
  readonly maxParallel?: number;
  /** Ends the run, as Ctrl-C does: it is settled and recorded, and can be resumed. */
  readonly signal?: AbortSignal;
}

const OPTION_NAMES = ['params', 'fakes', 'clock', 'secrets'];
const RECORDED_NAMES = ['params', 'stateDir', 'resume', 'maxParallel', 'signal'];

/**
 * Runs a flow in this program, for tests: in this thread, in memory, with the real functions of its tasks or with fakes. Keys, retries,
 * maps, hooks and transactions are those of `flowctl run`; nothing is recorded, and a timeout only aborts `context().signal`.
 * @returns how it went; a flow that fails does not reject.
 * @throws {OptionError} for options or params that are none.
 * @example
 * const run = await runFlow(etl, { params: { path: 'a.csv' }, fakes: { extract: async () => [1, 2] }, clock: 'test' });
 * expect(run.outputs).toEqual([2, 3]);
 */
export async function runFlow<G, R>(flow: Flow<G, R>, options?: RunFlowOptions<NoInfer<G>>): Promise<FlowRun<R>>;
/**
 * Runs a flow for real, with a state directory: by a flowctl of its own, with the engine, the locks and the promises of `flowctl run`. The flow
 * is exported by a module that the program imports, for it is loaded there. It ends with the program: by the signals of a terminal, and
 * by itself when the program is gone.
 * @returns the run when it has ended, or is left waiting; a flow that fails does not reject.
 * @throws {OptionError} with what flowctl says, where no life of a run began (params that do not fit, a run that somebody else owns), or its
 * state could not be read or written.
 * @example
 * const run = await runFlow(etl, { params: { path: 'a.csv' }, stateDir: '.flowctl' });
 * if (run.state !== 'succeeded') await runFlow(etl, { resume: run.id, stateDir: '.flowctl' });
 */
export async function runFlow<G, R>(flow: Flow<G, R>, options: RecordedRunOptions<NoInfer<G>>): Promise<RecordedRun<R>>;
/** What stands behind the signatures above. */
export async function runFlow(
  flow: Flow<never, unknown>,
  options: RunFlowOptions<unknown> | RecordedRunOptions<unknown> = {},
): Promise<FlowRun<unknown> | RecordedRun<unknown>> {
  const isRecorded = 'stateDir' in options && options.stateDir !== undefined;
  checkNames('runFlow()', options, isRecorded ? RECORDED_NAMES : OPTION_NAMES);
  const registered = flowBehind(flow);
  if (registered === null) throw new OptionError('runFlow() takes what flow() made');
  if (isRecorded) return (await import('./recorded-run.ts')).runRecorded(registered, options);
  if (registered.kind === 'declarative') {
    throw new OptionError(
      `flow \`${registered.name}\` is a graph of steps: give runFlow a \`stateDir\`, or run it with flowctl run`,
    );
  }
  // Whoever only loads a flow needs nothing of this.
  const { rehearse } = await import('./rehearse.ts');
  return rehearse(registered, options);
}
