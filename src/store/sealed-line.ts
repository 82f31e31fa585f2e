/**
 * A line of JSON that carries its own checksum as its last member, so that every tool for JSON still reads it:
 *
 *     {"seq":7,"time":"...","type":"attempt.finished",...,"prev":"11d0a7c2","crc":"8f3a01bc"}
 *
 * The checksum is CRC-32 over the bytes before `,"crc":"`. The journal and the index consist of such lines. In a journal each line
 * names the checksum of the one before it as well: a good line of another journal, put in the place of one, would be taken otherwise.
 */

import { type JsonObject, isJsonObject } from '../base/json.ts';
import { crc32 } from './crc32.ts';

const SEAL_BYTES = 18;
const LINK_BYTES = 18;
/** The longest line that is read back, newline not counted; a longer one must not be written. */
export const LONGEST_LINE_BYTES = 134_217_728;
const SEAL = /^,"crc":"([0-9a-f]{8})"\}$/;
const LINK = /^,"prev":"([0-9a-f]{8})"$/;

/** True when the sealed text of this JSON object would be no line that is read back. */
export const isTooLong = (object: string): boolean =>
  object.length * 3 > LONGEST_LINE_BYTES - LINK_BYTES - SEAL_BYTES &&
  Buffer.byteLength(object) - 1 + LINK_BYTES + SEAL_BYTES > LONGEST_LINE_BYTES;

/** Seals the text of a JSON object that is not empty; the line ends with a newline. */
export const sealLine = (object: string): string => sealAfter(object, null).line;

/**
 * The same for a line of a chain.
 * @param previous the checksum of the line before it, 8 hex digits; null: there is none.
 */
export function sealAfter(object: string, previous: string | null): { readonly line: string; readonly crc: string } {
  const open = previous === null ? object.slice(0, -1) : `${object.slice(0, -1)},"prev":"${previous}"`;
  const crc = crc32(open).toString(16).padStart(8, '0');
  return { line: `${open},"crc":"${crc}"}\n`, crc };
}

/**
 * What a line is, newline taken off:
 * `good`; `unfinished`: it holds NUL bytes, or no checksum, as an append that a crash interrupted may leave it;
 * `wrong`: it is complete and not what was written, which no interrupted append leaves.
 */
export type LineReading =
  | {
      readonly kind: 'good';
      readonly value: JsonObject;
      readonly crc: string /** The checksum that the line before it must have; null where the line does not say. */;
      readonly previous: string | null;
    }
  | { readonly kind: 'unfinished' }
  | { readonly kind: 'wrong'; readonly message: string };

/** Reads a sealed line; `value` is what was sealed, without the checksums. */
export function readLine(line: Buffer): LineReading {
  const end = line.length - SEAL_BYTES;
  const seal = end < 1 ? null : SEAL.exec(line.toString('latin1', end));
  if (seal === null) return { kind: 'unfinished' };
  const written = seal[1] ?? '';
  if (crc32(line.subarray(0, end)) !== Number.parseInt(written, 16)) {
    return line.includes(0) ? { kind: 'unfinished' } : { kind: 'wrong', message: 'checksum does not match' };
  }
  const previous = LINK.exec(line.toString('latin1', Math.max(0, end - LINK_BYTES), end))?.[1] ?? null;
  const text = line.toString('utf8', 0, previous === null ? end : end - LINK_BYTES);
  try {
    const value: unknown = JSON.parse(`${text}}`);
    if (isJsonObject(value)) return { kind: 'good', value, crc: written, previous };
  } catch {
    // The checksum is right, so this was written so, and not by us.
  }
  return { kind: 'wrong', message: 'is no JSON object' };
}
