/** Commands as steps of a TypeScript flow. */

import { parseStepId } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { spliceShell } from '../expressions/shell/shell.ts';
import type { CommandAction, OutputMode } from '../model/flow.ts';
import { currentConductor } from './conductor.ts';
import {
  checkNames,
  NO_OPTIONS,
  oneOf,
  refuse,
  requestedOptions,
  STEP_OPTION_NAMES,
  type StepOptions,
  texts,
  wholeNumber,
} from './options.ts';
import { inTransaction } from './task-call.ts';
import { TaskError } from './task-error.ts';
import { noteOrigin, originsOf } from './values.ts';

/** What a command's text can be given; of a list every member becomes an argument of its own. */
export type ShellValue = string | number | boolean | readonly (string | number | boolean)[];

/** Options of a command step. */
export interface ShellOptions extends StepOptions<[]> {
  /** The step's name in the run. Default: `sh`. */
  readonly name?: string;
  /** The step's place in the run, `sh[key]`, instead of its number. Each key once. */
  readonly key?: string | number;
  readonly env?: { readonly [name: string]: string };
  /** Default: the flow file's folder. */
  readonly workdir?: string;
  /** Default: empty. */
  readonly stdin?: string;
  /** `sh` is `/bin/sh -e`, `bash` is `bash -eo pipefail`. Default: `sh`. */
  readonly shell?: 'sh' | 'bash';
  /** Where the outputs come from: what it writes to `$FLOWCTL_OUTPUT`, or its stdout. Default: `file`. */
  readonly output?: OutputMode;
  /** Exit codes that count as success. Default: 0. */
  readonly successCodes?: readonly number[];
}

/** What a command yields, by where its outputs come from. */
type CommandOutputs<O> = O extends { readonly output: infer Mode }
  ? Mode extends 'text'
    ? string
    : Mode extends 'lines'
      ? string[]
      : Mode extends 'json'
        ? Json
        : JsonObject | null
  : JsonObject | null;

/** Runs commands: as a tag of a template, or called with a program and its arguments. */
export interface Shell<R> {
  /** Shell text. Values in it are handed over as variables and never read as code. */
  (text: TemplateStringsArray, ...values: readonly ShellValue[]): Promise<R>;
  /** A program with its arguments; no shell is involved. */
  (argv: readonly [string, ...string[]]): Promise<R>;
  /** The same with options. */
  with<const O extends ShellOptions>(options: O): Shell<CommandOutputs<O>>;
}

const SHELL_OPTION_NAMES = [
  ...STEP_OPTION_NAMES,
  ...['name', 'key', 'env', 'workdir', 'stdin', 'shell', 'output', 'successCodes'],
];

const wordOf = (value: unknown, position: number): string => {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  const found = value === null ? 'null' : typeof value;
  return refuse(
    'sh',
    `value ${position + 1} has to be a text, a number, true or false, or a list of them, not ${found}`,
  );
};

/** Shell text that refers to variables in place of the values, each quoted for where it stands. @throws {OptionError} where none can stand. */
function shellCommand(parts: TemplateStringsArray, given: readonly ShellValue[], shell: 'sh' | 'bash'): CommandAction {
  const words: string[] = [];
  const placed = new Map<number, number>();
  let text = '';
  for (const [position, part] of parts.entries()) {
    // The cooked text of an escape that JavaScript does not know is undefined.
    if ((part as string | undefined) === undefined)
      refuse('sh', 'there is an escape in the text that JavaScript does not know; write the backslash twice');
    if (part.includes('${{')) refuse('sh', 'write `${value}`: `${{ }}` is not replaced here');
    text += part;
    if (position >= given.length) continue;
    const value = given[position];
    const list = Array.isArray(value) ? (value as readonly unknown[]) : [value];
    const markers = list.map((item) => {
      words.push(wordOf(item, position));
      return `\${{ params.v${words.length} }}`;
    });
    for (const [index, marker] of markers.entries()) {
      text += index === 0 ? '' : ' ';
      placed.set(text.length, words.length - markers.length + index);
      text += marker;
    }
  }
  const spliced = spliceShell(text, shell);
  if (!spliced.ok) {
    const [first] = spliced.error;
    const help = first !== undefined && 'help' in first ? '; hand it over with sh.with({ env }) and write "$NAME"' : '';
    return refuse('sh', `${(first?.message ?? 'it cannot be read').replace(/^an expression/, 'a value')}${help}`);
  }
  const values = spliced.value.values.map(({ name, template }) => {
    const part = template.kind === 'mixed' ? template.parts[0] : undefined;
    const offset = part === undefined || typeof part === 'string' ? -1 : part.offset;
    const marker = text.lastIndexOf('${{', offset);
    return [name, words[placed.get(marker) ?? -1] ?? ''] as const;
  });
  return { kind: 'shell', shell, text: spliced.value.text, values: Object.fromEntries(values) };
}

async function runCommand(command: CommandAction, given: readonly unknown[], options: ShellOptions): Promise<Json> {
  const conductor = currentConductor();
  if (conductor === null)
    throw new Error('sh runs commands as steps of a flow: use it inside a flow function or a task');
  const { name = 'sh', key, env = {}, workdir, stdin, output = 'file', successCodes } = options;
  const outcome = await conductor.call({
    kind: 'command',
    name,
    key: key === undefined ? null : String(key),
    needs: originsOf(given),
    options: requestedOptions('sh', options as StepOptions<never>, NO_OPTIONS, []),
    command,
    env,
    workdir: workdir ?? null,
    stdin: stdin ?? null,
    output,
    success_codes: successCodes ?? [0],
  });
  if (outcome.kind === 'failed') throw new TaskError(outcome.step, outcome.attempts, outcome.failure);
  noteOrigin(outcome.outputs, outcome.step);
  return outcome.outputs;
}

function checkOptions(options: ShellOptions): void {
  checkNames('sh.with()', options, SHELL_OPTION_NAMES);
  requestedOptions('sh.with()', options as StepOptions<never>, NO_OPTIONS, null);
  const { name, shell, output, successCodes, env } = options;
  if (name !== undefined && parseStepId(name) === null) refuse('sh.with()', `\`${name}\` cannot be the name of a step`);
  if (shell !== undefined) oneOf('sh.with()', 'shell', shell, ['sh', 'bash']);
  if (output !== undefined) oneOf('sh.with()', 'output', output, ['file', 'json', 'text', 'lines']);
  for (const code of successCodes ?? []) wholeNumber('sh.with()', 'successCodes', code, 0, 255);
  if (env !== undefined) texts('sh.with()', 'env', Object.values(env));
}

function shellWith<R>(options: ShellOptions): Shell<R> {
  const run = (first: TemplateStringsArray | readonly string[], ...values: readonly ShellValue[]): Promise<Json> =>
    inTransaction(start(first, values));
  const start = async (
    first: TemplateStringsArray | readonly string[],
    values: readonly ShellValue[],
  ): Promise<Json> => {
    if ('raw' in first) return runCommand(shellCommand(first, values, options.shell ?? 'sh'), values, options);
    const argv = texts('sh', 'argv', first);
    if (argv.length === 0) refuse('sh', 'a program has to be named');
    return runCommand({ kind: 'argv', argv }, [first], options);
  };
  return Object.assign(run, {
    with(more: ShellOptions) {
      checkOptions(more);
      return shellWith({ ...options, ...more });
    },
  }) as unknown as Shell<R>;
}

/**
 * Runs a command as a step of its own, keyed `sh`, `sh#2` ... Values in the text are handed over in variables of the environment, quoted
 * for the place where they stand; where a value would be read as code the call is refused.
 *
 * Recorded and replayed as a call of a task is, with the text and the values for arguments.
 * @returns the command's outputs: what it wrote to `$FLOWCTL_OUTPUT` (null: nothing), or its stdout as `output` says.
 * @throws {TaskError} with `code` `exit_code` and the like; {OptionError} for a value where none can stand.
 * @example
 * await sh`gzip ${path}`;
 * const files = await sh.with({ output: 'lines', timeout: '10s' })`ls -1 ${folder}`;
 */
export const sh: Shell<JsonObject | null> = shellWith({});
