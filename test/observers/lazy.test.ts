/** What only a terminal needs is loaded for a terminal only: the tree by whoever opens it, listr2 by the tree. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../../src');
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

/** The files with an import that is neither dynamic nor of types only. */
const importersOf = (target: RegExp): readonly string[] =>
  files.filter((file) =>
    [...readFileSync(join(SRC, file), 'utf8').matchAll(/^import (?!type\b)[^;]*?from '([^']+)'/gm)].some(
      ([, from = '']) => target.test(from),
    ),
  );

describe('lazy loading', () => {
  it('keeps listr2 behind one file, and that file and the tree behind dynamic imports', () => {
    expect(importersOf(/^listr2$/)).toEqual(['observers/tree/listr-renderer.ts']);
    expect(importersOf(/\/listr-renderer\.ts$/)).toEqual([]);
    expect(importersOf(/observers\/tree\/tree\.ts$/)).toEqual([]);
    expect(importersOf(/observers\/tree\//)).toEqual([]);
    // What is looked for would be seen.
    expect(importersOf(/\/plain\.ts$/)).toContain('observers/tree/tree.ts');
  });
});
