/**
 * What expressions read of steps: that the step can be seen from there, and has ended by then. A step sees the steps beside it, then
 * those around its group; of a group it sees the group's outputs, not its members.
 */

import { suggest } from '../diagnostics/suggest.ts';
import { type NeedsGraph, Reachability } from './needs-graph.ts';
import { type FlowOutline, isMapped, type StepOutline } from './outline.ts';
import { checkOutputPath } from './output-references.ts';
import type { Problems } from './problems.ts';
import type { Where } from './references.ts';
import type { OpenedFlows, OpenFlow } from './sub-flows.ts';

const MEMBERS = ['state', 'outputs', 'exit_code', 'error'];

/** A step that is seen, and who has to wait for it: the reader itself, or a group around it. */
interface Seen {
  readonly target: number;
  /** Null: a reader that comes after all steps. */
  readonly waiter: number | null;
}

/** `steps.outer.outputs.inner`, as a group shows the outputs of its members. */
function memberPath(step: StepOutline): string {
  if (step.group === null) return `steps.${step.name}.outputs${isMapped(step) ? '[0]' : ''}`;
  return `${memberPath(step.group)}.${step.name}${isMapped(step) ? '[0]' : ''}`;
}

/** Checks references to steps, one by one. */
export class StepReferences {
  readonly #flow: FlowOutline;
  readonly #reachability: Reachability;
  readonly #problems: Problems;
  readonly #reading: { readonly open: OpenFlow; readonly opened: OpenedFlows };
  /** One of the members of groups by its name. */
  #members: ReadonlyMap<string, StepOutline> | null = null;

  constructor(open: OpenFlow, graph: NeedsGraph, opened: OpenedFlows) {
    this.#flow = open.flow;
    this.#reachability = new Reachability(graph);
    this.#problems = open.problems;
    this.#reading = { open, opened };
  }

  /** Checks what stands behind `steps`. */
  check([name, member, ...rest]: readonly string[], where: Where): void {
    const problems = this.#problems;
    if (name === undefined) {
      problems.within('dynamic_step_reference', where, {});
      return;
    }
    const { owner } = where;
    const reader = owner.kind === 'step' ? owner.step : owner.kind === 'handler' ? owner.of : null;
    const seen = this.#find(name, reader);
    const step = this.#flow.steps[seen?.target ?? -1];
    if (seen === null || step === undefined) {
      this.#unknown(name, reader, where);
      return;
    }
    // A handler comes after the step that it belongs to.
    const isOwn = owner.kind === 'handler' && owner.of === seen.target;
    if (reader !== null && seen.waiter !== null && !isOwn) this.#order(reader, seen.waiter, seen.target, where);
    if (member === 'outputs') checkOutputPath(step, rest, { part: where, ...this.#reading });
    else this.#member(step, member, where);
  }

  /** The nearest step of a name: in the block of the reader, else in those around it. */
  #find(name: string, reader: number | null): Seen | null {
    const { steps, blocks } = this.#flow;
    for (let waiter = reader; ; ) {
      const block = blocks[waiter === null ? 0 : (steps[waiter]?.block ?? 0)];
      const target = block?.indexOf.get(name);
      if (target !== undefined) return { target, waiter };
      if (block === undefined || block.owner === null) return null;
      waiter = block.owner;
    }
  }

  #order(reader: number, waiter: number, target: number, where: Where): void {
    if (this.#reachability.waitsFor(waiter, target)) return;
    const { steps } = this.#flow;
    const [step, around, reference] = [steps[reader]?.name ?? '', steps[waiter]?.name ?? '', steps[target]?.name ?? ''];
    const canTell = this.#problems.hasRoom && waiter !== target;
    const isDownstream = canTell && this.#reachability.waitsFor(target, waiter);
    const isAround = waiter === target && reader !== target;
    this.#problems.within('step_not_upstream', where, { step, waiter: around, reference, isDownstream, isAround });
  }

  #unknown(name: string, reader: number | null, where: Where): void {
    const { steps, blocks } = this.#flow;
    const known: string[] = [];
    let inside: string | null = null;
    if (this.#problems.hasRoom) {
      for (let at = reader; ; ) {
        const block = blocks[at === null ? 0 : (steps[at]?.block ?? 0)];
        for (const each of block?.steps ?? []) known.push(steps[each]?.name ?? '');
        if (block === undefined || block.owner === null) break;
        at = block.owner;
      }
      this.#members ??= new Map(steps.filter(({ group }) => group !== null).map((step) => [step.name, step]));
      const member = this.#members.get(name);
      inside = member === undefined ? null : memberPath(member);
    }
    const suggestion = inside === null ? suggest(name, known) : null;
    this.#problems.within('unknown_step_reference', where, { name, known, suggestion, inside });
  }

  #member(step: StepOutline, name: string | undefined, where: Where): void {
    const known = isMapped(step) ? [...MEMBERS, 'items'] : MEMBERS;
    if (name === undefined || known.includes(name)) return;
    const owner = `steps.${step.name}`;
    this.#problems.within('unknown_property', where, { owner, name, known, suggestion: suggest(name, known) });
  }
}
