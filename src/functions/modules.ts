/** From the path of a user's module to the URL that a host imports. A module is prepared once per loader, that is, once per run. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { err, ok, type Result } from '../base/result.ts';
import { compileModule, type ModuleProblem } from './compile.ts';
import { ModuleCache } from './module-cache.ts';

/** Prepares modules for hosts. */
export interface ModuleLoader {
  /** @param module absolute path. @returns the URL to import; requests for the same module share the work. */
  prepare(module: string): Promise<Result<string, ModuleProblem>>;
  /** A hash of the module with everything that it imports, packages left out. @param module absolute path. */
  contentHash(module: string): Promise<Result<string, ModuleProblem>>;
  /** The same, as far as it is known without compiling: nothing is written. Null: it changed, or was never compiled. */
  knownHash(module: string): Promise<string | null>;
  /** Finds the place of a syntax error, which Node does not tell of a plain module. @returns null when the compiler finds none. */
  locateMistake(module: string): Promise<ModuleProblem | null>;
}

/** Where a loader keeps bundles, and what `import 'flowctl'` means. */
export interface ModuleLoaderOptions {
  /** Absolute; made with mode 0700 when missing. */
  readonly cacheFolder: string;
  /** File URL of the running program's library. */
  readonly programUrl: URL;
}

/**
 * True when Node can import the file itself, which is cheaper: JavaScript without relative imports, which could lead to TypeScript or
 * JSON, and without `flowctl`, which Node would look for in the user's packages.
 */
const isPlain = (module: string, source: string): boolean =>
  /\.[cm]?js$/.test(module) && !/['"`](?:\.{1,2}['"`/]|flowctl['"`])/.test(source);

/** Makes a loader. Nothing is read or written before the first module. */
export function createModuleLoader({ cacheFolder, programUrl }: ModuleLoaderOptions): ModuleLoader {
  const cache = new ModuleCache(cacheFolder, programUrl.href);
  const prepared = new Map<string, Promise<Result<string, ModuleProblem>>>();

  const compile = async (module: string, key: string): Promise<Result<string, ModuleProblem>> => {
    const compiled = await compileModule(module, cache.placeholder, programUrl.href);
    return compiled.ok ? cache.keep(key, compiled.value) : compiled;
  };

  const prepare = async (module: string): Promise<Result<string, ModuleProblem>> => {
    let source: string;
    try {
      source = await readFile(module, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return err({
        message: code === 'ENOENT' ? `there is no file ${module}` : `${module}: ${String(error)}`,
        detail: null,
      });
    }
    if (isPlain(module, source)) return ok(pathToFileURL(module).href);
    const key = await cache.keyOf(module);
    const known = await cache.find(key);
    if (known !== null) return ok(pathToFileURL(known).href);
    const bundle = await compile(module, key);
    return bundle.ok ? ok(pathToFileURL(bundle.value).href) : bundle;
  };

  const prepareOnce = (given: string): Promise<Result<string, ModuleProblem>> => {
    // Every call asks, so what was asked for in the same words is found first.
    const module = prepared.has(given) ? given : path.resolve(given);
    const known = prepared.get(module);
    if (known !== undefined) return known;
    const preparing = prepare(module).then((result) => {
      // A mistake may be corrected before the next attempt.
      if (!result.ok) prepared.delete(module);
      return result;
    });
    prepared.set(module, preparing);
    return preparing;
  };

  return {
    prepare: prepareOnce,
    contentHash: async (module) => {
      const url = await prepareOnce(module);
      if (!url.ok) return url;
      try {
        return ok(
          createHash('sha256')
            .update(await readFile(new URL(url.value)))
            .digest('hex'),
        );
      } catch (error) {
        return err({ message: `${module}: ${String(error)}`, detail: null });
      }
    },
    knownHash: async (given) => {
      const module = path.resolve(given);
      const source = await readFile(module, 'utf8').catch(() => null);
      if (source === null) return null;
      const file = isPlain(module, source) ? module : await cache.find(await cache.keyOf(module));
      return file === null
        ? null
        : createHash('sha256')
            .update(await readFile(file))
            .digest('hex');
    },
    locateMistake: async (module) => {
      const compiled = await compileModule(path.resolve(module), cache.placeholder, programUrl.href);
      return compiled.ok ? null : compiled.error;
    },
  };
}
