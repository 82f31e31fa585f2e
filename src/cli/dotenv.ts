/** The environment of a run: what flowctl inherited, and above it the variables of the flow's `dotenv` files. */

import { readFileSync } from 'node:fs';
import { getSystemErrorMap, parseEnv } from 'node:util';
import { err, ok, type Result } from '../base/result.ts';
import type { Environment } from '../compose.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { TOKEN_VARIABLE } from '../process/token.ts';
import { EXIT } from './exit-codes.ts';
import type { Session } from './session.ts';

/**
 * Reads the files anew, later ones over earlier ones, in the format of Node's `--env-file`
 * (https://nodejs.org/docs/latest-v20.x/api/cli.html#--env-fileconfig). flowctl's own settings are not taken from them, and neither is
 * the mark by which processes are found again. A line that would set nothing is refused: Node drops it without a word.
 * @returns the environment of steps and of expressions, or a sentence about the file that cannot be taken.
 */
export function environmentOfRun(
  session: Session,
  { dotenv }: Pick<FlowDefinition, 'dotenv'>,
): Result<Environment, string> {
  const variables: { [name: string]: string | undefined } = { ...session.environment };
  for (const file of dotenv) {
    const read = readVariables(file);
    if (!read.ok) return err(`\`dotenv\`: ${file}${read.error}`);
    Object.assign(variables, read.value);
  }
  const token = session.environment[TOKEN_VARIABLE];
  return ok({ ...variables, [TOKEN_VARIABLE]: token });
}

/** As `environmentOfRun`. @returns null when a file cannot be taken: it is said, and the exit code is set (2). */
export function environmentOrComplain(session: Session, definition: FlowDefinition): Environment | null {
  const environment = environmentOfRun(session, definition);
  if (environment.ok) return environment.value;
  session.complain(environment.error, 'nothing was started; mend the file, or take it out of `dotenv`');
  session.exit(EXIT.usage);
  return null;
}

const ASSIGNMENT = /[^\S\n]*(?:export[^\S\n]+)?[^\s=#'"`]+[^\S\n]*=[^\S\n]*/y;

/** The number of the first line that belongs to no variable, read as Node does: a quoted value goes on to the next such quote. */
function strayLine(text: string): number | null {
  const endOfLine = (from: number): number => {
    const found = text.indexOf('\n', from);
    return found === -1 ? text.length : found;
  };
  for (let start = 0; start < text.length; ) {
    let end = endOfLine(start);
    const line = text.slice(start, end).trim();
    if (line !== '' && !line.startsWith('#')) {
      ASSIGNMENT.lastIndex = start;
      if (!ASSIGNMENT.test(text)) return text.slice(0, start).split('\n').length;
      const value = ASSIGNMENT.lastIndex;
      const quote = text.charAt(value);
      const closing = ['"', "'", '`'].includes(quote) ? text.indexOf(quote, value + 1) : -1;
      if (closing !== -1) end = endOfLine(closing);
    }
    start = end + 1;
  }
  return null;
}

function readVariables(file: string): Result<NodeJS.Dict<string>, string> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
    if (text.includes('\0')) return err(' holds a NUL byte, which no variable can');
    const stray = strayLine(text);
    // What it says is not shown: it may be a part of a secret.
    return stray === null ? ok(parseEnv(text)) : err(`:${stray} is neither \`NAME=value\` nor a comment`);
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return err(' is not UTF-8');
    if (errno === undefined) throw error;
    return err(` cannot be read: ${getSystemErrorMap().get(errno)?.[1] ?? code}`);
  }
}
