#!/usr/bin/env node
/**
 * Makes `dist/ahead`: for each common command, what V8 compiled of the program while it ran an example of it (`flowctl.js` reads it).
 * Runs at the end of a build and after an installation (`postinstall`), for what it makes fits only the Node that made it; after a
 * change of Node `npm rebuild flowctl` makes it anew. Nothing here can fail: without these files flowctl only starts more slowly.
 *
 * An example is run by the real program, with this file loaded before it (`--require`), which gets hold of the script and, when the
 * program ends, of everything that was compiled by then, also of functions that V8 compiles at their first call.
 */
'use strict';

const { spawnSync } = require('node:child_process');
const {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join } = require('node:path');
const vm = require('node:vm');
const { crc32 } = require('node:zlib');

const PROGRAM = join(dirname(__dirname), 'dist', 'program.cjs');
const AHEAD = join(dirname(PROGRAM), 'ahead');
/** In the environment of an example: where its file goes. */
const TARGET = 'FLOWCTL_COMPILE_AHEAD';

/** A flow with a little of everything that flows commonly have: it is what runs fast from the first call. */
const FLOW = `name: sample
description: what most flows have
params:
  who: { type: string, default: you }
  count: 3
env: { GREETING: hello }
steps:
  greet:
    run: echo "$GREETING" \${{ params.who }}
    retry: 2
    timeout: 1m
  count:
    run: echo "n=\${{ params.count }}" >> "$FLOWCTL_OUTPUT"
  both:
    needs: [greet, count]
    if: steps.count.outputs.n == 3
    env: { N: "\${{ steps.count.outputs.n }}" }
    run: test "$N" = 3
    continue_on_error: true
  list:
    needs: both
    run: [echo, "[1, 2]"]
    output: json
outputs: { list: "\${{ steps.list.outputs }}" }
`;

/** Refused, with a code frame. */
const BROKEN = `name: broken
steps:
  a: { run: echo, need: b }
`;

/** In the order in which they are run, in one folder: the name of the file, which is the command, and the arguments. */
const EXAMPLES = [
  // Defines every command: the one for those that have no file of their own.
  ['other', '--help'],
  ['validate', 'validate', 'sample.yaml', 'broken.yaml'],
  ['run', 'run', 'sample.yaml', '-p', 'count=3'],
  ['graph', 'graph', 'sample.yaml'],
  ['resume', 'resume'],
  ['rerun', 'rerun'],
  ['runs', 'runs'],
  ['show', 'show'],
  ['logs', 'logs'],
  ['__complete', '__complete', '--', 'run', ''],
];

if (process.env[TARGET] === undefined) makeAll();
else catchScript(process.env[TARGET]);

function makeAll() {
  if (!existsSync(PROGRAM) || crc32 === undefined) return;
  const folder = mkdtempSync(join(tmpdir(), 'flowctl-ahead-'));
  try {
    mkdirSync(AHEAD, { recursive: true });
    writeFileSync(join(folder, 'sample.yaml'), FLOW);
    writeFileSync(join(folder, 'broken.yaml'), BROKEN);
    for (const [name, ...argv] of EXAMPLES) {
      // Of this call only; a half-written file never has the name.
      const target = join(AHEAD, `${name}.${process.pid}`);
      const program = join(__dirname, 'flowctl.js');
      spawnSync(process.execPath, ['--require', __filename, program, ...argv], {
        cwd: folder,
        env: { ...cleanEnvironment(), FLOWCTL_STATE_DIR: join(folder, '.flowctl'), [TARGET]: target },
        timeout: 30_000,
      });
      if (existsSync(target)) renameSync(target, join(AHEAD, name));
    }
  } catch (error) {
    process.stderr.write(`flowctl will start more slowly than it could: ${error.message}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Nothing of an outer run, and no options: under other options of V8 what is made here does not fit. */
function cleanEnvironment() {
  const own = ([name]) => !name.startsWith('FLOWCTL_') && name !== 'NODE_OPTIONS' && name !== 'NODE_V8_COVERAGE';
  return Object.fromEntries(Object.entries(process.env).filter(own));
}

function catchScript(target) {
  delete process.env[TARGET];
  const { Script } = vm;
  vm.Script = class extends Script {
    constructor(source, options) {
      // Compiled anew: what an earlier build left is not to be handed on.
      super(source, { ...options, cachedData: undefined });
      if (options.filename === PROGRAM) process.once('exit', () => write(this.createCachedData(), target));
    }
  };
}

function write(data, target) {
  const node = `${process.version} ${process.platform} ${process.arch} ${statSync(process.execPath).size}`;
  const end = Buffer.alloc(4);
  end.writeUInt32LE(crc32(data, crc32(readFileSync(PROGRAM), crc32(node))));
  writeFileSync(target, Buffer.concat([data, end]));
}
