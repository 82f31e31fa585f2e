/** Mends what a crash left in a run's folder. Only for the holder of the run's lock, and only what was never acknowledged. */

import { constants } from 'node:fs';
import { open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { FILE_MODE, isTemporaryName, openForReading, syncDirectory } from './durable-files.ts';
import type { TornTail } from './journal-reader.ts';
import type { RunLayout } from './layout.ts';
import { systemCode } from './problem.ts';

/** Named pipes of a log that was being opened. */
const LOG_PIPE = /\.log\.\d+\.pipe$/;
/** Of one attempt; gone when it ends. */
const ATTEMPT_FILE = /\.\d+\.(?:output|script|input)$/;

/**
 * What the last owner had not finished when it died, as paths: documents and outputs half written, and the files of attempts that
 * live only as long as these (output files, scripts, pipes).
 */
export async function strayFiles(run: RunLayout): Promise<readonly string[]> {
  return [
    ...(await namesWhere(run.directory, isTemporaryName)),
    ...(await namesWhere(run.outputs, (name) => isTemporaryName(name) || ATTEMPT_FILE.test(name))),
    ...(await namesWhere(run.logs, (name) => LOG_PIPE.test(name))),
  ];
}

/** Removes these. */
export async function removeStrayFiles(run: RunLayout): Promise<void> {
  for (const path of await strayFiles(run)) await unlink(path).catch(ignoreMissing);
}

async function namesWhere(folder: string, isStray: (name: string) => boolean): Promise<readonly string[]> {
  return (await namesIn(folder)).filter(isStray).map((name) => join(folder, name));
}

/**
 * Cuts a torn tail off a journal; it is kept beside it, as `journal.torn-<n>`, before that.
 * @returns the path it was kept at.
 */
export async function cutTornTail(run: RunLayout, torn: TornTail): Promise<string> {
  const kept = await keepTail(run, torn);
  // It may know the torn record, which is about to be given up: the next reader must not miss it.
  await unlink(run.snapshot).catch(ignoreMissing);
  await syncDirectory(run.directory);
  const journal = await open(run.journal, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    await journal.truncate(torn.offset);
    await journal.sync();
  } finally {
    await journal.close();
  }
  return kept;
}

async function keepTail(run: RunLayout, torn: TornTail): Promise<string> {
  const taken = new Set(await namesIn(run.directory));
  let number = 1;
  while (taken.has(`journal.torn-${number}`)) number += 1;
  const path = join(run.directory, `journal.torn-${number}`);
  const target = await open(path, 'wx', FILE_MODE);
  try {
    const source = await openForReading(run.journal);
    try {
      const end = torn.offset + torn.bytes - 1;
      const tail = source.createReadStream({ start: torn.offset, end, autoClose: false });
      // `writeFile` of a handle goes on where the last one ended, and repeats short writes.
      for await (const chunk of tail) await target.writeFile(chunk as Buffer);
    } finally {
      await source.close();
    }
    await target.sync();
  } finally {
    await target.close();
  }
  return path;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    ignoreMissing(error);
    return [];
  }
}

function ignoreMissing(error: unknown): void {
  if (systemCode(error) !== 'ENOENT') throw error;
}
