/** Runs the shell text of an attempt in a shell that stays, where that is the same to it. Most of its files are made there as well. */

import path from 'node:path';
import type { AttemptRequest } from '../engine/ports.ts';
import type { LaunchedProcess } from '../process/launcher.ts';
import { canBeResident, canExport, residentScript } from '../process/resident-script.ts';
import { NOTHING_RAN, type ResidentEnd, type ResidentShell } from '../process/resident-shell.ts';
import type { ResidentShells } from '../process/resident-shells.ts';
import { endWithoutFiles } from './attempt-files.ts';
import { opensOutputByName } from './command-line.ts';
import { heritageOf, type InheritedEnvironment, layersOf } from './environment.ts';
import type { RunnerContext, WorkEnd } from './runner.ts';
import type { SpareFiles } from './spare-files.ts';

/** What resident steps are run with. */
export interface ResidentOptions {
  readonly shells: ResidentShells;
  readonly spares: SpareFiles;
}

/** An attempt that a resident shell can run. */
export interface ResidentAttempt {
  readonly shell: ResidentShell;
  readonly script: string;
}

/**
 * Finds a shell for an attempt.
 * @returns null when the attempt is to be started: it is not for such a shell, or none takes it now.
 */
export function residentFor(
  { shells }: ResidentOptions,
  inherited: InheritedEnvironment,
  request: AttemptRequest,
  { places, secrets }: RunnerContext,
): ResidentAttempt | null | Promise<ResidentAttempt | null> {
  const { work, workdir } = request;
  if (work.kind !== 'shell' || work.shell !== 'sh' || shells.heritage !== heritageOf(inherited)) return null;
  if (request.interactive || request.stdin !== null || request.output !== 'file' || request.logs === 'pipe')
    return null;
  if (secrets !== undefined && (secrets.withheld.size > 0 || Object.keys(secrets.values).length > 0)) return null;
  if (!canBeResident(work.text) || opensOutputByName(work.text, workdir)) return null;
  const { own: env, shared } = layersOf(inherited, request, places);
  if (!canExport(env) || workdir.includes('\0')) return null;
  const withScript = (shell: ResidentShell | null): ResidentAttempt | null => {
    const { log, output } = places;
    return shell === null
      ? null
      : { shell, script: residentScript({ log, output, workdir, text: work.text, env }, shared) };
  };
  const shell = shells.take();
  return shell instanceof Promise ? shell.then(withScript) : withScript(shell);
}

/** A step in a resident shell, as a process that was started. */
export interface ResidentProcess extends LaunchedProcess {
  readonly exited: Promise<ResidentEnd>;
}

/** Nothing is said to the shell before `release`. */
export function residentProcess({ shell, script }: ResidentAttempt): ResidentProcess {
  let tell: (end: ResidentEnd | Promise<ResidentEnd>) => void = () => {};
  const exited = new Promise<ResidentEnd>((resolve) => {
    tell = resolve;
  });
  return {
    identity: shell.identity,
    staying: shell,
    release: () => tell(shell.run(script)),
    discard: () => {
      shell.giveBack();
      tell(NOTHING_RAN);
    },
    exited,
  };
}

/**
 * Makes the files of an attempt that its shell does not make.
 * @returns null, or the end of the attempt. @throws {UnwritableState} when the disk refuses.
 */
export function makeResidentFiles(spares: SpareFiles, { places }: RunnerContext): WorkEnd | null {
  try {
    spares.ensureFolder(path.dirname(places.log));
    spares.make(places);
    return null;
  } catch (error) {
    return endWithoutFiles(error, places);
  }
}
