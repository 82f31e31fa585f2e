/** Handlers in a document: commands, functions and messages that come after a flow, or after a step. */

import { quoted } from '../diagnostics/phrase.ts';
import { HANDLER_PHASES, type HandlerPhase } from '../model/policies.ts';
import { type DocumentNode, entriesOf, entryOf } from './document.ts';
import type { FlowOutline, StepOutline } from './outline.ts';
import type { SiteOwner } from './template-sites.ts';

/** One handler. It is read as a step is; its name is its place, such as `load/on_failure[0]`. */
export interface HandlerOutline extends StepOutline {
  readonly handler: {
    readonly phase: HandlerPhase;
    readonly position: number;
    /** The number of the step that it belongs to; null: the flow. */
    readonly of: number | null;
  };
}

function handlersIn(owner: DocumentNode, of: number | null, step: StepOutline | null): readonly HandlerOutline[] {
  return HANDLER_PHASES.flatMap((phase) => {
    const list = entryOf(owner, phase)?.value;
    const items = list?.kind === 'list' ? list.items : [];
    return items.map((body, position): HandlerOutline => {
      const nameSpan = entriesOf(body)[0]?.keySpan ?? body;
      const name = `${step === null ? '' : `${step.name}/`}${phase}[${position}]`;
      const place = { group: step?.group ?? null, block: step?.block ?? 0, members: null };
      return { name, nameSpan, body, needs: [], previous: null, ...place, handler: { phase, position, of } };
    });
  });
}

/** Reads the handlers of a flow, and of its steps. */
export const readHandlers = (root: DocumentNode, steps: readonly StepOutline[]): readonly HandlerOutline[] => [
  ...handlersIn(root, null, null),
  ...steps.flatMap((step, index) => handlersIn(step.body, index, step)),
];

/** Handlers by the number of their step; those of the flow by null. */
export function handlersByOwner(
  handlers: readonly HandlerOutline[],
): ReadonlyMap<number | null, readonly HandlerOutline[]> {
  const found = new Map<number | null, HandlerOutline[]>();
  for (const each of handlers) {
    const beside = found.get(each.handler.of);
    if (beside === undefined) found.set(each.handler.of, [each]);
    else beside.push(each);
  }
  return found;
}

/** Whatever does something in a flow, with who evaluates its texts: its steps, then its handlers. */
export const bodiesOf = (
  flow: FlowOutline,
): readonly { readonly step: StepOutline; readonly owner: Extract<SiteOwner, { kind: 'step' | 'handler' }> }[] => [
  ...flow.steps.map((step, index) => ({ step, owner: { kind: 'step' as const, step: index } })),
  ...flow.handlers.map((step) => ({ step, owner: { kind: 'handler' as const, of: step.handler.of } })),
];

/** A step or handler in words. */
export const wordsFor = ({ name }: StepOutline, owner: SiteOwner): string =>
  owner.kind === 'handler' ? quoted(name) : `step ${quoted(name)}`;
