/**
 * Flow files that belong together: one, and those that its steps name under `flow`, at any distance. Each file is opened once, so that
 * flows may refer to each other, and to themselves.
 */

import { dirname, isAbsolute, join } from 'node:path';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/source.ts';
import { hasExpression } from '../expressions/expressions.ts';
import { textOf } from './document.ts';
import { flowKey, parseModuleFlow } from './flow-key.ts';
import { nameStrayKeys } from './nameless-step.ts';
import { type FlowOutline, outlineOf, type StepOutline, stepValue } from './outline.ts';
import { parseYaml } from './parse-yaml.ts';
import { Problems } from './problems.ts';
import type { ProjectLayer } from './project-layer.ts';
import { readFlowText, refuseSpecial } from './read.ts';
import { checkShape } from './shape.ts';

/** A flow file of which the shape is known; its meaning is not checked yet. */
export interface OpenFlow {
  readonly kind: 'open';
  /** Absolute path. */
  readonly path: string;
  /** As diagnostics name it. */
  readonly shown: string;
  readonly directory: string;
  readonly source: SourceText;
  readonly problems: Problems;
  readonly flow: FlowOutline;
}

/** What came of opening a flow file. */
export type OpenedFlow =
  | OpenFlow
  | { readonly kind: 'not_found' }
  /** Nothing of it can be read. */
  | { readonly kind: 'refused'; readonly diagnostics: readonly Diagnostic[]; readonly source: SourceText };

/** Opened files by their absolute paths, in the order in which they are referred to. */
export type OpenedFlows = ReadonlyMap<string, OpenedFlow>;

/** Reads a flow file, and checks its shape. @param shown its name in diagnostics. */
export async function openFlow(path: string, shown: string, project: ProjectLayer): Promise<OpenedFlow> {
  const read = await readFlowText(path, shown);
  if (read.kind === 'not_found') return read;
  if (read.kind === 'refused') return { kind: 'refused', diagnostics: [read.diagnostic], source: read.source };
  const { source } = read;
  return openText(source, path, project);
}

/** Reads the text of a flow, and checks its shape. @param path absolute: where it stands, or what it was made from. */
export function openText(source: SourceText, path: string, project: ProjectLayer): OpenedFlow {
  const problems = new Problems(source);
  const { root: written, diagnostics } = parseYaml(source);
  for (const diagnostic of diagnostics) problems.add(diagnostic);
  if (written === null) return { kind: 'refused', diagnostics: problems.list(), source };
  const root = nameStrayKeys(written, problems);
  checkShape(root, problems);
  return {
    kind: 'open',
    path,
    shown: source.file,
    directory: dirname(path),
    source,
    problems,
    flow: outlineOf(root, project),
  };
}

/** The key of the flow that a step names (see `flow-key.ts`); null where it names none, or none that could be. */
export function flowPath(step: StepOutline, directory: string): string | null {
  const text = textOf(stepValue(step, 'flow'));
  return text === undefined || text === '' || text.includes('\0') || hasExpression(text)
    ? null
    : flowKey(directory, text);
}

async function openSubFlow(path: string, shown: string, project: ProjectLayer): Promise<OpenedFlow> {
  const refused = refuseSpecial(path, shown);
  return refused === null ? openFlow(path, shown, project) : { kind: 'refused', ...refused };
}

/** Opens the flows that one refers to, and those that they refer to. @returns all of them, the given one first. */
export async function openSubFlows(root: OpenFlow): Promise<OpenedFlows> {
  const found = new Map<string, OpenedFlow>([[root.path, root]]);
  // What a profile says of params is meant for the flow that was started; a sub-flow is given its own by its step.
  const project: ProjectLayer = { ...root.flow.project, params: {} };
  const waiting: OpenFlow[] = [root];
  for (let from = waiting.shift(); from !== undefined; from = waiting.shift()) {
    for (const step of from.flow.steps) {
      const path = flowPath(step, from.directory);
      const written = textOf(stepValue(step, 'flow')) ?? '';
      // What a module makes is known when its code has run, which is not done here.
      if (path === null || found.has(path) || parseModuleFlow(written) !== null) continue;
      const shown = isAbsolute(written) ? written : join(dirname(from.shown), written);
      const opened = await openSubFlow(path, shown, project);
      found.set(path, opened);
      if (opened.kind === 'open') waiting.push(opened);
    }
  }
  return found;
}
