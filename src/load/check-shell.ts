/** Shell text: expressions in it are refused with what to write instead; a pipe whose failure goes unnoticed is a warning. */

import { hasExpression } from '../expressions/expressions.ts';
import { entriesOf, placeWithin, type ScalarNode, textOf } from './document.ts';
import { defaultValue, type FlowOutline, type StepOutline, stepValue } from './outline.ts';
import type { Problems } from './problems.ts';

const EXPRESSION = /\$\{\{[\s\S]*?(?:\}\}|$)/g;
/** Names that mean something to a shell or to flowctl, and so are not offered. */
const TAKEN =
  /^(PATH|HOME|USER|SHELL|PWD|IFS|ENV|LANG|TERM|UID|EUID|PS\d|TMPDIR|BASH.*|LD_.*|FLOWCTL_.*|NODE_OPTIONS|\d.*|)$/;
const MAX_LINES_SHOWN = 5;

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

/** The variable as it is written where it stands: quoted, unless it stands in double quotes already. */
function spliced(before: string, variable: string, after: string): string {
  const bare = before.replace(/\\./g, '');
  const inSingle = (bare.replace(/"[^"]*"/g, '').match(/'/g)?.length ?? 0) % 2 === 1;
  if (inSingle) return `'"$${variable}"'`;
  const inDouble = (bare.replace(/'[^']*'/g, '').match(/"/g)?.length ?? 0) % 2 === 1;
  if (!inDouble) return `"$${variable}"`;
  return /^[A-Za-z0-9_]/.test(after) ? `\${${variable}}` : `$${variable}`;
}

function rewriteLine(line: string, names: ReadonlyMap<string, string>): string {
  let rewritten = '';
  let read = 0;
  for (const match of line.matchAll(EXPRESSION)) {
    rewritten += line.slice(read, match.index);
    read = match.index + match[0].length;
    rewritten += spliced(rewritten, names.get(match[0]) ?? 'VALUE', line.slice(read));
  }
  return rewritten + line.slice(read);
}

function checkExpressions(step: StepOutline, node: ScalarNode, text: string, problems: Problems): void {
  const matches = [...text.matchAll(EXPRESSION)];
  const [first, ...others] = matches;
  if (first === undefined) return;
  const taken = new Map(entriesOf(stepValue(step, 'env')).map(({ key, value }) => [key, textOf(value) ?? '']));
  const names = new Map<string, string>();
  for (const [expression] of matches.slice(0, MAX_LINES_SHOWN)) {
    if (names.has(expression)) continue;
    const name = variableFor(expression, taken);
    taken.set(name, expression);
    names.set(expression, name);
  }
  const lines = text.replace(/\n$/, '').split('\n');
  const affected = lines.filter(hasExpression).slice(0, MAX_LINES_SHOWN);
  const placeOfMatch = (match: RegExpExecArray) => placeWithin(problems.source, node, match.index, match[0].length);
  const primary = placeOfMatch(first);
  problems.at(
    'expression_in_shell',
    { start: primary.start.offset, end: primary.end.offset },
    {
      variables: [...names].map(([value, name]) => ({ name, value })),
      rewritten: affected.map((line) => rewriteLine(line, names).trim()),
      isWhole: lines.length === affected.length,
    },
    others.slice(0, MAX_LINES_SHOWN - 1).map(placeOfMatch),
  );
}

/**
 * The first pipe of a shell text: outside quotes, comments and escapes; neither `||` nor `>|`. Null when there is none, or where
 * telling would need a real parser: here-documents, `case` patterns, and texts that set `pipefail` themselves.
 */
export function findPipe(text: string): number | null {
  if (/<<|\bcase\b|pipefail/.test(text)) return null;
  const tokens = /\\[\s\S]|'[^']*'|"(?:\\[\s\S]|[^"\\])*"|(?<=^|[\s;&|(])#[^\n]*|\|\||>\||\|/g;
  for (const match of text.matchAll(tokens)) if (match[0] === '|') return match.index;
  return null;
}

/** Checks the shell text of every step. */
export function checkShell(flow: FlowOutline, problems: Problems): void {
  const defaultShell = textOf(defaultValue(flow, 'shell')) ?? 'sh';
  for (const step of flow.steps) {
    const node = stepValue(step, 'run');
    const text = textOf(node);
    if (node?.kind !== 'scalar' || text === undefined) continue;
    if (hasExpression(text)) checkExpressions(step, node, text, problems);
    if ((textOf(stepValue(step, 'shell')) ?? defaultShell) !== 'sh') continue;
    const pipe = findPipe(text);
    if (pipe === null) continue;
    // The line makes the place unique enough; a lone `|` would also match the header of a block.
    const lineStart = text.lastIndexOf('\n', pipe) + 1;
    const lineEnd = text.indexOf('\n', pipe);
    const line = placeWithin(problems.source, node, lineStart, (lineEnd === -1 ? text.length : lineEnd) - lineStart);
    const start = line.start.offset + pipe - lineStart;
    const isExact = problems.source.text[start] === '|' && line.end.offset > start;
    const span = isExact ? { start, end: start + 1 } : { start: line.start.offset, end: line.end.offset };
    problems.at('pipe_in_sh', span, { step: step.name });
  }
}
