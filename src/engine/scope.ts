/**
 * What the expressions of a step may see, taken from the folded run. Only what is named is looked up, so that a step of a large
 * run costs what it refers to. Outputs that are stored apart are read here, before the evaluation.
 */

import type { Json, JsonObject } from '../base/json.ts';
import type { Reference } from '../expressions/expressions.ts';
import type { OutputsRef } from '../model/outcome.ts';
import type { RunRecord, StepRecord } from '../model/run.ts';
import { stepState } from '../model/view.ts';
import type { Plan } from './plan.ts';
import type { OutputStore } from './ports.ts';

/** Where a scope is taken from. */
export interface ScopeSource {
  readonly run: RunRecord;
  readonly plan: Plan;
  /** The environment that flowctl was started with. */
  readonly environment: { readonly [name: string]: string };
  readonly runDirectory: string;
  readonly outputs: OutputStore;
}

/** A scope, or a promise of it where outputs have to be read from disk. */
type Eventually<T> = T | Promise<T>;

/**
 * Collects the roots that `reads` name.
 * @param attempt number of the attempt that asks; null outside a step.
 */
export function collectScope(
  source: ScopeSource,
  reads: readonly Reference[],
  attempt: number | null,
): Eventually<JsonObject> {
  const scope: Record<string, Json> = Object.create(null) as Record<string, Json>;
  const roots = new Set(reads.map(({ root }) => root));
  if (roots.has('params')) scope['params'] = source.run.params;
  if (roots.has('env')) scope['env'] = source.environment;
  if (roots.has('flow')) scope['flow'] = { name: source.run.flow, version: source.run.version };
  if (roots.has('run')) scope['run'] = runScope(source, attempt, asksForFailed(reads));
  if (!roots.has('steps')) return scope;
  const steps: Record<string, Json> = Object.create(null) as Record<string, Json>;
  scope['steps'] = steps;
  const pending: Promise<void>[] = [];
  for (const id of new Set(
    reads.flatMap(({ root, path }) => (root === 'steps' && path[0] !== undefined ? [path[0]] : [])),
  )) {
    const index = source.plan.graph.indexOf.get(id);
    const key = index === undefined ? undefined : source.plan.keys[index];
    const step = key === undefined ? undefined : source.run.steps.get(key);
    if (step === undefined) continue;
    const outputs = recordedOutputs(step.outputs);
    if (outputs !== undefined) steps[id] = stepScope(source.run, step, outputs);
    else if (step.outputs !== null) {
      const read = source.outputs.read(step.outputs).then((value) => {
        steps[id] = stepScope(source.run, step, value);
      });
      pending.push(read);
    }
  }
  return pending.length === 0 ? scope : Promise.all(pending).then(() => scope);
}

/** Outputs that need no reading; undefined for those that are stored apart. */
function recordedOutputs(ref: OutputsRef | null): Json | undefined {
  if (ref === null) return null;
  return ref.kind === 'inline' ? ref.value : undefined;
}

function stepScope(run: RunRecord, step: StepRecord, outputs: Json): Json {
  const last = step.attempts.at(-1);
  return {
    state: stepState(run, step.phase, true),
    outputs,
    exit_code: last?.exit_code ?? null,
    error: step.phase.kind === 'failed' && step.phase.error !== null ? { ...step.phase.error } : null,
  };
}

/** Only who asks for the failed steps pays for looking at all of them. */
const asksForFailed = (reads: readonly Reference[]): boolean =>
  reads.some(({ root, path }) => root === 'run' && (path[0] === undefined || path[0] === 'failed'));

const failedSteps = (run: RunRecord): readonly string[] =>
  [...run.steps.values()].filter(({ phase }) => phase.kind === 'failed').map(({ key }) => key);

function runScope({ run, runDirectory }: ScopeSource, attempt: number | null, withFailed: boolean): Json {
  return {
    id: run.id,
    dir: runDirectory,
    attempt,
    state: run.ending?.state ?? 'running',
    failed: withFailed ? failedSteps(run) : [],
    started_at: run.started_at,
    scheduled_for: run.scheduled_for,
    previous_scheduled_for: null,
  };
}
