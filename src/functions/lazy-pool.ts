/** The pool of function hosts, of which nothing is loaded before the first call. */

import type { FunctionPool } from './pool.ts';

/** A pool that may never come to be. */
export interface LazyPool {
  /** The pool; its code is loaded when it is asked for first. */
  pool(): Promise<FunctionPool>;
  /** Sends its threads home, if there are any. */
  close(): Promise<void>;
}

/**
 * A pool whose code, and whose threads, are loaded with the first call: a run without functions pays for neither.
 * @param cacheFolder where bundled modules are kept.
 * @param maxHosts how many functions may run at once.
 */
export function lazyFunctionPool(cacheFolder: string, maxHosts: number): LazyPool {
  let pool: Promise<FunctionPool> | null = null;
  const open = async (): Promise<FunctionPool> => {
    const [{ createFunctionPool }, { createModuleLoader }] = await Promise.all([
      import('./pool.ts'),
      import('./modules.ts'),
    ]);
    const modules = createModuleLoader({ cacheFolder, programUrl: new URL('./index.js', import.meta.url) });
    return createFunctionPool({ hostUrl: new URL('./function-host.js', import.meta.url), modules, maxHosts });
  };
  return {
    pool: () => {
      pool ??= open();
      return pool;
    },
    close: async () => {
      if (pool !== null) await (await pool).close();
    },
  };
}
