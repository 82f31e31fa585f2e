/**
 * V8 compiles what runs often once more, in threads of its own. Of a run of a second that takes a fifth of the processor time with Node 20, which its steps
 * could have. Later versions have a compiler between the two, and another name for the flag.
 */

import { statSync } from 'node:fs';

/** So many bytes of a function's code run before it is compiled once more, in place of V8's 132 kB. */
const BUDGET_BYTES = 400_000;
/** Of a flow that is no larger too little runs to matter, and to load Node's module takes a millisecond. */
const LARGE_FLOW_BYTES = 8_192;

/** To be called before a flow is read. @param file its path; one that is not there changes nothing. */
export async function optimizeLater(file: string): Promise<void> {
  if (!process.versions.v8.startsWith('11.')) return;
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size < LARGE_FLOW_BYTES) return;
  const { setFlagsFromString } = await import('node:v8');
  setFlagsFromString(`--interrupt-budget=${BUDGET_BYTES}`);
}
