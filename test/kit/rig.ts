/** A project in a temporary folder and the built program in it: what a user has, and nothing else. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect } from 'vitest';

/** The built program. */
export const BIN = resolve(import.meta.dirname, '../../bin/flowctl.js');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<Ended>;
  /** What stdout holds so far. */
  stdout(): string;
  /** What stderr holds so far. */
  stderr(): string;
  /** Resolves when stdout holds this. */
  prints(text: string | RegExp): Promise<void>;
}

export type Variables = { readonly [name: string]: string | undefined };

export interface RigOptions {
  readonly env?: Variables;
  readonly cwd?: string;
  readonly stdin?: 'ignore' | 'inherit' | 'pipe';
}

/** Effects are lines appended to a file outside of the state; what a step did, whatever the record says. */
export class Rig {
  readonly folder: string;
  /** The program under test. */
  readonly bin: string;
  private env: Variables;

  /** @param env laid over the environment of everything that is started here. @param bin default: the built program. */
  constructor(env: Variables = {}, bin: string = BIN) {
    this.bin = bin;
    this.folder = mkdtempSync(join(tmpdir(), 'flowctl-test-'));
    this.env = env;
  }

  /** Lays more variables over the environment of everything that is started from now on. */
  give(env: Variables): void {
    this.env = { ...this.env, ...env };
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  write(file: string, text: string): string {
    const path = this.path(file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** Makes a folder with those above it, unless it is there. */
  makeFolder(folder: string, mode: number): string {
    const path = this.path(folder);
    mkdirSync(path, { recursive: true, mode });
    return path;
  }

  read(file: string): string {
    return readFileSync(this.path(file), 'utf8');
  }

  /** The lines of a file of effects; none when nothing was appended yet. */
  effects(file = 'effects'): readonly string[] {
    return existsSync(this.path(file))
      ? this.read(file)
          .split('\n')
          .filter((line) => line !== '')
      : [];
  }

  /** The environment of what is started: no colours, no outer run, and where the effects go. */
  environment(more: Variables = {}): NodeJS.ProcessEnv {
    const { NO_COLOR: _, FORCE_COLOR: __, GITHUB_ACTIONS: ___, CI: ____, ...clean } = process.env;
    const own = { EFFECTS: this.path('effects'), NODE: process.execPath, BIN: this.bin, FLOWCTL_TOKEN: undefined };
    return { ...clean, ...own, ...this.env, ...more };
  }

  start(argv: readonly string[], options: RigOptions = {}): Started {
    return this.startProgram(process.execPath, [this.bin, ...argv], options);
  }

  /** Runs a bash text in which `"$NODE" "$BIN"` is the program. */
  shell(text: string, options: RigOptions = {}): Started {
    return this.startProgram('/bin/bash', ['-c', text], options);
  }

  startProgram(program: string, argv: readonly string[], options: RigOptions = {}): Started {
    const spawning: SpawnOptions = {
      cwd: options.cwd ?? this.folder,
      env: this.environment(options.env),
      stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe'],
    };
    const child = spawn(program, argv, spawning);
    let stdout = '';
    let stderr = '';
    const listeners = new Set<() => void>();
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      for (const listener of listeners) listener();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const ended = new Promise<Ended>((done) => {
      child.on('close', (code, signal) => {
        done({ code, signal, stdout, stderr });
        for (const listener of listeners) listener();
      });
    });
    return {
      process: child,
      pid: child.pid ?? -1,
      ended,
      stdout: () => stdout,
      stderr: () => stderr,
      prints: (text) =>
        new Promise((found, failed) => {
          const look = (): void => {
            if (typeof text === 'string' ? stdout.includes(text) : text.test(stdout)) found();
            else if (child.exitCode !== null || child.signalCode !== null) {
              failed(new Error(`ended without printing ${String(text)}\n${stdout}\n${stderr}`));
            }
          };
          listeners.add(look);
          look();
        }),
    };
  }

  /** Runs the program to its end. */
  flowctl(...argv: readonly string[]): Promise<Ended> {
    return this.start(argv).ended;
  }

  /** Runs the program with other variables, or from elsewhere, to its end. */
  flowctlWith(options: RigOptions, ...argv: readonly string[]): Promise<Ended> {
    return this.start(argv, options).ended;
  }

  /** Runs a query and parses what it printed; it must exit with 0. */
  async query<T>(...argv: readonly string[]): Promise<T> {
    const { code, stdout, stderr } = await this.flowctl(...argv, '--json');
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as T;
  }

  /** The ids of the runs on disk, oldest first. */
  runIds(): readonly string[] {
    const runs = this.path('.flowctl', 'runs');
    return existsSync(runs) ? readdirSync(runs).sort() : [];
  }

  /** Every file below a folder, for checks of what was left. What vanishes while it is listed is left out. */
  filesBelow(folder = '.flowctl'): readonly Found[] {
    const found: Found[] = [];
    const look = (path: string): void => {
      const stats = lstatSync(this.path(folder, path), { throwIfNoEntry: false });
      if (stats === undefined) return;
      const isFolder = stats.isDirectory();
      if (path !== '') found.push({ path, mode: stats.mode & 0o777, isFolder });
      if (isFolder) for (const name of namesIn(this.path(folder, path))) look(join(path, name));
    };
    look('');
    return found;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/**
 * A ceiling for what a dead flowctl leaves to be gone, far below the time that it would stay by itself. How soon it is gone is measured in
 * `test/process-control/promptness.test.ts`, where a busy machine is told from a slow program.
 */
export const GONE_MS = 10_000;

/** A file or a folder that was found. */
export interface Found {
  /** Relative to the folder that was looked through. */
  readonly path: string;
  /** The permission bits. */
  readonly mode: number;
  readonly isFolder: boolean;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** The processes whose token names this run, zombies left out. */
export function tagged(run: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
        const token = environment.find((entry) => entry.startsWith('FLOWCTL_TOKEN='));
        if (!token?.includes(`${run}/`)) return false;
        const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
        return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
      } catch {
        return false;
      }
    });
}

/**
 * Asks again and again until the answer is true; a ceiling, not a pause. What the question is about may not be there yet: a question that
 * throws is a no, and what it threw is told when the time is over.
 */
export async function eventually(
  what: string,
  limitMs: number,
  question: () => boolean | Promise<boolean>,
): Promise<void> {
  const began = performance.now();
  for (;;) {
    let cause: unknown;
    try {
      if (await question()) return;
    } catch (error) {
      cause = error;
    }
    if (performance.now() - began > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`, { cause });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
