/** Which files besides the sources decide how a module is compiled: its tsconfig.json, and those that this one extends. */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

// `"extends": "..."` or a list. Found in a comment too, which at worst makes one more file count.
const EXTENDS = /"extends"\s*:\s*(\[[^\]]*\]|"[^"\n]*")/g;

/**
 * What the compiler of a module goes by, as one line: esbuild's version, the nearest tsconfig.json by path and content, and every
 * file of its `extends` chain (https://www.typescriptlang.org/tsconfig/#extends).
 */
export const compilerSettings = async (module: string): Promise<string> =>
  JSON.stringify([esbuildVersion(), ...(await settingsFiles(module))]);

/** Those files, by path, with the hash of what they hold. @param module absolute path. */
export async function settingsFiles(module: string): Promise<ReadonlyMap<string, string>> {
  for (let folder = path.dirname(module); ; folder = path.dirname(folder)) {
    const chain = new Map<string, string>();
    await follow(path.join(folder, 'tsconfig.json'), chain);
    if (chain.size > 0 || folder === path.dirname(folder)) return chain;
  }
}

/** Adds a file and what it extends, if it is there and not yet known. */
async function follow(file: string, chain: Map<string, string>): Promise<void> {
  if (chain.has(file)) return;
  const text = await readFile(file, 'utf8').catch(() => null);
  if (text === null) return;
  chain.set(file, createHash('sha256').update(text).digest('hex'));
  for (const [, names = ''] of text.matchAll(EXTENDS)) {
    for (const [, name = ''] of names.matchAll(/"([^"\n]+)"/g)) {
      for (const candidate of candidatesOf(name, path.dirname(file))) await follow(candidate, chain);
    }
  }
}

/** Where a name may lead: beside the file, or into a package of any folder above. */
function candidatesOf(name: string, folder: string): readonly string[] {
  if (/^\.{1,2}(?:\/|$)/.test(name) || path.isAbsolute(name)) return variantsOf(path.resolve(folder, name));
  const above: string[] = [];
  for (let at = folder; ; at = path.dirname(at)) {
    above.push(...variantsOf(path.join(at, 'node_modules', name)));
    if (at === path.dirname(at)) return above;
  }
}

const variantsOf = (file: string): readonly string[] => [file, `${file}.json`, path.join(file, 'tsconfig.json')];

let version: string | undefined;

/** Read, not imported: esbuild itself is loaded only where something has to be compiled. */
function esbuildVersion(): string {
  version ??= String(
    (createRequire(import.meta.url)('esbuild/package.json') as { readonly version?: unknown }).version,
  );
  return version;
}
