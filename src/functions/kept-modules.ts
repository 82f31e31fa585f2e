/** Whether the compiled modules that are kept are what was kept, see `module-cache.ts`. Any of them may go: it is compiled again. */

import { createHash } from 'node:crypto';
import { lstat, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/** A file of the folder that is of no use. */
export interface UselessModule {
  readonly path: string;
  readonly why: 'damaged' | 'unfinished' | 'unused';
}

const BUNDLE = /^([0-9a-f]{64})\.mjs$/;
const MANIFEST = /^[0-9a-f]{32}\.json$/;
/** A bundle is written before the manifest that names it. */
const YOUNG_MS = 3_600_000;

/** Looks at every bundle and manifest. Nothing is run. @param now milliseconds since the epoch. */
export async function findUselessModules(folder: string, now: number): Promise<readonly UselessModule[]> {
  const found: UselessModule[] = [];
  // Behind a link lies what somebody else made.
  const isOurs = (await isFolder(path.dirname(folder))) && (await isFolder(folder));
  const names = isOurs ? await readdir(folder).catch((): string[] => []) : [];
  const bundles = new Map<string, string>();
  const used = new Set<string>();
  for (const name of names) {
    const file = path.join(folder, name);
    const hash = BUNDLE.exec(name)?.[1];
    if (hash !== undefined) {
      const content = (await isPlain(file)) ? await readFile(file).catch(() => null) : null;
      const isWhole = content !== null && createHash('sha256').update(content).digest('hex') === hash;
      if (isWhole) bundles.set(name, file);
      else found.push({ path: file, why: 'damaged' });
    } else if (MANIFEST.test(name)) {
      const bundle = (await isPlain(file)) ? await bundleNamedBy(file) : null;
      if (bundle === null) found.push({ path: file, why: 'damaged' });
      else used.add(bundle);
    } else if (await isOld(file, now)) found.push({ path: file, why: 'unfinished' });
  }
  for (const [name, file] of bundles) {
    if (!used.has(name) && (await isOld(file, now))) found.push({ path: file, why: 'unused' });
  }
  return found;
}

async function bundleNamedBy(manifest: string): Promise<string | null> {
  try {
    const value: unknown = JSON.parse(await readFile(manifest, 'utf8'));
    const bundle = typeof value === 'object' && value !== null && 'bundle' in value ? value.bundle : null;
    return typeof bundle === 'string' ? bundle : null;
  } catch {
    return null;
  }
}

async function isOld(file: string, now: number): Promise<boolean> {
  const stats = await lstat(file).catch(() => null);
  return stats?.isFile() === true && now - stats.mtimeMs > YOUNG_MS;
}

const isFolder = async (folder: string): Promise<boolean> =>
  (await lstat(folder).catch(() => null))?.isDirectory() === true;

/** False for links, devices and pipes, which may have no end. */
const isPlain = async (file: string): Promise<boolean> => (await lstat(file).catch(() => null))?.isFile() === true;
