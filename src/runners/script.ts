/**
 * Runs flow functions for the engine: each in a script thread of its own, with the environment and the log of its run. It must not know
 * what becomes of calls; that is the engine's `script.ts`. Next: `functions/script-thread.ts`, and `call-definition.ts` for what a call is.
 */

import type { RunId } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import type { RunningScript, ScriptBeginning, ScriptEnd, ScriptHost, ScriptListener } from '../engine/ports.ts';
import { ScriptThread, type ScriptResult } from '../functions/script-thread.ts';
import { appendToLog, openLog } from '../process/log.ts';
import { TOKEN_VARIABLE, tokenOf } from '../process/token.ts';
import type { Failure } from '../model/outcome.ts';
import { scriptCall } from './call-definition.ts';
import type { InheritedEnvironment } from './environment.ts';
import { failureOf } from './function-failure.ts';
import { SCRIPT_KEY, scriptFlowKey } from './script-key.ts';

interface ModuleProblem {
  readonly message: string;
  readonly detail: string | null;
}

/** What scripts of one run need. */
export interface ScriptRunnerOptions {
  readonly run: RunId;
  readonly flow: string;
  /** The built entry of the thread, and the loader of modules. */
  readonly hosts: {
    readonly hostUrl: URL;
    prepare(module: string): Promise<Result<string, ModuleProblem>>;
    locateMistake(module: string): Promise<ModuleProblem | null>;
  };
  /** Less the secrets. */
  readonly inherited: InheritedEnvironment;
  /** The log of a life, counted from 1. */
  readonly log: (life: number) => string;
  /** `FLOWCTL_RUN_DIR`, and the flow file's folder. */
  readonly runDirectory: string;
  readonly workdir: string;
  /** What `context().vars` gives. */
  readonly vars: JsonObject;
}

/** Starts flow functions. */
export function scriptRunner(options: ScriptRunnerOptions): ScriptHost {
  return { start: (beginning, listener) => startScript(options, beginning, listener) };
}

function startScript(
  options: ScriptRunnerOptions,
  beginning: ScriptBeginning,
  listener: ScriptListener,
): RunningScript {
  let thread: ScriptThread | null = null;
  let isStopped = false;
  const log = options.log(beginning.life);
  const end = (how: ScriptEnd): void => {
    if (!isStopped) listener.ended(how);
  };
  const begin = async (): Promise<void> => {
    const { module } = beginning.script;
    const prepared = await options.hosts.prepare(module);
    if (isStopped) return;
    if (!prepared.ok) return end(failed({ code: 'module_not_loaded', ...withDetail(prepared.error) }));
    await openLog(log).settle();
    if (isStopped) return;
    const source = { module, flow: (name: string) => scriptFlowKey(module, name) };
    thread = new ScriptThread(options.hosts.hostUrl, startOf(options, beginning, prepared.value, log), {
      called: (call) => listener.called(scriptCall(call, source)),
      told: (message) => {
        switch (message.kind) {
          case 'recorded':
            return listener.recorded(message.value.kind, message.value.value);
          case 'waits':
            return listener.waits(message.told, message.asked);
          case 'settled':
            return listener.settled();
          case 'log_failed':
            return;
        }
      },
      ended: (result) => {
        void endOf(options, beginning, result, log).then(end);
      },
    });
  };
  begin().catch((error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    end(failed({ code: 'module_not_loaded', message }));
  });
  return {
    tell: (outcome) => thread?.tell(outcome),
    goLive: () => thread?.send({ kind: 'live' }),
    finish: () => thread?.send({ kind: 'finish' }),
    stop: () => {
      isStopped = true;
      thread?.stop();
    },
  };
}

const failed = (failure: Failure): ScriptEnd => ({ kind: 'failed', failure, blamed: [] });

const withDetail = ({ message, detail }: ModuleProblem): { readonly message: string; readonly detail?: string } =>
  detail === null ? { message } : { message, detail };

function startOf(options: ScriptRunnerOptions, beginning: ScriptBeginning, url: string, log: string) {
  const { run, flow, inherited, runDirectory, workdir, vars } = options;
  const { script, params, values, life, isReplay } = beginning;
  const env: { [name: string]: string } = {};
  for (const [name, value] of Object.entries(inherited)) if (value !== undefined) env[name] = value;
  Object.assign(env, {
    FLOWCTL_RUN_ID: run,
    FLOWCTL_RUN_DIR: runDirectory,
    FLOWCTL_FLOW: flow,
    [TOKEN_VARIABLE]: tokenOf(inherited[TOKEN_VARIABLE] ?? '', run, SCRIPT_KEY, life),
  });
  const context = { run, flow, step: '', attempt: life, run_dir: runDirectory, workdir, idempotency_key: run, vars };
  return { url, module: script.module, flow: script.flow, params, values, watches: isReplay, env, log, context };
}

async function endOf(
  { hosts }: ScriptRunnerOptions,
  { script }: ScriptBeginning,
  { result, unheard, blamed }: ScriptResult,
  log: string,
): Promise<ScriptEnd> {
  if (result.kind !== 'returned') {
    const mistake =
      result.kind === 'module_not_loaded' && result.message.startsWith('SyntaxError:')
        ? await hosts.locateMistake(script.module)
        : null;
    const failure = failureOf(mistake === null ? result : { kind: 'module_not_loaded', ...mistake }, {
      module: script.module,
      export: script.flow,
    });
    if (failure.detail !== undefined) appendToLog(log, `${failure.detail.trimEnd()}\n`);
    return { kind: 'failed', failure, blamed };
  }
  const [first] = unheard;
  if (first === undefined) return { kind: 'returned', value: result.value };
  const more = unheard.length === 1 ? '' : `, and ${unheard.length - 1} more`;
  const what =
    first.step === null ? 'a promise that nobody awaited' : `the call \`${first.step}\`, which nobody awaited,`;
  const message = `${what} failed: ${first.message}${more}`;
  appendToLog(log, `${first.stack === '' ? message : first.stack}\n`);
  return { kind: 'failed', failure: { code: 'not_awaited', message, detail: first.stack }, blamed };
}
