/** The files of a command's attempt: made before it starts, put away when it has ended. */

import { closeSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import path from 'node:path';
import { err, ok, type Result } from '../base/result.ts';
import type { AttemptRequest } from '../engine/ports.ts';
import { CAPTURE_LIMIT } from '../process/capture.ts';
import { openInput } from '../process/input-file.ts';
import { isMomentary } from '../process/launcher.ts';
import { type AttemptLog, openLog } from '../process/log.ts';
import { createOutputFile, removeOutputFile } from '../process/output-file.ts';
import { openPipedLog } from '../process/piped-log.ts';
import { refuseUnwritable } from '../process/unwritable-state.ts';
import type { CommandLine } from './command-line.ts';
import { type AttemptPlaces, failedToStart, type RunnerContext, type WorkEnd } from './runner.ts';

/** What an attempt reads and writes while it runs. */
export interface AttemptFiles {
  /** Its standard input; null: it has none. Whoever launches the attempt closes it. */
  readonly input: number | null;
  readonly log: AttemptLog;
}

/**
 * Makes the fresh output file, the artifacts folder, the script of a long text and the standard input, and opens the log.
 * @returns them, or the end of the attempt: `refused` when descriptors or processes are used up for the moment.
 * @throws {UnwritableState} when the disk refuses.
 */
export async function makeAttemptFiles(
  line: CommandLine,
  request: AttemptRequest,
  context: RunnerContext,
): Promise<Result<AttemptFiles, WorkEnd>> {
  const { places } = context;
  let input: number | null = null;
  try {
    makeArtifactsFolder(places);
    createOutputFile(places.output);
    if (line.script !== null) writeFileSync(places.script, line.script, { mode: 0o600 });
    if (request.stdin !== null) input = await openInput(places.input, request.stdin);
    const log = await openAttemptLog(line, request, context);
    if (log !== null) return ok({ input, log });
    if (input !== null) closeSync(input);
    const why = request.output === 'file' ? 'a step with secrets' : `\`output: ${request.output}\``;
    const message = `${why} needs the program \`mkfifo\`, which this system does not have`;
    return err(failedToStart('start_refused', message));
  } catch (error) {
    if (input !== null) closeSync(input);
    return err(endWithoutFiles(error, places));
  }
}

/**
 * The end of an attempt whose files cannot be made: `refused` when descriptors or processes are used up for the moment.
 * @throws {UnwritableState} when the disk refuses; what is no system error.
 */
export function endWithoutFiles(error: unknown, { log }: Pick<AttemptPlaces, 'log'>): WorkEnd {
  refuseUnwritable(error, log);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  if (isMomentary(code)) return { kind: 'refused', code };
  return failedToStart('start_refused', `the files of the attempt cannot be made (${message})`);
}

/** @returns null when the log needs a pipe, and none can be had. */
async function openAttemptLog(
  { reopensOutput }: CommandLine,
  { output, logs, interactive }: AttemptRequest,
  { places, clock, secrets }: RunnerContext,
): Promise<AttemptLog | null> {
  if (interactive) return openLog(places.log);
  const captureLimitBytes = output === 'file' ? null : CAPTURE_LIMIT;
  const isSecretive = secrets !== undefined && Object.keys(secrets.values).length > 0;
  if (captureLimitBytes === null && !reopensOutput && !isSecretive && logs !== 'pipe') return openLog(places.log);
  const filter = secrets === undefined ? null : () => secrets.mask.stream();
  const piped = await openPipedLog(places.log, clock, { captureLimitBytes, reopensOutput, filter });
  return piped ?? (captureLimitBytes === null && !isSecretive ? openLog(places.log) : null);
}

/** Removes what was only for the attempt; the log stays, and the artifacts folder where something is in it. */
export async function putAwayAttemptFiles(line: CommandLine, { places }: RunnerContext): Promise<void> {
  if (line.script !== null) removeOutputFile(places.script);
  removeOutputFile(places.output);
  await removeEmptyArtifacts(places);
}

/** Makes `FLOWCTL_ARTIFACTS`; it may be there. @throws a system error, also where the run's folder is gone. */
export const makeArtifactsFolder = ({ artifacts }: Pick<AttemptPlaces, 'artifacts'>): void => makeFolder(artifacts);

/**
 * Removes `FLOWCTL_ARTIFACTS` again where nothing is in it, off the main thread: to free a folder takes the disk a tenth of a millisecond,
 * a tenth of what a step costs.
 */
export async function removeEmptyArtifacts(places: Pick<AttemptPlaces, 'artifacts'>): Promise<void> {
  if (!hasArtifactsFolder(places) || leftArtifacts(places)) return;
  await rmdir(places.artifacts).catch(() => {
    // Something came into it meanwhile.
  });
}

/** True when the artifacts folder is there, or something in its place. */
export const hasArtifactsFolder = ({ artifacts }: Pick<AttemptPlaces, 'artifacts'>): boolean =>
  lstatSync(artifacts, { throwIfNoEntry: false }) !== undefined;

/** True when something is in the artifacts folder, or in its place. */
export function leftArtifacts(places: Pick<AttemptPlaces, 'artifacts'>): boolean {
  if (!hasArtifactsFolder(places)) return false;
  try {
    return readdirSync(places.artifacts).length > 0;
  } catch {
    // A file, or a folder that was made unreadable.
    return true;
  }
}

/** Makes a folder of a run, private; it may be there. @throws a system error, also where the run's folder is gone. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT') throw error;
    // Not the run's folder: where that is gone, what is put there is in nobody's state.
    mkdirSync(path.dirname(folder), { mode: 0o700 });
    mkdirSync(folder, { mode: 0o700 });
  }
}
