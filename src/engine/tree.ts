/** The nodes of a run that are open now, by their keys; grown when a container begins, from what the record says. */

import type { StepKey } from '../base/ids.ts';
import { Bug } from '../base/result.ts';
import { handlersOf } from '../model/order.ts';
import type { HandlerPhase } from '../model/policies.ts';
import type { RunRecord, StepRecord } from '../model/run.ts';
import type { StepDefinition } from '../model/flow.ts';
import type { ScriptCall } from './script-ports.ts';
import { type Container, isMap, type Node } from './node.ts';
import { type Body, bodyOf, cleansUp, handlersBody, isAskedPerItem, type Plan, stepAt } from './plan.ts';

/** All nodes that were made in this life of a run. */
export class Tree {
  readonly root: Container;
  /** What the flow function called. */
  readonly calls: Container;
  private count = 0;
  private readonly plan: Plan;
  private readonly run: RunRecord;
  private readonly byKey = new Map<StepKey, Node>();

  constructor(plan: Plan, run: RunRecord) {
    this.plan = plan;
    this.run = run;
    this.root = this.container(
      null,
      'steps',
      plan,
      plan.keys.map((key) => this.recordOf(key)),
    );
    this.calls = this.container(null, 'calls', null, []);
  }

  /** Every node that was opened and not dropped, oldest first. */
  get nodes(): Iterable<Node> {
    return this.byKey.values();
  }

  /** The node with this key; undefined when it was not opened in this life. */
  find(key: StepKey): Node | undefined {
    return this.byKey.get(key);
  }

  /** Makes the node of a call; one that stood for an earlier call under its key stands for it no more. */
  addCall(record: StepRecord, call: ScriptCall): Node {
    const node = this.node(this.calls, record, this.calls.nodes.length, call);
    this.calls.nodes.push(node);
    this.calls.unsettled += 1;
    // The last of all, also where another one had its key.
    this.byKey.delete(record.key);
    this.byKey.set(record.key, node);
    return node;
  }

  /** Makes the children of a node that was expanded. */
  openChildren(node: Node): Container {
    const records = (node.record.children ?? []).map((key) => this.recordOf(key));
    const { action } = node.definition;
    if (isMap(node)) node.children = this.container(node, 'map', null, records);
    else if (action.kind === 'group') node.children = this.container(node, 'steps', bodyOf(action.steps), records);
    else throw new Bug(`step ${node.record.key} has no children`);
    return node.children;
  }

  /** Makes the handlers of a phase that was begun. @param owner null for those of the flow. */
  openHandlers(owner: Node | null, phase: HandlerPhase): Container {
    const { handlers } = owner === null ? this.plan.flow : owner.definition;
    const records = [...handlersOf(this.run, owner?.record.key ?? null, [phase])];
    const container = this.container(owner, 'handlers', handlersBody(handlers[phase]), records);
    if (owner !== null) owner.handlers = container;
    return container;
  }

  /** Takes the children of a node out, all of which are settled: it is tried again. */
  dropChildren(node: Node): void {
    for (const container of [node.children, node.handlers]) {
      for (const child of container?.nodes ?? []) {
        this.dropChildren(child);
        this.byKey.delete(child.record.key);
      }
    }
    node.children = null;
    node.handlers = null;
  }

  private recordOf(key: StepKey): StepRecord {
    const record = this.run.steps.get(key);
    if (record === undefined) throw new Bug(`step ${key} is not in the run`);
    return record;
  }

  private container(
    owner: Node | null,
    kind: Container['kind'],
    body: Body | null,
    records: readonly StepRecord[],
  ): Container {
    const container: Container = {
      owner,
      kind,
      body,
      nodes: [],
      limit: limitOf(owner, kind, this.run),
      tolerates: kind === 'map' && owner !== null ? toleranceOf(owner.definition, records.length) : 0,
      unsettled: records.length,
      active: 0,
      tolerated: 0,
      failures: 0,
      waiting: [],
      nextWaiting: 0,
    };
    records.forEach((record, local) => {
      const node = this.node(container, record, local);
      container.nodes.push(node);
      this.byKey.set(record.key, node);
    });
    return container;
  }

  private node(container: Container, record: StepRecord, local: number, call: ScriptCall | null = null): Node {
    const { owner, kind, body } = container;
    const definition = call?.definition ?? (body === null ? owner?.definition : stepAt(body, local));
    if (definition === undefined) throw new Bug(`step ${record.key} has no definition`);
    return {
      number: this.count++,
      record,
      definition,
      condition: conditionFor(container, definition, local),
      container,
      call,
      local,
      isCleanup: kind === 'handlers' || owner?.isCleanup === true || cleansUp(body?.conditions[local] ?? null),
      missing: body?.graph.needCounts[local] ?? 0,
      isBlocked: false,
      isTainted: owner?.isTainted ?? false,
      isSettled: false,
      isInLane: false,
      isAdmitted: false,
      isIdle: false,
      isDue: false,
      wait: null,
      wanted: null,
      isAsked: false,
      answer: null,
      isStaged: false,
      standsIn: 0,
      run: null,
      units: null,
      children: null,
      openHandlers: 0,
      handlers: null,
    };
  }
}

/** A map's condition is asked once, or for each item where it reads the item; then not for the map. */
function conditionFor({ owner, kind, body }: Container, definition: StepDefinition, local: number): Node['condition'] {
  if (body !== null) {
    const condition = body.conditions[local] ?? null;
    return definition.map !== null && isAskedPerItem(condition) ? null : condition;
  }
  const condition = kind === 'map' && owner !== null ? (owner.container.body?.conditions[owner.local] ?? null) : null;
  return isAskedPerItem(condition) ? condition : null;
}

function limitOf(owner: Node | null, kind: Container['kind'], run: RunRecord): number {
  if (owner === null || kind === 'handlers') return Number.POSITIVE_INFINITY;
  const { max_parallel, action } = owner.definition;
  // An item that is a group takes the limit for the map; the group itself has none then.
  if (owner.record.role === 'item') return Number.POSITIVE_INFINITY;
  // A sub-flow holds no slot, so nothing else would keep a large map from opening all its runs at once.
  return (
    max_parallel ?? (kind === 'map' && action.kind === 'flow' ? run.settings.max_parallel : Number.POSITIVE_INFINITY)
  );
}

function toleranceOf({ map }: StepDefinition, items: number): number {
  if (map === null) return 0;
  const { kind, value } = map.tolerate;
  return kind === 'count' ? value : Math.floor((items * value) / 100);
}
