/** What a command says through its stdout, where its step has `output: json`, `text` or `lines`. */

import type { Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { OutputMode } from '../model/flow.ts';
import type { Failure } from '../model/outcome.ts';
import { CAPTURE_LIMIT, type Captured } from './capture.ts';
import { findJsonFault, placeOf } from './json-fault.ts';
import { findUntakeable } from './output-value.ts';

/** The modes in which stdout is read. */
export type PrintedMode = Exclude<OutputMode, 'file'>;

const refuse = (message: string): Result<never, Failure> => err({ code: 'outputs', message });

/**
 * Reads outputs from what was printed; no failure repeats any of it.
 * - `json`: one JSON value, white space around it, and a byte order mark before it.
 * - `text`: everything but one newline at the end.
 * - `lines`: a list of lines; nothing stands behind the last newline, so that is no line.
 *
 * A newline is LF or CRLF.
 * @returns the value, or a failure with code `outputs`: too much, no UTF-8, no JSON.
 */
export function readPrinted(mode: PrintedMode, captured: Captured): Result<Json, Failure> {
  switch (captured.kind) {
    case 'whole':
      return parsePrinted(mode, captured.bytes);
    case 'too_large':
      return refuse(`stdout has more than the ${CAPTURE_LIMIT} bytes that \`output: ${mode}\` takes`);
    case 'endless':
      return refuse(`a process that the step left behind went on printing, so nobody can say where its outputs end`);
    case 'unwritten':
      return refuse('the log could not be written, so what was printed is not complete');
  }
}

function parsePrinted(mode: PrintedMode, bytes: Buffer): Result<Json, Failure> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: mode !== 'json' }).decode(bytes);
  } catch {
    return refuse(`stdout is not UTF-8, from byte ${offsetOfBadBytes(bytes)} on`);
  }
  switch (mode) {
    case 'text':
      return ok(text.replace(/\r?\n$/, ''));
    case 'lines': {
      const lines = text.split(/\r?\n/);
      if (lines.at(-1) === '') lines.pop();
      return ok(lines);
    }
    case 'json':
      return parseJson(text);
  }
}

function parseJson(text: string): Result<Json, Failure> {
  try {
    const value = JSON.parse(text) as Json;
    const problem = findUntakeable(value);
    return problem === null ? ok(value) : refuse(`stdout: ${problem}`);
  } catch {
    if (text.trim() === '') return refuse('stdout is empty, though `output: json` expects a JSON value there');
    const { kind, place } = findJsonFault(text) ?? { kind: 'unexpected', place: placeOf(text, 0) };
    const where = `at line ${place.line}, column ${place.column}`;
    const what = { unfinished: 'it ends too early', more: 'more follows its value', unexpected: 'it stops being JSON' };
    return refuse(`stdout is not one JSON value: ${what[kind]} ${where}`);
  }
}

/** The offset, from 0, of the first byte that cannot stand where it stands. */
function offsetOfBadBytes(bytes: Buffer): number {
  // Bytes of a good prefix survive the way to text and back; U+FFFD is written with other bytes than the bad ones had.
  const back = Buffer.from(bytes.toString('utf8'));
  const length = Math.min(bytes.length, back.length);
  for (let at = 0; at < length; at += 1) if (bytes[at] !== back[at]) return at;
  return length;
}
