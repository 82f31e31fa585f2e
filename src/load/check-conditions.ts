/** Conditions: their syntax and what they refer to. */

import {
  conditionReads,
  MAX_EXPRESSION_LENGTH,
  parseCondition,
  STATUS_FUNCTIONS,
  type TemplateProblem,
} from '../expressions/expressions.ts';
import { suggest } from '../diagnostics/suggest.ts';
import { reportTemplateProblem, withAvailableNames } from './check-templates.ts';
import { readCondition, withoutMarks } from './condition-text.ts';
import { type ScalarNode, textOf } from './document.ts';
import { bodiesOf } from './handlers.ts';
import { type FlowOutline, stepValue } from './outline.ts';
import type { Problems } from './problems.ts';
import type { ReferenceChecker } from './references.ts';

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

/** Checks the `if` of every step and handler. */
export function checkConditions(flow: FlowOutline, references: ReferenceChecker, problems: Problems): void {
  for (const { step, owner } of bodiesOf(flow)) {
    const node = stepValue(step, 'if');
    const text = textOf(node);
    // An empty one has been reported by its shape.
    if (node?.kind !== 'scalar' || text === undefined || text === '') continue;
    const read = readCondition(text);
    if (read.kind === 'mixed') {
      problems.at('mixed_condition', node, { rewritten: problems.hasRoom ? rewritten(text) : null });
      continue;
    }
    if (read.kind === 'unclosed') {
      reportTemplateProblem({ ...UNCLOSED, offset: read.offset }, node, problems);
      continue;
    }
    const parsed = parseCondition(read.text);
    if (parsed.ok) {
      if (owner.kind === 'handler') refuseStatus(parsed.value.names, node, problems);
      for (const reference of conditionReads(parsed.value)) {
        const offset = reference.offset + read.offset;
        references.check({ ...reference, offset }, node, owner, '`if`');
      }
      continue;
    }
    for (const problem of parsed.error) {
      const helped = withStatusHelp(withAvailableNames(problem, read.text), read.text);
      reportTemplateProblem({ ...helped, offset: problem.offset + read.offset }, node, problems);
    }
  }
}
