/** From the value that an attempt yields to outputs that are kept. */

import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { Failure, OutputsRef } from '../model/outcome.ts';
import type { AttemptSecrets, CheckOutputs, StoreOutputs } from './runner.ts';

/** What outputs are checked and kept with. */
export interface OutputKeeping {
  readonly storeOutputs: StoreOutputs;
  readonly checkOutputs: CheckOutputs;
}

/**
 * Checks outputs against the schema of their step, where it has one, and keeps them.
 * @param secrets which of them must not be in outputs; absent where there are none.
 * @returns null for outputs that are null, else where they are; a failure with code `outputs` that names what does not fit, or
 *   `secret_in_outputs`.
 */
export async function keepOutputs(
  { storeOutputs, checkOutputs }: OutputKeeping,
  schema: JsonObject | null,
  value: Json,
  secrets?: Pick<AttemptSecrets, 'exposedBy'> | undefined,
): Promise<Result<OutputsRef | null, Failure>> {
  const exposed = secrets === undefined ? null : findExposed(value, secrets);
  if (exposed !== null) return err(exposed);
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

/** Outputs are recorded and shown, so that none may hold a secret, in whatever form. */
function findExposed(value: Json, secrets: Pick<AttemptSecrets, 'exposedBy'>): Failure | null {
  const members = isJsonObject(value) ? Object.entries(value) : [];
  const name = secrets.exposedBy(textOf(value));
  if (name === null) return null;
  const where = members.find((member) => secrets.exposedBy(textOf(member)) !== null)?.[0];
  const what = where === undefined ? 'an output' : `the output \`${where}\``;
  const message = `${what} holds the value of the secret \`${name}\`, and outputs are recorded; a step that needs the secret names it itself`;
  return { code: 'secret_in_outputs', message };
}

/** A value as JSON, and the texts in it as they are, each on a line. */
function textOf(value: Json): string {
  const texts: string[] = [];
  const json = JSON.stringify(value, (key, member: unknown) => {
    texts.push(key);
    if (typeof member === 'string') texts.push(member);
    return member;
  });
  return `${texts.join('\n')}\n\n\n${json}`;
}
