#!/usr/bin/env node
/**
 * Answers `--version` before anything is loaded; everything else is one script, `dist/program.cjs`, which V8 takes over compiled where
 * it can: what it made of the script once lies in `dist/ahead`, a file for each common command (`compile-ahead.js` makes them).
 *
 * This file is CommonJS because Node needs 3 ms less to start one. What is in `dist/ahead` is code and is trusted like the script that it
 * lies beside. V8 refuses what another version of it made, but crashes over a damaged file, so each ends in a checksum; it also covers
 * the script and this very Node. Without a file that fits, the script is compiled as any other.
 */
'use strict';

const { readFileSync, statSync } = require('node:fs');
const { dirname, join } = require('node:path');
const vm = require('node:vm');

const root = dirname(__dirname);
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`flowctl needs Node 20.19 or later; this is ${process.versions.node}\n`);
  process.exitCode = 70;
} else if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V')) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  process.stdout.write(`${version}\n`);
} else {
  start();
}

function start() {
  const filename = join(root, 'dist', 'program.cjs');
  const source = readFileSync(filename);
  const script = new vm.Script(source.latin1Slice(), {
    filename,
    cachedData: compiledAhead(source),
  });
  const program = { exports: {} };
  script.runInThisContext()(program, require, filename);
  // A promise that is never settled does not keep Node from ending, and it would end well.
  process.once('beforeExit', abandoned);
  program.exports.main(process.argv.slice(2)).then(() => process.off('beforeExit', abandoned));
}

function abandoned() {
  process.stderr.write('error: internal: flowctl had nothing left to wait for before its work was done\n');
  process.exitCode = 70;
}

/** What V8 made of the script for this command; undefined where there is nothing that fits. */
function compiledAhead(source) {
  const { crc32 } = require('node:zlib');
  const [command = ''] = process.argv.slice(2);
  try {
    const made = readAhead(/^[a-z_]+$/.test(command) ? command : 'other') ?? readAhead('other');
    const end = made.length - 4;
    const data = made.subarray(0, end);
    const node = `${process.version} ${process.platform} ${process.arch} ${statSync(process.execPath).size}`;
    return crc32(data, crc32(source, crc32(node))) === made.readUInt32LE(end) ? data : undefined;
  } catch {
    return undefined;
  }
}

function readAhead(command) {
  try {
    return readFileSync(join(root, 'dist', 'ahead', command));
  } catch {
    return null;
  }
}
