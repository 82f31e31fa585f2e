/** Which files patterns mean in a folder. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findFiles } from '../../src/process/glob.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'flowctl-glob-'));
  for (const file of [
    'b.c',
    'a.c',
    'a.h',
    '.hidden.c',
    'src/x.c',
    'src/deep/er/y.c',
    'src/.cache/z.c',
    'src/.git/config',
    '.git/a.c',
    '.flowctl/a.c',
    'out/one',
    'out/.two',
  ]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), file);
  }
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const find = async (...patterns: readonly string[]) => {
  const found = await findFiles(folder, patterns);
  if (!found.ok) throw new Error(found.error);
  return found.value;
};
const files = async (...patterns: readonly string[]) => (await find(...patterns)).files;

describe('findFiles', () => {
  it('walks what can match, each file once and in order', async () => {
    expect(await files('*.c', 'a.*', '**/*.c')).toEqual(['a.c', 'a.h', 'b.c', 'src/deep/er/y.c', 'src/x.c']);
    expect(await files('src/*')).toEqual(['src/x.c']);
    expect(await files('src/**')).toEqual(['src/deep/er/y.c', 'src/x.c']);
    expect(await files('**/**/y.c')).toEqual(['src/deep/er/y.c']);
    expect(await files('*/*/*/y.c')).toEqual(['src/deep/er/y.c']);
  });

  it('leaves hidden ones out unless they are written', async () => {
    expect(await files('.*.c', 'src/.cache/*')).toEqual(['.hidden.c', 'src/.cache/z.c']);
  });

  it('never walks into .git and .flowctl, but goes where it is sent', async () => {
    expect(await files('.*/*.c', 'src')).toEqual(['src/.cache/z.c', 'src/deep/er/y.c', 'src/x.c']);
    expect(await files('.git/*.c')).toEqual(['.git/a.c']);
  });

  it('takes a folder that is named for all that is in it', async () => {
    expect(await files('out/')).toEqual(['out/.two', 'out/one']);
  });

  it('takes away files and whole folders', async () => {
    expect(await files('**/*.c', '!b.c', '!src/deep')).toEqual(['a.c', 'src/x.c']);
    expect(await files('!src/**', '**/*.c')).toEqual(['a.c', 'b.c']);
    expect(await files('src/**', 'src/x.c', 'out/*', '!src')).toEqual(['out/one']);
    expect(await files('src', '!**/.cache')).toEqual(['src/deep/er/y.c', 'src/x.c']);
  });

  it('names what is missing, where one file was meant', async () => {
    expect(await find('a.c', 'gone.c', 'gone/*.c', '{a,no}.h')).toEqual({
      files: ['a.c', 'a.h'],
      missing: ['gone.c', 'no.h'],
    });
  });

  it('follows no link, and takes the link itself', async () => {
    symlinkSync('..', join(folder, 'src/up'));
    symlinkSync('/etc/passwd', join(folder, 'src/link.c'));
    expect(await files('src/**')).toEqual(['src/deep/er/y.c', 'src/link.c', 'src/up', 'src/x.c']);
  });

  it('leaves out what has no content', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.c')]);
    expect(await files('*.c')).toEqual(['a.c', 'b.c']);
    expect((await find('pipe.c')).missing).toEqual(['pipe.c']);
  });

  it('takes absolute patterns, and those that begin above the folder', async () => {
    expect(await files(`${folder}/a.*`)).toEqual([`${folder}/a.c`, `${folder}/a.h`]);
    const found = await findFiles(join(folder, 'src'), ['../*.h']);
    expect(found.ok && found.value.files).toEqual(['../a.h']);
  });

  it('says which pattern it cannot understand', async () => {
    expect(await findFiles(folder, ['a', 'x/../y'])).toEqual({
      ok: false,
      error: 'the pattern `x/../y`: `..` stands at the beginning of a pattern only',
    });
  });

  it('lets others have their turn during a long walk', async () => {
    for (let index = 0; index < 400; index += 1) mkdirSync(join(folder, `d${index}/e`), { recursive: true });
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 0);
    // However fast the machine is, all of them take longer than a slice.
    await Promise.all(Array.from({ length: 20 }, () => files('**/*.c')));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(0);
  });
});
