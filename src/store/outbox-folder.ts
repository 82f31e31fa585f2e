/** Whether anything is kept in `messages/`, for those who look at every run: nothing else is loaded for it. */

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { StateLayout } from './layout.ts';

const NAME = /^[0-9a-z]{26}-[0-9a-f]{16}\.json$/;

/** The folder of what was not delivered. */
export const outboxPath = (state: StateLayout): string => join(state.root, 'messages');

/** The names of all messages, those of the oldest run first; none where there is no folder. */
export async function messageFiles(state: StateLayout): Promise<readonly string[]> {
  const names = await readdir(outboxPath(state)).catch((): string[] => []);
  return names.filter((name) => NAME.test(name)).sort();
}

/** Whether there is any message: reads one directory. */
export const hasMessages = async (state: StateLayout): Promise<boolean> => (await messageFiles(state)).length > 0;
