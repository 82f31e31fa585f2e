/** `run --dry-run`: which steps a recorded result would stand for. Nothing is written, compiled or restored. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { StepKey } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import { ok } from '../base/result.ts';
import { scopeIn } from '../cache/open.ts';
import { EarlierResults, type Finding } from '../cache/reuse.ts';
import type { FreshWish } from '../cache/open.ts';
import type { Environment } from '../compose.ts';
import { makeReuseRequest } from '../engine/request.ts';
import type { OutputStore } from '../engine/ports.ts';
import type { ScopeSource } from '../engine/scope.ts';
import { Tree } from '../engine/tree.ts';
import { lazyFunctionPool } from '../functions/lazy-pool.ts';
import { applyEvent, beginRun } from '../model/fold.ts';
import type { FlowDefinition, StepDefinition } from '../model/flow.ts';
import { topologicalOrder } from '../model/graph.ts';
import type { Failure } from '../model/outcome.ts';
import type { RunRecord } from '../model/run.ts';
import { systemClock } from '../process/clock.ts';
import { visibleTo } from '../secrets/run-secrets.ts';
import { type StateLayout, runLayout } from '../store/layout.ts';
import { mintRunId } from '../store/mint.ts';
import { flowsOf } from './secrets.ts';
import type { SelectedSteps } from './selection.ts';

/** What would become of a step; `may_run` where that depends on steps before it. */
export interface Prediction {
  readonly kind: 'runs' | 'may_run' | 'reused';
  readonly why: string;
}

/** A run that would be started. */
export interface RunToPredict {
  readonly state: StateLayout;
  readonly definition: FlowDefinition;
  readonly selection: SelectedSteps;
  readonly params: JsonObject;
  readonly environment: Environment;
  readonly fresh: FreshWish;
}

/**
 * Predicts what becomes of the steps that may be reused, in order: what a reused one yielded is known to those that follow it.
 * Maps are left out, for their items are looked at one by one when they are known.
 */
export async function predictReuse(run: RunToPredict): Promise<ReadonlyMap<number, Prediction>> {
  const { definition, selection } = run;
  const predictions = new Map<number, Prediction>();
  const { plan, selected } = selection;
  const source = scopeOf(run);
  const tree = new Tree(plan, source.run);
  const earlier = earlierResults(run, source.run);
  for (const index of topologicalOrder(plan.graph)) {
    const step = definition.steps[index];
    const key = plan.keys[index];
    const node = key === undefined ? undefined : tree.find(key);
    if (step === undefined || node === undefined || !isPredictable(step) || !selected.has(index)) continue;
    const request = await makeReuseRequest(source, node);
    const finding = request.ok ? await earlier.explain(request.value) : request.error;
    const open = step.needs.filter(
      (need) => source.run.steps.get(need as string as StepKey)?.phase.kind !== 'succeeded',
    );
    const prediction = predict(finding, open);
    predictions.set(index, prediction);
    if (prediction.kind === 'reused' && 'kind' in finding && finding.kind === 'reuse')
      takeOver(source.run, node.record.key, finding);
  }
  return predictions;
}

const isPredictable = ({ reuse, map, repeat }: StepDefinition): boolean =>
  reuse !== null && map === null && repeat === null;

function predict(finding: Finding | Failure, open: readonly string[]): Prediction {
  const before = open.join(', ');
  if (!('kind' in finding)) {
    // An expression refers to what is not there yet.
    return open.length === 0
      ? { kind: 'runs', why: finding.message }
      : { kind: 'may_run', why: `that depends on what ${before} yields` };
  }
  if (finding.kind === 'run') return { kind: 'runs', why: finding.why };
  if (open.length === 0) return { kind: 'reused', why: finding.why };
  return { kind: 'may_run', why: `reused, unless ${before} makes it something else` };
}

/** The step is taken for done in the record of this run that is none. */
function takeOver(
  run: RunRecord,
  step: StepKey,
  { fingerprint, why, outputs, result }: Extract<Finding, { kind: 'reuse' }>,
): void {
  const from = { run: result.run, step: result.step };
  applyEvent(run, {
    ...{ type: 'step.reused', step, from, fingerprint, why },
    outputs: outputs === null ? null : { kind: 'inline', value: outputs },
    seq: run.seq + 1,
    time: run.started_at,
  });
}

/** Outputs stay where they are found. */
const IN_MEMORY: OutputStore = {
  store: (value) => Promise.resolve({ kind: 'inline', value }),
  read: (ref) => Promise.resolve(ref.kind === 'inline' ? ref.value : null),
};

function scopeOf({ state, definition, selection, params, environment }: RunToPredict): ScopeSource {
  const id = mintRunId();
  const time = new Date().toISOString();
  const run = beginRun(id, {
    ...{ type: 'run.started', flow: definition.name, version: null, flow_hash: '' as RunRecord['flow_hash'] },
    ...{ params, tags: [], trigger: 'manual', parent: null, scheduled_for: time, seq: 1, time },
    settings: { max_parallel: 1, fail_fast: false, grace_ms: 0, durability: 'full' },
    steps: definition.steps.map(({ id: step, needs }) => ({ id: step, needs })),
  });
  const visible = visibleTo(flowsOf(definition), environment);
  const defined = Object.entries(visible).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    run,
    plan: selection.plan,
    environment: Object.fromEntries(defined),
    runDirectory: runLayout(state, { id, root: id }).private,
    outputs: IN_MEMORY,
  };
}

function earlierResults({ state, definition, fresh }: RunToPredict, run: RunRecord): EarlierResults {
  const modules = join(state.cache, 'modules');
  const functions = lazyFunctionPool(modules, 1);
  const scope = scopeIn(state.root, definition.file);
  return new EarlierResults({
    ...fresh,
    ...{ folder: state.cache, run: run.id, scope, root: scope, prefix: null },
    directory: definition.directory,
    clock: systemClock(),
    outputs: IN_MEMORY,
    flows: { [definition.file]: { ...definition, flows: {} }, ...definition.flows },
    // What is not known was edited or never called: no result was made of such code.
    codeOf: async (module) => ok((existsSync(modules) ? await functions.knownHash(module) : null) ?? 'unknown'),
  });
}
