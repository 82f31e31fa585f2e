/** One call inside a host: load the module, find the function, call it, make its answer JSON text. */

import { findNotJson, type Json } from '../base/json.ts';
import { nearestWord } from '../base/suggestion.ts';
import {
  type Conductor,
  conducted,
  functionBehind,
  functionInFlow,
  registeredTask,
  registry,
  type TaskPart,
} from '../flows/conductor.ts';
import type { Judgement } from '../model/outcome.ts';
import { runInContext, type StepContext } from './context.ts';
import type { FunctionCall, HostReport } from './messages.ts';
import { describeThrown, fileOfFirstFrame } from './thrown.ts';

/** A module's exports. */
type Exports = { readonly [name: string]: unknown };

const isExports = (value: unknown): value is Exports =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';

/** The exports by name. What a CommonJS module exports may stand on the default export only. */
function findExport(
  exports: Exports,
  name: string,
): { readonly value: unknown; readonly available: readonly string[] } {
  const inner = isExports(exports['default']) ? exports['default'] : {};
  const value = Object.hasOwn(exports, name) ? exports[name] : Object.hasOwn(inner, name) ? inner[name] : undefined;
  const isFunction = (of: Exports) => (key: string) => typeof of[key] === 'function';
  const named = Object.keys(exports).filter((key) => key !== 'module.exports' && isFunction(exports)(key));
  const behindDefault = typeof inner === 'object' ? Object.keys(inner).filter(isFunction(inner)) : [];
  return { value, available: [...new Set([...named, ...behindDefault])].sort() };
}

/** What a function returned, as a report. */
export function reportReturned(value: unknown): HostReport {
  if (value === undefined) return { kind: 'returned', json: 'null' };
  let json: string | undefined;
  try {
    const notJson = findNotJson(value);
    if (notJson !== null) return { kind: 'not_json', ...notJson };
    json = JSON.stringify(value);
  } catch (error) {
    const found = tooMuch(error);
    if (found === null) throw error;
    return { kind: 'not_json', path: '', found };
  }
  return json === undefined ? { kind: 'not_json', path: '', found: typeof value } : { kind: 'returned', json };
}

/** What the engine of JavaScript says of a value that it cannot write, and of nothing else; null: something else was thrown. */
function tooMuch(error: unknown): string | null {
  if (!(error instanceof RangeError)) return null;
  if (error.message === 'Maximum call stack size exceeded') return 'nested too deeply';
  return error.message === 'Invalid string length' ? 'too large for one text (2^29 characters)' : null;
}

/** This file as stacks write it; asked for when something was thrown, for making a stack costs more than most calls do. */
const ownFile = (): string | null => fileOfFirstFrame(new Error().stack);

/** A call, and where its module, or its bundle, is loaded from. */
export type CallToPerform = Pick<FunctionCall, 'module' | 'export' | 'task' | 'input'> & { readonly url: string };

/** What modules export, by where they were loaded from. Node's own way to the same costs several times what a quick function does. */
const modules = new Map<string, Exports>();

/**
 * Performs a call. Never rejects.
 * @param conductor whom tasks ask that the function calls.
 * @param loaded called when the module is there, before anything of it is called.
 */
export async function perform(
  call: CallToPerform,
  context: StepContext,
  conductor: Conductor,
  loaded: () => void = () => {},
): Promise<HostReport> {
  const { url } = call;
  let exports = modules.get(url);
  registry().loading = call.module;
  if (exports === undefined) {
    try {
      exports = await runInContext(context, () => import(url) as Promise<Exports>);
    } catch (error) {
      const { name, message, stack } = describeThrown(error, ownFile());
      return { kind: 'module_not_loaded', message: `${name}: ${message}`, detail: stack === '' ? null : stack };
    }
    modules.set(url, exports);
  }
  loaded();
  const found = call.task === undefined ? exportedFunction(exports, call) : taskFunction(call, call.task);
  if ('report' in found) return found.report;
  try {
    const value: unknown = await runInContext(context, () => conducted(conductor, () => found.invoke(context)));
    // Rejections that nobody handled are announced after the microtasks: a success must not overtake them.
    await new Promise((resolve) => setImmediate(resolve));
    return reportReturned(value);
  } catch (error) {
    const judged = found.judge === null ? null : await found.judge(error, context.attempt).catch(() => NOT_AGAIN);
    const isSilent = judged === null || (judged.retry === null && judged.delay_ms === null);
    return { kind: 'threw', origin: 'call', ...describeThrown(error, ownFile()), ...(isSilent ? {} : { judged }) };
  }
}

/** A function that was to say whether to try again, and failed. */
const NOT_AGAIN: Judgement = { retry: false, delay_ms: null };

type Found =
  | {
      readonly invoke: (context: StepContext) => unknown;
      readonly judge: ((error: unknown, attempt: number) => Promise<Judgement>) | null;
    }
  | { readonly report: HostReport };

function exportedFunction(exports: Exports, call: Pick<FunctionCall, 'module' | 'export' | 'input'>): Found {
  const { value: exported, available } = findExport(exports, call.export);
  const called = functionBehind(exported) ?? functionInFlow(call.module, call.export);
  if (called !== null) return { invoke: (context) => called(call.input, context), judge: null };
  const found = exported === undefined ? null : exported === null ? 'null' : typeof exported;
  const nearest = nearestWord(call.export, available);
  return { report: { kind: 'export_not_found', available, nearest, found } };
}

function taskFunction(
  { module, export: name, input }: Pick<FunctionCall, 'module' | 'export' | 'input'>,
  part: TaskPart,
): Found {
  const task = registeredTask(module, name);
  if (task === null || !task.parts.includes(part)) {
    const available = registry().tasks.map((each) => each.name);
    return { report: { kind: 'export_not_found', available, nearest: nearestWord(name, available), found: null } };
  }
  const args = Array.isArray(input) ? (input as readonly Json[]) : [];
  return {
    invoke: () => task.invoke(part, args),
    judge: part === 'body' ? (error, attempt) => task.judge(error, attempt) : null,
  };
}
