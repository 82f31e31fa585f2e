/** The value of a parsed expression in a scope. Total: every trouble is a problem with its place, nothing throws. */

import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { assertNever, Bug, err, ok, type Result } from '../base/result.ts';
import { isEqual, isLess, isTruthy } from './compare.ts';
import { findFunction } from './functions.ts';
import { type Comparison, type EvaluationProblem, type Expression, MAX_RESULT_LENGTH } from './syntax.ts';

/** The values that expressions see, by root. Only own properties count; a root without a value is not available here. */
export interface Scope {
  readonly [root: string]: Json | undefined;
}

type Evaluated = Result<Json, EvaluationProblem>;

function compare(operator: Comparison, left: Json, right: Json): boolean {
  switch (operator) {
    case '==':
      return isEqual(left, right);
    case '!=':
      return !isEqual(left, right);
    case '<':
      return isLess(left, right);
    case '<=':
      return isEqual(left, right) || isLess(left, right);
    case '>':
      return isLess(right, left);
    case '>=':
      return isEqual(left, right) || isLess(right, left);
    default:
      return assertNever(operator, 'comparison');
  }
}

/** The position in a list that a key means; null when it means none. */
function positionOf(key: Json): number | null {
  if (typeof key === 'string' && !/^\d{1,15}$/.test(key)) return null;
  const position = typeof key === 'number' || typeof key === 'string' ? Math.floor(Number(key)) : -1;
  return position >= 0 ? position : null;
}

/** Reads a member; undefined when there is none. Names are compared exactly, and only own properties are members. */
function memberOf(value: Json, key: Json): Json | undefined {
  if (Array.isArray(value)) {
    const position = positionOf(key);
    return position === null ? undefined : (value as readonly Json[])[position];
  }
  if (!isJsonObject(value) || (typeof key !== 'string' && typeof key !== 'number')) return undefined;
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

const membersOf = (value: Json): readonly Json[] => {
  if (Array.isArray(value)) return value as readonly Json[];
  return isJsonObject(value) ? Object.values(value) : [];
};

/** The number that was probably meant to be subtracted from, when `n-1` was read as one name. */
function hyphenated(value: JsonObject, name: string): string | null {
  for (let hyphen = name.indexOf('-'); hyphen > 0; hyphen = name.indexOf('-', hyphen + 1)) {
    const before = name.slice(0, hyphen);
    if (Object.hasOwn(value, before) && typeof value[before] === 'number') return before;
  }
  return null;
}

class Evaluation {
  readonly #scope: Scope;
  /** The lists that `.*` made in this evaluation: a property behind them is read from each of their items. */
  readonly #spread = new WeakSet<object>();

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  evaluate(node: Expression): Evaluated {
    switch (node.kind) {
      case 'literal':
        return ok(node.value);
      case 'root':
        return this.#root(node);
      case 'member':
        return this.#member(node);
      case 'every':
        return this.#every(node);
      case 'call':
        return this.#call(node);
      case 'not': {
        const operand = this.evaluate(node.operand);
        return operand.ok ? ok(!isTruthy(operand.value)) : operand;
      }
      case 'compare': {
        const left = this.evaluate(node.left);
        if (!left.ok) return left;
        const right = this.evaluate(node.right);
        return right.ok ? ok(compare(node.operator, left.value, right.value)) : right;
      }
      case 'logical':
        return this.#logical(node);
      default:
        return assertNever(node, 'expression');
    }
  }

  #root(node: Expression & { readonly kind: 'root' }): Evaluated {
    const value = Object.hasOwn(this.#scope, node.name) ? this.#scope[node.name] : undefined;
    if (value !== undefined) return ok(value);
    const { offset, length } = node;
    return err({ code: 'name_not_available', message: `\`${node.name}\` is not available here`, offset, length });
  }

  #member(node: Expression & { readonly kind: 'member' }): Evaluated {
    const of = this.evaluate(node.of);
    if (!of.ok) return of;
    const key = this.evaluate(node.key);
    if (!key.ok) return key;
    if (Array.isArray(of.value) && this.#spread.has(of.value)) {
      const found = membersOf(of.value).map((item) => memberOf(item, key.value));
      return ok(this.#spreading(found.filter((item) => item !== undefined)));
    }
    const found = memberOf(of.value, key.value);
    if (found !== undefined) return ok(found);
    const name = key.value;
    const before = isJsonObject(of.value) && typeof name === 'string' ? hyphenated(of.value, name) : null;
    if (before === null || node.key.kind !== 'literal') return ok(null);
    const { offset, length } = node.key;
    const message = `\`${name}\` is read as one name, and there is none`;
    return err({
      code: 'hyphenated_name',
      message,
      help: `to subtract from \`${before}\` write \`sub(a, b)\``,
      offset,
      length,
    });
  }

  #every(node: Expression & { readonly kind: 'every' }): Evaluated {
    const of = this.evaluate(node.of);
    if (!of.ok) return of;
    const again = Array.isArray(of.value) && this.#spread.has(of.value);
    return ok(this.#spreading(again ? membersOf(of.value).flatMap(membersOf) : membersOf(of.value)));
  }

  #spreading(items: readonly Json[]): Json {
    const list = [...items];
    this.#spread.add(list);
    return list;
  }

  #logical(node: Expression & { readonly kind: 'logical' }): Evaluated {
    let last: Evaluated = ok(null);
    for (const operand of node.operands) {
      last = this.evaluate(operand);
      if (!last.ok || isTruthy(last.value) === (node.operator === '||')) return last;
    }
    return last;
  }

  #call(node: Expression & { readonly kind: 'call' }): Evaluated {
    const definition = findFunction(node.name);
    if (definition === null) throw new Bug(`a call of an unknown function passed the parser: ${node.name}`);
    const values: Json[] = [];
    for (const operand of node.operands) {
      const value = this.evaluate(operand);
      if (!value.ok) return value;
      values.push(value.value);
    }
    const result = definition.call(values);
    const { offset, length } = node;
    if (!result.ok) {
      const { argument, ...problem } = result.error;
      const blamed = (argument === undefined ? undefined : node.operands[argument]) ?? { offset, length };
      return err({ ...problem, offset: blamed.offset, length: blamed.length });
    }
    if (typeof result.value === 'string' && result.value.length > MAX_RESULT_LENGTH && !values.includes(result.value)) {
      const message = `the result of \`${definition.name}\` is longer than ${MAX_RESULT_LENGTH} characters`;
      return err({ code: 'result_too_large', message, offset, length });
    }
    return result;
  }
}

/** Evaluates an expression. A name that has no value, at any depth below a root, is null; only an absent root is a problem. */
export function evaluateExpression(expression: Expression, scope: Scope): Evaluated {
  return new Evaluation(scope).evaluate(expression);
}
