/**
 * From what a module says of its flows to a definition. The options of a flow are a document in the keys of YAML, so that the same checks
 * hold for both; the module itself was loaded by somebody else, for this room runs no user code.
 */

import type { JsonObject } from '../base/json.ts';
import { Bug } from '../base/result.ts';
import { type SourceText as Source, SourceText } from '../diagnostics/source.ts';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { type LoadResult, loadedAs, loadFlowText } from './load.ts';
import type { ProjectLayer } from './project-layer.ts';

/** A flow as its module describes it. */
export interface DescribedFlow {
  /** The name that the flow was given. */
  readonly flow: string;
  readonly style: 'imperative' | 'declarative';
  readonly document: JsonObject;
  /** True: the flow's own code checks its params. */
  readonly checksParams: boolean;
}

/** What a module makes. */
export interface DescribedModule {
  /** Absolute path, and its name in diagnostics. */
  readonly module: string;
  readonly shown: string;
  /** The one that is asked for. */
  readonly flow: string;
  readonly flows: readonly DescribedFlow[];
}

/** Stands where the steps of a flow would, which are not known before it runs. */
const NO_STEPS: JsonObject = { steps: { none: { run: 'true' } } };

type Loaded = Exclude<LoadResult, { readonly kind: 'not_found' }>;

/** The key of a module's flow among those that steps may refer to. */
const keyOf = (module: string, flow: string): string => `${module}#${flow}`;

/** Loads a flow that a module makes, with every other one of the module, which it may call. */
export async function loadDescribedFlow(described: DescribedModule, project: ProjectLayer): Promise<Loaded> {
  const { module, flow: wanted } = described;
  const definitions = new Map<string, FlowDefinition>();
  const sources = new Map<string, Source>();
  const found: Diagnostic[] = [];
  let isInvalid = false;
  for (const each of described.flows) {
    // What a profile says of params is meant for the flow that is started.
    const layer: ProjectLayer = each.flow === wanted ? project : { ...project, params: {} };
    const loaded = await loadOne(described, each, layer);
    for (const [name, source] of loaded.sources) sources.set(name, source);
    if (loaded.kind === 'loaded') {
      found.push(...loaded.warnings);
      definitions.set(each.flow, loaded.definition);
    } else {
      isInvalid = true;
      found.push(...loaded.diagnostics);
    }
  }
  if (isInvalid) return { kind: 'invalid', diagnostics: found, sources };
  const own = definitions.get(wanted);
  if (own === undefined) throw new Bug(`the module ${module} was described without its flow ${wanted}`);
  const flows: { [key: string]: FlowDefinition } = {};
  for (const [flow, each] of definitions) {
    Object.assign(flows, each.flows);
    flows[keyOf(module, flow)] = { ...each, flows: {} };
  }
  return loadedAs({ ...own, flows }, found, sources);
}

async function loadOne(
  { module, shown }: DescribedModule,
  { flow, style, document, checksParams }: DescribedFlow,
  project: ProjectLayer,
): Promise<Loaded> {
  const isScript = style === 'imperative';
  const text = JSON.stringify(isScript ? { ...document, ...NO_STEPS } : document, null, 2);
  const loaded = await loadFlowText(new SourceText(`${shown} (options of \`${flow}\`)`, text), module, project);
  if (loaded.kind !== 'loaded' || !isScript) return loaded;
  return {
    ...loaded,
    definition: {
      ...loaded.definition,
      steps: [],
      script: { module, flow, ...(checksParams ? { checks_params: true } : {}) },
    },
  };
}
