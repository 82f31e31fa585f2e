/**
 * From a TypeScript or JavaScript module with its relative imports to one ESM text. Packages stay outside: their bare names are replaced
 * by where Node finds them from the importing file, so that the bundle works from any folder. `import 'flowctl'` means the running program.
 *
 * What a module knows of its place (`import.meta.url`, `.dirname`, `.filename`, `__dirname`, `__filename`) is that of the original.
 * A relative `import()` whose argument is computed is resolved against the bundle, so it finds nothing: use a file URL there.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
// Types only: esbuild itself is loaded when the first module has to be compiled.
import type { BuildFailure, BuildOptions, ImportKind, Loader, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import { err, ok, type Result } from '../base/result.ts';

/** Why a module cannot be compiled. */
export interface ModuleProblem {
  /** The first mistake with its place, as `file:line:column: text`. */
  readonly message: string;
  /** All mistakes with the offending lines; null when there is nothing more to say. */
  readonly detail: string | null;
}

/** A compiled module. */
export interface CompiledModule {
  /** ESM with an inline source map, whose paths are relative to the folder of `outfile`. */
  readonly code: string;
  /**
   * SHA-256 of the files in it by absolute path, taken before the compiler read them: a file that was edited meanwhile no longer has
   * the hash that stands here.
   */
  readonly inputs: { readonly [file: string]: string };
  /** Absolute paths of the package files that it imports. */
  readonly packages: readonly string[];
}

const SOURCE = /\.[cm]?[jt]sx?$/;
const LOADERS: ReadonlyMap<string, Loader> = new Map([
  ['.tsx', 'tsx'],
  ['.jsx', 'jsx'],
  ['.ts', 'ts'],
  ['.mts', 'ts'],
  ['.cts', 'ts'],
]);
/** What Node itself cannot import from a package, so it goes into the bundle. */
const NOT_FOR_NODE: ReadonlySet<string> = new Set(['.json', '.tsx', '.jsx', '.ts', '.mts', '.cts']);

/** Names for the facts about a module's place. esbuild keeps those of different modules apart by renaming. */
const PLACE = {
  'import.meta.url': '__flowctl_url',
  'import.meta.filename': '__flowctl_filename',
  'import.meta.dirname': '__flowctl_dirname',
  __filename: '__flowctl_filename',
  __dirname: '__flowctl_dirname',
} as const;

/** Puts the facts about its place before a module, on its first line, so that line numbers stay. */
function withPlace(file: string, source: string): string {
  const url = JSON.stringify(pathToFileURL(file).href);
  const facts = `var __flowctl_url = ${url}, __flowctl_filename = ${JSON.stringify(file)}, __flowctl_dirname = ${JSON.stringify(path.dirname(file))};`;
  const hashbang = /^#!.*\n/.exec(source)?.[0] ?? '';
  return `${hashbang}${facts}${source.slice(hashbang.length)}`;
}

const isRequire = (kind: ImportKind): boolean => kind === 'require-call' || kind === 'require-resolve';
/** A file outside the bundle, in the form that the importing statement takes. */
const outside = (file: string, kind: ImportKind): OnResolveResult => ({
  path: isRequire(kind) ? file : pathToFileURL(file).href,
  external: true,
});

/** @param hashes gets that of every file before it is compiled. */
function placePlugin(hashes: Map<string, string>): Plugin {
  return {
    name: 'flowctl-place',
    setup: (build) => {
      build.onLoad({ filter: /^/, namespace: 'file' }, async ({ path: file }) => {
        const bytes = await readFile(file);
        hashes.set(file, createHash('sha256').update(bytes).digest('hex'));
        if (!SOURCE.test(file)) return undefined;
        const contents = bytes.toString('utf8');
        if (!/import\.meta\b|\b__(?:dir|file)name\b/.test(contents)) return undefined;
        return { contents: withPlace(file, contents), loader: LOADERS.get(path.extname(file)) ?? 'js' };
      });
    },
  };
}

function packagePlugin(programUrl: string, packages: Set<string>): Plugin {
  const resolving = Symbol('already being resolved');
  const setup = (build: PluginBuild): void => {
    build.onResolve({ filter: /^flowctl$/ }, ({ kind }) => outside(fileURLToPath(programUrl), kind));
    build.onResolve({ filter: /\.node$/ }, ({ path: name, resolveDir, kind }) => {
      return name.startsWith('.') || path.isAbsolute(name) ? outside(path.resolve(resolveDir, name), kind) : undefined;
    });
    // Neither relative nor absolute: a package, an alias of tsconfig.json, or a module of Node.
    build.onResolve({ filter: /^[^./]/ }, async ({ path: name, kind, importer, resolveDir, pluginData }) => {
      if (pluginData === resolving || kind === 'entry-point' || path.isAbsolute(name)) return undefined;
      if (/^(?:file|data|https?):/.test(name)) return { path: name, external: true };
      const found = await build.resolve(name, { kind, importer, resolveDir, pluginData: resolving });
      if (found.errors.length > 0) {
        // A package that may be missing: the program asks for it while it runs, and can catch that it is not there.
        return kind === 'import-statement' ? { errors: found.errors } : { path: name, external: true };
      }
      if (found.external || found.namespace !== 'file') return { path: found.path, external: found.external };
      const inPackage = found.path.split(path.sep).includes('node_modules');
      if (!inPackage || NOT_FOR_NODE.has(path.extname(found.path))) return undefined;
      packages.add(found.path);
      return outside(found.path, kind);
    });
  };
  return { name: 'flowctl-packages', setup };
}

const isBuildFailure = (error: unknown): error is BuildFailure =>
  error instanceof Error && Array.isArray((error as { errors?: unknown }).errors);

function problemOf(error: unknown, folder: string): ModuleProblem {
  if (!isBuildFailure(error)) return { message: error instanceof Error ? error.message : String(error), detail: null };
  const written = error.errors.map(({ text, location }) => {
    if (location === null) return { headline: text, lines: text };
    const { file, line, column, lineText } = location;
    const headline = `${path.resolve(folder, file)}:${line}:${column + 1}: ${text}`;
    return { headline, lines: `${headline}\n    ${lineText}\n    ${' '.repeat(column)}^` };
  });
  return { message: written[0]?.headline ?? error.message, detail: written.map(({ lines }) => lines).join('\n') };
}

/** In CommonJS parts `require` is esbuild's stand-in, which needs a real one for what stays outside. No line is added. */
function withRequire(code: string, file: string): string {
  if (!code.includes('typeof require !== "undefined"')) return code;
  const url = JSON.stringify(pathToFileURL(file).href);
  return `import { createRequire as __flowctl_createRequire } from "node:module"; const require = __flowctl_createRequire(${url}); ${code}`;
}

/**
 * Compiles a module. Nothing is written.
 * @param file absolute path of the module.
 * @param outfile absolute path of a file in the folder where the code will be kept.
 * @param programUrl what `import 'flowctl'` means, a file URL.
 */
export async function compileModule(
  file: string,
  outfile: string,
  programUrl: string,
): Promise<Result<CompiledModule, ModuleProblem>> {
  const folder = path.dirname(file);
  const packages = new Set<string>();
  const hashes = new Map<string, string>();
  const options: BuildOptions & { readonly write: false } = {
    entryPoints: [file],
    outfile,
    absWorkingDir: folder,
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: `node${process.versions.node}`,
    // Exactly what Node looks at: without this, esbuild also takes `module` of package.json.
    mainFields: ['main'],
    conditions: [],
    define: PLACE,
    sourcemap: 'inline',
    sourcesContent: false,
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'silent',
    plugins: [packagePlugin(programUrl, packages), placePlugin(hashes)],
  };
  try {
    // Its process stays, unreferenced, and ends with ours: stopping it would break other users of esbuild in an embedding program.
    const esbuild = await import('esbuild');
    const { outputFiles } = await esbuild.build(options);
    const code = withRequire(outputFiles[0]?.text ?? '', file);
    return ok({ code, inputs: Object.fromEntries(hashes), packages: [...packages] });
  } catch (error) {
    return err(problemOf(error, folder));
  }
}
