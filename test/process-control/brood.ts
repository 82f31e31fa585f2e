/**
 * Processes that are hard to end, of every kind, and the one question that a test has about them: is any left? They are looked for
 * by a word among their arguments, so that none is missed for having lost its group, its session or its environment.
 */

import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import type { Rig } from '../kit/rig.ts';

/**
 * What each kind does, in bash: `$1` is a text that says `up` and sleeps for ever. The kinds that leave the group are found by their
 * token; those that cleared their environment by their group; who does both is beyond reach, which is a stated limit.
 */
const KINDS = {
  /** In its group, as any command in the background. */
  child: 'sh -c "$1" &',
  /** Ignores whatever asks it to end. */
  stubborn: '(trap "" TERM INT HUP QUIT; exec sh -c "$1") &',
  /** Forks twice, with a session of its own each time. */
  daemon: 'setsid sh -c \'setsid sh -c "$1" & exit\' daemon "$1" &',
  stubborn_daemon: '(trap "" TERM INT HUP; exec setsid sh -c \'setsid sh -c "$1" & exit\' daemon "$1") &',
  nohup: 'nohup sh -c "$1" > /dev/null 2>&1 &',
  /** Leaves the group, but not the session. */
  leaver: 'bash -mc \'sh -c "$1" & exit\' leaver "$1"',
  /** Holds standard input and output of the step. */
  holder: 'exec 3<&0; sh -c "$1" <&3 &',
  /** Knows no token, but stays in the group. */
  cleared: 'env -i PATH="$PATH" UP="$UP" sh -c "$1" &',
  /** Is another process of another session every 50 ms. */
  hopper: 'sh "$HOPPER" up &',
  /** Starts more and more of its kind in its group, to a bound that the machine can take. */
  storm: 'sh "$STORM" 5 &',
} as const;

/** A kind of process. */
export type Kind = keyof typeof KINDS;

/** All kinds. */
export const ALL_KINDS = Object.keys(KINDS) as readonly Kind[];

/** The processes of one test. */
export interface Brood {
  /** The command that starts one of each kind but $WITHOUT. It ends when all of them are there, with one line of effects. */
  readonly command: string;
  /** Those that live, as `pid: arguments`, and what else may tell why. */
  alive(): readonly string[];
  /** Ends what a case that failed has left. */
  end(): void;
}

/** Writes the programs of a brood into the project. */
export function broodIn(rig: Rig, kinds: readonly Kind[] = ALL_KINDS): Brood {
  // An argument of sleep that no other test has.
  const seconds = `9${randomInt(1e8, 1e9)}`;
  const say = 'echo up >> "$UP"';
  const sleeper = `${say}; exec sleep ${seconds}`;
  const hopper = rig.write(
    `hop-${seconds}.sh`,
    `[ -z "$1" ] || ${say}\nsleep 0.05\n[ -e "$HOPPER" ] || exit 0\nsetsid sh "$HOPPER" &\n`,
  );
  const storm = rig.write(
    `storm-${seconds}.sh`,
    `[ "$1" -gt 1 ] && sh "$STORM" $(($1 - 1)) &\n[ "$1" -gt 3 ] && sh "$STORM" $(($1 - 1)) &\n[ "$1" = 5 ] && ${say}\nexec sleep ${seconds}\n`,
  );
  const program = rig.write(
    `brood-${seconds}.sh`,
    [
      `export HOPPER=${hopper} STORM=${storm} UP=$(mktemp ${rig.path('up')}-XXXXXX)`,
      `set -- '${sleeper}'`,
      'n=0',
      ...kinds.map((kind) => `[ "$WITHOUT" = ${kind} ] || { n=$((n + 1)); ( ${KINDS[kind]}\n) }`),
      'until [ "$(wc -l < "$UP")" -ge $n ]; do sleep 0.02; done',
      'echo up >> "$EFFECTS"',
      '',
    ].join('\n'),
  );
  return {
    command: `bash ${program}`,
    alive: () => livingWith(seconds),
    end: () => {
      rmSync(hopper, { force: true });
      for (const line of livingWith(seconds)) {
        try {
          process.kill(Number(line.split(':')[0]), 'SIGKILL');
        } catch {
          // Gone by itself.
        }
      }
    },
  };
}

function livingWith(word: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
        // The shells that run a brood name its program too; the orchestrator names none of these.
        if (!line.includes(word)) return [];
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        const [state, parent, group, session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const token = readFileSync(`/proc/${pid}/environ`, 'latin1')
          .split('\0')
          .find((entry) => entry.startsWith('FLOWCTL_TOKEN='));
        return [`${pid}: ${line} (${state}, of ${parent}, group ${group}, session ${session}, ${token})`];
      } catch {
        return [];
      }
    });
}
