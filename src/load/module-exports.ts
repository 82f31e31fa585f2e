/** What a module exports, found by parsing it with esbuild. Nothing of the module is executed. */

import type { BuildFailure, BuildOptions, Metafile } from 'esbuild';
import { plainValues } from './plain-values.ts';

/** What parsing a module told. */
export type ModuleExports =
  | {
      readonly kind: 'known';
      readonly names: readonly string[];
      /** Of the wanted ones, those that are surely no functions: what they are, by name. */
      readonly plain: ReadonlyMap<string, string>;
    }
  /** It has exports that parsing cannot tell: CommonJS, or `export *` of something that is not a file beside it. */
  | { readonly kind: 'open' }
  | { readonly kind: 'broken'; readonly problem: string; readonly line: number; readonly column: number };

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors);
}

/** Reads what esbuild tells of the only entry point. Its path may be that of a link's target, so it is not compared. */
function read({ inputs, outputs }: Metafile, plain: ReadonlyMap<string, string> = new Map()): ModuleExports {
  const output = Object.values(outputs).find((each) => each.entryPoint !== undefined);
  if (output?.entryPoint === undefined || inputs[output.entryPoint]?.format === 'cjs') return { kind: 'open' };
  return { kind: 'known', names: output.exports, plain };
}

const OPTIONS: BuildOptions & { metafile: true; write: false } = {
  write: false,
  metafile: true,
  format: 'esm',
  platform: 'node',
  logLevel: 'silent',
  outdir: '/',
  tsconfigRaw: {},
  legalComments: 'none',
  supported: { 'template-literal': false },
};

/**
 * Parses a module and lists what it exports. The files it imports are followed only where a wanted name is not its own: then
 * `export *` may bring it in.
 * @param module absolute path of a file that exists. @param wanted names that are looked for.
 */
export async function readExports(module: string, wanted: Iterable<string>): Promise<ModuleExports> {
  const { build } = await import('esbuild');
  let own: ModuleExports;
  try {
    const { metafile, outputFiles } = await build({ ...OPTIONS, entryPoints: [module] });
    own = read(metafile, plainValues(outputFiles[0]?.text ?? '', wanted));
  } catch (error) {
    if (!isBuildFailure(error)) throw error;
    const [first] = error.errors;
    const { line = 1, column = 0 } = first?.location ?? {};
    return { kind: 'broken', problem: first?.text ?? 'it has errors', line, column: column + 1 };
  }
  if (own.kind !== 'known') return own;
  const { names } = own;
  if ([...wanted].every((name) => names.includes(name))) return own;
  try {
    return read(
      (await build({ ...OPTIONS, entryPoints: [module], bundle: true, packages: 'external' })).metafile,
      own.plain,
    );
  } catch (error) {
    // What it imports cannot be followed. Its own exports are all that is sure, so nothing is said of the others.
    if (isBuildFailure(error)) return { kind: 'open' };
    throw error;
  }
}
