/**
 * Compiled code that was kept is used where it fits, and is only ever a matter of time: damaged, foreign or missing, it changes nothing
 * that is printed. The program is installed in a temporary folder, and has a cache folder of its own.
 */

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const OUTSIDE = { PATH: process.env['PATH'], NO_COLOR: '1' };

/** Loaded before the program: tells what V8 was given, and what it made of it. */
const WITNESS = `
const vm = require('node:vm');
const { appendFileSync } = require('node:fs');
const { Script } = vm;
vm.Script = class extends Script {
  constructor(source, options) {
    super(source, options);
    // The program makes scripts of its own as well.
    if (options === undefined) return;
    const word = options.cachedData === undefined ? 'nothing' : this.cachedDataRejected ? 'rejected' : 'accepted';
    appendFileSync(process.env.WITNESS, word + ' ');
  }
};`;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Call = Ended & {
  /** What V8 was given. */
  readonly given: string;
};

interface CallOptions {
  readonly node?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

let folder = '';
let count = 0;

function fresh(name: string): string {
  count += 1;
  return join(folder, `${name}-${count}`);
}

/** A package as it is installed from the registry, in which nothing was compiled yet. */
function install(): string {
  const made = fresh('package');
  for (const file of ['package.json', 'bin', 'dist/program.cjs', 'dist/usual.cjs', 'dist/rest.cjs', 'schemas']) {
    cpSync(join(REPOSITORY, file), join(made, file), { recursive: true });
  }
  return made;
}

/** A folder that is made by whoever needs it first. */
function cacheFolder(): string {
  const made = fresh('cache');
  mkdirSync(made, { mode: 0o700 });
  return made;
}

/** Runs a command of an installed package, with a witness. */
function call(
  installed: string,
  cache: string,
  argv: readonly string[],
  { node = [], env = {} }: CallOptions = {},
): Call {
  const witness = join(folder, 'witness');
  rmSync(witness, { force: true });
  // An option on the command line would be one more reason to keep nothing.
  writeFileSync(join(installed, 'bin', 'witnessed.js'), `require('../../witness.cjs'); require('./flowctl.js');`);
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...node, join(installed, 'bin', 'witnessed.js'), ...argv],
    {
      cwd: folder,
      encoding: 'utf8',
      env: { ...OUTSIDE, FLOWCTL_STATE_DIR: join(folder, 'no-state'), XDG_CACHE_HOME: cache, WITNESS: witness, ...env },
    },
  );
  return {
    code: status,
    stdout,
    stderr,
    given: existsSync(witness) ? readFileSync(witness, 'utf8').trim() : 'not a word',
  };
}

const keptIn = (cache: string): readonly string[] =>
  existsSync(join(cache, 'flowctl')) ? readdirSync(join(cache, 'flowctl')).sort() : [];

/** The commands of which something is kept. */
const commandsIn = (cache: string): readonly string[] => [
  ...new Set(keptIn(cache).map((name) => name.replace(/-[0-9a-f]{8}$/, ''))),
];

const ALL_ACCEPTED: unknown = expect.stringMatching(/^accepted( accepted)*$/);

/** The file of a command. */
function fileOf(cache: string, command: string): string {
  const [name = 'none'] = keptIn(cache).filter((each) => each.startsWith(`${command}-`));
  return join(cache, 'flowctl', name);
}

/** A package and a cache folder in which `runs` was called once, which needs the first script only. */
function warm(): { readonly installed: string; readonly cache: string } {
  const installed = install();
  const cache = cacheFolder();
  expect(list(installed, cache)).toMatchObject({ code: 0, given: 'nothing' });
  return { installed, cache };
}

const list = (installed: string, cache: string, options: CallOptions = {}): Call =>
  call(installed, cache, ['runs'], options);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flowctl-test-'));
  writeFileSync(join(folder, 'witness.cjs'), WITNESS);
  writeFileSync(join(folder, 'good.yaml'), "name: good\nsteps:\n  a: { run: 'echo hello' }\n");
  const pattern = 'params: { a: { type: string, pattern: "^a", default: a } }';
  writeFileSync(join(folder, 'patterns.yaml'), `name: patterns\n${pattern}\nsteps:\n  a: { run: 'echo hello' }\n`);
  writeFileSync(join(folder, 'bad.yaml'), 'name: bad\nsteps:\n  a: { ruin: 1 }\n');
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the first call of a command', () => {
  it('leaves what V8 compiled, for the user alone, and the next one uses it', () => {
    const { installed, cache } = warm();
    expect(keptIn(cache)).toEqual([expect.stringMatching(/^runs-[0-9a-f]{8}$/)]);
    expect(lstatSync(join(cache, 'flowctl')).mode & 0o777).toBe(0o700);
    expect(lstatSync(fileOf(cache, 'runs')).mode & 0o777).toBe(0o600);
    const before = lstatSync(fileOf(cache, 'runs')).ino;
    expect(list(installed, cache)).toMatchObject({ code: 0, given: 'accepted' });
    expect(lstatSync(fileOf(cache, 'runs')).ino).toBe(before);
  });

  it('leaves one of each further script that it needs', () => {
    const installed = install();
    const cache = cacheFolder();
    const good = ['validate', 'good.yaml'];
    const patterns = ['validate', 'patterns.yaml'];
    expect(call(installed, cache, good)).toMatchObject({ code: 0, given: 'nothing nothing' });
    expect(call(installed, cache, patterns)).toMatchObject({ code: 0, given: 'accepted accepted nothing' });
    expect(call(installed, cache, patterns)).toMatchObject({ code: 0, given: 'accepted accepted accepted' });
    expect(keptIn(cache)).toHaveLength(3);
  });

  it('leaves one for each command', () => {
    const { installed, cache } = warm();
    const state = ['--state-dir', fresh('state')];
    for (const argv of [
      ['run', 'good.yaml', ...state],
      ['show', ...state],
      ['--no-color', 'runs', ...state],
    ]) {
      expect(call(installed, cache, argv)).toMatchObject({
        code: 0,
        given: expect.stringMatching(/^nothing( nothing)*$/),
      });
      expect(call(installed, cache, argv)).toMatchObject({ code: 0, given: ALL_ACCEPTED });
    }
    expect(commandsIn(cache)).toEqual(['other', 'run', 'runs', 'show']);
  });

  it.each([
    ['of no command', ['nonsense'], 2],
    ['of a path', ['../../escape'], 2],
    ['that fails', ['validate', 'bad.yaml'], 3],
    ['for the version', ['--version'], 0],
  ])('leaves nothing when it is one %s', (_, argv, code) => {
    const cache = cacheFolder();
    expect(call(install(), cache, argv).code).toBe(code);
    expect(readdirSync(cache)).toEqual([]);
  });

  it.each([
    ['the user wants none', { env: { NODE_DISABLE_COMPILE_CACHE: '1' } }],
    ['Node runs with options', { node: ['--no-opt'] }],
    ['the environment gives Node options', { env: { NODE_OPTIONS: '--no-deprecation' } }],
    ['there is no home', { env: { XDG_CACHE_HOME: undefined } }],
    ['the folder of caches is no absolute path', { env: { XDG_CACHE_HOME: 'relative' } }],
  ])('leaves nothing when %s', (_, options) => {
    const cache = cacheFolder();
    expect(list(install(), cache, options)).toMatchObject({ code: 0, given: 'nothing' });
    expect(readdirSync(cache)).toEqual([]);
    expect(existsSync(join(folder, 'relative'))).toBe(false);
  });

  it('leaves it in the home where no other folder is named', () => {
    const home = cacheFolder();
    const env = { XDG_CACHE_HOME: undefined, HOME: home };
    const installed = install();
    expect(list(installed, home, { env }).given).toBe('nothing');
    expect(list(installed, home, { env }).given).toBe('accepted');
    expect(keptIn(join(home, '.cache'))).toHaveLength(1);
  });

  it('removes what was left a month ago', () => {
    const { installed, cache } = warm();
    const [old, young] = ['show-1', 'show-2'].map((name) => join(cache, 'flowctl', name));
    for (const [file, days] of [
      [old, 31],
      [young, 29],
    ] as const) {
      writeFileSync(file ?? '', '');
      const then = new Date(Date.now() - days * 86_400_000);
      utimesSync(file ?? '', then, then);
    }
    expect(call(installed, cache, ['schema']).code).toBe(0);
    expect(commandsIn(cache)).toEqual(['runs', 'schema', 'show-2']);
  });
});

describe('nothing is kept, and nothing said, where', () => {
  const makers: readonly (readonly [string, (cache: string) => void])[] = [
    ['a file stands in the way', (cache) => writeFileSync(join(cache, 'flowctl'), '')],
    ['the folder is a link', (cache) => symlinkSync(cacheFolder(), join(cache, 'flowctl'))],
    [
      'others may write to the folder',
      (cache) => {
        mkdirSync(join(cache, 'flowctl'));
        chmodSync(join(cache, 'flowctl'), 0o777);
      },
    ],
    ['others may write to the folder of caches', (cache) => chmodSync(cache, 0o777)],
  ];
  it.each(makers)('%s', (_, make) => {
    const cache = cacheFolder();
    make(cache);
    const installed = install();
    for (let round = 0; round < 2; round += 1) {
      expect(list(installed, cache)).toMatchObject({ code: 0, stderr: '', given: 'nothing' });
    }
  });

  it.skipIf(process.geteuid?.() !== 0)('root is in the home of somebody', () => {
    const cache = cacheFolder();
    chownSync(cache, 12_345, 12_345);
    expect(list(install(), cache)).toMatchObject({ code: 0, stderr: '', given: 'nothing' });
    expect(readdirSync(cache)).toEqual([]);
  });
});

describe('what does not fit', () => {
  it('is passed over when it was damaged anywhere, and made again', () => {
    const { installed, cache } = warm();
    const file = fileOf(cache, 'runs');
    const whole = readFileSync(file);
    const damages: Buffer[] = [0, 3, 4, 5, Math.floor(whole.length / 2), whole.length - 1].map((length) =>
      whole.subarray(0, length),
    );
    const places = [0, 5, 8, 17, 64, 0.3, 0.5, 0.77].map((at) => (at < 1 ? Math.floor(at * whole.length) : at));
    for (const place of [...places, whole.length - 5, whole.length - 4, whole.length - 1]) {
      const bytes = Buffer.from(whole);
      bytes[place] = (bytes[place] ?? 0) ^ (1 << (place % 8));
      damages.push(bytes);
    }
    for (const bytes of damages) {
      writeFileSync(file, bytes);
      expect(list(installed, cache)).toMatchObject({ code: 0, stderr: '', given: 'nothing' });
    }
    expect(list(installed, cache)).toMatchObject({ code: 0, given: 'accepted' });
  });

  it('is passed over when it belongs to another program, also to one of the same length', () => {
    const { installed, cache } = warm();
    const program = join(installed, 'dist', 'program.cjs');
    writeFileSync(program, readFileSync(program, 'utf8').replaceAll('no runs', 'NO RUNS'));
    expect(list(installed, cache)).toMatchObject({ stdout: 'NO RUNS\n', given: 'nothing' });
    expect(keptIn(cache)).toHaveLength(2);
  });

  it('is passed over when others may write to it', () => {
    const { installed, cache } = warm();
    chmodSync(fileOf(cache, 'runs'), 0o666);
    expect(list(installed, cache).given).toBe('nothing');
    // It was replaced by one of our own.
    expect(list(installed, cache).given).toBe('accepted');
  });

  it.skipIf(process.geteuid?.() !== 0)('is passed over when it belongs to somebody else', () => {
    const { installed, cache } = warm();
    chownSync(fileOf(cache, 'runs'), 12_345, 12_345);
    expect(list(installed, cache).given).toBe('nothing');
  });

  it('changes nothing that is printed, of good flows and of bad ones', () => {
    const installed = install();
    const cache = cacheFolder();
    call(installed, cache, ['validate', 'good.yaml']);
    const none = { env: { NODE_DISABLE_COMPILE_CACHE: '1' } };
    for (const argv of [
      ['validate', 'good.yaml'],
      ['validate', 'bad.yaml'],
      ['validate', 'missing.yaml'],
    ]) {
      const used = call(installed, cache, argv);
      expect(used.given).toBe('accepted accepted');
      // V8 refuses it: an option changes what it compiles.
      expect(call(installed, cache, argv, { node: ['--no-opt'] })).toEqual({ ...used, given: 'rejected rejected' });
      expect(call(installed, cache, argv, none)).toEqual({ ...used, given: 'nothing nothing' });
    }
  });
});

describe('what the build compiled', () => {
  it('covers the common commands', () => {
    const names = readdirSync(join(REPOSITORY, 'dist', 'ahead')).map((name) => name.replace(/-.*/, ''));
    expect(names).toEqual(expect.arrayContaining(['other', 'resume', 'run', 'runs', 'show', 'validate']));
  });

  it('is used before anything of the user, and by commands without a file of their own', () => {
    const { installed, cache } = warm();
    expect(call(installed, cache, ['--help']).code).toBe(0);
    const ahead = join(installed, 'dist', 'ahead');
    renameSync(join(cache, 'flowctl'), ahead);
    for (const argv of [['runs'], ['schema']]) {
      expect(call(installed, cache, argv)).toMatchObject({ code: 0, given: ALL_ACCEPTED });
    }
    expect(readdirSync(cache)).toEqual([]);
  });
});

describe('the start', () => {
  it('does not end well when the program waits for nothing and is not done', () => {
    const installed = install();
    const endless = '(function(module){module.exports={main:()=>new Promise(()=>{})}})';
    writeFileSync(join(installed, 'dist', 'program.cjs'), endless);
    const { code, stderr } = call(installed, cacheFolder(), ['run']);
    expect({ code, stderr }).toEqual({ code: 70, stderr: expect.stringContaining('internal') });
  });
});
