/** CRC-32 as in gzip (RFC 1952, section 8). */

import * as zlib from 'node:zlib';

let table: Uint32Array | undefined;

function makeTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    return value;
  });
}

/** CRC-32 by table: for Node 22.0, 22.1 and 21, whose zlib does not offer it. */
export function tableCrc32(data: string | Uint8Array): number {
  table ??= makeTable();
  let crc = 0xffffffff;
  for (const byte of typeof data === 'string' ? Buffer.from(data) : data) {
    crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** The CRC-32 of bytes, or of a text's UTF-8 form, as a number from 0 to 2^32 - 1. */
export const crc32: (data: string | Uint8Array) => number =
  typeof zlib.crc32 === 'function' ? (data) => zlib.crc32(data) : tableCrc32;
