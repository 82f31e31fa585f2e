/** Expressions that are evaluated one place further in than they were written: their names, led back to what they meant. */

import { assertNever } from '../base/result.ts';
import type { Expression } from './syntax.ts';
import { parseTemplate } from './template.ts';

function collect(node: Expression, names: ReadonlySet<string>, offsets: number[]): void {
  switch (node.kind) {
    case 'literal':
      return;
    case 'root':
      if (names.has(node.name)) offsets.push(node.offset);
      return;
    case 'member':
      collect(node.of, names, offsets);
      collect(node.key, names, offsets);
      return;
    case 'every':
      collect(node.of, names, offsets);
      return;
    case 'call':
    case 'logical':
      for (const operand of node.operands) collect(operand, names, offsets);
      return;
    case 'not':
      collect(node.operand, names, offsets);
      return;
    case 'compare':
      collect(node.left, names, offsets);
      collect(node.right, names, offsets);
      return;
    default:
      assertNever(node, 'expression');
  }
}

/**
 * Writes a prefix before some of the names that the expressions of a text begin with: `${{ item.id }}` becomes `${{ outer.item.id }}`.
 * A text that cannot be parsed stays as it is.
 */
export function withPrefix(text: string, names: ReadonlySet<string>, prefix: string): string {
  const template = parseTemplate(text);
  if (!template.ok || template.value.kind === 'literal') return text;
  const offsets: number[] = [];
  const { value } = template;
  if (value.kind === 'expression') collect(value.expression, names, offsets);
  else for (const part of value.parts) if (typeof part !== 'string') collect(part, names, offsets);
  let written = '';
  let read = 0;
  for (const offset of offsets.sort((one, other) => one - other)) {
    written += text.slice(read, offset) + prefix;
    read = offset;
  }
  return written + text.slice(read);
}
