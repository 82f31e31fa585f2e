/**
 * The steps of a run as the decider sees them: nodes, which belong to containers (the flow itself, a group, a map, a list of
 * handlers), which belong to nodes. They are made when a container is opened, so that a map of ten thousand groups costs what is open.
 */

import type { StepKey } from '../base/ids.ts';
import type { JsonObject } from '../base/json.ts';
import type { Condition } from '../expressions/expressions.ts';
import type { StepDefinition } from '../model/flow.ts';
import type { Failure, OutputsRef } from '../model/outcome.ts';
import type { StepRecord } from '../model/run.ts';
import type { Body } from './plan.ts';
import type { CalledItem, ScriptCall } from './script-ports.ts';
import type { ReuseAnswer } from './ports.ts';

/** What has to be found out about a step before it can be decided on. Answers may have to read from disk, or to wait for others. */
export type Question =
  /** Is its condition met? */
  | 'condition'
  /** Which items does its list hold? */
  | 'items'
  /** What does it wait for, or ask a person? */
  | 'wait'
  /** Does a recorded result stand for it? */
  | 'reuse'
  /** May it have the capacities it needs? */
  | 'tickets'
  /** Was that its last iteration? */
  | 'iterate'
  /** What do its children yield together? */
  | 'conclude';

/** What was found out. */
export type Answer =
  | { readonly kind: 'met' }
  | { readonly kind: 'unmet' }
  | { readonly kind: 'broken'; readonly failure: Failure }
  | { readonly kind: 'items'; readonly items: readonly { readonly key: StepKey; readonly item: JsonObject[string] }[] }
  | {
      readonly kind: 'wait';
      readonly until: string | null;
      readonly delay_ms?: number;
      readonly for: JsonObject | null;
    }
  | {
      readonly kind: 'approval';
      readonly message: string;
      readonly params: JsonObject;
      readonly expires: string | null;
    }
  | { readonly kind: 'recorded'; readonly answer: ReuseAnswer }
  | { readonly kind: 'granted'; readonly units: { readonly [resource: string]: readonly string[] } }
  | { readonly kind: 'last_iteration'; readonly isLast: boolean }
  | { readonly kind: 'concluded'; readonly outputs: OutputsRef | null };

/** What nodes belong to. */
export interface Container {
  /** Null: the run itself. */
  readonly owner: Node | null;
  readonly kind: 'steps' | 'map' | 'handlers' | 'calls';
  readonly body: Body | null;
  readonly nodes: Node[];
  /** Most members that may be under way at once. */
  readonly limit: number;
  /** How many members may fail before the container does. */
  readonly tolerates: number;
  /** Members that are not settled, that were admitted and are not settled, that failed and were allowed to, and that failed. */
  unsettled: number;
  active: number;
  tolerated: number;
  failures: number;
  /** Members that could begin but for the limit, oldest first; read from `nextWaiting` on. */
  readonly waiting: Node[];
  nextWaiting: number;
}

/** One step, item, member or handler. */
export interface Node {
  readonly number: number;
  readonly record: StepRecord;
  readonly definition: StepDefinition;
  /** Null where nothing is asked. */
  readonly condition: Condition | null;
  readonly container: Container;
  /** What a flow function, or a task, called; null for a step of the definition, and for the items of a map that was called. */
  readonly call: ScriptCall | null;
  /** Its number in the container's body; its place among the items of a map. */
  readonly local: number;
  /** True for what is meant for the time after something went wrong, and all that belongs to such a step. */
  readonly isCleanup: boolean;
  /** Needs that are not settled yet. */
  missing: number;
  /** A need was settled without satisfying. */
  isBlocked: boolean;
  /** Something upstream, at any distance, failed. */
  isTainted: boolean;
  isSettled: boolean;
  /** It runs in a lane, see `lanes.ts`. */
  isInLane: boolean;
  /** It counts against the limit of its container. */
  isAdmitted: boolean;
  /** Neither running, nor settled, nor waiting for its children. */
  isIdle: boolean;
  /** A delay is over: of a retry, an iteration, a wait, or an approval that nobody answered. */
  isDue: boolean;
  /** What it waits for, as counted; a retry counts as an iteration. */
  wait: 'time' | 'condition' | 'approval' | 'iteration' | null;
  /** What has to be found out next; `isAsked` once somebody is about it. */
  wanted: Question | null;
  isAsked: boolean;
  answer: Answer | null;
  /** It stands in a queue of what may begin. */
  isStaged: boolean;
  /** The queues that it was pushed to and not read from again, as marks; see `QUEUES`. */
  standsIn: number;
  /** What was found out before its first attempt; kept until that begins. */
  run: Extract<ReuseAnswer, { kind: 'run' }> | null;
  units: { readonly [resource: string]: readonly string[] } | null;
  children: Container | null;
  /** Phases of handlers that have begun and not ended. */
  openHandlers: number;
  handlers: Container | null;
}

/** True for the node of a map that is not one of its items. */
export const isMap = ({ definition, record }: Node): boolean => definition.map !== null && record.role !== 'item';

/** True for a node that begins by being given children. */
export const isContainer = (node: Node): boolean => isMap(node) || node.definition.action.kind === 'group';

/** True for a node whose attempt occupies one of the run's slots: a process or a thread of its own. */
export function takesSlot(node: Node): boolean {
  const { action } = node.definition;
  // The task that waits for it has one.
  if (isNested(node)) return false;
  return action.kind === 'shell' || action.kind === 'argv' || action.kind === 'call' || action.kind === 'notify';
}

/** True for a node that has to be given capacities before it may begin. */
export const needsTickets = (node: Node): boolean => !isMap(node) && Object.keys(node.definition.resources).length > 0;

/** The nearest item of a map that a node is, or belongs to; null outside of maps. */
export function itemOf(node: Node): Node | null {
  for (let at: Node | null = node; at !== null; at = at.container.owner) if (at.record.role === 'item') return at;
  return null;
}

/** What a node was called with: its own call, or that of the map whose item it is; null for a step of a definition. */
export const callBehind = ({ call, container }: Node): ScriptCall | null => call ?? container.owner?.call ?? null;

/** What was asked for of an item of a called map; null for other nodes. */
export const calledItem = ({ call, container: { owner }, local }: Node): CalledItem | null =>
  call === null ? (owner?.call?.items?.[local] ?? null) : null;

/** True for a step that an attempt of another step waits for. */
const isNested = ({ record, container }: Node): boolean =>
  (record.call ?? container.owner?.record.call ?? null)?.caller != null;
