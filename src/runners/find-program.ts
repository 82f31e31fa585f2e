/** Finds the program of a step the way a shell would, before anything starts, so that what is wrong can be told. */

import { statSync } from 'node:fs';
import path from 'node:path';
import { err, ok, type Result } from '../base/result.ts';
import type { Failure } from '../model/outcome.ts';
import { isExecutableFile } from '../process/programs.ts';

/** What is searched where the step's environment has no PATH, as execvp(3) of most systems has it. */
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

/**
 * Looks a program up: as a path relative to the step's folder when its name holds a `/`, else in the folders of PATH (POSIX.1,
 * 8.3: an empty entry is the current folder, here the step's).
 * @returns its absolute path, or the failure `command_not_found` or `command_not_executable`.
 */
export function findProgram(name: string, searchPath: string | undefined, workdir: string): Result<string, Failure> {
  const folders = name.includes('/') ? [''] : (searchPath ?? DEFAULT_PATH).split(':');
  let unusable: string | undefined;
  for (const folder of name === '' ? [] : folders) {
    const file = path.resolve(workdir, folder, name);
    if (isExecutableFile(file)) return ok(file);
    if (exists(file)) unusable ??= file;
  }
  if (unusable !== undefined) {
    const place = unusable === name ? '' : `: \`${unusable}\``;
    return err({ code: 'command_not_executable', message: `\`${name}\` is not executable${place}` });
  }
  const where = name.includes('/') ? 'does not exist' : 'was not found in PATH';
  return err({ code: 'command_not_found', message: `the command \`${name}\` ${where}` });
}

function exists(file: string): boolean {
  try {
    statSync(file);
    return true;
  } catch {
    return false;
  }
}
