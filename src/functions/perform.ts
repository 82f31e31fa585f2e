/** One call inside a host: load the module, find the function, call it, make its answer JSON text. */

import { findNotJson } from '../base/json.ts';
import { nearestWord } from '../base/suggestion.ts';
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

function reportReturned(value: unknown): HostReport {
  if (value === undefined) return { kind: 'returned', json: 'null' };
  const notJson = findNotJson(value);
  if (notJson !== null) return { kind: 'not_json', ...notJson };
  const json: string | undefined = JSON.stringify(value);
  return json === undefined ? { kind: 'not_json', path: '', found: typeof value } : { kind: 'returned', json };
}

/**
 * Performs a call. Never rejects.
 * @param url where the module, or its bundle, is loaded from.
 */
export async function perform(url: string, call: FunctionCall, context: StepContext): Promise<HostReport> {
  const ownFile = fileOfFirstFrame(new Error().stack);
  let exports: Exports;
  try {
    exports = await runInContext(context, () => import(url) as Promise<Exports>);
  } catch (error) {
    const { name, message, stack } = describeThrown(error, ownFile);
    return { kind: 'module_not_loaded', message: `${name}: ${message}`, detail: stack === '' ? null : stack };
  }
  const { value: exported, available } = findExport(exports, call.export);
  if (typeof exported !== 'function') {
    const found = exported === undefined ? null : exported === null ? 'null' : typeof exported;
    return { kind: 'export_not_found', available, nearest: nearestWord(call.export, available), found };
  }
  try {
    const value: unknown = await runInContext(context, () => exported(call.input, context) as unknown);
    // Rejections that nobody handled are announced after the microtasks: a success must not overtake them.
    await new Promise((resolve) => setImmediate(resolve));
    return reportReturned(value);
  } catch (error) {
    return { kind: 'threw', origin: 'call', ...describeThrown(error, ownFile) };
  }
}
