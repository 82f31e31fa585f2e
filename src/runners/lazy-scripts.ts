/** Runs flow functions, of which nothing is loaded before the first. */

import type { StepKey } from '../base/ids.ts';
import { Bug } from '../base/result.ts';
import type { CallOutcome, RunningScript, ScriptHost } from '../engine/ports.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { RunRecord } from '../model/run.ts';
import { SCRIPT_KEY } from './script-key.ts';
import type { ScriptRunnerOptions } from './script.ts';

/** A run, as far as its flow function sees it. */
interface ScriptedRun {
  readonly record: Pick<RunRecord, 'id' | 'flow' | 'vars'>;
  readonly definition: Pick<FlowDefinition, 'directory' | 'vars'>;
  readonly layout: { readonly private: string };
}

/** As `scriptRunner`, whose code is loaded with the first flow function of a run. */
export function lazyScripts(
  hosts: ScriptRunnerOptions['hosts'],
  { record: { id, flow, vars }, definition, layout }: ScriptedRun,
  {
    inherited,
    log,
  }: Pick<ScriptRunnerOptions, 'inherited'> & { log(step: StepKey, life: number): { readonly log: string } },
): ScriptHost {
  const options = {
    ...{ hosts, run: id, flow, workdir: definition.directory, runDirectory: layout.private, inherited },
    vars: { ...definition.vars, ...vars },
    log: (life: number) => log(SCRIPT_KEY, life).log,
  };
  return {
    start: (beginning, listener) => {
      let running: RunningScript | null = null;
      let isStopped = false;
      import('./script.ts').then(
        ({ scriptRunner }) => {
          if (!isStopped) running = scriptRunner(options).start(beginning, listener);
        },
        (error: unknown) => {
          throw new Bug(`flow functions cannot be run: ${String(error)}`);
        },
      );
      // Nothing is told before it calls, and it calls nothing before it runs.
      return {
        tell: (outcome: CallOutcome) => running?.tell(outcome),
        goLive: () => running?.goLive(),
        finish: () => running?.finish(),
        stop: () => {
          isStopped = true;
          running?.stop();
        },
      };
    },
  };
}
