/** Leaves compiled code in the user's cache folder. Nothing here may disturb: what cannot be written is made again next time. */
'use strict';

const { mkdirSync, lstatSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { isOurs } = require('./compiled.js');

/** Of programs and Nodes that were replaced meanwhile, most likely; if not, it is made again. */
const OLD_MS = 30 * 86_400_000;

/**
 * @param {string} folder made with mode 0700 when it is missing.
 * @param {string} name of the file, mode 0600.
 * @param {() => Buffer} make what it is to hold: all of it, or there is no file of that name.
 */
function keep(folder, name, make) {
  const making = join(folder, `.${name}.${process.pid}`);
  try {
    if (!isOwnPlace(dirname(folder))) return;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Not through a link, and where nobody else can change names.
    const made = lstatSync(folder);
    if (!made.isDirectory() || !isOurs(made)) return;
    writeFileSync(making, make(), { flag: 'wx', mode: 0o600 });
    renameSync(making, join(folder, name));
    for (const other of readdirSync(folder)) removeOld(join(folder, other));
  } catch {
    tryTo(() => rmSync(making, { force: true }));
  }
}

function tryTo(work) {
  try {
    work();
  } catch {
    // What could not be made needs not be removed.
  }
}

/** False for root in somebody's home, which `sudo` leaves in the environment: its files would be in the way there. */
function isOwnPlace(cache) {
  const found = statSync(cache, { throwIfNoEntry: false }) ?? statSync(dirname(cache), { throwIfNoEntry: false });
  return found?.isDirectory() === true && isOurs(found);
}

function removeOld(file) {
  if (Date.now() - lstatSync(file).mtimeMs > OLD_MS) rmSync(file, { force: true });
}

module.exports = { keep };
