/** The steps and params of a document, as far as they can be read whatever is wrong with it. What every check works from. */

import { entriesOf, entryOf, textOf, type DocumentNode, type ScalarNode, type Span } from './document.ts';

import { NO_PROJECT, type ProjectLayer } from './project-layer.ts';
import { type HandlerOutline, readHandlers } from './handlers.ts';

/** One name under `needs`. */
export interface NeedOutline {
  readonly name: string;
  readonly node: ScalarNode;
}

/** One step. */
export interface StepOutline {
  readonly name: string;
  readonly nameSpan: Span;
  /** The step's map. */
  readonly body: DocumentNode;
  /** What is written under `needs`. */
  readonly needs: readonly NeedOutline[];
  /** In a list of steps: the number of the step before. */
  readonly previous: number | null;
  /** The group that it is a member of; null at the top. */
  readonly group: StepOutline | null;
  /** The number of the block that it stands in. */
  readonly block: number;
  /** Of a group: the number of the block of its members; else null. */
  readonly members: number | null;
}

/** Steps that stand together under one `steps`, and may name each other. */
export interface BlockOutline {
  /** The number of the group; null at the top. */
  readonly owner: number | null;
  /** Numbers of steps, in the order of the file. */
  readonly steps: readonly number[];
  /** The first of each name. */
  readonly indexOf: ReadonlyMap<string, number>;
}

/** One param. */
export interface ParamOutline {
  readonly name: string;
  readonly nameSpan: Span;
  readonly node: DocumentNode;
}

/** What a flow consists of. */
export interface FlowOutline {
  readonly root: DocumentNode;
  /** All of them, those inside of groups as well; a step's number is its place here. A group comes before its members. */
  readonly steps: readonly StepOutline[];
  /** The first is that of the flow itself. */
  readonly blocks: readonly BlockOutline[];
  readonly params: readonly ParamOutline[];
  /** Of the flow, then of its steps. */
  readonly handlers: readonly HandlerOutline[];
  /** The project around the flow. */
  readonly project: ProjectLayer;
}

/** The names under `needs`, written as one text or as a list. */
function needsOf(body: DocumentNode): readonly NeedOutline[] {
  const node = entryOf(body, 'needs')?.value;
  const nodes = node?.kind === 'list' ? node.items : node === undefined ? [] : [node];
  return nodes.flatMap((each) => {
    const name = textOf(each);
    return each.kind === 'scalar' && name !== undefined ? [{ name, node: each }] : [];
  });
}

/** The names and bodies under one `steps`. */
function written(steps: DocumentNode | undefined): readonly Pick<StepOutline, 'name' | 'nameSpan' | 'body'>[] {
  if (steps?.kind !== 'list')
    return entriesOf(steps).map(({ key, keySpan, value }) => ({ name: key, nameSpan: keySpan, body: value }));
  return steps.items.flatMap((body) => {
    const nameNode = entryOf(body, 'name')?.value;
    const name = textOf(nameNode);
    return name === undefined || nameNode === undefined ? [] : [{ name, nameSpan: nameNode, body }];
  });
}

/** Reads steps and those inside of them. The parser bounds how deep they can stand in each other. */
class StepReader {
  readonly steps: StepOutline[] = [];
  readonly blocks: BlockOutline[] = [];

  constructor(node: DocumentNode | undefined) {
    this.#read(node, null);
  }

  #read(node: DocumentNode | undefined, owner: number | null): void {
    const block = this.blocks.length;
    const [steps, indexOf]: [number[], Map<string, number>] = [[], new Map()];
    this.blocks.push({ owner, steps, indexOf });
    const group = owner === null ? null : (this.steps[owner] ?? null);
    for (const each of written(node)) {
      const number = this.steps.length;
      const previous = node?.kind === 'list' ? (steps.at(-1) ?? null) : null;
      const inner = entryOf(each.body, 'steps')?.value;
      const members = inner === undefined ? null : this.blocks.length;
      this.steps.push({ ...each, needs: needsOf(each.body), previous, group, block, members });
      steps.push(number);
      if (!indexOf.has(each.name)) indexOf.set(each.name, number);
      if (inner !== undefined) this.#read(inner, number);
    }
  }
}

/** Reads the outline of a document. */
export function outlineOf(root: DocumentNode, project: ProjectLayer = NO_PROJECT): FlowOutline {
  const { steps, blocks } = new StepReader(entryOf(root, 'steps')?.value);
  return {
    root,
    project,
    steps,
    blocks,
    handlers: readHandlers(root, steps),
    params: entriesOf(entryOf(root, 'params')?.value).map(({ key, keySpan, value }) => ({
      name: key,
      nameSpan: keySpan,
      node: value,
    })),
  };
}

/** The value of a step's key; undefined when it is absent. */
export const stepValue = (step: StepOutline, key: string): DocumentNode | undefined => entryOf(step.body, key)?.value;

/** The value of a key of `defaults`: of a profile, else of the flow, else of the project; undefined when it is absent. */
export function defaultValue({ root, project }: FlowOutline, key: string): DocumentNode | undefined {
  const own = { defaults: entryOf(root, 'defaults')?.value };
  const layers = [...project.beneath, own, ...project.above];
  return layers.reduceRight<DocumentNode | undefined>(
    (found, { defaults }) => found ?? entryOf(defaults, key)?.value,
    undefined,
  );
}

/** What is written under `env` outside of steps, the weakest first. */
export function sharedEnv({ root, project }: FlowOutline): readonly DocumentNode[] {
  const own = { env: entryOf(root, 'env')?.value, defaults: entryOf(root, 'defaults')?.value };
  return [...project.beneath, own, ...project.above].flatMap(({ env, defaults }) => [
    ...(env === undefined ? [] : [env]),
    ...[entryOf(defaults, 'env')?.value].filter((each) => each !== undefined),
  ]);
}

/** What holds for a step where a group may speak for its members: its own value, that of the nearest group, or of `defaults`. */
export function inheritedValue(flow: FlowOutline, step: StepOutline, key: string): DocumentNode | undefined {
  for (let at: StepOutline | null = step; at !== null; at = at.group) {
    const value = stepValue(at, key);
    if (value !== undefined) return value;
  }
  return defaultValue(flow, key);
}

/** True for a step that has one child for each item of a list. */
export const isMapped = (step: StepOutline): boolean =>
  stepValue(step, 'foreach') !== undefined || stepValue(step, 'matrix') !== undefined;
