/**
 * Runs a script as V8 compiled it before (its code cache), which makes a start twice as fast. There is a file for each command, made when
 * the command had been run once, so that it holds all functions that were called, and nothing else. They lie
 * - beside the script in `ahead/`, where the build puts those of the common commands, as long as the program and Node stay the same;
 * - else in the user's cache folder, where the first call of a command leaves its own.
 *
 * Such a file is code. `ahead/` is trusted like the script itself; elsewhere a file must be ours, and nobody else may write to it. V8
 * refuses the work of another version of itself, but crashes over a damaged file: so each ends in a checksum. Whatever does not fit is
 * passed over without a word, for then the script is compiled like any other.
 */
'use strict';

const { closeSync, constants, fstatSync, openSync, readFileSync, statSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { Script } = require('node:vm');
const { crc32 } = require('node:zlib');

/** After that the collector has thrown away the code of functions that were used at the start only. */
const FRESH_MS = 10_000;
const CHECKSUM_BYTES = 4;

/**
 * @param {string} filename of a text in ASCII whose value is a function of `module`, `require`, `__filename`, and of a function that
 * runs another script of the same folder.
 * @param {string | undefined} command the word behind the program's name, whatever it is.
 * @returns what the function exports.
 */
function runScript(filename, command = '') {
  const source = readFileSync(filename);
  const id = idOf(source);
  const file = (name) => `${name}-${id.toString(16).padStart(8, '0')}`;
  const ahead = join(dirname(filename), 'ahead');
  const name = /^[a-z_]+$/.test(command) ? command : 'other';
  const own = ownFolder();
  const cachedData =
    read(join(ahead, file(name)), id) ??
    read(join(ahead, file('other')), id) ??
    (own === null ? undefined : read(join(own, file(name)), id, 'ours'));
  const script = new Script(source.latin1Slice(), { filename, cachedData });
  if (cachedData === undefined && own !== null && !hasOptions()) {
    process.once('exit', (code) => {
      // A word that is no command, or a call that was cut short, is nothing to learn from.
      if (code === 0 && performance.now() < FRESH_MS)
        require('./keep-compiled.js').keep(own, file(name), () => sealed(script, id));
    });
  }
  const module = { exports: {} };
  const runBeside = (other) => runScript(join(dirname(filename), other), command);
  script.runInThisContext()(module, require, filename, runBeside);
  return module.exports;
}

/** The script and the Node that runs it: of another build of the same version V8 may think that it was its own. */
function idOf(source) {
  const { version, platform, arch, execPath } = process;
  return crc32(source, crc32(`${version} ${platform} ${arch} ${statSync(execPath).size}`));
}

/** Options of V8 change what it compiles. */
const hasOptions = () => process.execArgv.length > 0 || (process.env.NODE_OPTIONS ?? '') !== '';

/** The user's folder; null where nobody is sure to own it, or the user wants Node to keep no compiled code. */
function ownFolder() {
  const { XDG_CACHE_HOME: given = '', HOME: home = '', NODE_DISABLE_COMPILE_CACHE: disabled } = process.env;
  if (process.geteuid === undefined || disabled !== undefined) return null;
  // https://specifications.freedesktop.org/basedir-spec: a relative path is to be ignored.
  const cache = given.startsWith('/') ? given : home.startsWith('/') ? join(home, '.cache') : null;
  return cache === null ? null : join(cache, 'flowctl');
}

/** @returns {Buffer | undefined} undefined where there is nothing that fits. */
function read(file, id, whose = 'the program') {
  let descriptor;
  try {
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    if (whose === 'ours' && !isOurs(fstatSync(descriptor))) return undefined;
    const bytes = readFileSync(descriptor);
    const data = bytes.subarray(0, -CHECKSUM_BYTES);
    return crc32(data, id) === bytes.readUInt32LE(data.length) ? data : undefined;
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

const isOurs = ({ uid, mode }) => uid === process.geteuid() && (mode & 0o022) === 0;

function sealed(script, id) {
  const data = script.createCachedData();
  const checksum = Buffer.alloc(CHECKSUM_BYTES);
  checksum.writeUInt32LE(crc32(data, id));
  return Buffer.concat([data, checksum]);
}

module.exports = { isOurs, runScript };
