/**
 * From the text of one expression to our tree. The grammar is that of GitHub Actions, read by `@actions/expressions`; this is the
 * only file that knows the library. Only its lexer and parser are used: its evaluator copies the whole scope into classes of its
 * own, whose property names ignore case, so that of `{"id": 1, "ID": 2}` one is lost.
 */

import {
  Binary,
  ContextAccess,
  type Expr,
  FunctionCall,
  Grouping,
  IndexAccess,
  Literal,
  Logical,
  Star,
  Unary,
} from '@actions/expressions/ast';
import { ErrorType, ExpressionError } from '@actions/expressions/errors';
import { Lexer, type Token, TokenType } from '@actions/expressions/lexer';
import { Parser } from '@actions/expressions/parser';
import { Bug, err, ok, type Result } from '../base/result.ts';
import { nearestWord } from '../base/suggestion.ts';
import { arityOf, type FunctionDefinition, signatureOf } from './definition.ts';
import { FUNCTIONS, findFunction } from './functions.ts';
import { INSTEAD, WORDS_INSTEAD } from './instead.ts';
import {
  type Comparison,
  type Expression,
  MAX_EXPRESSION_DEPTH,
  MAX_EXPRESSION_LENGTH,
  ROOTS,
  type Span,
  STATUS_FUNCTIONS,
  STATUS_ROOT,
  type StatusFunction,
  type TemplateProblem,
  type TemplateProblemCode,
} from './syntax.ts';

const KNOWN_ROOTS: ReadonlySet<string> = new Set(ROOTS);

type Places = ReadonlyMap<Token, Span>;

function problem(code: TemplateProblemCode, span: Span, message: string, help?: string | null): TemplateProblem {
  const { offset, length } = span;
  return {
    code,
    message,
    offset,
    length: Math.max(1, length),
    ...(help === undefined || help === null ? {} : { help }),
  };
}

/** The library gives lines and columns; only white space stands between tokens, so offsets follow from the lexemes. */
function placeTokens(tokens: readonly Token[], text: string, base: number): Places {
  const places = new Map<Token, Span>();
  let position = 0;
  for (const token of tokens) {
    while (position < text.length && /\s/.test(text.charAt(position))) position += 1;
    // What is missing at the end is missed right behind the last thing that is there.
    const offset = token.type === TokenType.EOF ? text.trimEnd().length : position;
    places.set(token, { offset: base + offset, length: token.lexeme.length });
    position += token.lexeme.length;
  }
  return places;
}

/** The lexer throws plain errors that carry the position, counted from 1, in their text. */
function lexerProblem(error: unknown, text: string, base: number): TemplateProblem {
  const message = error instanceof Error ? error.message : '';
  const [, symbol = '', position = '1'] =
    /^Unexpected symbol: '([\s\S]*?)'\. Located at position (\d+) /.exec(message) ?? [];
  const offset = Math.min(Number(position) - 1, Math.max(0, text.length - 1));
  const span = { offset: base + offset, length: Math.min(Math.max(1, symbol.length), text.length - offset) };
  const help = INSTEAD.get(text.charAt(offset)) ?? [...symbol].map((letter) => INSTEAD.get(letter)).find(Boolean);
  const shown = symbol.length > 40 ? `${symbol.slice(0, 40)}...` : symbol;
  return problem('expression_syntax', span, `unexpected \`${shown}\` in the expression`, help);
}

function parserProblem(error: unknown, places: Places, whole: Span): TemplateProblem {
  if (!(error instanceof ExpressionError)) {
    return problem('expression_syntax', whole, 'the expression cannot be read');
  }
  // Declared private, yet the only place where the library says what went wrong and where.
  const { typ, tok } = error as unknown as { readonly typ: ErrorType; readonly tok: Token };
  const span = places.get(tok) ?? whole;
  const { lexeme } = tok;
  switch (typ) {
    case ErrorType.ErrorExceededMaxDepth:
      return problem('too_deep', span, 'the expression nests too deeply');
    case ErrorType.ErrorTooFewParameters:
    case ErrorType.ErrorTooManyParameters:
    case ErrorType.ErrorEvenParameters:
      return wrongArguments(lexeme, span);
    case ErrorType.ErrorUnexpectedEndOfExpression:
      return problem('expression_syntax', span, `the expression ends too early, behind \`${lexeme}\``);
    default:
      if (lexeme === '') return problem('expression_syntax', span, 'the expression ends too early');
      return problem(
        'expression_syntax',
        span,
        `unexpected \`${lexeme}\` in the expression`,
        INSTEAD.get(lexeme.charAt(0)) ?? WORDS_INSTEAD.get(lexeme.toLowerCase()),
      );
  }
}

function wrongArguments(name: string, span: Span): TemplateProblem {
  const definition = findFunction(name);
  if (definition === null) return problem('unknown_function', span, `there is no function \`${name}\``);
  const message = `\`${definition.name}\` is called with the wrong number of arguments`;
  return problem('wrong_arguments', span, message, `write \`${signatureOf(definition)}\``);
}

/** Carries a tree of the library over into ours and finds every unknown name on the way. */
class Translator {
  readonly problems: TemplateProblem[] = [];
  readonly #places: Places;
  readonly #text: string;
  readonly #base: number;

  readonly #isCondition: boolean;

  constructor(places: Places, text: string, base: number, isCondition: boolean) {
    this.#places = places;
    this.#text = text;
    this.#base = base;
    this.#isCondition = isCondition;
  }

  translate(node: Expr, depth: number): Expression {
    const inner = (child: Expr): Expression => this.translate(child, depth + 1);
    // Chains of comparisons make a tree that the parser's own limit does not see.
    if (depth > MAX_EXPRESSION_DEPTH) {
      if (!this.problems.some(({ code }) => code === 'too_deep')) {
        const whole = { offset: this.#base, length: this.#text.length };
        this.problems.push(problem('too_deep', whole, 'the expression nests too deeply'));
      }
      return { kind: 'literal', value: null, offset: this.#base, length: 0 };
    }
    if (node instanceof Literal) return this.#literal(node);
    if (node instanceof Grouping) return inner(node.group);
    if (node instanceof ContextAccess) return this.#root(node.name);
    if (node instanceof FunctionCall) return this.#call(node, inner);
    if (node instanceof IndexAccess) return this.#access(node, inner);
    if (node instanceof Unary) {
      const operand = inner(node.expr);
      return { kind: 'not', operand, ...spanning(this.#place(node.operator), operand) };
    }
    if (node instanceof Binary) {
      const [left, right] = [inner(node.left), inner(node.right)];
      return { kind: 'compare', operator: node.operator.lexeme as Comparison, left, right, ...spanning(left, right) };
    }
    if (node instanceof Logical) {
      const operands = node.args.map(inner);
      const [first, last] = [operands[0], operands.at(-1)];
      if (first === undefined || last === undefined) throw new Bug('a logical operator without operands');
      const operator = node.operator.type === TokenType.AND ? '&&' : '||';
      return { kind: 'logical', operator, operands, ...spanning(first, last) };
    }
    throw new Bug('the expression library made a node of an unknown kind');
  }

  #place(token: Token): Span {
    return this.#places.get(token) ?? { offset: this.#base, length: 1 };
  }

  #literal(node: Literal): Expression {
    const span = this.#place(node.token);
    const { type, lexeme } = node.token;
    if (type === TokenType.STRING) {
      // The library unescapes only the first pair of quotes.
      return { kind: 'literal', value: lexeme.slice(1, -1).replaceAll("''", "'"), ...span };
    }
    if (type === TokenType.IDENTIFIER) return { kind: 'literal', value: lexeme, ...span };
    if (type === TokenType.NUMBER) {
      const value = Number(node.token.value);
      if (!Number.isFinite(value))
        this.problems.push(problem('expression_syntax', span, `\`${lexeme}\` is no JSON number`));
      return { kind: 'literal', value: value + 0, ...span };
    }
    return { kind: 'literal', value: type === TokenType.NULL ? null : type === TokenType.TRUE, ...span };
  }

  #root(token: Token): Expression {
    const span = this.#place(token);
    if (!KNOWN_ROOTS.has(token.lexeme)) {
      const near = nearestWord(token.lexeme, [...ROOTS, 'true', 'false', 'null']);
      const help = near === null ? `names begin with one of \`${ROOTS.join(' ')}\`` : `did you mean \`${near}\`?`;
      this.problems.push(problem('unknown_name', span, `there is no name \`${token.lexeme}\``, help));
    }
    return { kind: 'root', name: token.lexeme, ...span };
  }

  #call(node: FunctionCall, inner: (child: Expr) => Expression): Expression {
    const token = node.functionName;
    const span = this.#place(token);
    const status = STATUS_FUNCTIONS.find((name) => name === token.lexeme.toLowerCase());
    if (status !== undefined) return this.#status(status, node.args.length, span);
    const definition = findFunction(token.lexeme);
    if (definition === null) {
      const names = FUNCTIONS.map(({ name }) => name);
      const near = nearestWord(token.lexeme, names);
      const help = near === null ? `functions are \`${names.join(' ')}\`` : `did you mean \`${near}\`?`;
      this.problems.push(problem('unknown_function', span, `there is no function \`${token.lexeme}\``, help));
    } else {
      const { least, most } = arityOf(definition);
      const given = node.args.length;
      if (given < least || given > most) this.problems.push(wrongArguments(token.lexeme, span));
    }
    const operands = node.args.map(inner);
    if (definition !== null) this.#examine(definition, operands, span);
    return { kind: 'call', name: token.lexeme.toLowerCase(), operands, ...span };
  }

  /** What is written out in the call is looked at before anything runs. */
  #examine(definition: FunctionDefinition, operands: readonly Expression[], call: Span): void {
    const known = operands.map((operand) => (operand.kind === 'literal' ? operand.value : undefined));
    const wrong = definition.examine?.(known) ?? null;
    if (wrong === null) return;
    const { message, help, argument } = wrong;
    const span = argument === undefined ? call : (operands[argument] ?? call);
    this.problems.push(problem('invalid_pattern', span, message, help));
  }

  /** A status is read like a name, from a root that no text can spell. */
  #status(name: StatusFunction, given: number, span: Span): Expression {
    if (!this.#isCondition) {
      const message = `\`${name}()\` has a meaning only in \`if\``;
      this.problems.push(problem('status_outside_if', span, message, 'elsewhere write `steps.<name>.state`'));
    } else if (given > 0) {
      this.problems.push(problem('wrong_arguments', span, `\`${name}\` takes no arguments`, `write \`${name}()\``));
    }
    return {
      kind: 'member',
      of: { kind: 'root', name: STATUS_ROOT, ...span },
      key: { kind: 'literal', value: name, ...span },
      ...span,
    };
  }

  #access(node: IndexAccess, inner: (child: Expr) => Expression): Expression {
    const of = inner(node.expr);
    if (node.index instanceof Star) return { kind: 'every', of, offset: of.offset, length: of.length };
    const key = inner(node.index);
    const end = key.offset + key.length - this.#base;
    // Behind a dot there is no bracket to close; one that follows belongs to an access around this one.
    const dotted = node.index instanceof Literal && node.index.token.type === TokenType.IDENTIFIER;
    const bracket = dotted ? 0 : (/^\s*\]/.exec(this.#text.slice(end, end + 100))?.[0].length ?? 0);
    return { kind: 'member', of, key, offset: of.offset, length: end + bracket + this.#base - of.offset };
  }
}

const spanning = (first: Span, last: Span): Span => ({
  offset: first.offset,
  length: last.offset + last.length - first.offset,
});

/**
 * Parses the text between `${{` and `}}`.
 * @param base the offset of that text in the whole template; added to every place.
 * @param isCondition true in an `if`, where the status functions have a meaning.
 */
export function parseExpression(
  text: string,
  base: number,
  isCondition = false,
): Result<Expression, readonly TemplateProblem[]> {
  const whole: Span = { offset: base, length: text.length };
  if (text.length > MAX_EXPRESSION_LENGTH) {
    return err([problem('too_long', whole, `the expression is longer than ${MAX_EXPRESSION_LENGTH} characters`)]);
  }
  if (text.trim() === '') return err([problem('expression_syntax', whole, 'the expression is empty')]);
  let tokens: Token[];
  try {
    tokens = new Lexer(text).lex().tokens;
  } catch (error) {
    return err([lexerProblem(error, text, base)]);
  }
  const places = placeTokens(tokens, text, base);
  // Every name is declared to the parser, so that it stops at none of them: unknown ones are all found in one pass afterwards.
  const names = tokens.filter(({ type }) => type === TokenType.IDENTIFIER).map(({ lexeme }) => lexeme);
  const functions = names.map((name) => ({ name, minArgs: 0, maxArgs: Number.POSITIVE_INFINITY }));
  let tree: Expr;
  try {
    tree = new Parser(tokens, names, functions).parse();
  } catch (error) {
    return err([parserProblem(error, places, whole)]);
  }
  const translator = new Translator(places, text, base, isCondition);
  const expression = translator.translate(tree, 0);
  return translator.problems.length > 0 ? err(translator.problems) : ok(expression);
}
