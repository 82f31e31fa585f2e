/**
 * From a file to a definition: read, parse with places, check the shape, check the meaning, write the normal form. Every problem is
 * collected and has its place; nothing of the flow is run, and no module of it is loaded. This room must not know how diagnostics
 * are shown, nor anything of runs. Next: `sub-flows` (the files), `parse-yaml` and its `guard`, `shape` (the schema), the files
 * `check-...` (the meaning), `normal-form`; and `params`, for the values of one run.
 */

import { resolve } from 'node:path';
import type { ContentHash } from '../base/ids.ts';
import { Bug } from '../base/result.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText, Sources } from '../diagnostics/source.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { checkCalls } from './check-calls.ts';
import { checkConditions } from './check-conditions.ts';
import { checkFlows } from './check-flows.ts';
import { checkGroups } from './check-groups.ts';
import { checkHandlers } from './check-handlers.ts';
import { checkOutputs } from './check-outputs.ts';
import { checkParams } from './check-params.ts';
import { checkPolicies } from './check-policies.ts';
import { checkSchedules } from './check-schedules.ts';
import { checkShell } from './check-shell.ts';
import { checkSteps } from './check-steps.ts';
import { checkTriggers } from './check-triggers.ts';
import { checkTemplates } from './check-templates.ts';
import { checkValues, flowNameOf } from './check-values.ts';
import { checkWaits } from './check-waits.ts';
import { checkGlobs, fileNeeds, withFileNeeds } from './file-needs.ts';
import { definitionHash } from './fingerprint.ts';
import { needsGraph } from './needs-graph.ts';
import { type Findings, normalForm } from './normal-form.ts';
import { stepValue } from './outline.ts';
import { NO_PROJECT, type ProjectLayer } from './project-layer.ts';
import { ReferenceChecker } from './references.ts';
import {
  flowPath,
  type OpenedFlow,
  type OpenedFlows,
  openFlow,
  type OpenFlow,
  openSubFlows,
  openText,
} from './sub-flows.ts';

/** What came of loading a flow. */
export type LoadResult =
  | {
      readonly kind: 'loaded';
      readonly definition: FlowDefinition;
      /** See `definitionHash`. */
      readonly hash: ContentHash;
      readonly warnings: readonly Diagnostic[];
      readonly sources: Sources;
    }
  | { readonly kind: 'not_found'; readonly file: string }
  /** At least one diagnostic is an error; warnings are among them. */
  | { readonly kind: 'invalid'; readonly diagnostics: readonly Diagnostic[]; readonly sources: Sources };

/**
 * Loads a flow from a YAML file, and the flows that its steps name.
 * @param file absolute, or relative to the current folder; diagnostics show it as it is given here.
 * @param project what the project around it says; none when absent.
 * @returns the definition, or every problem in the order of the files; a missing file is a result of its own.
 */
export async function loadFlow(file: string, project: ProjectLayer = NO_PROJECT): Promise<LoadResult> {
  const root = await openFlow(resolve(file), file, project);
  if (root.kind === 'not_found') return { kind: 'not_found', file };
  return loadOpened(root);
}

/**
 * Loads a flow from a text that stands in no file of its own.
 * @param path absolute: what it was made from, and so where its relative paths begin.
 */
export async function loadFlowText(
  source: SourceText,
  path: string,
  project: ProjectLayer = NO_PROJECT,
): Promise<Exclude<LoadResult, { readonly kind: 'not_found' }>> {
  const opened = openText(source, path, project);
  if (opened.kind === 'not_found') throw new Bug('a text was not found');
  return loadOpened(opened);
}

async function loadOpened(
  root: Exclude<OpenedFlow, { readonly kind: 'not_found' }>,
): Promise<Exclude<LoadResult, { readonly kind: 'not_found' }>> {
  const sources = new Map<string, SourceText>([[root.source.file, root.source]]);
  if (root.kind === 'refused') return { kind: 'invalid', diagnostics: root.diagnostics, sources };
  const opened = await openSubFlows(root);
  const checked = new Map<OpenFlow, Findings>();
  for (const each of opened.values()) {
    if (each.kind === 'not_found') continue;
    sources.set(each.source.file, each.source);
    if (each.kind === 'open') checked.set(each, await checkMeaning(each, opened, sources));
  }
  for (const each of checked.keys()) blameSubFlows(each, root, opened);
  const found = [...opened.values()].flatMap(diagnosticsOf);
  if (found.some(isError)) return { kind: 'invalid', diagnostics: found, sources };
  const definition = definitionOf(root, checked);
  return loadedAs(definition, found, sources);
}

/** A flow that has no errors. */
export const loadedAs = (
  definition: FlowDefinition,
  warnings: readonly Diagnostic[],
  sources: Sources,
): Extract<LoadResult, { readonly kind: 'loaded' }> => ({
  ...{ kind: 'loaded', definition, warnings, sources },
  // Asked for when the flow is to be run, not when it is only checked.
  get hash() {
    return definitionHash(definition);
  },
});

const isError = ({ severity }: Diagnostic): boolean => severity === 'error';

function diagnosticsOf(opened: OpenedFlow): readonly Diagnostic[] {
  if (opened.kind === 'not_found') return [];
  return opened.kind === 'open' ? opened.problems.list() : opened.diagnostics;
}

/** Everything that can be wrong with one flow but its shape. @returns what goes into its normal form. */
async function checkMeaning(open: OpenFlow, opened: OpenedFlows, sources: Map<string, SourceText>): Promise<Findings> {
  const { flow, path, directory, problems } = open;
  const graph = needsGraph(flow);
  checkValues(flow, path, problems);
  checkSteps(flow, graph, problems);
  checkGroups(flow, problems);
  checkHandlers(flow, problems);
  checkPolicies(flow, problems);
  await checkParams(flow, problems);
  await checkSchedules(flow, problems);
  await checkTriggers(flow, flowNameOf(flow.root, path), problems);
  await checkWaits(flow.steps, problems);
  await checkFlows(open, opened);
  await checkOutputs(flow, problems);
  const added = checkGlobs(flow, problems) ? fileNeeds(flow, graph, problems) : new Map();
  const references = new ReferenceChecker(open, withFileNeeds(graph, added), opened);
  checkTemplates(flow, references, problems);
  checkConditions(flow, references, problems);
  const texts = await checkShell(flow, references, problems);
  await checkCalls(flow, { file: path, directory }, problems, sources);
  return { texts, fileNeeds: added };
}

/** Says at a step that its flow has errors, which are listed in the places where they are. */
function blameSubFlows({ flow, directory, problems }: OpenFlow, root: OpenFlow, opened: OpenedFlows): void {
  for (const step of flow.steps) {
    const node = stepValue(step, 'flow');
    const target = opened.get(flowPath(step, directory) ?? '');
    if (node === undefined || target === undefined || target === root) continue;
    const count = diagnosticsOf(target).filter((each) => isError(each) && each.code !== 'invalid_sub_flow').length;
    if (count > 0) problems.at('invalid_sub_flow', node, { count });
  }
}

function definitionOf(root: OpenFlow, checked: ReadonlyMap<OpenFlow, Findings>): FlowDefinition {
  const alone = new Map(
    [...checked].map(([open, findings]): [OpenFlow, FlowDefinition] => {
      const { flow, path, directory } = open;
      return [open, normalForm(flow, { name: flowNameOf(flow.root, path), file: path, directory }, findings)];
    }),
  );
  const named = new Set(
    [...checked.keys()].flatMap(({ flow, directory }) => flow.steps.map((step) => flowPath(step, directory))),
  );
  const flows = [...alone].flatMap(([{ path }, definition]) => (named.has(path) ? [[path, definition] as const] : []));
  const definition = alone.get(root);
  if (definition === undefined) throw new Bug('a flow was checked without itself');
  return { ...definition, flows: Object.fromEntries(flows) };
}
