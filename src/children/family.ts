/**
 * Sub-flows as runs of their own: this room opens the run of a sub-flow step, or the one that an earlier attempt began, and lives its
 * life inside that of its root. It must not know how an engine is put together (that is handed in), nor how anything is shown.
 * Here: what the runs of one tree have in common. Next: `sub-runs.ts` (opening one), `member.ts` (its life), `again.ts` (a new life).
 */

import { recordedStepKey, type RunId, type StepKey } from '../base/ids.ts';
import type { Result } from '../base/result.ts';
import type { Answers } from './answers.ts';
import type { Engine, EngineEnd } from '../engine/engine.ts';
import type { Idleness } from '../engine/relatives.ts';
import type { Clock, Journal, OutputStore } from '../engine/ports.ts';
import type { EventBody, RunEvent } from '../model/event.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { Actor, Failure } from '../model/outcome.ts';
import type { RunRecord } from '../model/run.ts';
import type { RunLayout, StateLayout } from '../store/layout.ts';

/** The environment of a run. */
export type Environment = { readonly [name: string]: string | undefined };

/** The variables that there are. */
export const definedOnly = (environment: Environment): { readonly [name: string]: string } =>
  Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined));

/** How deep sub-flows may be nested; a root is at 0. A flow that calls itself without end is stopped here. */
export const DEEPEST = 20;

/** Who ends a sub-run, or goes on with it: the run that its step belongs to. */
export const PARENT: Actor = { kind: 'policy', policy: 'parent' };

/** A run of a tree, for whoever shows it. */
export interface ShownChild {
  readonly layout: RunLayout;
  readonly definition: FlowDefinition;
  /** Where its steps stand in the root: the key of its own step there, such as `report` or `load[3]/report`. */
  readonly prefix: StepKey;
  /** As it was when it was continued; null for a new run. */
  readonly before: RunRecord | null;
}

/** What of a run that had succeeded is to run again. */
export interface RunAgain {
  readonly steps: readonly string[];
  /** Those of them that go on with the sub-runs they had. */
  readonly links: readonly { readonly step: StepKey; readonly child: RunId }[];
}

/** The events that make steps, which were sent back to the start, go on with the sub-runs they had. */
export const relinked = ({ links }: RunAgain): readonly EventBody[] =>
  links.map(({ step, child }) => ({ type: 'child.started', step, child }));

/** Hears of every event of one run when it is on disk. */
export interface Listener {
  readonly name: string;
  observe(event: RunEvent): void;
}

/** One run of a tree, ready to be put together. */
export interface Member {
  readonly layout: RunLayout;
  readonly record: RunRecord;
  readonly definition: FlowDefinition;
  readonly journal: Journal;
  readonly outputs: OutputStore;
  readonly environment: Environment;
  /** Events that are recorded and that nobody was told of yet. */
  readonly told: readonly RunEvent[];
  readonly opening: readonly EventBody[];
  readonly listeners: readonly Listener[];
  /** 0 for the root. */
  readonly depth: number;
  /** Null for the root. */
  readonly prefix: StepKey | null;
  /** The run whose step it belongs to; null for the root. */
  readonly parent: Member | null;
}

/** What ran without its end being recorded. */
export type Unrecorded = Extract<EngineEnd, { readonly kind: 'state_lost' }>['unrecorded'];

/** What all runs of one tree share. */
export interface Family {
  readonly state: StateLayout;
  readonly root: RunId;
  /** Every flow that sub-flow steps refer to, by its key; those of modules come to it when the first step runs one. */
  readonly flows: { [key: string]: FlowDefinition };
  /** Loads a flow that a module makes, with those that it refers to: code of users runs, so this waits for a step that needs it. */
  readonly moduleFlow: (key: string) => Promise<Result<FlowDefinition, Failure>>;
  readonly clock: Clock;
  /** Of flowctl. */
  readonly version: string;
  /** What a flow's steps inherit; or a sentence about a file of variables that cannot be taken. */
  readonly environmentFor: (definition: FlowDefinition) => Result<Environment, string>;
  /** What expressions may see of an environment: not the variables of secrets. */
  readonly visible: (environment: Environment) => Environment;
  /** Steps that had succeeded and are to run again, by the run they belong to. Whoever takes them takes them out. */
  readonly again: Map<RunId, RunAgain>;
  /** Whoever wants to hear of a sub-run. */
  readonly listenersFor: (child: ShownChild) => readonly Listener[];
  /** Puts the engine of a run together. */
  readonly compose: (member: Member) => Engine;
  /** The engines of sub-runs that live now, by where their steps stand. */
  readonly living: Map<StepKey, Engine>;
  /** What people answered to their questions. */
  readonly answers: Answers;
  /** Their lives, as long as they last. */
  readonly lives: Set<Promise<unknown>>;
  /** What ran in sub-runs without its end being recorded. */
  readonly unrecorded: Unrecorded[number][];
  /** The state of a sub-run could not be kept or read: the whole tree ends. */
  loseState(error: unknown): void;
}

/** The place of a sub-run's steps, or of one of them, as the root sees it. */
export const placed = (prefix: StepKey | null, key: StepKey): StepKey =>
  prefix === null ? key : recordedStepKey(`${prefix}/${key}`);

/**
 * Finds the sub-run that a step belongs to.
 * @param living by where their steps stand in the root.
 * @param step as the root sees it.
 * @returns its engine with the step's own key there; null where it is none of a sub-run that lives.
 */
export function memberAt(
  living: ReadonlyMap<StepKey, Engine>,
  step: StepKey,
): { readonly engine: Engine; readonly step: StepKey } | null {
  let nearest: { readonly engine: Engine; readonly prefix: StepKey } | null = null;
  for (const [prefix, engine] of living) {
    if (step.startsWith(`${prefix}/`) && prefix.length > (nearest?.prefix.length ?? 0)) nearest = { engine, prefix };
  }
  return nearest && { engine: nearest.engine, step: recordedStepKey(step.slice(nearest.prefix.length + 1)) };
}

/**
 * What the engine of a run tells its relatives: those above it whether it is idle, and, when the root is left waiting, those beneath.
 * @param tree the engines of the tree by their runs, and whether anybody stays for what it waits for.
 */
export function relativesOf(
  { engines, waits }: { readonly engines: WeakMap<Member, Engine>; readonly waits: 'stay' | 'park' },
  { living }: Family,
  { parent, record, prefix }: Member,
) {
  const link = record.parent;
  if (parent !== null && link !== null) {
    const idled = (idleness: Idleness) => engines.get(parent)?.relatives.idled(link.step, idleness);
    return { idled, prefix, watchesWaits: waits === 'park' };
  }
  const parked = (): void => {
    for (const engine of living.values()) engine.relatives.park();
  };
  return { parked, prefix, waits };
}
