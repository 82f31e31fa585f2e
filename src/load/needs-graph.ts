/** Which step waits for which, by numbers; reachability and cycles without recursion, so that a chain may be of any length. */

import type { FlowOutline } from './outline.ts';

/** The needs of every step among those beside it, as numbers of steps. Names that do not exist are left out. */
export interface NeedsGraph {
  readonly needs: readonly (readonly number[])[];
}

/** Reads the graph of a flow. */
export function needsGraph(flow: FlowOutline): NeedsGraph {
  const needs = flow.steps.map((step) => {
    const named = step.needs.flatMap(({ name }) => flow.blocks[step.block]?.indexOf.get(name) ?? []);
    return step.previous === null ? named : [step.previous, ...named];
  });
  return { needs };
}

/**
 * Finds cycles: at least one where there is any, and none that shares a step with another one found.
 * @returns each cycle as the numbers of its steps, each waiting for the next and the last for the first. Steps that need
 * themselves are no cycle here.
 */
export function findCycles(graph: NeedsGraph): readonly (readonly number[])[] {
  const count = graph.needs.length;
  const state = new Uint8Array(count);
  const OPEN = 1;
  const DONE = 2;
  const inCycle = new Uint8Array(count);
  const cycles: number[][] = [];
  for (let start = 0; start < count; start += 1) {
    if (state[start] !== 0) continue;
    const path = [start];
    const cursor = [0];
    state[start] = OPEN;
    while (path.length > 0) {
      const step = path.at(-1) ?? 0;
      const position = cursor.at(-1) ?? 0;
      const next = graph.needs[step]?.[position];
      if (next === undefined) {
        state[step] = DONE;
        path.pop();
        cursor.pop();
        continue;
      }
      cursor[cursor.length - 1] = position + 1;
      if (next === step || state[next] === DONE) continue;
      if (state[next] === OPEN) {
        const cycle = path.slice(path.indexOf(next));
        if (cycle.every((member) => inCycle[member] === 0)) cycles.push(cycle);
        for (const member of cycle) inCycle[member] = 1;
        continue;
      }
      state[next] = OPEN;
      path.push(next);
      cursor.push(0);
    }
  }
  return cycles;
}

/**
 * The forest in which each step hangs below the first that it needs, as the numbers at which a walk through it enters and leaves a
 * step: one step is above another where its stretch holds the other's. Steps below a cycle are in no tree; their numbers are 0.
 */
function forestOf({ needs }: NeedsGraph): { readonly enter: Int32Array; readonly leave: Int32Array } {
  const count = needs.length;
  const enter = new Int32Array(count);
  const leave = new Int32Array(count);
  const below: number[][] = needs.map(() => []);
  const open: number[] = [];
  for (const [step, [first]] of needs.entries()) {
    if (first === undefined) open.push(step);
    else below[first]?.push(step);
  }
  let time = 0;
  while (open.length > 0) {
    const step = open.at(-1) ?? 0;
    if (enter[step] === 0) {
      time += 1;
      enter[step] = time;
      for (const each of below[step] ?? []) open.push(each);
      continue;
    }
    open.pop();
    leave[step] = time;
  }
  return { enter, leave };
}

/** Answers whether one step waits for another, directly or through others. Keeps what one question needs for the next. */
export class Reachability {
  readonly #graph: NeedsGraph;
  readonly #forest: ReturnType<typeof forestOf>;
  /** Whom each step was last found to be waited for by, as a number of a question. */
  readonly #seen: Int32Array;
  #question = 0;
  #asked = -1;

  constructor(graph: NeedsGraph) {
    this.#graph = graph;
    this.#forest = forestOf(graph);
    this.#seen = new Int32Array(graph.needs.length);
  }

  /** True when step `from` waits for step `to`. */
  waitsFor(from: number, to: number): boolean {
    const { enter, leave } = this.#forest;
    const [above = 0, end = 0, own = 0] = [enter[to], leave[to], enter[from]];
    // Most questions end here, so that a long list of steps is not walked for each of them.
    if (above !== 0 && above < own && own <= end) return true;
    // Questions about one step follow each other: what it waits for is found once.
    if (from !== this.#asked) this.#findNeeds(from);
    return this.#seen[to] === this.#question;
  }

  #findNeeds(from: number): void {
    this.#asked = from;
    this.#question += 1;
    const open = [from];
    for (let step = open.pop(); step !== undefined; step = open.pop()) {
      for (const need of this.#graph.needs[step] ?? []) {
        if (this.#seen[need] === this.#question) continue;
        this.#seen[need] = this.#question;
        open.push(need);
      }
    }
  }
}
