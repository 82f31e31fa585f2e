/**
 * Says when to look at files: through chokidar, which is told by the kernel. It is a hint and nothing more: network folders tell nobody,
 * and a kernel has only so many watches. What really happened is found by looking, which is also done without any hint.
 */

import { existsSync } from 'node:fs';
import { dirname, isAbsolute, resolve } from 'node:path';
import type { FSWatcher } from 'chokidar';

/** Where files are expected. */
export interface WatchedPlace {
  readonly directory: string;
  readonly globs: readonly string[];
}

/** How often it is said where the kernel cannot tell. */
const POLL_MS = 2_000;
/** Many files that arrive together are one reason to look. */
const GATHER_MS = 50;

/** The watchers of one process. */
export class FileHints {
  readonly #hear: () => void;
  readonly #mention: (message: string) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  #poll: NodeJS.Timeout | null = null;
  #gathering: NodeJS.Timeout | null = null;

  /** @param hear called when something may have happened. @param mention told once when the kernel cannot tell. */
  constructor(hear: () => void, mention: (message: string) => void) {
    this.#hear = hear;
    this.#mention = mention;
  }

  /** Watches these places and no others. */
  async watch(places: readonly WatchedPlace[]): Promise<void> {
    const wanted = new Map(
      places.flatMap(({ directory, globs }) =>
        globs
          .filter((glob) => !glob.startsWith('!'))
          .map((glob) => {
            const { root, depth } = placeOf(directory, glob);
            return [`${root}\n${depth ?? ''}` as string, { root, depth }] as const;
          }),
      ),
    );
    for (const [key, watcher] of this.#watchers) {
      if (wanted.has(key)) continue;
      this.#watchers.delete(key);
      await watcher.close();
    }
    for (const [key, { root, depth }] of wanted) {
      if (this.#watchers.has(key)) continue;
      const { watch } = await import('chokidar');
      const watcher = watch(root, {
        ignoreInitial: true,
        ignored: (path) => path !== root && isNobodys(path.slice(root.length)),
        ...(depth === null ? {} : { depth }),
      });
      this.#watchers.set(key, watcher);
      watcher.on('all', () => this.#gather());
      // Without a listener it would end the process.
      watcher.on('error', (error) => this.#fail(error));
      // What happened before it was ready is told by nobody.
      watcher.on('ready', () => this.#gather());
    }
  }

  /** Stops. */
  async close(): Promise<void> {
    if (this.#poll !== null) clearInterval(this.#poll);
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    await Promise.all([...this.#watchers.values()].map((watcher) => watcher.close()));
    this.#watchers.clear();
  }

  #gather(): void {
    this.#gathering ??= setTimeout(() => {
      this.#gathering = null;
      this.#hear();
    }, GATHER_MS);
  }

  #fail(error: unknown): void {
    if (this.#poll !== null) return;
    const why = error instanceof Error ? error.message : String(error);
    this.#mention(`files are looked at every ${POLL_MS / 1_000} s, for they cannot be watched: ${why}`);
    this.#poll = setInterval(() => this.#hear(), POLL_MS);
  }
}

const isNobodys = (path: string): boolean => /(^|\/)(\.git|\.flowctl|node_modules)(\/|$)/.test(path);

/** The nearest folder that is there, and how deep below it files may lie; null: as deep as it goes. */
function placeOf(directory: string, glob: string): { readonly root: string; readonly depth: number | null } {
  const names = glob.split('/');
  const wild = names.findIndex((name) => /[*?[{\\]/.test(name));
  const fixed = (wild === -1 ? names : names.slice(0, wild)).join('/') || (isAbsolute(glob) ? '/' : '.');
  const wanted = resolve(directory, fixed);
  let root = wanted;
  while (!existsSync(root) && dirname(root) !== root) root = dirname(root);
  const isDeep = glob.includes('**') || wild === -1;
  const missing = wanted
    .slice(root.length)
    .split('/')
    .filter((name) => name !== '').length;
  return { root, depth: isDeep && root === wanted ? null : missing + (wild === -1 ? 1 : names.length - wild) };
}
