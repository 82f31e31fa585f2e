/**
 * The command line as one script: V8 keeps compiled scripts, not modules (see `bin/compiled.js`). esbuild splits the program into
 * chunks, along what is imported together; each becomes a function here, which is called, and compiled, when it is first required.
 */
import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { build, transform } from 'esbuild';

/**
 * The script's value is a function of `module`, `require` and `__filename`.
 * @param {import('esbuild').BuildOptions} options common to everything that is built.
 * @param {string} entry the source file whose exports are the script's.
 * @param {string} outfile where the script goes.
 */
export async function buildScript(options, entry, outfile) {
  const { outputFiles } = await build({
    ...options,
    entryPoints: { main: entry },
    outdir: '/',
    write: false,
    splitting: true,
    format: 'esm',
    define: { ...options.define, 'import.meta.url': 'programUrl' },
  });
  const chunks = await Promise.all(outputFiles.map(({ path, text }) => toFunction(basename(path), text)));
  const parts = [
    '(function(module,require,__filename){"use strict";',
    'const programUrl=require("node:url").pathToFileURL(__filename).href;',
    `const chunks={__proto__:null,\n${chunks.join(',\n')}};`,
    `${standIn}${startScript}`,
    'module.exports=startScript(chunks,require)})',
  ];
  await writeFile(outfile, parts.join('\n'));
}

/** Loaded with Node itself, and often called. The others take up to a millisecond, and a command uses few of those it could need. */
const LOADED = new Set(['node:buffer', 'node:events', 'node:fs', 'node:path', 'node:url', 'node:util']);

/** How esbuild writes an import of one of Node's modules, all of it; of some names; and what CommonJS requires. */
const NODE_MODULE =
  /\b__toESM\(require\("(node:[\w/]+)"\)(?:,1)?\)|\brequire\("(node:[\w/]+)"\)|\(0,\w+\.__require\)\("(node:[\w/]+)"\)/g;

/** A chunk as a member of an object: `"./name.js"(module,require,lazyBuiltin){...}`. */
async function toFunction(name, text) {
  const { code } = await transform(text, {
    format: 'cjs',
    target: 'node20.19',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    // The script is read as Latin-1.
    charset: 'ascii',
    // A script that V8 took over compiled knows no `import()` on Node 20; of what stays outside, all can be required.
    supported: { 'dynamic-import': false },
  });
  // A copy of the exports would make every use of them a step longer.
  const direct = code.replace(
    /module\.exports=__toCommonJS\((\w+)\);/,
    (_, exports) => `module.exports=__defProp(${exports},"__esModule",{value:true});`,
  );
  if (direct === code && /^(import|export)\b/m.test(text)) {
    throw new Error(`esbuild writes exports in a new way: see src/build/program-script.js`);
  }
  const lazy = direct.replace(NODE_MODULE, (written, imported, ...required) => {
    const module = imported ?? required[0] ?? required[1];
    // A method of what stands for it would have the wrong `this`; who imports it gets the real one as `default`.
    const needsItself = module === 'node:process' && imported === undefined;
    return (LOADED.has(module) && imported === undefined) || needsItself ? written : `lazyBuiltin("${module}")`;
  });
  return `"./${name}"(module,require,lazyBuiltin){${lazy.trim()}}`;
}

/* What follows is not called here: its text goes into the script. */

/** @returns what the script exports. */
function startScript(chunks, require) {
  const loaded = new Map();
  const load = (name) => {
    const known = loaded.get(name);
    if (known !== undefined) return known.exports;
    const chunk = chunks[name];
    if (chunk === undefined) return require(name);
    const module = { exports: {} };
    loaded.set(name, module);
    chunk(module, load, lazyBuiltin);
    return module.exports;
  };
  const builtins = new Map();
  const lazyBuiltin = (name) => {
    if (!builtins.has(name))
      builtins.set(
        name,
        standIn(() => require(name)),
      );
    return builtins.get(name);
  };
  return load('./main.js');
}

/** Stands for one of Node's modules, as it is required and as it is imported; loads it when something of it is wanted. */
function standIn(loadModule) {
  let loaded;
  const module = () => {
    loaded ??= loadModule();
    return loaded;
  };
  return new Proxy(
    {},
    { get: (_, key) => (key === 'default' ? module() : module()[key]), has: (_, key) => key in module() },
  );
}
