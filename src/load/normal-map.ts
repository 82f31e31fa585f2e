/** Steps that run more than once, in their normal form: `foreach`, `matrix`, `repeat`; for a step that has passed the checks. */

import { isJsonObject, type Json } from '../base/json.ts';
import { Bug } from '../base/result.ts';
import type { MapDefinition, RepeatDefinition } from '../model/flow.ts';
import { readCondition } from './condition-text.ts';
import { entryOf, textOf } from './document.ts';
import { durationOf, jsonOf, type Node, numberOf } from './node-values.ts';
import { type StepOutline, stepValue } from './outline.ts';

/** The keys of `matrix` that are no axes. */
export const MATRIX_LISTS: readonly string[] = ['include', 'exclude'];

/** A list as it is, or an expression without the white space around it. */
const listOrExpression = (value: Json): Json => (typeof value === 'string' ? value.trim() : value);

function overOf(step: StepOutline): MapDefinition['over'] | null {
  const foreach = stepValue(step, 'foreach');
  if (foreach !== undefined) return { kind: 'foreach', items: listOrExpression(jsonOf(foreach)) };
  const matrix = stepValue(step, 'matrix');
  if (matrix === undefined) return null;
  const written = jsonOf(matrix);
  const { include = [], exclude = [], ...axes } = isJsonObject(written) ? written : {};
  return {
    kind: 'matrix',
    axes: Object.fromEntries(Object.entries(axes).map(([name, values]) => [name, listOrExpression(values)])),
    include: listOrExpression(include),
    exclude: listOrExpression(exclude),
  };
}

/** Reads `10%`; null for anything else. White space around either part means nothing. */
export function percentOf(text: string): number | null {
  const [, digits] = /^\s*(\d{1,3}(?:\.\d+)?)\s*%\s*$/.exec(text) ?? [];
  const percent = Number(digits);
  return digits !== undefined && percent <= 100 ? percent : null;
}

function toleranceOf(node: Node): MapDefinition['tolerate'] {
  const percent = percentOf(textOf(node) ?? '');
  return percent === null ? { kind: 'count', value: numberOf(node) ?? 0 } : { kind: 'percent', value: percent };
}

/** The map that a step is; null when it runs once. */
export function mapOf(step: StepOutline): MapDefinition | null {
  const over = overOf(step);
  if (over === null) return null;
  return { over, key: textOf(stepValue(step, 'key')) ?? null, tolerate: toleranceOf(stepValue(step, 'tolerate')) };
}

/** How often a step runs; null when it runs once. */
export function repeatOf(step: StepOutline): RepeatDefinition | null {
  const node = stepValue(step, 'repeat');
  if (node === undefined) return null;
  const kind = entryOf(node, 'while') === undefined ? 'until' : 'while';
  const read = readCondition(textOf(entryOf(node, kind)?.value) ?? '');
  if (read.kind !== 'expression') throw new Bug(`the repetition of step ${step.name} passed the checks`);
  return {
    kind,
    condition: read.text,
    every_ms: durationOf(entryOf(node, 'every')?.value) ?? 0,
    max: numberOf(entryOf(node, 'max')?.value),
  };
}
