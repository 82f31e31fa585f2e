/**
 * The command line as three scripts: V8 keeps compiled scripts, not modules (see `bin/compiled.js`). esbuild splits the program into
 * chunks, along what is imported together; each becomes a function here, which is called, and compiled, when it is first required.
 * A script is read whole, so what answers a query is one of its own: reading all of it would take longer than the answer.
 */
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { build, transform } from 'esbuild';

/**
 * Makes `program.cjs`, whose exports are those of the entry, `usual.cjs` with what else calls commonly need, and `rest.cjs` with the chunks
 * that most calls never come to. The value of each script is a function of `module`, `require`, `__filename` and `runBeside`, which runs
 * another script of the same folder.
 * @param {import('esbuild').BuildOptions} options common to everything that is built.
 * @param {{entry: string, quick: string[], usual: string[], folder: string}} where the source file that is the entry, those that the first
 * script holds as well, those of the second, all of which are imported when they are needed; and where the scripts go.
 */
export async function buildScripts(options, { entry, quick, usual: often, folder }) {
  const { outputFiles, metafile } = await build({
    ...options,
    entryPoints: { main: entry },
    outdir: folder,
    write: false,
    metafile: true,
    splitting: true,
    format: 'esm',
    define: { ...options.define, 'import.meta.url': 'programUrl' },
  });
  const { first, usual } = sortChunks(metafile.outputs, { entry, quick, often });
  const functions = await Promise.all(
    outputFiles.map(async ({ path, text }) => ({
      script: first.has(basename(path)) ? 'program' : usual.has(basename(path)) ? 'usual' : 'rest',
      text: await toFunction(basename(path), text),
    })),
  );
  const table = (script) =>
    `{__proto__:null,\n${functions
      .filter((chunk) => chunk.script === script)
      .map(({ text }) => text)
      .join(',\n')}}`;
  const program = [
    '(function(module,require,__filename,runBeside){"use strict";',
    `${standIn}${startScript}`,
    `module.exports=startScript(${table('program')},require,__filename,runBeside)})`,
  ];
  await writeFile(join(folder, 'program.cjs'), program.join('\n'));
  for (const script of ['usual', 'rest']) {
    const text = `(function(module){"use strict";module.exports=${table(script)}})`;
    await writeFile(join(folder, `${script}.cjs`), text);
  }
}

/** What source files come to without a further `import()`. */
function sortChunks(outputs, { entry, quick, often }) {
  const chunkOf = (source) => {
    const found = Object.keys(outputs).find((chunk) => outputs[chunk].entryPoint === source);
    if (found === undefined) throw new Error(`${source} is not imported by \`import()\``);
    return found;
  };
  const imports = (chunk) =>
    outputs[chunk].imports.filter(({ kind, path }) => kind === 'import-statement' && path in outputs);
  const closure = (roots) => {
    const found = new Set(roots);
    // A set that grows meanwhile is gone through to its end.
    for (const chunk of found) for (const { path } of imports(chunk)) found.add(path);
    return found;
  };
  const chunksOf = (sources) => new Set([...closure(sources.map(chunkOf))].map((chunk) => basename(chunk)));
  return { first: chunksOf([entry, ...quick]), usual: chunksOf(often) };
}

/** Loaded with Node itself, and often called. The others take up to a millisecond, and a command uses few of those it could need. */
const LOADED = new Set(['node:buffer', 'node:events', 'node:fs', 'node:path', 'node:url', 'node:util']);

/** How esbuild writes an import of one of Node's modules, all of it; of some names; and what CommonJS requires. */
const NODE_MODULE =
  /\b__toESM\(require\("(node:[\w/]+)"\)(?:,1)?\)|\brequire\("(node:[\w/]+)"\)|\(0,\w+\.__require\)\("(node:[\w/]+)"\)/g;

/** A chunk as a member of an object: `"./name.js"(module,require,lazyBuiltin,programUrl){...}`. */
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
  return `"./${name}"(module,require,lazyBuiltin,programUrl){${lazy.trim()}}`;
}

/* What follows is not called here: its text goes into the script. */

/** @returns what the script exports. */
function startScript(chunks, require, filename, runBeside) {
  const programUrl = require('node:url').pathToFileURL(filename).href;
  const loaded = new Map();
  const others = ['usual.cjs', 'rest.cjs'];
  const tables = [chunks];
  const chunkNamed = (name) => {
    for (;;) {
      const table = tables.find((each) => each[name] !== undefined);
      if (table !== undefined) return table[name];
      tables.push(runBeside(others.shift()));
    }
  };
  const load = (name) => {
    // Of what stays outside.
    if (!name.startsWith('./')) return require(name);
    const known = loaded.get(name);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    loaded.set(name, module);
    chunkNamed(name)(module, load, lazyBuiltin, programUrl);
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
