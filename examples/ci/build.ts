import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { build } from 'esbuild';

interface Bundle {
  readonly entry: string;
  readonly outfile: string;
}

/** Bundles a program into one file; says where it is and how large. */
export async function bundle({ entry, outfile }: Bundle): Promise<{ file: string; bytes: number }> {
  const file = resolve(outfile);
  await build({ entryPoints: [entry], outfile: file, bundle: true, minify: true, platform: 'node', format: 'esm' });
  const { size } = await stat(file);
  console.log(`${file}: ${size} bytes`);
  return { file, bytes: size };
}
