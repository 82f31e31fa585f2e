/**
 * The terminal that flowctl was started on. It is lent to one borrower at a time, for a step with `interactive: true` or a question to
 * whoever sits there; who draws or prints on it meanwhile waits until it is back. Its modes (raw, without echo ...) are then what
 * they were, however the borrower ended.
 */

import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { systemProgram } from './programs.ts';

/** The terminal, while it is lent. */
export interface LentTerminal {
  /** Open for reading and writing. */
  readonly descriptor: number;
  /**
   * Call it once; the descriptor is closed.
   * @param wasCutShort the borrower could not tidy up after itself on a terminal that obeys escape sequences. Default: false.
   */
  giveBack(wasCutShort?: boolean): void;
}

let isLent = false;
const queue: (() => void)[] = [];
const returning = new Set<() => void>();

/** True while somebody has it. */
export const isTerminalLent = (): boolean => isLent;

/** Calls back whenever it is back and nobody waits for it. The returned function ends that. */
export function onTerminalReturn(callback: () => void): () => void {
  returning.add(callback);
  return () => returning.delete(callback);
}

/**
 * Borrows the terminal, when it is free.
 * @param givenUp aborted when it is not wanted any more.
 * @returns null when there is no terminal, or when it was given up.
 */
export async function borrowTerminal(givenUp: AbortSignal): Promise<LentTerminal | null> {
  while (isLent && !givenUp.aborted) {
    await new Promise<void>((proceed) => {
      queue.push(proceed);
      givenUp.addEventListener('abort', () => proceed(), { once: true });
    });
  }
  const descriptor = givenUp.aborted ? null : openTerminal();
  if (descriptor === null) {
    // Whoever was woken in vain wakes the next one.
    if (!isLent) queue.shift()?.();
    return null;
  }
  isLent = true;
  const modes = readModes(descriptor);
  return {
    descriptor,
    giveBack: (wasCutShort = false) => {
      if (modes !== null) stty(descriptor, [modes]);
      if (wasCutShort) tidyUp();
      closeSync(descriptor);
      isLent = false;
      const next = queue.shift();
      if (next === undefined) for (const callback of returning) callback();
      else next();
    },
  };
}

/**
 * What full-screen programs switch, switched back (xterm's control sequences): the other screen, mouse reports, pasting in brackets; the
 * cursor is shown, lines wrap, and text is plain. None of them does anything where nothing was switched.
 */
const USUAL =
  '\u001b[?1047l\u001b[?1000l\u001b[?1002l\u001b[?1003l\u001b[?1006l\u001b[?2004l\u001b[?7h\u001b[?25h\u001b[0m';

function tidyUp(): void {
  try {
    // Not by the descriptor of the step, which would wait where the terminal is held (Ctrl-S).
    const descriptor = openSync('/dev/tty', constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(descriptor, USUAL);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    // It is gone, or nobody reads it.
  }
}

/** @returns null where no terminal controls the session: cron, a CI job, `setsid`. */
function openTerminal(): number | null {
  try {
    return openSync('/dev/tty', constants.O_RDWR);
  } catch {
    return null;
  }
}

/** The modes of a terminal in the form that stty reads again (POSIX.1 XCU, stty -g). */
function readModes(descriptor: number): string | null {
  const modes = stty(descriptor, ['-g']);
  return modes === null || modes === '' ? null : modes;
}

function stty(descriptor: number, words: readonly string[]): string | null {
  const program = systemProgram('stty');
  if (program === null) return null;
  const { status, stdout } = spawnSync(program, words, { stdio: [descriptor, 'pipe', 'ignore'], encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}
