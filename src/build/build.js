#!/usr/bin/env node
// Builds the program: schema validators, the command line as one script, what programs import, and the published types.
// Runs by `npm ci` (prepare) and `npm run build`. Everything is made beside and moved into place at the end, so that a program
// that runs meanwhile never sees half a build.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { compileAhead } from './compile-ahead.js';
import { compileSchemas } from './compile-schemas.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const making = join(root, `dist.making-${process.pid}`);
const made = join(root, 'dist');

mkdirSync(making, { recursive: true });
try {
  await compileSchemas(join(root, 'src', 'load', 'generated'));
  const options = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    sourcemap: false,
    external: ['esbuild'],
    define: { FLOWCTL_VERSION: JSON.stringify(version) },
    logLevel: 'warning',
  };
  await build({
    ...options,
    entryPoints: {
      index: 'src/index.ts',
      'function-host': 'src/functions/host.ts',
    },
    outdir: making,
    splitting: true,
    format: 'esm',
    // Some dependencies are CommonJS and ask for `require` of Node's own modules.
    banner: {
      js: "import{createRequire as flowctlCreateRequire}from'node:module';const require=flowctlCreateRequire(import.meta.url);",
    },
  });
  // The command line is one script whose value is a function: V8 keeps compiled scripts, not modules. What a command imports when it is
  // called is in it as well, and is not run before. See bin/flowctl.js, which reads it as Latin-1.
  await build({
    ...options,
    entryPoints: ['src/cli/main.ts'],
    outfile: join(making, 'program.cjs'),
    format: 'cjs',
    charset: 'ascii',
    // In a script that V8 took over compiled, Node 20 knows no `import()`; of what stays outside, all can be required.
    supported: { 'dynamic-import': false },
    define: { ...options.define, 'import.meta.url': 'flowctlUrl' },
    banner: {
      js: '(function(module,require,__filename){const flowctlUrl=require("node:url").pathToFileURL(__filename).href;',
    },
    footer: { js: '})' },
  });
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (existsSync(compiler)) {
    const types = spawnSync(
      process.execPath,
      [compiler, '-p', 'tsconfig.types.json', '--outDir', join(making, 'types')],
      {
        cwd: root,
        stdio: 'inherit',
      },
    );
    if (types.status !== 0) process.exitCode = 1;
  } else {
    process.stderr.write('build: typescript is not installed, so the published types are not made\n');
  }
  const old = `${made}.old-${process.pid}`;
  if (existsSync(made)) renameSync(made, old);
  renameSync(making, made);
  rmSync(old, { recursive: true, force: true });
  compileAhead(root);
} finally {
  rmSync(making, { recursive: true, force: true });
}
