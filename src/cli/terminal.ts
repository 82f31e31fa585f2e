/** The terminal as the live view needs it: its size, whether it takes another frame, and whether it is ours at the moment. */

import { readFileSync } from 'node:fs';
import type { TreeClock, TreeTerminal } from '../observers/tree/live-view.ts';
import { isTerminalLent, onTerminalReturn } from '../process/terminal.ts';
import type { Output } from './output.ts';

/** What decides whether a live view is possible, and wanted. */
export interface TerminalQuestion {
  readonly isTerminal: boolean;
  readonly environment: { readonly [name: string]: string | undefined };
}

/** True where the cursor can be moved. */
export const canDraw = ({ isTerminal, environment }: TerminalQuestion): boolean =>
  isTerminal && environment['TERM'] !== 'dumb' && (environment['TERM'] ?? '') !== '';

/** True where somebody may watch: a terminal that can be drawn on, and no CI job, whose terminal is a recording. */
export function isWatched(question: TerminalQuestion): boolean {
  const isCi = !['', '0', 'false'].includes(question.environment['CI'] ?? '');
  return canDraw(question) && !isCi;
}

/** What decides whether somebody can be asked. */
export interface PersonQuestion {
  readonly stdin: boolean;
  readonly output: boolean;
  readonly environment: TerminalQuestion['environment'];
}

/** True where somebody sits who can be asked: at a terminal on both sides, of which the program has the keys, and not in a CI job. */
export const isAttended = ({ stdin, output, environment }: PersonQuestion): boolean =>
  stdin && isWatched({ isTerminal: output, environment }) && isInForeground();

/** The terminal behind an output. */
export function treeTerminal(output: Output): TreeTerminal {
  return {
    get columns() {
      return output.columns;
    },
    get rows() {
      return output.rows;
    },
    get readiness() {
      if (isTerminalLent()) return 'away';
      if (output.isGone || !output.isDrained) return 'busy';
      return isInForeground() ? 'ready' : 'away';
    },
    write: (text) => output.write(text),
    onReturn(callback) {
      // No handler for SIGTSTP: between frames nothing has to be restored, and the default stops the program.
      process.on('SIGCONT', callback);
      const stop = onTerminalReturn(callback);
      return () => {
        process.off('SIGCONT', callback);
        stop();
      };
    },
  };
}

/** The time of the system, with timers that do not keep the program alive. */
export const treeClock: TreeClock = {
  monotonic: () => performance.now(),
  every(intervalMs, callback) {
    const timer = setInterval(callback, intervalMs).unref();
    return () => clearInterval(timer);
  },
};

/**
 * True unless the shell put the program into the background (`&`, or Ctrl-Z and `bg`): then another process group owns the terminal
 * (fields 5 and 8 of /proc/PID/stat, see proc_pid_stat(5), counted behind the last `)`). Where there is no /proc it is taken as true.
 */
export function isInForeground(): boolean {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1');
    const [, , group, , , owner] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // -1: no terminal controls this session, so none of its shells can have moved us.
    return owner === '-1' || group === owner;
  } catch {
    return true;
  }
}
