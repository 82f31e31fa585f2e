/**
 * Needs that nobody wrote: a step whose `sources` another one `generates` comes after it. Only what is written out is compared; a glob with
 * an expression is known when its step begins.
 */

import { posix } from 'node:path';
import { type Glob, literalPath, matchesPath, parseGlob, samplePath } from '../base/glob-pattern.ts';
import { hasExpression } from '../expressions/expressions.ts';
import { type DocumentNode, type Span, textOf } from './document.ts';
import { bodiesOf } from './handlers.ts';
import type { NeedsGraph } from './needs-graph.ts';
import { type FlowOutline, inheritedValue, type StepOutline, stepValue } from './outline.ts';
import type { Problems } from './problems.ts';

/** By the number of a step, the numbers of those that it comes after for their files; all of them stand beside it. */
export type FileNeeds = ReadonlyMap<number, readonly number[]>;

/** One glob of a step. */
interface StepGlob {
  readonly step: number;
  readonly node: Span;
  readonly text: string;
  /** Its alternatives, relative to the flow's folder. */
  readonly globs: readonly Glob[];
}

/** Comparing more pairs of globs takes too long; then only paths without wildcards are compared. */
const MOST_PAIRS = 1_000_000;
/** More needs than anybody can have meant. */
const MOST_ADDED = 20_000;
/** All alternatives of braces in a flow, together: what they expand to is held in memory. */
const MOST_ALTERNATIVES = 100_000;

const itemsOf = (node: DocumentNode | undefined): readonly DocumentNode[] =>
  node?.kind === 'list' ? node.items : node === undefined ? [] : [node];

/** Reports globs that cannot be read. @returns false when there are too many to compare them. */
export function checkGlobs(flow: FlowOutline, problems: Problems): boolean {
  let left = MOST_ALTERNATIVES;
  for (const { step } of bodiesOf(flow)) {
    for (const item of ['sources', 'generates', 'artifacts'].flatMap((key) => itemsOf(stepValue(step, key)))) {
      const text = textOf(item);
      if (text === undefined || text === '' || hasExpression(text)) continue;
      const read = parseGlob(text);
      if (read.ok) left -= read.value.length;
      else problems.at('invalid_glob', item, { glob: text, problem: read.error });
      if (left >= 0) continue;
      const problem = `the patterns up to here have more than ${MOST_ALTERNATIVES} alternatives in all`;
      problems.at('invalid_glob', item, { glob: text, problem });
      return false;
    }
  }
  return true;
}

/** The globs under a key of a step, as seen from the flow's folder; none where its working directory is not written out. */
function globsOf(flow: FlowOutline, step: number, outline: StepOutline, key: string): readonly StepGlob[] {
  const items = itemsOf(stepValue(outline, key));
  const workdir = items.length === 0 ? '.' : (textOf(inheritedValue(flow, outline, 'workdir')) ?? '.');
  if (hasExpression(workdir)) return [];
  return items.flatMap((node) => {
    const text = textOf(node) ?? '';
    if (text === '' || hasExpression(text)) return [];
    const [sign, path] = text.startsWith('!') ? ['!', text.slice(1)] : ['', text];
    const read = parseGlob(sign + (path.startsWith('/') ? path : posix.join(workdir, path)));
    return read.ok ? [{ step, node, text, globs: read.value }] : [];
  });
}

/** True when some file is likely to be meant by both: one of them means a file that stands for the other. */
const overlap = (one: Glob, other: Glob): boolean =>
  matchesPath(one, samplePath(other)) || matchesPath(other, samplePath(one));

/** What a step generates that is among the sources of another. */
function findShared(made: StepGlob, sources: readonly StepGlob[]): StepGlob | null {
  const isNegated = ({ globs }: StepGlob): boolean => globs[0]?.negated === true;
  const found = made.globs.flatMap((glob) => {
    const path = samplePath(glob);
    const isTakenOut = sources.some((each) => isNegated(each) && each.globs.some((other) => matchesPath(other, path)));
    if (isTakenOut) return [];
    return sources.filter((each) => !isNegated(each) && each.globs.some((other) => overlap(glob, other)));
  });
  return found[0] ?? null;
}

/** Steps by the paths without wildcards that they generate. */
function byLiteralPath(made: readonly StepGlob[]): ReadonlyMap<string, readonly StepGlob[]> {
  const found = new Map<string, StepGlob[]>();
  for (const each of made) {
    for (const path of each.globs.map(literalPath)) {
      const known = path === null ? undefined : found.get(path);
      if (known !== undefined) known.push(each);
      else if (path !== null) found.set(path, [each]);
    }
  }
  return found;
}

/** The two steps that stand beside each other and hold the given ones; null where one holds the other. */
function siblings(flow: FlowOutline, one: number, other: number): readonly [number, number] | null {
  const around = (number: number): readonly number[] => {
    const owner = flow.blocks[flow.steps[number]?.block ?? 0]?.owner ?? null;
    return owner === null ? [number] : [number, ...around(owner)];
  };
  const others = around(other);
  for (const each of around(one)) {
    const block = flow.steps[each]?.block;
    const beside = others.find((candidate) => flow.steps[candidate]?.block === block);
    if (beside !== undefined) return beside === each ? null : [each, beside];
  }
  return null;
}

/** Steps that can be reached from one, as a number of the question for each: cheaper to ask anew than a set. */
class Reach {
  readonly #seen: Int32Array;
  readonly #edges: readonly (readonly number[])[];
  #question = 0;

  constructor(edges: readonly (readonly number[])[]) {
    this.#edges = edges;
    this.#seen = new Int32Array(edges.length);
  }

  /** Begins with a step. */
  begin(from: number): void {
    this.#question += 1;
    this.extend(from);
  }

  /** Goes on with another one, and all that can be reached from it. */
  extend(from: number): void {
    if (this.has(from)) return;
    this.#seen[from] = this.#question;
    const open = [from];
    for (let step = open.pop(); step !== undefined; step = open.pop()) {
      for (const next of this.#edges[step] ?? []) {
        if (this.has(next)) continue;
        this.#seen[next] = this.#question;
        open.push(next);
      }
    }
  }

  has(step: number): boolean {
    return this.#seen[step] === this.#question;
  }
}

/** The graph of needs while some are added: asked again and again about one step, before it goes on to the next. */
class GrowingGraph {
  readonly #needs: number[][];
  readonly #dependents: number[][];
  readonly #before: Reach;
  readonly #after: Reach;
  #asked = -1;

  constructor({ needs }: NeedsGraph) {
    this.#needs = needs.map((each) => [...each]);
    this.#dependents = needs.map(() => []);
    for (const [step, list] of needs.entries()) for (const need of list) this.#dependents[need]?.push(step);
    this.#before = new Reach(this.#needs);
    this.#after = new Reach(this.#dependents);
  }

  /** Whether a step already comes after another (`joined`), could (`free`), or must not, for the other comes after it (`circle`). */
  ask(later: number, earlier: number): 'joined' | 'free' | 'circle' {
    if (this.#asked !== later) {
      this.#asked = later;
      this.#before.begin(later);
      this.#after.begin(later);
    }
    if (this.#before.has(earlier)) return 'joined';
    return this.#after.has(earlier) ? 'circle' : 'free';
  }

  /** Adds a need that was found free just before. */
  add(later: number, earlier: number): void {
    this.#needs[later]?.push(earlier);
    this.#dependents[earlier]?.push(later);
    this.#before.extend(earlier);
  }
}

/** Finds the needs that follow from files, and warns where they would go round in a circle. */
export function fileNeeds(flow: FlowOutline, graph: NeedsGraph, problems: Problems): FileNeeds {
  const all = (key: string): readonly (readonly StepGlob[])[] =>
    flow.steps.map((outline, step) => globsOf(flow, step, outline, key));
  const made = all('generates').flat();
  if (made.length === 0) return new Map();
  const sources = all('sources');
  const literal = byLiteralPath(made);
  const isSmall = alternativesIn(made) * alternativesIn(sources.flat()) <= MOST_PAIRS;
  const growing = new GrowingGraph(graph);
  const found = new Map<number, number[]>();
  let added = 0;
  for (const [reader, wanted] of sources.entries()) {
    const paths = wanted.flatMap(({ globs }) => globs.flatMap((glob) => literalPath(glob) ?? []));
    const makers = isSmall && wanted.length > 0 ? made : new Set(paths.flatMap((path) => literal.get(path) ?? []));
    for (const maker of makers) {
      const source = maker.step === reader || added >= MOST_ADDED ? null : findShared(maker, wanted);
      const pair = source === null ? null : siblings(flow, reader, maker.step);
      if (source === null || pair === null) continue;
      const [later, earlier] = pair;
      const answer = growing.ask(later, earlier);
      if (answer === 'free') {
        growing.add(later, earlier);
        found.set(later, [...(found.get(later) ?? []), earlier]);
        added += 1;
      } else if (answer === 'circle') {
        const [step, other] = [flow.steps[reader]?.name ?? '', flow.steps[maker.step]?.name ?? ''];
        const place = problems.place(maker.node, 'generated here');
        problems.at('file_cycle', source.node, { step, other, glob: source.text }, [place]);
      }
    }
  }
  return found;
}

const alternativesIn = (all: readonly StepGlob[]): number => all.reduce((sum, { globs }) => sum + globs.length, 0);

/** The graph with needs added. */
export const withFileNeeds = ({ needs }: NeedsGraph, added: FileNeeds): NeedsGraph =>
  added.size === 0 ? { needs } : { needs: needs.map((each, step) => [...each, ...(added.get(step) ?? [])]) };
