import { chmodSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileModule } from '../../src/functions/compile.ts';
import { ModuleCache } from '../../src/functions/module-cache.ts';
import { FunctionRig } from './kit.ts';

const rig = new FunctionRig();
beforeAll(() => rig.prepare());
afterAll(() => rig.close());

const prepared = async (module: string, loader = rig.loader()): Promise<string> => {
  const url = await loader.prepare(module);
  if (!url.ok) throw new Error(`${url.error.message}\n${url.error.detail}`);
  return url.value;
};

const problemOf = async (module: string) => {
  const url = await rig.loader().prepare(module);
  if (url.ok) throw new Error(`loaded, against expectation: ${url.value}`);
  return url.error;
};

const returned = async (module: string, name = 'default') => {
  const { result } = await rig.run({ module, export: name });
  return result.kind === 'returned' ? result.value : result;
};

describe('what a module may import', () => {
  test('TypeScript with JSON, a relative module, CommonJS, and packages of either kind', async () => {
    rig.write(
      'mixed/node_modules/dual/package.json',
      JSON.stringify({
        name: 'dual',
        version: '1.0.0',
        exports: { '.': { module: './none.mjs', import: './esm.mjs', require: './cjs.cjs' }, './data': './data.json' },
      }),
    );
    rig.write('mixed/node_modules/dual/esm.mjs', 'export const way = "import"; export const where = import.meta.url;');
    rig.write('mixed/node_modules/dual/cjs.cjs', 'exports.way = "require"; exports.where = __filename;');
    rig.write('mixed/node_modules/dual/data.json', '{"packaged": true}');
    rig.write(
      'mixed/node_modules/module-only/package.json',
      JSON.stringify({ name: 'module-only', module: 'other.js' }),
    );
    rig.write('mixed/node_modules/module-only/index.js', 'exports.entry = "index";');
    rig.write('mixed/node_modules/module-only/other.js', 'export const entry = "module";');
    rig.write('mixed/rows.json', '[1, 2]');
    rig.write(
      'mixed/lib/add.ts',
      'import type { X } from "./none.js"; export const add = (a: number, b: number): number => a + b;',
    );
    rig.write('mixed/old.cjs', 'exports.old = { dual: require("dual").way, file: __filename };');
    const file = rig.write(
      'mixed/main.ts',
      `
      import { readFileSync } from 'node:fs';
      import rows from './rows.json';
      import data from 'dual/data';
      import { way, where } from 'dual';
      import { entry } from 'module-only';
      import { old } from './old.cjs';
      import { add } from './lib/add.js';
      enum Level { Low = 1 }
      export default async () => ({ rows, data, way, where, entry, old, sum: add(1, 2), level: Level.Low,
        lazy: (await import('./lib/add.ts')).add(2, 3), read: readFileSync(new URL('rows.json', import.meta.url), 'utf8') });`,
    );
    const folder = path.dirname(file);
    expect(await returned(file)).toEqual({
      rows: [1, 2],
      data: { packaged: true },
      way: 'import',
      where: pathToFileURL(path.join(folder, 'node_modules/dual/esm.mjs')).href,
      entry: 'index',
      old: { dual: 'require', file: path.join(folder, 'old.cjs') },
      sum: 3,
      level: 1,
      lazy: 5,
      read: '[1, 2]',
    });
  });

  test('a package is found from the file that imports it', async () => {
    for (const place of ['a', 'a/inner']) {
      rig.write(
        `nested/${place}/node_modules/where/package.json`,
        '{"name": "where", "type": "module", "main": "index.js"}',
      );
      rig.write(`nested/${place}/node_modules/where/index.js`, `export default ${JSON.stringify(place)};`);
    }
    rig.write('nested/a/inner/lib.ts', `export { default as inner } from 'where';`);
    const file = rig.write(
      'nested/a/main.ts',
      `import outer from 'where'; import { inner } from './inner/lib.ts'; export default () => [outer, inner];`,
    );
    expect(await returned(file)).toEqual(['a', 'a/inner']);
  });

  test('every module keeps its own place', async () => {
    const names = '[import.meta.url, import.meta.filename, import.meta.dirname]';
    const inner = rig.write('place/inner/lib.ts', `export const lib = ${names};`);
    const file = rig.write(
      'place/main.ts',
      `#!/usr/bin/env node\nimport { lib } from './inner/lib.ts';\nexport default () => [${names}, lib, 'import.meta.url'];`,
    );
    const place = (of: string) => [pathToFileURL(of).href, of, path.dirname(of)];
    expect(await returned(file)).toEqual([place(file), place(inner), 'import.meta.url']);
  });

  test('tsconfig paths lead to sources, which are compiled in', async () => {
    rig.write('alias/tsconfig.json', '{ "compilerOptions": { "paths": { "@lib/*": ["./lib/*"] } } } // comment');
    rig.write('alias/lib/tool.ts', 'export const tool: string = "aliased";');
    const file = rig.write('alias/main.ts', `import { tool } from '@lib/tool'; export default () => tool;`);
    expect(await returned(file)).toBe('aliased');
  });

  test('a package that may be missing is missing only when it is asked for', async () => {
    const file = rig.write(
      'optional.ts',
      `export default () => import('not-installed').catch((error: Error) => (error as { code?: string }).code);`,
    );
    expect(await returned(file)).toBe('ERR_MODULE_NOT_FOUND');
  });

  test('own names for require and __dirname do not collide', async () => {
    rig.write('collide/part.cjs', 'exports.sep = require("path").sep;');
    const file = rig.write(
      'collide/main.ts',
      `import { createRequire } from 'node:module'; import { dirname } from 'node:path'; import { fileURLToPath } from 'node:url';
      import { sep } from './part.cjs';
      const require = createRequire(import.meta.url); const __dirname = dirname(fileURLToPath(import.meta.url));
      export default () => [sep, __dirname, require.resolve('./part.cjs')];`,
    );
    expect(await returned(file)).toEqual(['/', path.dirname(file), path.join(path.dirname(file), 'part.cjs')]);
  });

  test('CommonJS modules offer their exports by name, plain or compiled', async () => {
    const plain = rig.write('plain.cjs', 'module.exports = { twice: (x) => 2, ["compu" + "ted"]: () => 3 };');
    expect([await returned(plain, 'twice'), await returned(plain, 'computed')]).toEqual([2, 3]);
    const compiled = rig.write('compiled.cjs', 'const { twice } = require("./plain.cjs"); module.exports = { twice };');
    expect(await returned(compiled, 'twice')).toBe(2);
  });
});

describe('what cannot be loaded', () => {
  test('a mistake has its place, a missing import too', async () => {
    const file = rig.write('broken.ts', 'export const a = 1;\nconst b = (;\n');
    const problem = await problemOf(file);
    expect(problem.message).toBe(`${file}:2:12: Unexpected ";"`);
    expect(problem.detail).toContain('    const b = (;\n               ^');
    const lost = rig.write('lost.ts', `import x from 'not-installed';\nexport default x;`);
    expect((await problemOf(lost)).message).toBe(`${lost}:1:15: Could not resolve "not-installed"`);
  });

  test('a mistake in plain JavaScript and a module that throws while it loads', async () => {
    const file = rig.write('broken.mjs', 'export const a = (;');
    const { result } = await rig.run({ module: file });
    expect(result).toMatchObject({ kind: 'module_not_loaded', message: `${file}:1:19: Unexpected ";"` });
    const throwing = rig.write('throwing.ts', '\nthrow new Error("no database");');
    expect((await rig.run({ module: throwing })).result).toMatchObject({
      kind: 'module_not_loaded',
      message: 'Error: no database',
      detail: expect.stringContaining('throwing.ts:2:7'),
    });
    expect((await problemOf(path.join(rig.folder, 'none.ts'))).message).toContain('there is no file');
  });

  test('a module that failed to load is loaded anew by the next attempt', async () => {
    const pool = rig.pool({ maxHosts: 1 });
    const flag = path.join(rig.folder, 'ready');
    const file = rig.write(
      'flaky.mjs',
      `import { existsSync } from 'node:fs'; if (!existsSync(${JSON.stringify(flag)})) throw new Error('not yet'); export default () => 'now';`,
    );
    expect((await rig.run({ module: file }, pool)).result.kind).toBe('module_not_loaded');
    writeFileSync(flag, '');
    expect((await rig.run({ module: file }, pool)).result).toMatchObject({ value: 'now' });
  });

  test('a missing export names what there is', async () => {
    const file = rig.write(
      'exports.ts',
      'export const transform = () => 1; export function load() {} export const LIMIT = 3;',
    );
    const { result } = await rig.run({ module: file, export: 'tranform' });
    expect(result).toEqual({
      kind: 'export_not_found',
      available: ['load', 'transform'],
      nearest: 'transform',
      found: null,
    });
    expect((await rig.run({ module: file, export: 'LIMIT' })).result).toMatchObject({
      kind: 'export_not_found',
      found: 'number',
    });
    expect((await rig.run({ module: file, export: 'toString' })).result).toMatchObject({
      kind: 'export_not_found',
      found: null,
    });
  });
});

describe('positions', () => {
  test('a stack names lines and columns of the sources', async () => {
    rig.write(
      'mapped/lib.ts',
      '// one\ninterface Gone {\n  a: number;\n}\nexport const fail = (why: string): never => {\n  throw new Error(why);\n};',
    );
    const file = rig.write(
      'mapped/main.ts',
      `import { fail } from './lib.ts';\ntype Gone = { b: string };\n\nexport default async (): Promise<void> => {\n  fail('here' satisfies string);\n};`,
    );
    const { result } = await rig.run({ module: file });
    if (result.kind !== 'threw') throw new Error(result.kind);
    expect(result.stack).toContain('mapped/lib.ts:6:9)');
    expect(result.stack).toContain('mapped/main.ts:5:3)');
    expect(result.stack.split('\n')).toHaveLength(3);
  });
});

describe('the cache', () => {
  const bundles = (): string[] => readdirSync(rig.cacheFolder).filter((name) => name.endsWith('.mjs'));

  test('a module is compiled once, for all who ask and for later runs, until a file of it changes', async () => {
    rig.write('cached/lib.ts', 'export const n: number = 1;');
    const file = rig.write('cached/main.ts', `export { n } from './lib.ts'; export default class Held { held = 1; }`);
    const loader = rig.loader();
    const asked = await Promise.all([prepared(file, loader), prepared(file, loader), prepared(file, loader)]);
    expect(new Set(asked).size).toBe(1);
    const [first = ''] = asked;
    const before = statSync(new URL(first));
    expect(await prepared(file)).toBe(first);
    expect(statSync(new URL(first)).ino).toBe(before.ino);
    rig.write('cached/lib.ts', 'export const n: number = 2;');
    expect(await prepared(file, loader)).toBe(first);
    const second = await prepared(file);
    expect(second).not.toBe(first);
    rmSync(new URL(second));
    expect(await prepared(file)).toBe(second);
    rig.write('cached/tsconfig.json', '{"compilerOptions": {"useDefineForClassFields": false}}');
    expect(await prepared(file)).not.toBe(second);
  });

  test('a file that is edited while it is compiled is compiled again', async () => {
    const data = rig.write('edited/data.json', '1');
    const lib = rig.write('edited/lib.ts', `import data from './data.json'; export const n: number = data;`);
    const file = rig.write('edited/main.ts', `export { n } from './lib.ts';`);
    const cache = new ModuleCache(rig.cacheFolder, rig.programUrl.href);
    for (const edited of [data, lib, file]) {
      const key = await cache.keyOf(file);
      const compiled = await compileModule(file, cache.placeholder, rig.programUrl.href);
      if (!compiled.ok) throw new Error(compiled.error.message);
      const before = readFileSync(edited, 'utf8');
      writeFileSync(edited, `${before} `);
      expect(await cache.keep(key, compiled.value)).toMatchObject({ ok: true });
      expect(await cache.find(key)).toBeNull();
      // The negative control: it is for the edit alone that nothing was found.
      writeFileSync(edited, before);
      expect(await cache.find(key)).not.toBeNull();
    }
  });

  test('a module behind a link is found again', async () => {
    const file = rig.write('real/main.ts', 'export const n: number = 1;');
    const link = path.join(path.dirname(path.dirname(file)), 'link');
    symlinkSync(path.dirname(file), link);
    const linked = path.join(link, 'main.ts');
    await prepared(linked);
    const cache = new ModuleCache(rig.cacheFolder, rig.programUrl.href);
    expect(await cache.find(await cache.keyOf(linked))).not.toBeNull();
  });

  test('what its tsconfig.json extends is part of what a module depends on', async () => {
    const file = rig.write('extending/main.ts', 'export class Held { held = 1; }');
    rig.write('extending/tsconfig.json', '{ "extends": ["./base", "shared/strict.json"] } // comment');
    rig.write('extending/base.json', '{ "extends": "../root.json" }');
    const cache = new ModuleCache(rig.cacheFolder, rig.programUrl.href);
    const keys = new Set([await cache.keyOf(file)]);
    for (const name of ['root.json', 'node_modules/shared/strict.json', 'extending/base.json']) {
      rig.write(name, '{ "compilerOptions": { "useDefineForClassFields": false }, "extends": "../root.json" }');
      keys.add(await cache.keyOf(file));
      expect(await cache.keyOf(file)).toBe([...keys].at(-1));
    }
    expect(keys.size).toBe(4);
  });

  test('a damaged bundle or manifest is made anew', async () => {
    const file = rig.write('damaged.ts', 'export default (): number => 42;');
    const url = await prepared(file);
    chmodSync(new URL(url), 0o600);
    writeFileSync(new URL(url), 'export default () => 666;');
    expect(await returned(file)).toBe(42);
    for (const name of readdirSync(rig.cacheFolder).filter((entry) => entry.endsWith('.json'))) {
      for (const text of ['', '{', 'null', '{"bundle": "../../evil.mjs", "inputs": {}, "packages": []}']) {
        writeFileSync(path.join(rig.cacheFolder, name), text);
        expect(await prepared(file)).toBe(url);
      }
    }
  });

  test('the folder is ours alone, and one that others could write to is refused', async () => {
    const file = rig.write('guarded.ts', 'export default (): number => 1;');
    await prepared(file);
    expect(statSync(rig.cacheFolder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(rig.cacheFolder))
      expect(statSync(path.join(rig.cacheFolder, name)).mode & 0o777).toBe(0o600);
    chmodSync(rig.cacheFolder, 0o755);
    await prepared(file);
    expect(statSync(rig.cacheFolder).mode & 0o777).toBe(0o700);
    chmodSync(rig.cacheFolder, 0o770);
    expect((await problemOf(file)).message).toContain('others may write');
    chmodSync(rig.cacheFolder, 0o700);
    expect(bundles().length).toBeGreaterThan(0);
  });

  test('plain JavaScript is imported as it is, without a bundle', async () => {
    rig.write('node_modules/some/package.json', '{"name": "some", "type": "module", "exports": "./index.js"}');
    rig.write('node_modules/some/index.js', 'export const some = "package";');
    const file = rig.write(
      'plain.mjs',
      `import { some } from 'some'; export default () => [some, import.meta.filename];`,
    );
    expect(await prepared(file)).toBe(pathToFileURL(file).href);
    expect(await returned(file)).toEqual(['package', file]);
    const relative = rig.write('relative.mjs', `import './plain.mjs'; export default () => 1;`);
    expect(await prepared(relative)).not.toBe(pathToFileURL(relative).href);
    const program = rig.write('program.mjs', `import { context } from "flowctl"; export default () => context().run;`);
    expect(await returned(program)).toBe('01h');
  });
});
