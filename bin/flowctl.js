#!/usr/bin/env node
// Answers `--version` before anything is loaded; everything else is one script, which is run as V8 compiled it before, where it did.
// This file is CommonJS because Node starts a module 3 ms later.
'use strict';

const { readFileSync, writeSync } = require('node:fs');
const { dirname, join } = require('node:path');

const root = dirname(__dirname);
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`flowctl needs Node 20.19 or later; this is ${process.versions.node}\n`);
  process.exitCode = 70;
} else if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V')) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  print(`${version}\n`);
} else {
  const { runScript } = require('./compiled.js');
  const { main } = runScript(join(root, 'dist', 'program.cjs'), process.argv[2]);
  // A promise that is never settled does not keep Node from ending, and it would end well.
  process.once('beforeExit', abandoned);
  main(process.argv.slice(2)).then(() => process.off('beforeExit', abandoned));
}

/** Without Node's stream, which takes longer to make than all else here. */
function print(text) {
  try {
    writeSync(1, text);
  } catch {
    // Nobody reads it, it is a descriptor that does not wait, or there is none: the stream knows what to do about each.
    process.stdout.write(text);
  }
}

function abandoned() {
  process.stderr.write('error: internal: flowctl had nothing left to wait for before its work was done\n');
  process.exitCode = 70;
}
