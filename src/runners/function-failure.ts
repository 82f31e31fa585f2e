/** From what became of a function to the sentence about it. */

import { assertNever } from '../base/result.ts';
import type { FunctionResult, HostEndReason } from '../functions/messages.ts';
import type { Failure } from '../model/outcome.ts';

const ENDS: { readonly [Reason in HostEndReason]: string } = {
  exit: 'the function called `process.exit()`',
  out_of_memory: 'the function ran out of memory',
  crashed: 'the thread of the function crashed',
  never_settled: 'the function waits for something that can never happen',
  terminated: 'the thread of the function was ended',
};

/** What `typeof` says of thrown values that are no errors; they have no stack. */
const NO_ERRORS: ReadonlySet<string> = new Set(
  'string number boolean bigint symbol function object undefined unknown'.split(' '),
);

/** An error by its name; any other thrown value by its type, unless the value says it all. */
function thrownMessage({ origin, name, message, stack }: FunctionResult & { readonly kind: 'threw' }): string {
  const isError = stack !== '' || !NO_ERRORS.has(name);
  const saysAll = name === 'undefined' || name === 'unknown' || (name === 'object' && message === 'null');
  const value = isError
    ? `${name}: ${message}`
    : saysAll
      ? message
      : `${/^o/.test(name) ? 'an' : 'a'} ${name}: ${message}`;
  if (origin !== 'call') return `${origin.replace('_', ' ')}: ${value}`;
  return isError || name === 'unknown' ? value : `threw ${value}`;
}

/** Why the attempt of a function that did not return failed. */
export function failureOf(
  result: Exclude<FunctionResult, { readonly kind: 'returned' }>,
  work: { readonly module: string; readonly export: string },
): Failure {
  const place = `\`${work.module}#${work.export}\``;
  switch (result.kind) {
    case 'threw': {
      const message = thrownMessage(result);
      const thrown = result.stack === '' ? {} : { thrown: result.name };
      return { code: 'thrown', message, detail: result.stack === '' ? message : result.stack, ...thrown };
    }
    case 'not_json': {
      const where = result.path === '' ? 'the returned value' : `\`${result.path}\` of the returned value`;
      return { code: 'outputs', message: `${where} is not JSON: ${result.found}` };
    }
    case 'module_not_loaded':
      return { code: 'module_not_loaded', message: result.message, detail: result.detail ?? result.message };
    case 'export_not_found': {
      if (result.found !== null)
        return { code: 'export_not_found', message: `${place} is no function but ${result.found}` };
      const { available, nearest } = result;
      const others = available.length === 0 ? 'it exports no function' : `it exports ${available.join(', ')}`;
      const hint = nearest === null ? others : `did you mean \`${nearest}\`?`;
      return { code: 'export_not_found', message: `${place} does not exist; ${hint}` };
    }
    case 'host_ended':
      return result.detail === null
        ? { code: 'host_ended', message: ENDS[result.reason] }
        : { code: 'host_ended', message: ENDS[result.reason], detail: result.detail };
    default:
      return assertNever(result, 'function result');
  }
}
