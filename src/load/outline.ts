/** The steps and params of a document, as far as they can be read whatever is wrong with it. What every check works from. */

import {
  entriesOf,
  entryOf,
  textOf,
  type DocumentNode,
  type MapEntry,
  type ScalarNode,
  type Span,
} from './document.ts';

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
  readonly steps: readonly StepOutline[];
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

function stepsOfList(items: readonly DocumentNode[]): readonly StepOutline[] {
  const steps: StepOutline[] = [];
  for (const body of items) {
    const nameNode = entryOf(body, 'name')?.value;
    const name = textOf(nameNode);
    if (name === undefined || nameNode === undefined) continue;
    const previous = steps.length === 0 ? null : steps.length - 1;
    steps.push({ name, nameSpan: nameNode, body, needs: needsOf(body), previous });
  }
  return steps;
}

const stepOfEntry = ({ key, keySpan, value }: MapEntry): StepOutline => ({
  name: key,
  nameSpan: keySpan,
  body: value,
  needs: needsOf(value),
  previous: null,
});

/** Reads the outline of a document. */
export function outlineOf(root: DocumentNode, project: ProjectLayer = NO_PROJECT): FlowOutline {
  const written = entryOf(root, 'steps')?.value;
  const steps = written?.kind === 'list' ? stepsOfList(written.items) : entriesOf(written).map(stepOfEntry);
  return {
    root,
    project,
    steps,
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
