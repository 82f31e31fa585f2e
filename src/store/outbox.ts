/**
 * `messages/`: what may not have reached its receiver, one file each, there before the first try and gone after the one that succeeded. It
 * belongs to no run: a run that is deleted, or that nobody goes on with, has its messages sent all the same. One process at a time sends
 * what others left behind.
 */

import { createHash } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunId } from '../base/ids.ts';
import type { Result } from '../base/result.ts';
import { type OutgoingMessage, readMessage } from '../model/message.ts';
import { DurableFile } from './documents.ts';
import { DIRECTORY_MODE, FILE_MODE, syncDirectory } from './durable-files.ts';
import { tryFlock } from './flock-program.ts';
import type { StateLayout } from './layout.ts';
import { messageFiles, outboxPath } from './outbox-folder.ts';
import { secureDirectory } from './permissions.ts';
import { guarded, type StateProblem, systemCode, unwrap } from './problem.ts';

/** Given-up messages are kept for people this long. */
const KEPT_MS = 30 * 86_400_000;

/** The same for every attempt of one handler of one run: a message that is tried anew takes the place of the one before. */
const nameOf = ({ run, idempotency_key }: Pick<OutgoingMessage, 'run' | 'idempotency_key'>): string =>
  `${run}-${createHash('sha256').update(idempotency_key).digest('hex').slice(0, 16)}.json`;

const fileOf = (state: StateLayout, name: string): DurableFile<OutgoingMessage> =>
  new DurableFile(join(outboxPath(state), name), readMessage);

/** Keeps a message, durably; one that is there already is replaced. */
export function keepMessage(state: StateLayout, message: OutgoingMessage): Promise<Result<void, StateProblem>> {
  const folder = outboxPath(state);
  return guarded(folder, async () => {
    const made = await mkdir(folder, { mode: DIRECTORY_MODE }).then(
      () => true,
      (error: unknown) => {
        if (systemCode(error) !== 'EEXIST') throw error;
        return false;
      },
    );
    if (made) await syncDirectory(state.root);
    unwrap(await secureDirectory(folder, 'refused'));
    await fileOf(state, nameOf(message)).write(message);
  });
}

/** How a run keeps what it sends. */
export const messageDesk = (state: StateLayout) => ({
  write: async (message: OutgoingMessage): Promise<boolean> => (await keepMessage(state, message)).ok,
  drop: (message: OutgoingMessage): Promise<void> => dropMessage(state, message),
});

/** It has arrived, or can never be sent. Never rejects: one that stays is sent again. */
export async function dropMessage(state: StateLayout, message: OutgoingMessage): Promise<void> {
  await unlink(join(outboxPath(state), nameOf(message))).catch(() => undefined);
}

/**
 * All messages, oldest run first; what cannot be read is left out.
 * @param of only those of this run. Default: all.
 */
export async function messagesIn(state: StateLayout, of?: RunId): Promise<readonly OutgoingMessage[]> {
  const found: OutgoingMessage[] = [];
  for (const name of await messageFiles(state)) {
    if (of !== undefined && !name.startsWith(of)) continue;
    const message = await fileOf(state, name)
      .read()
      .catch(() => null);
    if (message !== null && nameOf(message) === name) found.push(message);
  }
  return found;
}

/** Forgets what was given up long ago. @param now milliseconds since the epoch. */
export async function forgetGivenUp(
  state: StateLayout,
  messages: readonly OutgoingMessage[],
  now: number,
): Promise<void> {
  for (const message of messages) {
    const { given_up_at: at } = message;
    if (at !== null && now - Date.parse(at) > KEPT_MS) await dropMessage(state, message);
  }
}

/**
 * Does something while no other process sends what was left behind.
 * @returns null when another one does.
 */
export async function whileAlone<T>(state: StateLayout, work: () => Promise<T>): Promise<T | null> {
  const path = join(outboxPath(state), 'lock');
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, FILE_MODE);
  try {
    return (await tryFlock(fd, 'exclusive', path)) ? await work() : null;
  } finally {
    closeSync(fd);
  }
}
