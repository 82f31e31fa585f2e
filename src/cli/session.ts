/** What every command has at hand: the two streams, colours, the environment, and the options that every command takes. */

import type { Command } from 'commander';
import { linesWithoutControls } from '../observers/terminal-filter.ts';
import { createStyle, hasColour, type Style } from './style.ts';
import { Output } from './output.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly stateDir?: string;
  readonly color?: boolean;
  readonly quiet?: boolean;
  readonly logLevel?: LogLevel;
}

/** How much is said on the way: `warn` leaves out what went well, `error` says only what failed. */
export type LogLevel = 'info' | 'warn' | 'error';

const LEVELS: readonly LogLevel[] = ['info', 'warn', 'error'];

/** One call of the program. */
export interface Session {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly style: Style;
  /** Colours for what goes to stderr. */
  readonly errorStyle: Style;
  readonly environment: { readonly [name: string]: string | undefined };
  readonly workingDirectory: string;
  /** As `--state-dir` says; absent: it does not. */
  readonly stateDirectory?: string;
  /** Ends the program with this code when everything else is done. */
  exit(code: number): void;
  /** Says what went wrong, and what to do. */
  complain(message: string, help?: string | null): void;
  /** Mentions something that needs no action. */
  mention(message: string): void;
}

/** Adds the options that every command takes. */
export function withGlobalOptions(command: Command): Command {
  return command
    .option('--state-dir <folder>', 'where runs are recorded (default: .flowctl in the project)')
    .option('--log-level <level>', `how much is said on the way: ${LEVELS.join(', ')}`, readLevel)
    .option('--color', 'colours, even where no terminal listens')
    .option('--no-color', 'no colours')
    .option('-q, --quiet', 'say only what failed');
}

/** A usage error: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly help: string | null;
  /** @param help what to type instead. */
  constructor(message: string, help: string | null = null) {
    super(message);
    this.help = help;
  }
}

function readLevel(text: string): LogLevel {
  const level = LEVELS.find((known) => known === text);
  if (level === undefined) throw new UsageError(`\`--log-level ${text}\`: expected one of ${LEVELS.join(', ')}`);
  return level;
}

/** The two streams; nothing is written to either by another way, for a reader that left is no error here only. */
export const streams = {
  stdout: new Output(1, () => process.stdout),
  stderr: new Output(2, () => process.stderr),
};

let hide = (text: string): string => text;

/** From now on no message of any session shows what `change` takes out of it: a run begins that knows secrets. */
export function hideInMessages(change: (text: string) => string): void {
  hide = change;
}

/** A text as messages may show it. */
export const hidden = (text: string): string => hide(text);

/** Messages repeat what was typed, which a shell may have taken from the names of files. */
const shown = (text: string): string => linesWithoutControls(hide(text));

/** Makes a session from the options of a command. */
export function openSession(options: GlobalOptions): Session {
  const { stdout, stderr } = streams;
  const environment = process.env;
  // commander's `--no-color` makes `color` true when neither flag stands, so the arguments themselves are asked.
  const flag = process.argv.includes('--no-color') ? false : process.argv.includes('--color') ? true : undefined;
  const styleFor = (stream: Output) => createStyle(hasColour({ flag, environment, isTerminal: stream.isTerminal }));
  const errorStyle = () => styleFor(stderr);
  return {
    stdout,
    stderr,
    get style() {
      return styleFor(stdout);
    },
    get errorStyle() {
      return errorStyle();
    },
    environment,
    workingDirectory: process.cwd(),
    ...(options.stateDir === undefined ? {} : { stateDirectory: options.stateDir }),
    exit(code) {
      process.exitCode = code;
    },
    complain(message, help = null) {
      const { diagnostics } = errorStyle();
      stderr.write(`${diagnostics.error('error')}: ${shown(message)}\n`);
      if (help !== null) stderr.write(`${diagnostics.help('help')}: ${shown(help)}\n`);
    },
    mention(message) {
      if (options.quiet !== true && options.logLevel !== 'error') stderr.write(`${shown(message)}\n`);
    },
  };
}
