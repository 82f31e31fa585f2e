/**
 * How a process that waits is told that its turn has come: it watches a file of its own, its bell, and whoever changes something for
 * it touches that file. So nobody polls, and nobody is woken for another's sake. A ring that is lost (a ringer that is killed, a file
 * system without notifications) is made up for by the ledger's slow look.
 */

import {
  closeSync,
  constants,
  openSync,
  type FSWatcher,
  readdirSync,
  statSync,
  unlinkSync,
  utimesSync,
  watch,
} from 'node:fs';
import { join } from 'node:path';
import { FILE_MODE } from '../durable-files.ts';

const bellOf = (folder: string, session: string): string => join(folder, `${session}.bell`);
const BELL_NAME = /^([0-9a-f]{16})\.bell$/;

/** Rings for a session; nothing happens where it has no bell. */
export function ring(folder: string, session: string): void {
  try {
    const bell = bellOf(folder, session);
    const { atime } = statSync(bell);
    // Any times will do: it is the change that is noticed.
    utimesSync(bell, atime, new Date(atime.getTime() + 1));
  } catch {
    // It waits for nothing, or it is gone.
  }
}

/** Removes the bells of sessions that are gone. */
export function removeBells(folder: string, isGone: (session: string) => boolean): void {
  for (const name of readdirSync(folder)) {
    const session = BELL_NAME.exec(name)?.[1];
    if (session !== undefined && isGone(session)) remove(join(folder, name));
  }
}

/** The bell of one session. */
export class Bell {
  readonly #path: string;
  #watcher: FSWatcher | null = null;

  constructor(folder: string, session: string) {
    this.#path = bellOf(folder, session);
  }

  /** True when rings are heard. */
  get hears(): boolean {
    return this.#watcher !== null;
  }

  /** Hangs the bell up and listens; later calls do nothing. */
  listen(rung: () => void): void {
    if (this.#watcher !== null) return;
    try {
      closeSync(openSync(this.#path, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, FILE_MODE));
      this.#watcher = watch(this.#path, { persistent: false }, rung).on('error', () => this.#deafen());
    } catch {
      // Out of inotify watches, or none on this file system.
    }
  }

  /** Takes the bell down. */
  remove(): void {
    this.#deafen();
    remove(this.#path);
  }

  #deafen(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never hung up, or somebody else was first.
  }
}
