/**
 * How the text of a step is handed to the interpreter that its `shell` names. The text of all of them is an argument, so that
 * standard input stays the step's own, and so that none of them sees the folder of a script file as its own: modules are
 * found from the working directory.
 */

import { err, ok, type Result } from '../base/result.ts';
import type { ShellName } from '../model/flow.ts';
import type { Failure } from '../model/outcome.ts';
import { isExecutableFile, systemProgram } from '../process/programs.ts';
import { findProgram } from './find-program.ts';

/** An interpreter with its text. */
export interface InterpreterLine {
  readonly argv: readonly string[];
  /** Text that the caller writes into the script file that `argv` names; null when the text is an argument itself. */
  readonly script: string | null;
}

/** Where an interpreter is looked for, and where a long text may be written. */
export interface InterpreterPlaces {
  /** The PATH of the step. */
  readonly searchPath: string | undefined;
  readonly workdir: string;
  readonly scriptFile: string;
}

/** Longer text goes through a file: Linux takes no argument of 131,072 bytes (MAX_ARG_STRLEN, execve(2)). */
const LONGEST_INLINE_TEXT_BYTES = 100_000;
/** Node finds modules from where its text stands, so that cannot be a file; `--eval=` takes a little of the room. */
const LONGEST_NODE_TEXT_BYTES = 131_064;

/** True for interpreters that report a command's death by a signal as 128 plus its number (POSIX.1 XCU, 2.8.2). */
export const reportsSignals = (shell: ShellName): boolean => shell === 'sh' || shell === 'bash';

/**
 * The command line for a text.
 * - `sh -e`, `bash -eo pipefail`: those of the system.
 * - `python`: `python3` of the step's PATH, else `python`; unbuffered, so that the log keeps the order of both streams.
 * - `node`: that of the step's PATH, as `run: node x.mjs` would find it, else the one that runs flowctl. The text is an ES module.
 * - `pwsh`: stops at the first error and ends with the exit code of the last program, as GitHub Actions has it
 *   (https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#exit-codes-and-error-action-preference).
 */
export function interpreterLine(
  shell: ShellName,
  text: string,
  places: InterpreterPlaces,
): Result<InterpreterLine, Failure> {
  const isLong = Buffer.byteLength(text) > LONGEST_INLINE_TEXT_BYTES;
  const script = isLong ? text : null;
  switch (shell) {
    case 'sh':
    case 'bash': {
      const program = findShell(shell, places);
      const options = shell === 'bash' ? ['-eo', 'pipefail'] : ['-e'];
      // `--`, for a text may begin with a dash.
      const rest = isLong ? [places.scriptFile] : ['-c', '--', text];
      return program.ok ? ok({ argv: [program.value, ...options, ...rest], script }) : program;
    }
    case 'python': {
      const program = findPython(places);
      const rest = isLong ? [PYTHON_READER, places.scriptFile] : [text];
      return program.ok ? ok({ argv: [program.value, '-u', '-c', ...rest], script }) : program;
    }
    case 'node': {
      const program = findProgram('node', places.searchPath, places.workdir);
      if (Buffer.byteLength(text) > LONGEST_NODE_TEXT_BYTES) return err(tooLongForNode(text));
      const argv = [program.ok ? program.value : process.execPath, '--input-type=module', `--eval=${text}`];
      return ok({ argv, script: null });
    }
    case 'pwsh': {
      const program = findProgram('pwsh', places.searchPath, places.workdir);
      const body = isLong ? powershellReader(places.scriptFile) : text;
      const command = `$ErrorActionPreference = 'stop'\n${body}\n${POWERSHELL_END}`;
      return program.ok
        ? ok({ argv: [program.value, '-NoProfile', '-NonInteractive', '-Command', command], script })
        : program;
    }
  }
}

// Line numbers, `sys.argv` and the search path are those of `-c`; the file's name lets a traceback show the lines themselves.
const PYTHON_READER = 'import sys; exec(compile(open(sys.argv[1], "rb").read(), sys.argv.pop(), "exec"))';
const POWERSHELL_END = 'if (Test-Path -LiteralPath variable:\\LASTEXITCODE) { exit $LASTEXITCODE }';

/** In the same scope, as if the text stood there. In single quotes only the quote itself is doubled (about_Quoting_Rules). */
const powershellReader = (file: string): string =>
  `. ([ScriptBlock]::Create([IO.File]::ReadAllText('${file.replaceAll("'", "''")}')))`;

function findShell(shell: 'sh' | 'bash', { searchPath, workdir }: InterpreterPlaces): Result<string, Failure> {
  const system = shell === 'sh' ? systemProgram('sh') : isExecutableFile('/bin/bash') ? '/bin/bash' : null;
  return system === null ? findProgram(shell, searchPath, workdir) : ok(system);
}

function findPython({ searchPath, workdir }: InterpreterPlaces): Result<string, Failure> {
  const newer = findProgram('python3', searchPath, workdir);
  if (newer.ok) return newer;
  const other = findProgram('python', searchPath, workdir);
  if (other.ok || newer.error.code !== 'command_not_found') return other.ok ? other : newer;
  const message = 'neither `python3` nor `python` was found in PATH';
  return err(other.error.code === 'command_not_found' ? { code: 'command_not_found', message } : other.error);
}

const tooLongForNode = (text: string): Failure => ({
  code: 'arguments_too_large',
  message:
    `the text of \`run\` has ${Buffer.byteLength(text)} bytes; for \`shell: node\` the system takes ` +
    `${LONGEST_NODE_TEXT_BYTES} at most: put it in a file, and run \`node <file>\``,
});
