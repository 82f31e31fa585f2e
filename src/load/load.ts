/**
 * From a file to a definition: read, parse with places, check the shape, check the meaning, write the normal form. Every problem is
 * collected and has its place; nothing of the flow is run, and no module of it is loaded. This room must not know how diagnostics
 * are shown, nor anything of runs. Next: `parse-yaml` and its `guard`, `shape` (the schema), the files `check-...` (the meaning),
 * `normal-form`; and `params`, for the values of one run.
 */

import { dirname, extname, resolve } from 'node:path';
import type { ContentHash } from '../base/ids.ts';
import { diagnose, type Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText, Sources } from '../diagnostics/source.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { checkCalls } from './check-calls.ts';
import { checkConditions } from './check-conditions.ts';
import { checkHandlers } from './check-handlers.ts';
import { checkOutputs } from './check-outputs.ts';
import { checkParams } from './check-params.ts';
import { checkPolicies } from './check-policies.ts';
import { checkShell } from './check-shell.ts';
import { checkSteps } from './check-steps.ts';
import { checkTemplates } from './check-templates.ts';
import { checkValues, flowNameOf } from './check-values.ts';
import { checkWaits } from './check-waits.ts';
import { definitionHash } from './fingerprint.ts';
import { nameStrayKeys } from './nameless-step.ts';
import { needsGraph } from './needs-graph.ts';
import { normalForm } from './normal-form.ts';
import { outlineOf } from './outline.ts';
import { parseYaml } from './parse-yaml.ts';
import { Problems } from './problems.ts';
import { NO_PROJECT, type ProjectLayer } from './project-layer.ts';
import { readFlowText } from './read.ts';
import { ReferenceChecker } from './references.ts';
import { checkShape } from './shape.ts';

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

const PROGRAM = /^\.[cm]?[jt]sx?$/;

/**
 * Loads a flow from a YAML file.
 * @param file absolute, or relative to the current folder; diagnostics show it as it is given here.
 * @param project what the project around it says; none when absent.
 * @returns the definition, or every problem in the order of the file; a missing file is a result of its own.
 */
export async function loadFlow(file: string, project: ProjectLayer = NO_PROJECT): Promise<LoadResult> {
  const path = resolve(file);
  const read = await readFlowText(path, file);
  if (read.kind === 'not_found') return { kind: 'not_found', file };
  const sources = new Map<string, SourceText>([[file, read.source]]);
  if (read.kind === 'refused') return { kind: 'invalid', diagnostics: [read.diagnostic], sources };
  const { source } = read;
  if (PROGRAM.test(extname(path))) {
    const what = 'a flow in TypeScript or JavaScript';
    const facts = { what, instead: 'write the flow in YAML; a step may `call` a function of this file' };
    return { kind: 'invalid', diagnostics: [diagnose('not_yet_supported', facts, source.place(0, 0))], sources };
  }
  return check(source, path, sources, project);
}

async function check(
  source: SourceText,
  path: string,
  sources: Map<string, SourceText>,
  project: ProjectLayer,
): Promise<LoadResult> {
  const problems = new Problems(source);
  const { root: written, diagnostics } = parseYaml(source);
  for (const diagnostic of diagnostics) problems.add(diagnostic);
  if (written === null) return { kind: 'invalid', diagnostics: problems.list(), sources };
  const root = nameStrayKeys(written, problems);
  const directory = dirname(path);
  checkShape(root, problems);
  const flow = outlineOf(root, project);
  const graph = needsGraph(flow);
  checkValues(flow, path, problems);
  checkSteps(flow, graph, problems);
  checkHandlers(flow, problems);
  checkPolicies(flow, problems);
  await checkParams(flow, problems);
  await checkWaits(flow.steps, problems);
  await checkOutputs(flow, problems);
  const references = new ReferenceChecker(flow, graph, problems);
  checkTemplates(flow, references, problems);
  checkConditions(flow, references, problems);
  const texts = await checkShell(flow, references, problems);
  await checkCalls(flow, directory, problems, sources);
  const found = problems.list();
  if (found.some((diagnostic) => diagnostic.severity === 'error'))
    return { kind: 'invalid', diagnostics: found, sources };
  const definition = normalForm(flow, { name: flowNameOf(root, path), file: path, directory }, texts);
  return {
    kind: 'loaded',
    definition,
    // Asked for when the flow is to be run, not when it is only checked.
    get hash() {
      return definitionHash(definition);
    },
    warnings: found,
    sources,
  };
}
