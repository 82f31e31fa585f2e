/**
 * Finds the state directory of a project. It reads directories' entries and their owners only: no file is opened, no code loaded.
 *
 * Nearest ancestor of the starting folder, itself included, with `.flowctl/` or `flowctl.config.{yaml,ts}`; else the nearest with
 * `.git`; else with `package.json`; else the starting folder. The search ends before a folder that belongs neither to us, nor to
 * root, nor to whoever owns the starting folder: what lies in a stranger's folder above must not choose where we write. For the
 * same reason an entry counts only when it belongs to one of those three: anybody may put a `.git` into /tmp.
 */

import { lstatSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { STATE_DIRECTORY } from './layout.ts';

/** Where to look, and what overrides the search. */
export interface Discovery {
  /** The folder of the flow file; the current folder for commands without one. */
  readonly start: string;
  readonly currentFolder: string;
  /** The value of `--state-dir`; relative to the current folder. */
  readonly option?: string | undefined;
  /** The value of FLOWCTL_STATE_DIR; empty counts as unset. */
  readonly environment?: string | undefined;
}

/** Entries that make a folder the project, strongest first; within one group the nearest folder wins. */
const CONFIGS = ['flowctl.config.yaml', 'flowctl.config.ts'];
const MARKERS: readonly (readonly string[])[] = [[STATE_DIRECTORY, ...CONFIGS], ['.git'], ['package.json']];

/** The absolute path of the state directory to use. It need not exist, and is not made. */
export function discoverState({ start, currentFolder, option, environment }: Discovery): string {
  if (option !== undefined) return resolve(currentFolder, option);
  if (environment !== undefined && environment !== '') return resolve(currentFolder, environment);
  // A flow that cron reaches through a link is the flow that a terminal's physical folder shows.
  const from = realPath(resolve(currentFolder, start));
  const trusted = trustedOwners(from);
  const folders = [...ancestors(from, trusted)];
  for (const names of MARKERS) {
    const project = folders.find((folder) => names.some((name) => holds(folder, name, trusted)));
    if (project !== undefined) return join(project, STATE_DIRECTORY);
  }
  return join(from, STATE_DIRECTORY);
}

/**
 * The absolute path of the config of the project around a folder; null when it has none. Only the project's own folder counts: the nearest
 * that holds a state directory or a config.
 */
export function discoverConfig(start: string): string | null {
  const from = realPath(resolve(start));
  const trusted = trustedOwners(from);
  const names = [STATE_DIRECTORY, ...CONFIGS];
  for (const folder of ancestors(from, trusted)) {
    if (!names.some((name) => holds(folder, name, trusted))) continue;
    const config = CONFIGS.find((name) => holds(folder, name, trusted));
    return config === undefined ? null : join(folder, config);
  }
  return null;
}

/** Null: this system has no user ids. */
function trustedOwners(start: string): ReadonlySet<number> | null {
  const us = process.geteuid?.();
  if (us === undefined) return null;
  const owner = ownerOf(start);
  return new Set(owner === undefined ? [us, 0] : [us, 0, owner]);
}

function* ancestors(start: string, trusted: ReadonlySet<number> | null): Generator<string> {
  for (let folder = start; ; folder = dirname(folder)) {
    const owner = ownerOf(folder);
    if (owner !== undefined && trusted !== null && !trusted.has(owner)) return;
    yield folder;
    if (dirname(folder) === folder) return;
  }
}

/** Undefined for a folder that is missing or may not be looked at. */
function ownerOf(folder: string): number | undefined {
  try {
    return statSync(folder, { throwIfNoEntry: false })?.uid;
  } catch {
    return undefined;
  }
}

function holds(folder: string, name: string, trusted: ReadonlySet<number> | null): boolean {
  try {
    const path = join(folder, name);
    const entry = lstatSync(path, { throwIfNoEntry: false });
    if (entry === undefined || (trusted !== null && !trusted.has(entry.uid))) return false;
    return name !== STATE_DIRECTORY || statSync(path).isDirectory();
  } catch {
    // A folder that cannot be searched, a link that leads nowhere: nothing of use is there.
    return false;
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
