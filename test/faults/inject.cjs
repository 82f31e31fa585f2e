/**
 * Loaded into flowctl before anything else (`NODE_OPTIONS=--require`): the n-th change that the process itself makes below the state
 * directory fails as the system would let it fail, counted over all its file calls in their order. Steps and helper programs are not
 * touched, for the variables are taken out of the environment again.
 *
 * FAULT_PLAN is JSON: `root` (the state directory), `log` (a file, outside of it, that gets a line per change), and, unless only to
 * be counted: `nth`, `code`, `lasting` (every later one fails too, as on a full disk), `half` (a write leaves half of its bytes behind).
 */
'use strict';

const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const { isMainThread } = require('node:worker_threads');
const { resolve, sep } = require('node:path');

const plan = isMainThread && process.env.FAULT_PLAN !== undefined ? JSON.parse(process.env.FAULT_PLAN) : null;
if (isMainThread) {
  delete process.env.FAULT_PLAN;
  delete process.env.NODE_OPTIONS;
}

const { appendFileSync, readlinkSync, writeSync, write, promises } = { ...fs, promises: { ...fs.promises } };
const ERRNO = { EIO: -5, ENOSPC: -28, EROFS: -30, EDQUOT: -122 };
const WRITING = fs.constants.O_WRONLY | fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_TRUNC;

let count = 0;

/** The path that a call is about: its own, or that of a descriptor. Null outside of the state directory. */
function placeOf(target) {
  let path = target;
  if (typeof target === 'number') {
    try {
      path = readlinkSync(`/proc/self/fd/${target}`);
    } catch {
      return null;
    }
  }
  if (typeof path !== 'string') return null;
  const whole = resolve(path);
  return whole === plan.root || whole.startsWith(plan.root + sep) ? whole : null;
}

/** Counts a change. Returns the error that it is to fail with, or null. */
function judge(call, target) {
  const place = placeOf(target);
  if (place === null) return null;
  count += 1;
  const fails = plan.code !== undefined && (plan.lasting ? count >= plan.nth : count === plan.nth);
  appendFileSync(plan.log, `${count} ${call} ${place}${fails ? ' FAILS' : ''}\n`);
  if (!fails) return null;
  const error = new Error(`${plan.code}: injected, ${call} '${place}'`);
  return Object.assign(error, { code: plan.code, errno: ERRNO[plan.code], syscall: call, path: place });
}

const isWriting = (flags) =>
  typeof flags === 'number' ? (flags & WRITING) !== 0 : flags !== undefined && flags !== null && !/^rs?$/.test(flags);

/** Of a call: its name in a trace, which argument it is about, and when it changes nothing. */
const CALLS = [
  ['open', 0, (args) => !isWriting(args[1])],
  ['write', 0],
  ['fsync', 0],
  ['fdatasync', 0],
  ['ftruncate', 0],
  ['truncate', 0],
  ['mkdir', 0],
  ['rename', 1],
  ['link', 1],
  ['symlink', 1],
  ['unlink', 0],
  ['rmdir', 0],
  ['rm', 0],
  ['copyFile', 1],
  ['chmod', 0],
  ['utimes', 0],
];

const half = (bytes) =>
  (typeof bytes === 'string' ? Buffer.from(bytes) : bytes).subarray(0, Math.floor(bytes.length / 2));

function patchSync(name, at, isRead) {
  const real = fs[`${name}Sync`];
  fs[`${name}Sync`] = (...args) => {
    const error = isRead?.(args) ? null : judge(name, args[at]);
    if (error === null) return real(...args);
    if (name === 'write' && plan.half) writeSync(args[0], half(args[1]));
    throw error;
  };
}

function patchCallback(name, at, isRead) {
  const real = fs[name];
  fs[name] = (...args) => {
    const error = isRead?.(args) ? null : judge(name, args[at]);
    if (error === null) return real(...args);
    const done = args.at(-1);
    if (name !== 'write' || !plan.half) return process.nextTick(done, error);
    const [fd, bytes, offset] = args;
    return write(fd, bytes, offset, Math.floor((args[3] ?? bytes.length) / 2), null, () => done(error));
  };
  // `promisify(write)` asks for this.
  for (const symbol of Object.getOwnPropertySymbols(real)) fs[name][symbol] = real[symbol];
}

function patchPromise(name, at, isRead) {
  const real = fs.promises[name];
  fs.promises[name] = async (...args) => {
    const error = isRead?.(args) ? null : judge(name, args[at]);
    if (error === null) return real(...args);
    throw error;
  };
}

function patchWholeFile() {
  const real = fs.promises.writeFile;
  fs.promises.writeFile = async (file, data, options) => {
    const error = typeof file === 'string' ? judge('write', file) : null;
    if (error === null) return real(file, data, options);
    if (plan.half) await real(file, half(data), options);
    throw error;
  };
}

/** The methods of open files, whose class only an open file shows. */
function patchHandles() {
  const handle = fs.openSync('/dev/null', 'r');
  fs.closeSync(handle);
  return promises.open('/dev/null', 'r').then(async (file) => {
    const methods = Object.getPrototypeOf(file);
    await file.close();
    for (const [method, name] of [
      ['write', 'write'],
      ['writeFile', 'write'],
      ['appendFile', 'write'],
      ['sync', 'fsync'],
      ['datasync', 'fdatasync'],
      ['truncate', 'ftruncate'],
      ['chmod', 'chmod'],
    ]) {
      const real = methods[method];
      methods[method] = async function (...args) {
        const error = judge(name, this.fd);
        if (error === null) return real.apply(this, args);
        if (name === 'write' && plan.half) await real.call(this, half(args[0]));
        throw error;
      };
    }
  });
}

if (plan !== null) {
  for (const [name, at, isRead] of CALLS) {
    if (fs[`${name}Sync`] !== undefined) patchSync(name, at, isRead);
    if (fs[name] !== undefined) patchCallback(name, at, isRead);
    if (fs.promises[name] !== undefined) patchPromise(name, at, isRead);
  }
  patchWholeFile();
  patchHandles();
  syncBuiltinESMExports();
}
