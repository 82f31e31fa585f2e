import path from 'node:path';
import { build } from 'esbuild';

/** Makes one JavaScript file of a program of these tests, for a Node of its own. */
export async function bundle(source: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [path.join(import.meta.dirname, source)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    logLevel: 'error',
  });
}
