/** A function whose thread, or module, found no descriptor left: nothing of it ran, and there will be room again. */

import type { FunctionResult } from '../functions/messages.ts';
import { isMomentary } from '../process/launcher.ts';

/** As Node tells it of a thread that could not begin, or of a file that could not be opened on the way to the function. */
const SHORTAGE = /^(?:Error: |Worker initialization failure: )*(E[A-Z]+)\b/;

/** The system's name of what was short, such as EMFILE; null where the function was called, or something else is wrong. */
export function shortageIn(result: FunctionResult): string | null {
  if (result.kind === 'module_not_loaded') return shortageOf(result.message);
  return result.kind === 'host_ended' && result.reason === 'crashed' ? shortageOf(result.detail ?? '') : null;
}

/** The same for the message of an error. */
export function shortageOf(message: string): string | null {
  const code = SHORTAGE.exec(message)?.[1] ?? '';
  return isMomentary(code) ? code : null;
}
