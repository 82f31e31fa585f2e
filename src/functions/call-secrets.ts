/** Secrets inside a host: handed to the function by name, and hidden in what it prints. */

import { inspect } from 'node:util';
import { Mask } from '../secrets/mask.ts';
import type { CallSecrets } from './messages.ts';

/** The values by name. Whoever prints the object, or puts it into JSON, gets `***`; a single value is a plain text. */
export function handedSecrets(values: CallSecrets['values']): { readonly [name: string]: string } {
  const secrets: { [name: string]: string } = Object.assign(Object.create(null), values);
  for (const name of ['toJSON', inspect.custom]) Object.defineProperty(secrets, name, { value: () => '***' });
  return Object.freeze(secrets);
}

let last: { readonly key: string; readonly mask: Mask } | null = null;

/** The mask of a call; null where nothing is hidden. Calls of one run share it. */
export function maskOf(secrets: CallSecrets | undefined): Mask | null {
  if (secrets === undefined || secrets.hidden.length === 0) return null;
  const key = JSON.stringify(secrets.hidden);
  if (last?.key !== key) last = { key, mask: new Mask(secrets.hidden) };
  return last.mask;
}
