/**
 * A line of JSON that carries its own checksum as its last member, so that every tool for JSON still reads it:
 *
 *     {"seq":7,"time":"...","type":"attempt.finished",...,"crc":"8f3a01bc"}
 *
 * The checksum is CRC-32 over the bytes before `,"crc":"`. The journal and the index consist of such lines.
 */

import { type JsonObject, isJsonObject } from '../base/json.ts';
import { crc32 } from './crc32.ts';

const SEAL_BYTES = 18;
/** The longest line that is read back, newline not counted; a longer one must not be written. */
export const LONGEST_LINE_BYTES = 134_217_728;
const SEAL = /^,"crc":"([0-9a-f]{8})"\}$/;

/** True when the sealed text of this JSON object would be no line that is read back. */
export const isTooLong = (object: string): boolean => Buffer.byteLength(object) - 1 + SEAL_BYTES > LONGEST_LINE_BYTES;

/** Seals the text of a JSON object that is not empty; the line ends with a newline. */
export function sealLine(object: string): string {
  const open = object.slice(0, -1);
  return `${open},"crc":"${crc32(open).toString(16).padStart(8, '0')}"}\n`;
}

/**
 * What a line is, newline taken off:
 * `good`; `unfinished`: it holds NUL bytes, or no checksum, as an append that a crash interrupted may leave it;
 * `wrong`: it is complete and not what was written, which no interrupted append leaves.
 */
export type LineReading =
  | { readonly kind: 'good'; readonly value: JsonObject }
  | { readonly kind: 'unfinished' }
  | { readonly kind: 'wrong'; readonly message: string };

/** Reads a sealed line; `value` is what was sealed, without the checksum. */
export function readLine(line: Buffer): LineReading {
  const end = line.length - SEAL_BYTES;
  const seal = end < 1 ? null : SEAL.exec(line.toString('latin1', end));
  if (seal === null) return { kind: 'unfinished' };
  const written = seal[1] ?? '';
  if (crc32(line.subarray(0, end)) !== Number.parseInt(written, 16)) {
    return line.includes(0) ? { kind: 'unfinished' } : { kind: 'wrong', message: 'checksum does not match' };
  }
  try {
    const value: unknown = JSON.parse(`${line.toString('utf8', 0, end)}}`);
    if (isJsonObject(value)) return { kind: 'good', value };
  } catch {
    // The checksum is right, so this was written so, and not by us.
  }
  return { kind: 'wrong', message: 'is no JSON object' };
}
