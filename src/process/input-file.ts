/**
 * What a command reads from its standard input. It stands in a file that had its name only while it was empty: nothing of it is
 * left when flowctl dies, nobody else can open it, and no pump has to run beside the command, which may read it or not.
 */

import { closeSync, constants, openSync, unlinkSync, write } from 'node:fs';
import { promisify } from 'node:util';

const writeAsync = promisify(write);
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

/**
 * Makes the input of a process.
 * @param file the name it bears for a moment; its folder exists. A file of that name that was left from before is replaced.
 * @param text written as UTF-8.
 * @returns a descriptor for reading, which stands at the beginning; the caller closes it.
 * @throws a system error when the file cannot be made or written.
 */
export async function openInput(file: string, text: string): Promise<number> {
  const writing = createPrivate(file);
  let reading: number | undefined;
  try {
    try {
      reading = openSync(file, O_RDONLY | O_NOFOLLOW);
    } finally {
      unlinkSync(file);
    }
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += (await writeAsync(writing, bytes, at)).bytesWritten;
    return reading;
  } catch (error) {
    if (reading !== undefined) closeSync(reading);
    throw error;
  } finally {
    closeSync(writing);
  }
}

function createPrivate(file: string): number {
  const create = (): number => openSync(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    return create();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    unlinkSync(file);
    return create();
  }
}
