/** What an expression is made of, and what can be wrong with one. Our own tree: the parsing library's stays in `grammar`. */

/** A place in the text that was given, in UTF-16 units. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

/** The comparisons of the language. */
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

/** A parsed expression. */
export type Expression = Span &
  (
    | { readonly kind: 'literal'; readonly value: null | boolean | number | string }
    /** One of the names in scope: `params`, `steps`, ... */
    | { readonly kind: 'root'; readonly name: string }
    /** `of.key` or `of[key]`. */
    | { readonly kind: 'member'; readonly of: Expression; readonly key: Expression }
    /** `of.*` or `of[*]`. */
    | { readonly kind: 'every'; readonly of: Expression }
    /** A call of a known function, by its name in lower case. */
    | { readonly kind: 'call'; readonly name: string; readonly operands: readonly Expression[] }
    | { readonly kind: 'not'; readonly operand: Expression }
    | {
        readonly kind: 'compare';
        readonly operator: Comparison;
        readonly left: Expression;
        readonly right: Expression;
      }
    | { readonly kind: 'logical'; readonly operator: '&&' | '||'; readonly operands: readonly Expression[] }
  );

/** What a template reads: a root and the property path behind it, as far as it is written out. */
export interface Reference extends Span {
  readonly root: string;
  readonly path: readonly string[];
}

/** Why a template cannot be parsed. */
export type TemplateProblemCode =
  | 'expression_syntax'
  | 'unknown_function'
  | 'unknown_name'
  | 'wrong_arguments'
  /** A regular expression, or its flags, that no text could be matched with. */
  | 'invalid_pattern'
  /** `success()` and its like, which have a meaning only in `if`. */
  | 'status_outside_if'
  | 'too_long'
  | 'too_deep';

/** What is wrong with a template, and where in its text. */
export interface TemplateProblem extends Span {
  readonly code: TemplateProblemCode;
  readonly message: string;
  readonly help?: string;
}

/** Why a parsed template has no value. */
export type EvaluationProblemCode =
  /** A name that is known but not in scope here, as `item` outside a `foreach`. */
  | 'name_not_available'
  /** `params.n-1` reads a property named `n-1`. */
  | 'hyphenated_name'
  | 'null_in_text'
  /** A list or an object inside a longer text. */
  | 'not_text'
  | 'wrong_type'
  | 'function_failed'
  | 'result_too_large'
  /** From `evaluateDeep`, which parses as well. */
  | TemplateProblemCode;

/** Why a template has no value, and which part of its text is to blame. */
export interface EvaluationProblem extends Span {
  readonly code: EvaluationProblemCode;
  readonly message: string;
  readonly help?: string;
}

/** The names that expressions may begin with. Which of them have a value depends on the place. */
export const ROOTS = [
  'params',
  'env',
  'secrets',
  'vars',
  'steps',
  'item',
  'index',
  'matrix',
  'outer',
  'previous',
  'outputs',
  'exit_code',
  'run',
  'flow',
  'event',
] as const;

/** The functions that only an `if` may call. */
export const STATUS_FUNCTIONS = ['success', 'failure', 'cancelled', 'always'] as const;

/** One of them. */
export type StatusFunction = (typeof STATUS_FUNCTIONS)[number];

/** The root under which a condition finds the status: no text can spell it. */
export const STATUS_ROOT = '#status';

/** The longest text of one expression, in UTF-16 units, without `${{` and `}}`. */
export const MAX_EXPRESSION_LENGTH = 20_000;

/** How deep an expression may nest. */
export const MAX_EXPRESSION_DEPTH = 100;

/** The longest text that an expression may make, in UTF-16 units. */
export const MAX_RESULT_LENGTH = 1_048_576;

/** How deep a JSON value may nest that a function walks through. */
export const MAX_VALUE_DEPTH = 500;
