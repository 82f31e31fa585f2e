/**
 * How expressions use secrets. Nothing knows a secret's value before the step starts, so that an expression may only pass it on: as the
 * whole of an expression, or as an argument of a function that puts texts together.
 */

import { assertNever } from '../base/result.ts';
import type { Expression, Template } from '../expressions/expressions.ts';
import type { ScalarNode } from './document.ts';
import type { Problems } from './problems.ts';

/** Functions that put texts together, without looking at them. */
const PASSING: ReadonlySet<string> = new Set(['format', 'join']);

interface Use {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

/** The name of a secret, for an expression that is just that; null for every other. */
function secretIn(node: Expression): string | null {
  if (node.kind !== 'member' || node.of.kind !== 'root' || node.of.name !== 'secrets') return null;
  return node.key.kind === 'literal' ? String(node.key.value) : null;
}

function visit(node: Expression, isPassedOn: boolean, misused: Use[]): void {
  const secret = secretIn(node);
  if (secret !== null) {
    if (!isPassedOn) misused.push({ name: secret, offset: node.offset, length: node.length });
    return;
  }
  switch (node.kind) {
    case 'literal':
    case 'root':
      return;
    case 'member':
      visit(node.of, false, misused);
      visit(node.key, false, misused);
      return;
    case 'every':
      visit(node.of, false, misused);
      return;
    case 'call':
      for (const operand of node.operands) visit(operand, isPassedOn && PASSING.has(node.name), misused);
      return;
    case 'not':
      visit(node.operand, false, misused);
      return;
    case 'compare':
      visit(node.left, false, misused);
      visit(node.right, false, misused);
      return;
    case 'logical':
      for (const operand of node.operands) visit(operand, false, misused);
      return;
    default:
      assertNever(node, 'expression');
  }
}

/** The parts of a template that look into a secret. */
function misusedSecrets(template: Template): readonly Use[] {
  const misused: Use[] = [];
  if (template.kind === 'expression') visit(template.expression, true, misused);
  if (template.kind === 'mixed')
    for (const part of template.parts) if (typeof part !== 'string') visit(part, true, misused);
  return misused;
}

/** Reports expressions that do more with a secret than to pass it on. */
export function checkSecretUses(template: Template, node: ScalarNode, problems: Problems): void {
  for (const { name, offset, length } of misusedSecrets(template))
    problems.within('secret_in_expression', { node, offset, length }, { name });
}
