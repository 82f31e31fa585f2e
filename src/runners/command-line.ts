/** From a step's `run` to the program and arguments that are started, or to the reason why they cannot be. */

import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { err, ok, type Result } from '../base/result.ts';
import type { AttemptRequest, Work } from '../engine/ports.ts';
import type { Failure } from '../model/outcome.ts';
import { namesOwnDescriptors } from '../process/log.ts';
import { findProgram } from './find-program.ts';
import { interpreterLine, reportsSignals } from './interpreters.ts';

/** Work that runs a program. */
export type CommandWork = Extract<Work, { readonly kind: 'shell' | 'argv' }>;

/** What is to be started. */
export interface CommandLine {
  /** The program is absolute. */
  readonly argv: readonly string[];
  /** Text that the caller writes into the script file that `argv` names; null when the text is an argument itself. */
  readonly script: string | null;
  /** True when something in it opens `/dev/stdout` or the like by name. */
  readonly reopensOutput: boolean;
  /** True where an interpreter that is up already may run it. */
  readonly isWarm?: true;
}

/** Linux takes no single argument or variable of this many bytes (MAX_ARG_STRLEN, execve(2)). */
const LONGEST_ARGUMENT_BYTES = 131_072;
/** Larger files are not scripts to be looked into. */
const SCRIPT_LOOK_BYTES = 262_144;

/**
 * Decides how an attempt's command is started: text by its interpreter (see `interpreters`), a list directly.
 * @param scriptFile where long text will be written.
 */
export function commandLineOf(
  work: CommandWork,
  request: AttemptRequest,
  env: { readonly [name: string]: string },
  scriptFile: string,
): Result<CommandLine, Failure> {
  const missing = findMissingWorkdir(request.workdir);
  if (missing !== null) return err(missing);
  const unfit = findUnfit(work, { ...request.env, ...request.values });
  if (unfit !== null) return err(unfit);
  switch (work.kind) {
    case 'argv': {
      const [name = '', ...rest] = work.argv;
      const program = findProgram(name, env['PATH'], request.workdir);
      if (!program.ok) return program;
      const reopensOutput = work.argv.some(namesOwnDescriptors) || scriptReopens(program.value);
      return ok({ argv: [program.value, ...rest], script: null, reopensOutput });
    }
    case 'shell': {
      const { workdir } = request;
      const line = interpreterLine(work.shell, work.text, { searchPath: env['PATH'], workdir, scriptFile });
      if (!line.ok) return line;
      const reopensOutput = reportsSignals(work.shell)
        ? opensOutputByName(work.text, workdir)
        : namesOwnDescriptors(work.text);
      const warm = work.warm === true && work.shell === 'python' ? { isWarm: true as const } : {};
      return ok({ ...line.value, reopensOutput, ...warm });
    }
  }
}

/** True when shell text, or a script near at hand that it runs, opens `/dev/stdout` or the like by name. */
export const opensOutputByName = (text: string, workdir: string): boolean =>
  namesOwnDescriptors(text) || calledScriptReopens(text, workdir);

/** Why a command cannot run in a folder; null where it can. */
export function findMissingWorkdir(workdir: string): Failure | null {
  try {
    if (statSync(workdir).isDirectory()) return null;
    return { code: 'workdir_missing', message: `the working directory \`${workdir}\` is not a directory` };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be used (${code ?? 'unknown'})`;
    return { code: 'workdir_missing', message: `the working directory \`${workdir}\` ${why}` };
  }
}

/** Finds what no program can be given, and names it without its value. */
function findUnfit(work: CommandWork, env: { readonly [name: string]: string }): Failure | null {
  if (work.kind === 'shell' && work.text.includes('\0')) return nulByte('the text of `run`');
  const words = work.kind === 'argv' ? work.argv : [];
  for (const [index, word] of words.entries()) {
    const failure = findUnfitText(word, Buffer.byteLength(word), `argument ${index} of \`run\``);
    if (failure !== null) return failure;
  }
  for (const [name, value] of Object.entries(env)) {
    const entry = `${name}=${value}`;
    const failure = findUnfitText(entry, Buffer.byteLength(entry), `the variable \`${name.replaceAll('\0', '\\0')}\``);
    if (failure !== null) return failure;
  }
  return null;
}

const nulByte = (what: string): Failure => ({ code: 'nul_byte', message: `${what} holds a NUL byte` });

function findUnfitText(text: string, sizeBytes: number, what: string): Failure | null {
  if (text.includes('\0')) return nulByte(what);
  if (sizeBytes < LONGEST_ARGUMENT_BYTES) return null;
  const limit = `the system takes less than ${LONGEST_ARGUMENT_BYTES}`;
  return { code: 'arguments_too_large', message: `${what} has ${sizeBytes} bytes, ${limit} (E2BIG)` };
}

/** The failure for arguments and environment that are too large together, naming the largest. */
export function tooLargeTogether(argv: readonly string[], env: { readonly [name: string]: string }): Failure {
  let what = '';
  let largest = -1;
  const consider = (name: string, sizeBytes: number): void => {
    if (sizeBytes <= largest) return;
    largest = sizeBytes;
    what = name;
  };
  for (const [index, word] of argv.entries()) consider(`argument ${index}`, Buffer.byteLength(word));
  for (const [name, value] of Object.entries(env)) consider(`the variable \`${name}\``, Buffer.byteLength(value));
  return {
    code: 'arguments_too_large',
    message: `arguments and environment together are larger than the system takes (E2BIG); the largest is ${what} with ${largest} bytes`,
  };
}

/**
 * True when a word of shell text is a script, near at hand, that opens its output by name. It finds `./report.sh` and
 * `sh report.sh`, not what those call in turn: for the rest there is the warning about a log that shrank.
 */
function calledScriptReopens(text: string, workdir: string): boolean {
  const words = text.match(/[\w./@+-]+/g) ?? [];
  const candidates = new Set(words.filter((word) => /^\.{0,2}\/.|.\/.|\.(?:sh|bash)$/.test(word)).slice(0, 20));
  for (const word of candidates) if (scriptReopens(path.resolve(workdir, word))) return true;
  return false;
}

function scriptReopens(file: string): boolean {
  // Programs of the system are no scripts of the user's; most steps end here without a system call.
  if (/^\/(?:usr\/)?s?bin\/|^\/(?:dev|proc|sys)\//.test(file)) return false;
  try {
    const status = statSync(file);
    return status.isFile() && status.size <= SCRIPT_LOOK_BYTES && namesOwnDescriptors(readFileSync(file, 'latin1'));
  } catch {
    return false;
  }
}
