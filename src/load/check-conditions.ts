/** Conditions: their syntax and what they refer to. */

import {
  conditionReads,
  MAX_EXPRESSION_LENGTH,
  parseCondition,
  parseTemplate,
  STATUS_FUNCTIONS,
  type TemplateProblem,
  templateReads,
} from '../expressions/expressions.ts';
import { suggest } from '../diagnostics/suggest.ts';
import { reportTemplateProblem, withAvailableNames } from './check-templates.ts';
import { readCondition, withoutMarks } from './condition-text.ts';
import { type DocumentNode, entriesOf, type ScalarNode, textOf } from './document.ts';
import { bodiesOf } from './handlers.ts';
import { type FlowOutline, stepValue } from './outline.ts';
import type { Problems } from './problems.ts';
import type { ReferenceChecker } from './references.ts';
import type { SiteOwner } from './template-sites.ts';

/** What people call the status functions, where that is no slip of the finger. */
const STATUS_WORDS: ReadonlyMap<string, string> = new Map([
  ['failed', 'failure'],
  ['succeeded', 'success'],
]);

const UNCLOSED: Omit<TemplateProblem, 'offset'> = {
  code: 'expression_syntax',
  message: 'the expression is not closed',
  length: 3,
  help: 'end it with `}}`, or leave `${{` out: a condition is an expression anyway',
};

/** Knows the status functions, which only conditions have: `failure` without brackets, or misspelt. */
function withStatusHelp(problem: TemplateProblem, text: string): TemplateProblem {
  if (problem.code !== 'unknown_name' && problem.code !== 'unknown_function') return problem;
  const name = text.slice(problem.offset, problem.offset + problem.length).toLowerCase();
  const isExact = STATUS_FUNCTIONS.some((each) => each === name);
  const meant = isExact ? name : (STATUS_WORDS.get(name) ?? suggest(name, STATUS_FUNCTIONS));
  return meant === null ? problem : { ...problem, help: `did you mean \`${meant}()\`?` };
}

/** The mixed condition as one expression, where that can be read; else null. */
function rewritten(text: string): string | null {
  if (text.length > MAX_EXPRESSION_LENGTH) return null;
  const bare = withoutMarks(text);
  return readCondition(bare).kind === 'expression' && parseCondition(bare).ok ? bare : null;
}

/** A handler comes after everything: what the status functions ask of the steps before it is no question there. */
function refuseStatus(names: ReadonlySet<string>, node: ScalarNode, problems: Problems): void {
  const [name] = names;
  if (name === undefined) return;
  const problem = `\`${name}()\` asks for the steps before a step, and a handler has none`;
  problems.at('status_outside_if', node, { problem, remedy: "ask for the run itself: `run.state == 'failed'`" });
}

/** A condition as it was read. */
interface Read {
  readonly text: string;
  /** Where it begins in the text of the node. */
  readonly offset: number;
  readonly node: ScalarNode;
}

/** The text of a condition, or null where it is none: then what is wrong has been said. */
function readAt(node: DocumentNode | undefined, problems: Problems): Read | null {
  const text = textOf(node);
  // An empty one has been reported by its shape.
  if (node?.kind !== 'scalar' || text === undefined || text === '') return null;
  const read = readCondition(text);
  if (read.kind === 'expression') return { ...read, node };
  if (read.kind === 'mixed')
    problems.at('mixed_condition', node, { rewritten: problems.hasRoom ? rewritten(text) : null });
  else reportTemplateProblem({ ...UNCLOSED, offset: read.offset }, node, problems);
  return null;
}

/** Checks the `if` of every step and handler, and the condition of every `repeat`. */
export function checkConditions(flow: FlowOutline, references: ReferenceChecker, problems: Problems): void {
  for (const { step, owner } of bodiesOf(flow)) {
    const after: SiteOwner = owner.kind === 'step' ? { ...owner, sight: 'repeat' } : owner;
    const read = readAt(stepValue(step, 'if'), problems);
    if (read !== null) checkCondition(read, owner, references, problems);
    for (const { value } of entriesOf(stepValue(step, 'repeat')).filter(
      ({ key }) => key === 'until' || key === 'while',
    )) {
      const repeated = readAt(value, problems);
      if (repeated !== null) checkRepeated(repeated, after, references, problems);
    }
  }
}

function checkCondition(
  { text, offset, node }: Read,
  owner: SiteOwner,
  references: ReferenceChecker,
  problems: Problems,
): void {
  const parsed = parseCondition(text);
  if (parsed.ok) {
    if (owner.kind === 'handler') refuseStatus(parsed.value.names, node, problems);
    for (const reference of conditionReads(parsed.value))
      references.check({ ...reference, offset: reference.offset + offset }, node, owner, '`if`');
    return;
  }
  for (const problem of parsed.error) {
    const helped = withStatusHelp(withAvailableNames(problem, text), text);
    reportTemplateProblem({ ...helped, offset: problem.offset + offset }, node, problems);
  }
}

const OPEN = '${{';

/** The condition of a `repeat` asks for what the step yielded, not for what is upstream: it is an expression like any other. */
function checkRepeated(
  { text, offset, node }: Read,
  owner: SiteOwner,
  references: ReferenceChecker,
  problems: Problems,
): void {
  const template = `${OPEN}${text}}}`;
  const shift = offset - OPEN.length;
  const parsed = parseTemplate(template);
  if (parsed.ok) {
    for (const reference of templateReads(parsed.value))
      references.check({ ...reference, offset: reference.offset + shift }, node, owner, '`repeat`');
    return;
  }
  for (const problem of parsed.error) {
    const helped = withAvailableNames(problem, template);
    reportTemplateProblem({ ...helped, offset: problem.offset + shift }, node, problems);
  }
}
