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

const itemsOf = (node: DocumentNode | undefined): readonly DocumentNode[] =>
  node?.kind === 'list' ? node.items : node === undefined ? [] : [node];

/** Reports globs that cannot be read. */
export function checkGlobs(flow: FlowOutline, problems: Problems): void {
  for (const { step } of bodiesOf(flow)) {
    for (const item of ['sources', 'generates', 'artifacts'].flatMap((key) => itemsOf(stepValue(step, key)))) {
      const text = textOf(item);
      if (text === undefined || text === '' || hasExpression(text)) continue;
      const read = parseGlob(text);
      if (!read.ok) problems.at('invalid_glob', item, { glob: text, problem: read.error });
    }
  }
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

/** Whether one step waits for another, while needs are being added. */
function waitsFor(needs: readonly (readonly number[])[], from: number, to: number): boolean {
  const seen = new Set([from]);
  const open = [from];
  for (let step = open.pop(); step !== undefined; step = open.pop()) {
    if (step === to) return true;
    for (const need of needs[step] ?? []) {
      if (seen.has(need)) continue;
      seen.add(need);
      open.push(need);
    }
  }
  return false;
}

/** Finds the needs that follow from files, and warns where they would go round in a circle. */
export function fileNeeds(flow: FlowOutline, graph: NeedsGraph, problems: Problems): FileNeeds {
  const all = (key: string): readonly (readonly StepGlob[])[] =>
    flow.steps.map((outline, step) => globsOf(flow, step, outline, key));
  const made = all('generates').flat();
  if (made.length === 0) return new Map();
  const sources = all('sources');
  const literal = byLiteralPath(made);
  const isSmall = made.length * sources.flat().length <= MOST_PAIRS;
  const needs = graph.needs.map((each) => [...each]);
  const found = new Map<number, number[]>();
  for (const [reader, wanted] of sources.entries()) {
    if (wanted.length === 0) continue;
    const paths = wanted.flatMap(({ globs }) => globs.flatMap((glob) => literalPath(glob) ?? []));
    const makers = isSmall ? made : [...new Set(paths.flatMap((path) => literal.get(path) ?? []))];
    for (const maker of makers) {
      const source = maker.step === reader ? null : findShared(maker, wanted);
      const pair = source === null ? null : siblings(flow, reader, maker.step);
      if (source === null || pair === null) continue;
      const [later, earlier] = pair;
      if (waitsFor(needs, later, earlier)) continue;
      if (waitsFor(needs, earlier, later)) {
        const facts = {
          step: flow.steps[reader]?.name ?? '',
          other: flow.steps[maker.step]?.name ?? '',
          glob: source.text,
        };
        problems.at('file_cycle', source.node, facts, [problems.place(maker.node, 'generated here')]);
        continue;
      }
      needs[later]?.push(earlier);
      found.set(later, [...(found.get(later) ?? []), earlier]);
    }
  }
  return found;
}

/** The graph with needs added. */
export const withFileNeeds = ({ needs }: NeedsGraph, added: FileNeeds): NeedsGraph =>
  added.size === 0 ? { needs } : { needs: needs.map((each, step) => [...each, ...(added.get(step) ?? [])]) };
