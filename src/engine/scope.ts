/**
 * What the expressions of a step may see, taken from the folded run. Only what is named is looked up, so that a step of a large
 * run costs what it refers to. Outputs that are stored apart are read here, before the evaluation.
 */

import { memberKeyOf, parseStepId, type StepKey, stepKeyOf } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { secretMark } from '../base/secret-mark.ts';
import type { Reference } from '../expressions/expressions.ts';
import type { OutputsRef } from '../model/outcome.ts';
import { failedSteps } from '../model/news.ts';
import type { RunRecord, StepRecord } from '../model/run.ts';
import { stepState } from '../model/view.ts';
import type { Node } from './node.ts';
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
  /** The state in which the run is about to end, once its steps are settled; for handlers. */
  readonly ending?: () => string | null;
}

/** Who asks. */
export interface Asker {
  /** Null: the flow itself. */
  readonly node: Node | null;
  /** Number of the attempt that asks; null outside of attempts. */
  readonly attempt: number | null;
  /** Roots that only this asker sees. */
  readonly extra?: { readonly [root: string]: Json };
}

/** A value, or a promise of it where outputs have to be read from disk. */
export type Eventually<T> = T | Promise<T>;

/** Collects the roots that `reads` name. */
export function collectScope(
  source: ScopeSource,
  reads: readonly Reference[],
  { node, attempt, extra }: Asker,
): Eventually<JsonObject> {
  const scope: Record<string, Json> = Object.create(null) as Record<string, Json>;
  const roots = new Set(reads.map(({ root }) => root));
  const { run, plan } = source;
  if (roots.has('params')) scope['params'] = run.params;
  if (roots.has('env')) scope['env'] = source.environment;
  if (roots.has('vars')) scope['vars'] = { ...plan.flow.vars, ...run.vars };
  if (roots.has('flow')) scope['flow'] = { name: run.flow, version: run.version };
  if (roots.has('run')) scope['run'] = runScope(source, attempt, asksForFailed(reads));
  if (roots.has('secrets')) {
    scope['secrets'] = Object.fromEntries(plan.flow.secrets.map(({ name }) => [name, secretMark(name)]));
  }
  Object.assign(scope, itemScope(node), extra);
  if (!roots.has('steps')) return scope;
  const steps: Record<string, Json> = Object.create(null) as Record<string, Json>;
  scope['steps'] = steps;
  const pending: Promise<void>[] = [];
  for (const [id, withItems] of stepsNamed(reads)) {
    const step = visibleStep(run, node, id);
    if (step === null) continue;
    const outputs = recordedValue(source, step.outputs);
    const items = withItems ? itemsOf(source, step) : undefined;
    if (outputs instanceof Promise || items instanceof Promise) {
      const read = Promise.all([outputs, items]).then(([value, list]) => {
        steps[id] = stepScope(run, step, value, list);
      });
      pending.push(read);
    } else steps[id] = stepScope(run, step, outputs, items);
  }
  return pending.length === 0 ? scope : Promise.all(pending).then(() => scope);
}

/** The steps that expressions name, and whether the items of a map are asked for. */
function stepsNamed(reads: readonly Reference[]): ReadonlyMap<string, boolean> {
  const named = new Map<string, boolean>();
  for (const { root, path } of reads) {
    const [id, member] = path;
    if (root !== 'steps' || id === undefined) continue;
    named.set(id, named.get(id) === true || member === undefined || member === 'items');
  }
  return named;
}

/** A step by its name as the one that asks sees it: its siblings first, then the steps around what it belongs to. */
export function visibleStep(run: RunRecord, node: Node | null, name: string): StepRecord | null {
  const id = parseStepId(name);
  if (id === null) return null;
  for (let owner = node?.container.owner ?? null; owner !== null; owner = owner.container.owner) {
    const step = run.steps.get(memberKeyOf(owner.record.key, id));
    if (step?.role === 'step') return step;
  }
  const step = run.steps.get(stepKeyOf(id));
  return step?.role === 'step' ? step : null;
}

/** The item of the nearest map, and of those around it. */
function itemScope(node: Node | null): { readonly [root: string]: Json } {
  for (let at = node; at !== null; at = at.container.owner) {
    if (at.record.role !== 'item') continue;
    const { item, index } = at.record;
    const outer = itemScope(at.container.owner);
    return {
      item,
      index,
      ...(at.definition.map?.over.kind === 'matrix' ? { matrix: item } : {}),
      outer: Object.keys(outer).length === 0 ? null : { ...outer },
    };
  }
  return {};
}

/** The value of outputs: at once where they are small. */
export function recordedValue({ outputs }: ScopeSource, ref: OutputsRef | null): Eventually<Json> {
  if (ref === null) return null;
  return ref.kind === 'inline' ? ref.value : outputs.read(ref);
}

function stepScope(run: RunRecord, step: StepRecord, outputs: Json, items: Json | undefined): Json {
  const last = step.attempts.at(-1);
  return {
    state: stepState(run, step.phase, true),
    outputs,
    exit_code: last?.exit_code ?? null,
    error: step.phase.kind === 'failed' && step.phase.error !== null ? { ...step.phase.error } : null,
    ...(items === undefined ? {} : { items }),
  };
}

function itemsOf(source: ScopeSource, { children }: StepRecord): Eventually<Json> | undefined {
  if (children === null) return undefined;
  const { run } = source;
  const values = children.map((key: StepKey): Eventually<Json> => {
    const child = run.steps.get(key);
    if (child === undefined) return null;
    const row = (outputs: Json): Json => ({
      key,
      index: child.index,
      item: child.item,
      ...(stepScope(run, child, outputs, undefined) as JsonObject),
    });
    const outputs = recordedValue(source, child.outputs);
    return outputs instanceof Promise ? outputs.then(row) : row(outputs);
  });
  return values.some((value) => value instanceof Promise) ? Promise.all(values) : (values as readonly Json[]);
}

/** Only who asks for the failed steps pays for looking at all of them. */
const asksForFailed = (reads: readonly Reference[]): boolean =>
  reads.some(({ root, path }) => root === 'run' && (path[0] === undefined || path[0] === 'failed'));

function runScope({ run, runDirectory, ending }: ScopeSource, attempt: number | null, withFailed: boolean): Json {
  return {
    id: run.id,
    dir: runDirectory,
    attempt,
    state: run.ending?.state ?? ending?.() ?? 'running',
    failed: withFailed ? failedSteps(run) : [],
    started_at: run.started_at,
    scheduled_for: run.scheduled_for,
    previous_scheduled_for: run.previous_scheduled_for,
  };
}
