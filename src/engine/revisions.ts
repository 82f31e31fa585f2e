/** What an edited definition, or a person who names steps, makes of what a run has already done. */

import { type ContentHash, isWithin, memberKeyOf, type StepKey, stepKeyOf } from '../base/ids.ts';
import { forEachDependent, withDownstream } from '../model/graph.ts';
import type { FlowDefinition, StepDefinition } from '../model/flow.ts';
import { isSatisfied, type RunRecord, type StepRecord } from '../model/run.ts';
import { type Body, bodyOf, type Plan, stepAt } from './plan.ts';

/** The place of a step in its definition: its key without the names of items. */
const pathOf = (key: string): string => key.replace(/\[[^\]]*\]/g, '');

/**
 * The steps that are to run again because some were named: they themselves and what comes after them, among their siblings and then
 * after what they belong to, which is opened again.
 */
export function resetSteps(run: RunRecord, plan: Plan, again: readonly string[]): readonly StepKey[] {
  const reset = new Set<StepKey>();
  const named: string[] = [];
  /** By group, null for the flow: steps after which everything runs again. All of a group together, for there may be thousands. */
  const before = new Map<StepKey | null, Set<string>>();
  const note = (group: StepKey | null, id: string): void => {
    before.set(group, (before.get(group) ?? new Set()).add(id));
  };
  for (const name of again) {
    const step = run.steps.get(name as StepKey);
    const called = step === undefined ? null : calledAfter(run, step);
    if (called !== null) for (const key of called) reset.add(key);
    else if (step === undefined || step.parent === null) named.push(name);
    else {
      reset.add(step.key);
      // Inside of what it belongs to, level by level; items of a map come after nothing.
      for (
        let at: StepRecord | undefined = step;
        at !== undefined && at.parent !== null;
        at = run.steps.get(at.parent)
      ) {
        if (at.role === 'step') note(at.parent, at.id);
      }
      note(null, name.split(/[/[]/u, 1)[0] ?? name);
    }
  }
  for (const index of withDownstream(plan.graph, named)) reset.add(keyAt(plan, index));
  for (const [group, ids] of before) {
    const body = group === null ? plan : bodyAround(plan, group);
    if (body === null) continue;
    for (const index of withDownstream(body.graph, followers(body, ids))) {
      const { id } = stepAt(body, index);
      reset.add(group === null ? stepKeyOf(id) : memberKeyOf(group, id));
    }
  }
  return [...reset].filter((key) => run.steps.has(key));
}

const keyAt = (body: Body, index: number): StepKey => stepKeyOf(stepAt(body, index).id);

/** The steps that need one of these. */
function followers(body: Body, ids: ReadonlySet<string>): readonly string[] {
  const found: string[] = [];
  for (const id of ids) {
    const index = body.graph.indexOf.get(id);
    if (index !== undefined) forEachDependent(body.graph, index, (next) => found.push(stepAt(body, next).id));
  }
  return found;
}

/**
 * Of a call of a flow function, or what is in one: that call, those it is in, and every other that whoever made one of them made when its
 * end was known, for it may have made them of it. Null for other steps.
 */
function calledAfter(run: RunRecord, step: StepRecord): readonly StepKey[] | null {
  const found = new Set<StepKey>([step.key]);
  let outermost = step;
  for (let own: StepRecord | undefined = step; own !== undefined; ) {
    outermost = own;
    const { call, settled_at } = own;
    if (call !== null) {
      // A map is opened again for the one item that was named, and keeps the others.
      if (step.parent !== own.key) found.add(own.key);
      const end = settled_at ?? Number.POSITIVE_INFINITY;
      for (const { key, call: other } of run.steps.values()) {
        // One that was sent back to the start and not made again comes after everything.
        if (other?.caller === call.caller && (other.made_at ?? Number.POSITIVE_INFINITY) > end) found.add(key);
      }
    }
    const above = aboveOf(own);
    own = above === null ? undefined : run.steps.get(above);
  }
  return outermost.call === null ? null : [...found];
}

const aboveOf = ({ parent, call }: StepRecord): StepKey | null => parent ?? call?.caller ?? null;

/** The members of the group with this key, as the definition has them. */
function bodyAround(plan: Plan, group: StepKey): Body | null {
  let steps: readonly StepDefinition[] = plan.flow.steps;
  for (const id of pathOf(group).split('/')) {
    const action = steps.find((step) => step.id === id)?.action;
    if (action?.kind !== 'group') return null;
    steps = action.steps;
  }
  return bodyOf(steps);
}

/**
 * Maps and groups that have begun, have not succeeded, and whose children are not those of the definition any more: they begin anew.
 * @param before the definition that held until now; null where it is the same.
 */
export function restructured(run: RunRecord, plan: Plan, before: FlowDefinition | null): readonly StepKey[] {
  if (before === null) return [];
  const found: StepKey[] = [];
  compareBodies(run, { now: plan.flow.steps, earlier: before.steps }, null, found);
  return found;
}

interface Bodies {
  readonly now: readonly StepDefinition[];
  readonly earlier: readonly StepDefinition[];
}

function compareBodies(run: RunRecord, { now, earlier }: Bodies, group: StepKey | null, found: StepKey[]): void {
  const old = new Map(earlier.map((step) => [step.id, step]));
  for (const step of now) {
    const key = group === null ? stepKeyOf(step.id) : memberKeyOf(group, step.id);
    const record = run.steps.get(key);
    const known = old.get(step.id);
    if (record === undefined || record.children === null || known === undefined || isSatisfied(record.phase)) continue;
    if (shapeOf(step) !== shapeOf(known)) {
      found.push(key);
      continue;
    }
    if (step.action.kind !== 'group' || known.action.kind !== 'group') continue;
    const bodies = { now: step.action.steps, earlier: known.action.steps };
    const owners = step.map === null ? [key] : record.children;
    for (const owner of owners) {
      const item = run.steps.get(owner);
      if (item !== undefined && item.children !== null && !isSatisfied(item.phase)) {
        compareBodies(run, bodies, owner, found);
      }
    }
  }
}

/** Which children a step has: equal texts, equal children. */
function shapeOf({ action, map }: StepDefinition): string {
  const members = action.kind === 'group' ? action.steps.map(({ id, needs }) => [id, needs]) : action.kind;
  return JSON.stringify([members, map === null ? null : [map.over, map.key]]);
}

/** How the steps of a new definition stand to what a run has already done; members of groups are named by their path, `group/member`. */
export interface RevisionComparison {
  /** Steps that differ, were added or removed; empty when the definitions mean the same. */
  readonly changed: readonly string[];
  /** Those of them that had succeeded: taking them over would contradict what is recorded. */
  readonly contradicting: readonly string[];
}

/**
 * Compares two definitions of a run's flow, step by step.
 * @param before fingerprints of the steps as the run knows them, by path.
 * @param after fingerprints of the steps as they are now.
 */
export function compareRevisions(
  run: RunRecord,
  before: ReadonlyMap<string, ContentHash>,
  after: ReadonlyMap<string, ContentHash>,
): RevisionComparison {
  const paths = new Set([...before.keys(), ...after.keys()]);
  const changed = [...paths].filter((path) => before.get(path) !== after.get(path));
  const edited = new Set(changed);
  const contradicting = new Set<string>();
  for (const { key, phase, role } of run.steps.values()) {
    const path = pathOf(key);
    // Succeeded, or failed and allowed to: what needs it has used its result. Items that did belong to a map that did not.
    if (role !== 'step' || !edited.has(path) || !isSatisfied(phase)) continue;
    if (!isWithin(contradicting, key)) contradicting.add(key);
  }
  return { changed, contradicting: [...contradicting] };
}
