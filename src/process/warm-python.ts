/**
 * Starts Python texts by an interpreter that is up already: it forks itself for each of them, which takes a fraction of what a Python needs to come up. A
 * step finds what it would find in a process of its own, for nothing of another step's ever was in the one that forks.
 *
 * One interpreter serves the steps that would come up alike: the same program, and the same of all variables that Python, its libraries of the system or
 * a wrapper look at while they start. Whatever else a step is given reaches its fork alone. What this cannot do is for somebody else to start.
 */

import { closeSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { descriptorsAreFree } from './descriptors.ts';
import type { Launch, LaunchSpec } from './launcher.ts';
import { hasOwnProc, Starter } from './starter.ts';
import { WARM_PYTHON_SCRIPT } from './warm-python-script.ts';

type Environment = LaunchSpec['env'];

/** A frame of its own, so that `__main__` stays as empty as Python made it. */
const BOOT = 'exec(compile(__import__("sys").argv[1], "<flowctl>", "exec"), {"__name__": "flowctl"})';
/** What /proc shows of a step's environment has to fit into what the interpreter was started with. */
const ROOM = { FLOWCTL_ROOM: 'x'.repeat(32_768) };

/** What is looked at before a text runs, by Python, the C library, the loader, or what usually stands in front of a Python. */
const LOOKED_AT =
  /^(?:PYTHON[A-Z0-9]+|PYENV_[A-Z_]+|VIRTUAL_ENV|CONDA_(?:PREFIX|DEFAULT_ENV|SHLVL)|(?:LC|LD|DYLD|MALLOC)_.*|GLIBC_TUNABLES|SETUPTOOLS_USE_DISTUTILS|COVERAGE_PROCESS_[A-Z]+|PATH|HOME|LANG|LANGUAGE|LOCPATH|TZ|TZDIR|SHLVL|PWD|OLDPWD)$/;
/** Those of Python's own with one word that a fork obeys as well; the others report on the start, or change what is below a text. */
const TAKEN_OVER =
  /^PYTHON(?:PATH|UNBUFFERED|IOENCODING|UTF8|COERCECLOCALE|DONTWRITEBYTECODE|PYCACHEPREFIX|WARNINGS|HASHSEED|NOUSERSITE|USERBASE|SAFEPATH|OPTIMIZE|BREAKPOINT|HOME)$/;
/** Python's own with more words. All else that begins so is somebody else's (images of Docker have PYTHON_VERSION). */
const BELOW_A_TEXT = /^PYTHON_(?:GIL|JIT|TLBC|CPU_COUNT|FROZEN_MODULES|PERF_JIT_SUPPORT)$/;

const MOST_INTERPRETERS = 8;
const MOST_STARTS = 3;
/** A wrapper may never come to its Python. */
const READY_LIMIT_MS = 3_000;

interface Interpreter {
  starter: Starter;
  starts: number;
  /** False where it is no Python that can do this, or was killed too often. */
  isUsable: boolean;
}

/** Interpreters that stay until flowctl ends. */
export class WarmPython {
  readonly #interpreters = new Map<string, Interpreter>();
  readonly #isPossible = hasOwnProc();

  /** @returns null for what has to be started in another way. */
  async launch(spec: LaunchSpec): Promise<Launch | null> {
    const interpreter = this.#isPossible && canBeWarm(spec) ? this.#interpreterFor(spec) : null;
    if (interpreter === null) return null;
    const { starter } = interpreter;
    if (!starter.isReady && !(await isReadyInTime(starter))) {
      starter.abandon();
      interpreter.isUsable = false;
      return null;
    }
    return starter.launch(spec);
  }

  #interpreterFor(spec: LaunchSpec): Interpreter | null {
    const program = programFor(spec);
    const key = JSON.stringify([program.argv.slice(0, -2), program.workdir, program.env]);
    const known = this.#interpreters.get(key);
    if (known?.isUsable === false) return null;
    if (known !== undefined && !known.starter.isGone) return known;
    const starts = known?.starts ?? 0;
    if (known === undefined ? this.#interpreters.size >= MOST_INTERPRETERS : starts >= MOST_STARTS) return null;
    if (!descriptorsAreFree()) return null;
    const greeting = ['B', ...Object.entries(program.env).map(([name, value]) => `${name}=${value}`)];
    const starter = new Starter({ ...program, env: { ...program.env, ...ROOM }, greeting });
    const interpreter: Interpreter = { starter, starts: starts + 1, isUsable: true };
    this.#interpreters.set(key, interpreter);
    return interpreter;
  }
}

/** False for terminals, and for variables of Python that are about its start. */
const canBeWarm = ({ argv, env, terminal }: LaunchSpec): boolean =>
  terminal === undefined &&
  argv[1] === '-u' &&
  argv[2] === '-c' &&
  Object.keys(env).every(
    (name) => (!/^PYTHON[A-Z0-9]+$/.test(name) || TAKEN_OVER.test(name)) && !BELOW_A_TEXT.test(name),
  );

/** How an interpreter is started that may run what is to be launched. */
function programFor({ argv, env, workdir }: LaunchSpec) {
  const [python = '', option = ''] = argv;
  const looked: { [name: string]: string } = Object.create(null);
  for (const name of Object.keys(env).sort()) if (LOOKED_AT.test(name)) looked[name] = env[name] ?? '';
  const here = isWrapper(python) || !isAbsolute(looked) ? workdir : '/';
  if (here === '/') for (const name of ['SHLVL', 'PWD', 'OLDPWD']) delete looked[name];
  return { argv: [python, option, '-c', BOOT, WARM_PYTHON_SCRIPT, String(process.pid)], env: looked, workdir: here };
}

/** False where the search path depends on the folder that Python is started in. */
const isAbsolute = ({ PYTHONPATH = '/' }: Environment): boolean =>
  PYTHONPATH.split(':').every((folder) => path.isAbsolute(folder));

/** True for a script in the place of a Python, as pyenv has it: which Python it starts may depend on the folder. */
function isWrapper(program: string): boolean {
  try {
    const file = openSync(program, 'r');
    const start = Buffer.alloc(2);
    readSync(file, start);
    closeSync(file);
    return start.toString('latin1') === '#!';
  } catch {
    // A program may be executable and not readable.
    return false;
  }
}

async function isReadyInTime(starter: Starter): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, READY_LIMIT_MS);
  });
  await Promise.race([starter.untilReady(), late]);
  clearTimeout(timer);
  return starter.isReady;
}
