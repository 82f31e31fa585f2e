/**
 * The expression language: `${{ ... }}` inside texts of a flow, by the grammar and semantics of GitHub Actions with functions added.
 * A text is parsed once into a `Template` and evaluated against a scope of plain JSON; which names it reads is known without evaluating.
 * Pure: no file, no clock, no environment, no code generation; limits on length, depth and size of results hold throughout.
 *
 * This room must not know flows, steps or where a text stands: problems carry offsets in the text, callers add the place.
 * Where next: `grammar` reads one expression, `evaluate` computes it, `functions` is the table of functions, `compare` the operators.
 */

export {
  type Condition,
  conditionReads,
  evaluateCondition,
  parseCondition,
  type Status,
} from './condition.ts';
export type { FunctionDefinition } from './definition.ts';
export { type DeepProblem, deepReads, evaluateDeep } from './deep.ts';
export type { Scope } from './evaluate.ts';
export { documentFunctions, FUNCTIONS, type FunctionDocumentation } from './functions.ts';
export {
  type EvaluationProblem,
  type EvaluationProblemCode,
  type Expression,
  MAX_EXPRESSION_LENGTH,
  MAX_RESULT_LENGTH,
  type Reference,
  ROOTS,
  type Span,
  STATUS_FUNCTIONS,
  type StatusFunction,
  type TemplateProblem,
  type TemplateProblemCode,
} from './syntax.ts';
export { withPrefix } from './prefix.ts';
export { evaluateTemplate, hasExpression, parseTemplate, type Template, templateReads } from './template.ts';
