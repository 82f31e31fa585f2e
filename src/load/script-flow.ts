/**
 * From what a module says of one of its flows to a definition. The options of a flow are a document in the keys of YAML, so that the same
 * checks hold for both; the module itself was loaded by somebody else, for this room runs no user code.
 */

import { SourceText } from '../diagnostics/source.ts';
import type { JsonObject } from '../base/json.ts';
import { definitionHash } from './fingerprint.ts';
import { type LoadResult, loadFlowText } from './load.ts';
import type { ProjectLayer } from './project-layer.ts';

/** A flow as its module describes it. */
export interface DescribedFlow {
  /** The module: absolute path. */
  readonly module: string;
  /** The name that the flow was given. */
  readonly flow: string;
  /** Its name in diagnostics. */
  readonly shown: string;
  readonly style: 'imperative' | 'declarative';
  readonly document: JsonObject;
}

/** Stands where the steps of a flow would, which are not known before it runs. */
const NO_STEPS: JsonObject = { steps: { none: { run: 'true' } } };

/** Loads a flow that a module makes. */
export async function loadDescribedFlow(
  { module, flow, shown, style, document }: DescribedFlow,
  project: ProjectLayer,
): Promise<Exclude<LoadResult, { readonly kind: 'not_found' }>> {
  const isScript = style === 'imperative';
  const text = JSON.stringify(isScript ? { ...document, ...NO_STEPS } : document, null, 2);
  const loaded = await loadFlowText(new SourceText(`${shown} (options of \`${flow}\`)`, text), module, project);
  if (loaded.kind !== 'loaded' || !isScript) return loaded;
  const definition = { ...loaded.definition, steps: [], script: { module, flow } };
  return {
    ...loaded,
    definition,
    get hash() {
      return definitionHash(definition);
    },
  };
}
