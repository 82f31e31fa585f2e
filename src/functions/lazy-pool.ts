/** The pool of function hosts, of which nothing is loaded before the first call. */

import { fileURLToPath } from 'node:url';
import type { ModuleLoader } from './modules.ts';
import type { FunctionPool } from './pool.ts';

/** A pool that may never come to be. */
export interface LazyPool {
  /** The pool; its code is loaded when it is asked for first. */
  pool(): Promise<FunctionPool>;
  /** See `ModuleLoader`. */
  contentHash: ModuleLoader['contentHash'];
  /** What runs functions in processes of their own: the host's file, and the loader of their modules. */
  readonly isolated: Pick<ModuleLoader, 'prepare' | 'locateMistake'> & { readonly program: string };
  knownHash: ModuleLoader['knownHash'];
  /** What runs flow functions: the script host's file, and the loader of their modules. */
  readonly scripts: Pick<ModuleLoader, 'prepare' | 'locateMistake'> & { readonly hostUrl: URL };
  /** Sends its threads home, if there are any. */
  close(): Promise<void>;
}

/**
 * A pool whose code, and whose threads, are loaded with the first call: a run without functions pays for neither.
 * @param cacheFolder where bundled modules are kept.
 * @param maxHosts how many functions may run at once.
 */
export function lazyFunctionPool(cacheFolder: string, maxHosts: number): LazyPool {
  const hostUrl = new URL('./function-host.js', import.meta.url);
  let pool: Promise<FunctionPool> | null = null;
  let loader: Promise<ModuleLoader> | null = null;
  const openLoader = async (): Promise<ModuleLoader> => {
    const { createModuleLoader } = await import('./modules.ts');
    return createModuleLoader({ cacheFolder, programUrl: new URL('./index.js', import.meta.url) });
  };
  // One for all, so that the code whose hash was asked for is the code that is called.
  const modulesOnce = (): Promise<ModuleLoader> => {
    loader ??= openLoader();
    return loader;
  };
  const open = async (): Promise<FunctionPool> => {
    const [{ createFunctionPool }, modules] = await Promise.all([import('./pool.ts'), modulesOnce()]);
    return createFunctionPool({ hostUrl, modules, maxHosts });
  };
  return {
    pool: () => {
      pool ??= open();
      return pool;
    },
    isolated: {
      program: fileURLToPath(hostUrl),
      prepare: async (module) => (await modulesOnce()).prepare(module),
      locateMistake: async (module) => (await modulesOnce()).locateMistake(module),
    },
    scripts: {
      hostUrl: new URL('./script-host.js', import.meta.url),
      prepare: async (module) => (await modulesOnce()).prepare(module),
      locateMistake: async (module) => (await modulesOnce()).locateMistake(module),
    },
    contentHash: async (module) => (await modulesOnce()).contentHash(module),
    knownHash: async (module) => (await modulesOnce()).knownHash(module),
    close: async () => {
      if (pool !== null) await (await pool).close();
    },
  };
}
