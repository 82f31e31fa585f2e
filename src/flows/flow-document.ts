/**
 * From the options and steps of a flow to a document in the keys of YAML, which is then loaded as any flow file is: the same checks, the
 * same defaults, the same engine. Functions are taken out of it and named by their place.
 */

import type { Json, JsonObject } from '../base/json.ts';
import { flowBehind, functionBehind } from './conductor.ts';
import { checkNames, refuse } from './options.ts';
import { asJson } from './values.ts';

/** A function of a declarative flow. */
export type AnyStepFunction = (input: Json, context: unknown) => unknown;

/** A document, and the functions that its `call`s name. */
export interface FlowDocument {
  readonly document: JsonObject;
  /** By the name behind the `#` of a `call`. */
  readonly functions: ReadonlyMap<string, AnyStepFunction>;
}

const HANDLERS = ['onSuccess', 'onFailure', 'onCancel', 'finally'];

/** The options of an imperative flow. */
export const FLOW_OPTION_NAMES: readonly string[] = [
  ...['params', 'description', 'tags', 'runName', 'env', 'dotenv', 'secrets', 'maxParallel', 'failFast'],
  ...['schedules', 'triggers', 'concurrency', 'timeout', 'cleanupTimeout', 'retry'],
  ...HANDLERS,
];

/** Those of a declarative one. */
export const DECLARATION_NAMES: readonly string[] = [...FLOW_OPTION_NAMES, 'name', 'steps', 'outputs', 'defaults'];

const STEP_NAMES: readonly string[] = [
  ...['description', 'run', 'call', 'flow', 'steps', 'wait', 'approve', 'needs', 'if', 'with', 'env', 'stdin'],
  ...['workdir', 'shell', 'output', 'outputs', 'foreach', 'key', 'matrix', 'maxParallel', 'tolerate', 'repeat'],
  ...['retry', 'timeout', 'grace', 'successCodes', 'skipCodes', 'continueOnError', 'ifLost', 'sources', 'generates'],
  ...['cache', 'resources', 'priority', 'artifacts', 'secrets', 'logs', 'interactive', 'isolate', 'warm'],
  ...HANDLERS,
];

/** Keys whose members are options too; the members of all others are the user's own. */
const OPTION_OBJECTS: ReadonlySet<string> = new Set([
  'schedules',
  'triggers',
  'concurrency',
  'retry',
  'defaults',
  'repeat',
  'approve',
  'wait',
  'cache',
]);

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The name of a function by its place: an identifier, as a `call` asks for, that no export of a module is likely to have. */
export const functionName = (path: readonly string[]): string =>
  `$${path.map((part) => part.replaceAll('-', '\u00b7').replaceAll('.', '\u203f')).join('$')}`;

/** Makes documents of one flow. */
class DocumentWriter {
  readonly functions = new Map<string, AnyStepFunction>();
  readonly #owner: string;
  readonly #flow: string;
  readonly #module: string;

  constructor(owner: string, flow: string, module: string) {
    this.#owner = owner;
    this.#flow = flow;
    this.#module = module;
  }

  /** An object whose names are options. */
  options(given: object, names: readonly string[], path: readonly string[]): JsonObject {
    checkNames([this.#owner, ...path].join(', '), given, names);
    const entries = Object.entries(given as { readonly [name: string]: unknown })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [snake(name), this.#member(name, value, path)] as const);
    return Object.fromEntries(entries);
  }

  #member(name: string, value: unknown, path: readonly string[]): Json {
    const place = [...path, name];
    if (HANDLERS.includes(name)) return this.#handlers(value, place);
    if (name === 'steps' && typeof value === 'object' && value !== null) return this.#steps(value, place);
    if (name === 'call' && typeof value === 'function') return this.#call(value as AnyStepFunction, place);
    if (name === 'flow' && typeof value !== 'string') return this.#flowStep(value, place);
    if (OPTION_OBJECTS.has(name) && typeof value === 'object' && value !== null) return this.#words(value, place);
    return asJson(`${this.#owner}: \`${place.join('.')}\``, value);
  }

  #steps(steps: object, path: readonly string[]): JsonObject {
    const entries = Object.entries(steps as { readonly [name: string]: unknown }).map(([name, step]) => {
      if (typeof step !== 'object' || step === null) refuse(this.#owner, `step \`${name}\` has to be an object`);
      return [name, this.options(step, STEP_NAMES, [...path, name])] as const;
    });
    return Object.fromEntries(entries);
  }

  /** Options inside an option: names change, and what they stand for is data. */
  #words(value: object, path: readonly string[]): Json {
    for (const [name, member] of Object.entries(value as { readonly [name: string]: unknown })) {
      if (typeof member === 'function')
        refuse(this.#owner, `\`${[...path, name].join('.')}\` cannot be a function here`);
    }
    const json = asJson(`${this.#owner}: \`${path.join('.')}\``, value);
    const renamed = (each: Json): Json =>
      Array.isArray(each)
        ? each.map(renamed)
        : typeof each !== 'object' || each === null
          ? each
          : Object.fromEntries(
              Object.entries(each).map(([name, member]) => [
                snake(name),
                name === 'params' || name === 'env' ? member : renamed(member),
              ]),
            );
    return renamed(json);
  }

  #handlers(value: unknown, path: readonly string[]): Json {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.map((handler, index) => {
      const place = [...path, String(index)];
      if (typeof handler === 'function') return { call: this.#call(handler as AnyStepFunction, place) };
      if (typeof handler !== 'object' || handler === null)
        return refuse(this.#owner, `\`${path.join('.')}\` has to be a list of functions, commands or messages`);
      return this.options(handler, [...STEP_NAMES, 'notify'], place);
    });
  }

  /** Another flow of the program. The sign before its name says so (see `load/flow-key.ts`): no parsing has to find it. */
  #flowStep(value: unknown, path: readonly string[]): string {
    const flow = flowBehind(value);
    if (flow === null) refuse(this.#owner, `\`${path.join('.')}\` has to be the path of a flow, or what flow() made`);
    return `${this.#module}#$${flow.name}`;
  }

  #call(called: AnyStepFunction, path: readonly string[]): string {
    const name = functionName([this.#flow, ...path]);
    this.functions.set(name, functionBehind(called) ?? called);
    return `${this.#module}#${name}`;
  }
}

/**
 * Makes the document of a flow.
 * @param owner for messages. @param file absolute path of the flow's module. @param names what may be said.
 * @throws {OptionError} for a word that is no option; {TypeError} for what is not JSON.
 */
export function flowDocument(
  owner: string,
  flow: string,
  file: string,
  given: object,
  names: readonly string[],
): FlowDocument {
  const module = `./${file.slice(file.lastIndexOf('/') + 1)}`;
  const writer = new DocumentWriter(owner, flow, module);
  const document = writer.options(given, names, []);
  return { document: { name: flow, ...document }, functions: writer.functions };
}
