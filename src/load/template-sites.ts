/** Where expressions may stand in a flow: every text with one, and who evaluates it. Conditions and shell text have checks of their own. */

import { hasExpression } from '../expressions/expressions.ts';
import { entriesOf, entryOf, textOf, type DocumentNode, type ScalarNode } from './document.ts';
import { defaultValue, type FlowOutline, stepValue } from './outline.ts';

/** Who evaluates a text. */
export type SiteOwner =
  /** A step, by its number. */
  | { readonly kind: 'step'; readonly step: number }
  /** Every step, so no particular one: the flow's `env`, and `defaults`. */
  | { readonly kind: 'all_steps'; readonly where: string }
  /** The default of a param, by its number. */
  | { readonly kind: 'param'; readonly param: number }
  /** The flow's outputs, after all steps. */
  | { readonly kind: 'outputs' };

/** One text with an expression in it. */
export interface TemplateSite {
  readonly node: ScalarNode;
  readonly text: string;
  readonly owner: SiteOwner;
}

function collect(root: DocumentNode | undefined, owner: SiteOwner, sites: TemplateSite[]): void {
  const seen = new Set<DocumentNode>();
  const open: DocumentNode[] = root === undefined ? [] : [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    // A shared node stands in several places, but its text is the same.
    if (seen.has(node)) continue;
    seen.add(node);
    if (node.kind === 'list') for (const item of node.items.toReversed()) open.push(item);
    else if (node.kind === 'map') for (const { value } of entriesOf(node).toReversed()) open.push(value);
    else {
      const text = textOf(node);
      if (text !== undefined && hasExpression(text)) sites.push({ node, text, owner });
    }
  }
}

/** The default of a param: the `default` of its schema, or the bare value itself. */
export function paramDefault(node: DocumentNode): DocumentNode | undefined {
  return node.kind === 'map' ? entryOf(node, 'default')?.value : node;
}

/** Lists all texts with expressions, except conditions and shell text. */
export function templateSites(flow: FlowOutline): readonly TemplateSite[] {
  const sites: TemplateSite[] = [];
  for (const [param, { node }] of flow.params.entries()) collect(paramDefault(node), { kind: 'param', param }, sites);
  collect(entryOf(flow.root, 'env')?.value, { kind: 'all_steps', where: "the flow's `env`" }, sites);
  for (const key of ['env', 'workdir'])
    collect(defaultValue(flow, key), { kind: 'all_steps', where: '`defaults`' }, sites);
  for (const [index, step] of flow.steps.entries()) {
    const run = stepValue(step, 'run');
    if (run?.kind === 'list') collect(run, { kind: 'step', step: index }, sites);
    for (const key of ['env', 'with', 'workdir', 'stdin'])
      collect(stepValue(step, key), { kind: 'step', step: index }, sites);
  }
  collect(entryOf(flow.root, 'outputs')?.value, { kind: 'outputs' }, sites);
  return sites;
}
