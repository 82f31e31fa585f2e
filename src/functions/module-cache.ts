/**
 * Compiled modules on disk, found by what they were made of. A bundle is named by the hash of its own content; beside it stands a
 * manifest per source module that says which files went in. An entry is used when every file still has the recorded hash. Anything
 * missing, changed or damaged means compiling again. Bundles are code, so the folder must be ours alone.
 */

import { createHash, randomBytes } from 'node:crypto';
import { chmod, lstat, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { err, ok, type Result } from '../base/result.ts';
import type { CompiledModule, ModuleProblem } from './compile.ts';
import { compilerSettings } from './compiler-settings.ts';

/** Raised whenever the same esbuild would make other bundles of the same sources: other options, other plugins. */
const FORMAT = 'flowctl-module-1';

interface Manifest {
  readonly bundle: string;
  /** Hashes of the source files by absolute path. */
  readonly inputs: { readonly [file: string]: string };
  readonly packages: readonly string[];
}

const hashOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

async function hashOfFile(file: string): Promise<string | null> {
  try {
    return hashOf(await readFile(file));
  } catch {
    return null;
  }
}

const exists = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  );

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== 'object' || value === null) return false;
  const { bundle, inputs, packages } = value as { readonly [name: string]: unknown };
  return typeof bundle === 'string' && typeof inputs === 'object' && inputs !== null && Array.isArray(packages);
}

/** Makes the folder, mode 0700, and sees that nobody else may put code there. */
async function securedFolder(folder: string): Promise<Result<null, ModuleProblem>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const found = await lstat(folder);
  const owner = process.getuid?.();
  if (!found.isDirectory() || (owner !== undefined && found.uid !== owner)) {
    return err({ message: `the cache folder ${folder} is not ours, so no code is kept in it`, detail: null });
  }
  if ((found.mode & 0o022) !== 0) {
    // Not repaired: what others may have put there would be run as ours.
    return err({ message: `others may write to the cache folder ${folder}: remove it, it is made anew`, detail: null });
  }
  if ((found.mode & 0o077) !== 0) await chmod(folder, 0o700);
  return ok(null);
}

/** Writes a file under its final name as a whole or not at all. No sync: what a power cut damages is compiled again. */
async function writeWhole(file: string, content: string): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  const handle = await open(temporary, 'wx', 0o600);
  try {
    await handle.writeFile(content);
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

/** The compiled modules in one folder. Any number of processes may share it. */
export class ModuleCache {
  readonly #folder: string;
  readonly #programUrl: string;

  /** @param folder absolute; made when missing. @param programUrl part of what a bundle depends on. */
  constructor(folder: string, programUrl: string) {
    this.#folder = folder;
    this.#programUrl = programUrl;
  }

  /** Where the bundle of any module would be placed: source maps are relative to this. */
  get placeholder(): string {
    return path.join(this.#folder, 'bundle.mjs');
  }

  /**
   * Under what a module is kept, as it would be compiled now. Asked before it is compiled: settings that change meanwhile would
   * otherwise be taken for those that it was compiled by.
   */
  async keyOf(module: string): Promise<string> {
    const parts = [FORMAT, process.versions.node, this.#programUrl, module, await compilerSettings(module)];
    return hashOf(JSON.stringify(parts)).slice(0, 32);
  }

  /** The bundle of a module as it is now; null when there is none that can be trusted. */
  async find(key: string): Promise<string | null> {
    try {
      if (!(await securedFolder(this.#folder)).ok) return null;
      const manifest: unknown = JSON.parse(await readFile(this.#manifestOf(key), 'utf8'));
      if (!isManifest(manifest) || !/^[0-9a-f]{64}\.mjs$/.test(manifest.bundle)) return null;
      const bundle = path.join(this.#folder, manifest.bundle);
      const inputs = Object.entries(manifest.inputs).map(async ([file, hash]) => (await hashOfFile(file)) === hash);
      const fresh = await Promise.all([...inputs, ...manifest.packages.map(exists)]);
      const whole = `${await hashOfFile(bundle)}.mjs` === manifest.bundle;
      return whole && fresh.every(Boolean) ? bundle : null;
    } catch {
      return null;
    }
  }

  /** Keeps a compiled module under the key that it had before. @returns the absolute path of the bundle. */
  async keep(key: string, compiled: CompiledModule): Promise<Result<string, ModuleProblem>> {
    try {
      const secured = await securedFolder(this.#folder);
      if (!secured.ok) return secured;
      const bundle = `${hashOf(compiled.code)}.mjs`;
      const { inputs, packages } = compiled;
      const manifest: Manifest = { bundle, inputs, packages };
      await writeWhole(path.join(this.#folder, bundle), compiled.code);
      await writeWhole(this.#manifestOf(key), JSON.stringify(manifest));
      return ok(path.join(this.#folder, bundle));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return err({ message: `the compiled module cannot be written to ${this.#folder}: ${reason}`, detail: null });
    }
  }

  #manifestOf(key: string): string {
    return path.join(this.#folder, `${key}.json`);
  }
}
