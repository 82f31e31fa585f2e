/** From the value that an attempt yields to outputs that are kept. */

import type { Json, JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { Failure, OutputsRef } from '../model/outcome.ts';
import type { CheckOutputs, StoreOutputs } from './runner.ts';

/** What outputs are checked and kept with. */
export interface OutputKeeping {
  readonly storeOutputs: StoreOutputs;
  readonly checkOutputs: CheckOutputs;
}

/**
 * Checks outputs against the schema of their step, where it has one, and keeps them.
 * @returns null for outputs that are null, else where they are; a failure with code `outputs` that names what does not fit.
 */
export async function keepOutputs(
  { storeOutputs, checkOutputs }: OutputKeeping,
  schema: JsonObject | null,
  value: Json,
): Promise<Result<OutputsRef | null, Failure>> {
  const mismatch = schema === null ? null : await findMismatch(checkOutputs, schema, value);
  if (mismatch !== null) return err({ code: 'outputs', message: mismatch });
  if (value === null) return ok(null);
  try {
    return ok(await storeOutputs(value));
  } catch (error) {
    return err({ code: 'outputs', message: `the outputs could not be kept (${(error as Error).message})` });
  }
}

async function findMismatch(check: CheckOutputs, schema: JsonObject, value: Json): Promise<string | null> {
  try {
    const mismatch = await check(schema, value);
    return mismatch === null ? null : `the outputs do not fit their schema: ${mismatch}`;
  } catch (error) {
    // A flow is refused for a schema like this; only a definition that another version froze may bring one.
    return `the schema of the outputs cannot be used (${(error as Error).message})`;
  }
}
