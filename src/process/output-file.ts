/**
 * What a command says through `$FLOWCTL_OUTPUT`: lines of `name=value`, blocks of `name<<EOF` ... `EOF`, or one JSON object.
 * Lines and blocks are those of GITHUB_OUTPUT
 * (https://docs.github.com/actions/reference/workflow-commands-for-github-actions#multiline-strings).
 */

import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { isUnsafeKey } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { Failure } from '../model/outcome.ts';
import { findJsonFault } from './json-fault.ts';
import { findUntakeable } from './output-value.ts';

/** A larger file fails the attempt. */
export const OUTPUT_FILE_LIMIT = 1_048_576;
const NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,127}$/;
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** Makes the fresh, empty file of an attempt, mode 0600. A file of that name that was left from before is replaced. */
export function createOutputFile(file: string): void {
  const create = (): void => closeSync(openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
  try {
    create();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Not its parents: where the run's folder is gone, what is put there is in nobody's state.
    if (code === 'ENOENT') mkdirSync(path.dirname(file), { mode: 0o700 });
    else if (code === 'EEXIST') unlinkSync(file);
    else throw error;
    create();
  }
}

/** Removes the file of an attempt; it may be gone. */
export function removeOutputFile(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // The command may have removed it, or put a folder in its place; neither matters any more.
  }
}

/**
 * Reads what an attempt wrote.
 * @returns null when it wrote nothing, or removed the file; a failure with code `outputs` and the line when it cannot be taken.
 */
export function readOutputFile(file: string): Result<JsonObject | null, Failure> {
  let descriptor: number;
  try {
    // A pipe that was put in the place of the file must not make us wait, nor a link lead us elsewhere.
    descriptor = openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? ok(null) : refuse(`the file \`$FLOWCTL_OUTPUT\` cannot be read (${code ?? 'unknown'})`);
  }
  try {
    const status = fstatSync(descriptor);
    if (!status.isFile()) return refuse('`$FLOWCTL_OUTPUT` is no longer a regular file');
    if (status.size === 0) return ok(null);
    if (status.size > OUTPUT_FILE_LIMIT) {
      return refuse(
        `\`$FLOWCTL_OUTPUT\` holds ${status.size} bytes, more than the ${OUTPUT_FILE_LIMIT} that are taken`,
      );
    }
    const bytes = Buffer.alloc(status.size);
    return parseOutputs(bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.length, 0)));
  } catch (error) {
    return refuse(
      `the file \`$FLOWCTL_OUTPUT\` cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
    );
  } finally {
    closeSync(descriptor);
  }
}

function refuse(what: string, line?: number): Result<never, Failure> {
  const place = line === undefined ? '' : `line ${line} of \`$FLOWCTL_OUTPUT\`: `;
  return err({ code: 'outputs', message: `${place}${what}` });
}

/**
 * Reads the content of an output file. A text whose first character (white space aside) is `{` is one JSON object; no name
 * begins so. Of a name that is written twice the last value counts; empty lines mean nothing; values are taken as they stand.
 */
export function parseOutputs(bytes: Buffer): Result<JsonObject | null, Failure> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse('not UTF-8', lineOfBadBytes(bytes));
  }
  const start = /\S/.exec(text);
  if (start === null) return ok(null);
  return start[0] === '{' ? parseObject(text) : parseLines(text);
}

function lineOfBadBytes(bytes: Buffer): number {
  let line = 1;
  for (let at = 0; at < bytes.length; line += 1) {
    const newline = bytes.indexOf(0x0a, at);
    const end = newline === -1 ? bytes.length : newline;
    const piece = bytes.subarray(at, end);
    if (!Buffer.from(piece.toString('utf8')).equals(piece)) return line;
    at = end + 1;
  }
  return line;
}

function parseLines(text: string): Result<JsonObject, Failure> {
  const lines = text.split('\n');
  const outputs = new Map<string, string>();
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    if (line.trim() === '') continue;
    const equals = line.indexOf('=');
    const heredoc = line.indexOf('<<');
    const isBlock = heredoc !== -1 && (equals === -1 || heredoc < equals);
    if (!isBlock && equals === -1) return refuse('neither `name=value` nor `name<<EOF`', at + 1);
    const name = line.slice(0, isBlock ? heredoc : equals);
    if (!NAME.test(name) || isUnsafeKey(name))
      return refuse(`${JSON.stringify(name)} is no name for an output`, at + 1);
    if (!isBlock) {
      outputs.set(name, line.slice(equals + 1));
      continue;
    }
    const delimiter = line.slice(heredoc + 2);
    if (delimiter === '') return refuse(`\`${name}<<\` names no delimiter`, at + 1);
    const end = lines.indexOf(delimiter, at + 1);
    if (end === -1) return refuse(`the block of \`${name}\` is not closed by its delimiter`, at + 1);
    outputs.set(name, lines.slice(at + 1, end).join('\n'));
    at = end;
  }
  return ok(Object.fromEntries(outputs));
}

function parseObject(text: string): Result<JsonObject, Failure> {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return refuse('no JSON object', findJsonFault(text)?.place.line);
  }
  const problem = findUntakeable(value);
  return problem === null ? ok(value as JsonObject) : refuse(problem);
}
