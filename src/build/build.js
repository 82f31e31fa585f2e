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
import { buildScripts } from './program-script.js';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const making = join(root, `dist.making-${process.pid}`);
const made = join(root, 'dist');

/** chalk looks at the terminal when it is loaded, which loads half of Node; `cli/style.ts` decides about colours, and says so each time. */
const withoutDetection = {
  name: 'without-detection',
  setup(build) {
    build.onResolve({ filter: /^#supports-color$/ }, ({ path }) => ({ path, namespace: 'without-detection' }));
    build.onLoad({ filter: /^/, namespace: 'without-detection' }, () => ({
      contents: 'export default { stdout: false, stderr: false };',
    }));
  },
};

mkdirSync(making, { recursive: true });
try {
  await compileSchemas(join(root, 'src', 'load', 'generated'));
  const options = {
    absWorkingDir: root,
    plugins: [withoutDetection],
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
      'script-host': 'src/functions/script-host.ts',
    },
    outdir: making,
    splitting: true,
    format: 'esm',
    // Some dependencies are CommonJS and ask for `require` of Node's own modules.
    banner: {
      js: "import{createRequire as flowctlCreateRequire}from'node:module';const require=flowctlCreateRequire(import.meta.url);",
    },
  });
  await buildScripts(options, {
    entry: 'src/cli/main.ts',
    quick: ['runs', 'show', 'logs'].map((name) => `src/cli/commands/${name}.ts`),
    usual: [
      ...['validate', 'run', 'resume', 'rerun', 'graph', 'cancel'].map((name) => `src/cli/commands/${name}.ts`),
      ...['src/cli/run-life.ts', 'src/expressions/shell/marker.ts', 'src/expressions/shell/shell.ts'],
    ],
    folder: making,
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
