/** The resident shells of one life of a run: as many as steps want at once, within bounds, and none where they could not keep what a start promises. */

import { existsSync, realpathSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { descriptorsAreFree, hasAmpleDescriptors } from './descriptors.ts';
import { systemProgram } from './programs.ts';
import { isInheritable } from './resident-script.ts';
import { canReap, ResidentShell } from './resident-shell.ts';

/** Shells for steps. */
export interface ResidentShells {
  /** What the shells inherited. */
  readonly heritage: { readonly [name: string]: string };
  /**
   * A shell for one step, to be run or given back; null: the step is to be started in another way. Where all are busy another one is started for what
   * comes later.
   */
  take(): ResidentShell | null | Promise<ResidentShell | null>;
  /** Ends those that are idle, and waits until they are gone. Nothing may run any more. */
  close(): Promise<void>;
}

/** More at once are worth their memory to nobody: 2 MB each. */
const MOST_SHELLS = Math.max(4, 2 * availableParallelism());
/** Of a flow that ends its shells again and again. */
const MOST_STARTS = 100;
/** Shells that were gone before they had come up: there will be none. */
const MOST_FAILURES = 3;

/**
 * @param heritage what they inherit, and what is not said to them again. @param after so many steps are started otherwise before a shell is worth its own start; 0: the first waits.
 * @returns null where there can be none: the system's `sh` is not dash, there is no /proc that lists children, or the environment holds
 *   what a shell would not hand on, or descriptors are scarce.
 */
export function residentShells(heritage: { readonly [name: string]: string }, after: number): ResidentShells | null {
  const programs = isInheritable(heritage) ? programsFor() : null;
  if (programs === null) return null;
  const shells = new Set<ResidentShell>();
  const waiting: ((shell: ResidentShell | null) => void)[] = [];
  let asked = 0;
  let starts = 0;
  let failures = 0;
  const changed = (): void => {
    for (const shell of shells) {
      if (!shell.isGone) continue;
      shells.delete(shell);
      if (!shell.hasBeenUp) failures += 1;
    }
    for (const shell of shells) {
      if (waiting.length === 0) return;
      if (shell.take()) waiting.shift()?.(shell);
    }
    // Nobody is left who could come.
    if (shells.size === 0) for (const give of waiting.splice(0)) give(null);
  };
  const startOne = (): boolean => {
    if (shells.size >= MOST_SHELLS || starts >= MOST_STARTS || failures >= MOST_FAILURES) return false;
    if (!descriptorsAreFree()) return false;
    starts += 1;
    const shell = ResidentShell.start(programs, heritage, changed);
    if (shell !== null) shells.add(shell);
    return shell !== null;
  };
  return {
    heritage,
    take: () => {
      asked += 1;
      if (asked <= after) return null;
      for (const shell of shells) if (shell.take()) return shell;
      if (!startOne() || after > 0) return null;
      return new Promise((resolve) => waiting.push(resolve));
    },
    close: async () => {
      await Promise.all([...shells].map((shell) => shell.retire()));
    },
  };
}

let found: { readonly perl: string; readonly sh: string } | null | undefined;

/** What they are made of; null where that is missing. Looked for once. */
function programsFor(): { readonly perl: string; readonly sh: string } | null {
  if (found !== undefined) return found;
  const [perl, sh] = [systemProgram('perl'), systemProgram('sh')];
  found =
    perl !== null && sh !== null && hasAmpleDescriptors() && canReap() && isDash(sh) && listsChildren()
      ? { perl, sh }
      : null;
  return found;
}

function isDash(sh: string): boolean {
  try {
    return path.basename(realpathSync(sh)) === 'dash';
  } catch {
    return false;
  }
}

/** Also false where /proc is that of other processes: our number is another's there. */
const listsChildren = (): boolean => existsSync(`/proc/self/task/${process.pid}/children`);
