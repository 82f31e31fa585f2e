/** A command that flowctl runs for itself, beside any run: it is to be gone with flowctl all the same, and with all that it started. */

import { randomBytes } from 'node:crypto';
import { parseRunId, type RunId, stepKeyOf, parseStepId } from '../base/ids.ts';
import { Bug } from '../base/result.ts';
import { systemClock } from './clock.ts';
import { sweepRun } from './sweep.ts';
import { TOKEN_VARIABLE, tokenOf } from './token.ts';
import { startWatchdog } from './watchdog.ts';

/** What stands ready to end a command. */
export interface Guard {
  /** The environment that the command has to be started with. */
  readonly environment: { readonly [name: string]: string | undefined };
  /** Kills the command and everything that it started. Resolves when nothing of it is left. */
  end(): Promise<void>;
  /** The command has ended by itself: what it left running on purpose, as an agent that keeps a key, may stay. */
  leave(): Promise<void>;
}

/** What the command is asked to end with when flowctl is gone, and killed after this. */
const GRACE_MS = 500;

/**
 * Guards a command that is about to be started. It may stay in the group of flowctl, where it can ask somebody on the terminal: what
 * belongs to it is found by a token. When flowctl goes first, however it goes, a watchdog ends the command.
 * @param environment what the command is to see.
 * @throws {Bug} when the system has no `sh`.
 */
export function guardCommand(environment: Guard['environment']): Guard {
  const id = freshId();
  const watchdog = startWatchdog({ run: id, graceMs: GRACE_MS });
  const step = parseStepId('command');
  if (step === null) throw new Bug('`command` is a name');
  return {
    environment: {
      ...environment,
      [TOKEN_VARIABLE]: tokenOf(environment[TOKEN_VARIABLE] ?? '', id, stepKeyOf(step), 1),
    },
    end: async () => {
      await sweepRun(id, { clock: systemClock(), graceMs: 0 });
      await watchdog.close();
    },
    leave: () => watchdog.close(),
  };
}

/** Names no run that there ever was: those of the year 1970. */
function freshId(): RunId {
  const id = parseRunId(`0000000000${randomBytes(8).toString('hex')}`);
  if (id === null) throw new Bug('hexadecimal digits are digits of run ids');
  return id;
}
