/** Starts flowctl for a program that embeds it: the child ends when that program does, however it goes. */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';

/** How it ended, with what it said on stderr. */
export interface ProgramEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/** A flowctl under way. */
export interface OwnProgram {
  /** Settles when it has ended and all that it printed was told. Rejects when it cannot be started. */
  readonly ended: Promise<ProgramEnd>;
  /** Asks it to end, as Ctrl-C does. */
  stop(): void;
}

/** Before the command: which descriptor ends with the program that started the child; see `cli/main.ts`. */
const EMBEDDED = '__embedded';
const LIFELINE = 3;
/** Of stderr the end is kept. */
const MOST_STDERR = 65_536;

/**
 * Starts it.
 * @param script the path of `bin/flowctl.js`. @param heard is told every line on stdout.
 */
export function startOwnProgram(script: string, argv: readonly string[], heard: (line: string) => void): OwnProgram {
  const child = spawn(process.execPath, [script, EMBEDDED, String(LIFELINE), ...argv], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  // It is written to by nobody: that it ends is what it tells.
  (child.stdio[LIFELINE] as Writable | null)?.on('error', () => undefined);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = `${stderr}${text}`.slice(-MOST_STDERR);
  });
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', heard);
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stderr }));
  });
  return { ended, stop: () => child.kill('SIGINT') };
}
