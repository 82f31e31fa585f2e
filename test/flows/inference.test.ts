/** What the compiler knows of flows: the files of `inference/` hold claims about types, and calls that must not compile. */

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CLAIMS = join(ROOT, 'test/flows/inference');
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc');

/** What the compiler says about a folder of claims, one line per mistake. */
async function compile(folder: string): Promise<readonly string[]> {
  const config = join(folder, 'tsconfig.json');
  await writeFile(config, JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), include: ['*.ts'] }));
  const run = promisify(execFile)(process.execPath, [COMPILER, '--noEmit', '--pretty', 'false', '-p', config]);
  const { stdout } = await run.catch((error: { readonly stdout: string }) => error);
  return stdout.split('\n').filter((line) => line.includes('error TS'));
}

/** A copy of the claims, changed, beside the originals: what they import stays where it is. */
async function compileChanged(change: (text: string) => string): Promise<readonly string[]> {
  const folder = await mkdtemp(join(ROOT, 'test/flows/claims-'));
  try {
    for (const file of ['params.ts', 'tasks.ts', 'same.ts']) {
      const text = await readFile(join(CLAIMS, file), 'utf8');
      await writeFile(join(folder, file), file === 'same.ts' ? text : change(text));
    }
    return await compile(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('inference', () => {
  it('is what the claims say, and what must not compile does not', async () => {
    expect(await compileChanged((text) => text)).toEqual([]);
  });

  it('would be found broken: every claim is wrong about another type', async () => {
    let claims = 0;
    const broken = await compileChanged((text) =>
      text.replace(/same<Same<(.*), (.*)>>\(\);/g, (_, found: string) => {
        claims += 1;
        return `same<Same<${found}, { readonly other: true }>>();`;
      }),
    );
    expect(claims).toBeGreaterThan(30);
    expect(broken.filter((line) => line.includes('TS2344'))).toHaveLength(claims);
  });

  it('would be found too loose: without the expectation every forbidden call is an error', async () => {
    let expectations = 0;
    const broken = await compileChanged((text) =>
      text.replace(/\/\/ @ts-expect-error/g, () => {
        expectations += 1;
        return '// it is said that';
      }),
    );
    expect(expectations).toBeGreaterThan(20);
    expect(broken.length).toBeGreaterThanOrEqual(expectations);
  });
});
