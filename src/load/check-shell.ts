/**
 * Text under `run`. In the text of `sh` and `bash` expressions are replaced by references to variables, and refused where a value could
 * become code; in the text of other languages they are always refused. A pipe whose failure goes unnoticed is a warning.
 */

import { Bug } from '../base/result.ts';
import type { Dialect, SplicedShell } from '../expressions/shell/shell.ts';
import { hasExpression, templateReads } from '../expressions/expressions.ts';
import type { ShellName } from '../model/flow.ts';
import { reportTemplateProblem, withAvailableNames } from './check-templates.ts';
import { type DocumentNode, entryOf, placeWithin, type ScalarNode, textOf } from './document.ts';
import { refuseExpressions } from './foreign-text.ts';
import { bodiesOf } from './handlers.ts';
import { type FlowOutline, inheritedValue, type StepOutline, stepValue } from './outline.ts';
import type { Problems } from './problems.ts';
import type { ReferenceChecker } from './references.ts';
import type { SiteOwner } from './template-sites.ts';

/** A shell text that had expressions: what to run, and by the name of a variable the template that it is given. */
export interface ShellText {
  readonly text: string;
  readonly values: { readonly [name: string]: string };
}
/** Those of a flow. */
export type ShellTexts = ReadonlyMap<StepOutline, ShellText>;

interface TextPlace {
  readonly node: ScalarNode;
  readonly owner: SiteOwner;
}

interface Check {
  readonly references: ReferenceChecker;
  readonly problems: Problems;
}

const NOTHING = "${{ '' }}";

/** Any expression, of a text in which all of them are closed. */
const EXPRESSION = /\$\{\{(?:'[^']*'|[^'}]|\}(?!\}))*\}\}/g;

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

/** Warns of a pipe. The text has no expressions, or others of the same length in their place. */
function checkPipe(step: StepOutline, node: ScalarNode, text: string, problems: Problems): void {
  const pipe = findPipe(text);
  if (pipe === null) return;
  // The line makes the place unique enough; a lone `|` would also match the header of a block.
  const written = textOf(node) ?? '';
  const lineStart = written.lastIndexOf('\n', pipe) + 1;
  const lineEnd = written.indexOf('\n', pipe);
  const line = placeWithin(problems.source, node, lineStart, (lineEnd === -1 ? written.length : lineEnd) - lineStart);
  const start = line.start.offset + pipe - lineStart;
  const isExact = problems.source.text[start] === '|' && line.end.offset > start;
  const span = isExact ? { start, end: start + 1 } : { start: line.start.offset, end: line.end.offset };
  problems.at('pipe_in_sh', span, { step: step.name });
}

/** The templates of spliced values as they were written. */
async function writtenValues(text: string, { values }: SplicedShell): Promise<{ readonly [name: string]: string }> {
  const { findMarkers } = await import('../expressions/shell/marker.ts');
  const markers = findMarkers(text);
  const sources = new Map<number, string>();
  for (const { expression, source } of markers.ok ? markers.value : []) {
    if (expression.ok) sources.set(expression.value.offset, source);
  }
  const written = values.map(({ name, template }) => {
    const [expression] = template.kind === 'mixed' ? template.parts : [];
    const source =
      expression === undefined || typeof expression === 'string' ? undefined : sources.get(expression.offset);
    if (source === undefined) throw new Bug('a value of shell text stands for none of its expressions');
    // A second part makes a longer text of it, as the shell text was: null in it, a list or an object is an error.
    return [name, `${source}${NOTHING}`];
  });
  return Object.fromEntries(written);
}

/** Replaces the expressions of a text, or reports why that cannot be. */
async function splice(text: string, shell: Dialect, place: TextPlace, check: Check): Promise<ShellText | null> {
  // The reader of shell text is of no use to flows that have none with expressions.
  const { spliceShell } = await import('../expressions/shell/shell.ts');
  const spliced = spliceShell(text, shell);
  const { references, problems } = check;
  const { node, owner } = place;
  if (spliced.ok) {
    for (const { template } of spliced.value.values) {
      for (const reference of templateReads(template)) references.check(reference, node, owner, '`run`');
    }
    return { text: spliced.value.text, values: await writtenValues(text, spliced.value) };
  }
  for (const problem of spliced.error) {
    if (problem.code !== 'expression_in_shell_place') {
      reportTemplateProblem(withAvailableNames(problem, text), node, problems);
      continue;
    }
    const { message, help, offset, length } = problem;
    problems.within('expression_in_shell_place', { node, offset, length }, { problem: message, remedy: help });
  }
  return null;
}

/** The command of a step: what it runs, or what its `wait` looks with. */
const commandNode = (step: StepOutline): DocumentNode | undefined =>
  stepValue(step, 'run') ?? entryOf(entryOf(stepValue(step, 'wait'), 'for')?.value, 'command')?.value;

/** Checks the text of every step. @returns the texts that had expressions, without them. */
export async function checkShell(
  flow: FlowOutline,
  references: ReferenceChecker,
  problems: Problems,
): Promise<ShellTexts> {
  const texts = new Map<StepOutline, ShellText>();
  for (const { step, owner } of bodiesOf(flow)) {
    const node = commandNode(step);
    const text = textOf(node);
    if (node?.kind !== 'scalar' || text === undefined) continue;
    // A shell that there is not has been reported by its shape.
    const shell = (textOf(inheritedValue(flow, step, 'shell')) ?? 'sh') as ShellName;
    const isTemplate = hasExpression(text);
    if (shell !== 'sh' && shell !== 'bash') {
      if (isTemplate) refuseExpressions(step, node, text, shell, problems);
      continue;
    }
    const spliced = isTemplate ? await splice(text, shell, { node, owner }, { references, problems }) : null;
    if (spliced !== null) texts.set(step, spliced);
    if (shell !== 'sh' || (isTemplate && spliced === null)) continue;
    checkPipe(
      step,
      node,
      text.replace(EXPRESSION, ({ length }) => 'x'.repeat(length)),
      problems,
    );
  }
  return texts;
}
