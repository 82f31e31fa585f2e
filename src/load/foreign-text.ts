/** Programs of other languages under `run`: expressions in them are refused, with what to write instead. */

import type { ShellName } from '../model/flow.ts';
import { entriesOf, placeWithin, type ScalarNode, textOf } from './document.ts';
import { type StepOutline, stepValue } from './outline.ts';
import type { Problems } from './problems.ts';

/** The shells whose text is a program of another language. */
export type ForeignShell = Exclude<ShellName, 'sh' | 'bash'>;

const FOREIGN: ReadonlySet<string> = new Set<ForeignShell>(['python', 'node', 'pwsh']);
const EXPRESSION = /\$\{\{[\s\S]*?(?:\}\}|$)/g;
/** Names that mean something to a shell or to flowctl, and so are not offered. */
const TAKEN =
  /^(PATH|HOME|USER|SHELL|PWD|IFS|ENV|LANG|TERM|UID|EUID|PS\d|TMPDIR|BASH.*|LD_.*|FLOWCTL_.*|NODE_OPTIONS|PYTHON.*|\d.*|)$/;
const MAX_SHOWN = 5;

/** A variable for an expression: the last name in it, in upper case; with the name before it where that is not enough. */
function variableFor(expression: string, taken: ReadonlyMap<string, string>): string {
  const names = [...expression.replace(/'[^']*'/g, '').matchAll(/[A-Za-z_][A-Za-z0-9_-]*/g)].map(([name]) =>
    name.toUpperCase().replace(/-/g, '_'),
  );
  const candidates = [names.slice(-1), names.slice(-2), names.slice(-3)].map((parts) => parts.join('_'));
  const isFree = (name: string): boolean => !TAKEN.test(name) && (taken.get(name) ?? expression) === expression;
  const free = candidates.find(isFree);
  if (free !== undefined) return free;
  let number = 1;
  while (!isFree(`VALUE_${number}`)) number += 1;
  return `VALUE_${number}`;
}

/** Reports the expressions in a text of another language, all of them at once. */
export function refuseExpressions(
  step: StepOutline,
  node: ScalarNode,
  text: string,
  shell: ForeignShell,
  problems: Problems,
): void {
  if (!FOREIGN.has(shell)) return;
  const [first, ...others] = [...text.matchAll(EXPRESSION)].slice(0, MAX_SHOWN);
  if (first === undefined) return;
  const taken = new Map(entriesOf(stepValue(step, 'env')).map(({ key, value }) => [key, textOf(value) ?? '']));
  const names = new Map<string, string>();
  for (const [expression] of [first, ...others]) {
    if (names.has(expression)) continue;
    const name = variableFor(expression, taken);
    taken.set(name, expression);
    names.set(expression, name);
  }
  const placeOfMatch = (match: RegExpExecArray) => placeWithin(problems.source, node, match.index, match[0].length);
  const { start, end } = placeOfMatch(first);
  const variables = [...names].map(([value, name]) => ({ name, value }));
  const span = { start: start.offset, end: end.offset };
  problems.at('expression_in_shell', span, { shell, variables }, others.map(placeOfMatch));
}
