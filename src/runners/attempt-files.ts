/** The files of a command's attempt: made before it starts, put away when it has ended. */

import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { err, ok, type Result } from '../base/result.ts';
import { isMomentary } from '../process/launcher.ts';
import { type AttemptLog, openLog, openPipedLog } from '../process/log.ts';
import { createOutputFile, removeOutputFile } from '../process/output-file.ts';
import type { CommandLine } from './command-line.ts';
import { failedToStart, type RunnerContext, type WorkEnd } from './runner.ts';

/**
 * Makes the fresh output file, the artifacts folder, the script of a long text, and opens the log.
 * @returns the log, or the end of the attempt: `refused` when descriptors or processes are used up for the moment.
 */
export async function makeAttemptFiles(
  line: CommandLine,
  { places, clock }: RunnerContext,
): Promise<Result<AttemptLog, WorkEnd>> {
  try {
    makeFolder(places.artifacts);
    createOutputFile(places.output);
    if (line.script !== null) writeFileSync(places.script, line.script, { mode: 0o600 });
    const piped = line.reopensOutput ? await openPipedLog(places.log, clock) : null;
    return ok(piped ?? openLog(places.log));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (isMomentary(code)) return err({ kind: 'refused', code });
    return err(failedToStart('start_refused', `the files of the attempt cannot be made (${message})`));
  }
}

/** Removes what was only for the attempt; the log stays, and the artifacts folder where something is in it. */
export function putAwayAttemptFiles(line: CommandLine, { places }: RunnerContext): void {
  if (line.script !== null) removeOutputFile(places.script);
  removeOutputFile(places.output);
  try {
    rmdirSync(places.artifacts);
  } catch {
    // It holds artifacts.
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') mkdirSync(folder, { recursive: true, mode: 0o700 });
    else if (code !== 'EEXIST') throw error;
  }
}
