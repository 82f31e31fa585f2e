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
 * the mark by which processes are found again.
 * @returns the environment of steps and of expressions, or a sentence about the file that cannot be taken.
 */
export function environmentOfRun(session: Session, { dotenv }: FlowDefinition): Result<Environment, string> {
  const variables: { [name: string]: string | undefined } = { ...session.environment };
  for (const file of dotenv) {
    const read = readVariables(file);
    if (!read.ok) return err(`\`dotenv\`: ${file} ${read.error}`);
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

function readVariables(file: string): Result<NodeJS.Dict<string>, string> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
    return text.includes('\0') ? err('holds a NUL byte, which no variable can') : ok(parseEnv(text));
  } catch (error) {
    const { code, errno } = error as NodeJS.ErrnoException;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return err('is not UTF-8');
    if (errno === undefined) throw error;
    return err(`cannot be read: ${getSystemErrorMap().get(errno)?.[1] ?? code}`);
  }
}
