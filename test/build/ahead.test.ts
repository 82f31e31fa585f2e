/**
 * What V8 compiled ahead of the program is used where it fits, and is only ever a matter of time: damaged, foreign or missing, it changes
 * nothing that is printed. Each test has a package of its own, for which the running Node compiled ahead.
 */

import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const REPOSITORY = resolve(import.meta.dirname, '../..');

/** Loaded before the program: tells on exit what V8 was given, and what it made of it. */
const WITNESS = `
const vm = require('node:vm');
const { appendFileSync } = require('node:fs');
const { Script } = vm;
vm.Script = class extends Script {
  constructor(source, options) {
    super(source, options);
    const word = options.cachedData === undefined ? 'nothing' : this.cachedDataRejected ? 'rejected' : 'accepted';
    if (options.filename.endsWith('program.cjs')) appendFileSync(process.env.WITNESS, word);
  }
};`;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

let folder = '';
let home = '';

function install(name: string): string {
  const made = join(folder, name);
  for (const file of ['package.json', 'bin', 'dist/program.cjs', 'schemas']) {
    cpSync(join(REPOSITORY, file), join(made, file), { recursive: true });
  }
  return made;
}

const node = (argv: readonly string[], env: NodeJS.ProcessEnv = {}): Ended => {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, argv, {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, NODE_V8_COVERAGE: undefined, NO_COLOR: '1', ...env },
  });
  return { code: status, signal, stdout, stderr };
};

/** Runs a command of an installed package. */
function call(
  made: string,
  argv: readonly string[],
  options: readonly string[] = [],
): Ended & { readonly ahead: string } {
  const witness = join(folder, 'witness');
  rmSync(witness, { force: true });
  const program = join(made, 'bin', 'flowctl.js');
  const ended = node([...options, '--require', join(folder, 'witness.cjs'), program, ...argv], { WITNESS: witness });
  return { ...ended, ahead: existsSync(witness) ? readFileSync(witness, 'utf8') : 'not a word' };
}

const aheadOf = (made: string, command: string): string => join(made, 'dist', 'ahead', command);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flowctl-test-'));
  writeFileSync(join(folder, 'witness.cjs'), WITNESS);
  writeFileSync(join(folder, 'good.yaml'), "name: good\nsteps:\n  a: { run: 'echo hello' }\n");
  writeFileSync(join(folder, 'bad.yaml'), 'name: bad\nsteps:\n  a: { ruin: 1 }\n');
  home = install('home');
  expect(node([join(home, 'bin', 'compile-ahead.js')])).toMatchObject({ code: 0, stderr: '' });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('what was compiled ahead', () => {
  it('is made for the common commands, and nothing half-made is left', () => {
    const names = readdirSync(join(home, 'dist', 'ahead'));
    expect(names).toEqual(expect.arrayContaining(['other', 'resume', 'run', 'runs', 'show', 'validate']));
    expect(names.filter((name) => !/^[a-z_]+$/.test(name))).toEqual([]);
  });

  it.each([
    ['validate', ['validate', 'good.yaml']],
    ['run', ['run', 'good.yaml', '--state-dir', 'state']],
    ['runs', ['runs', '--state-dir', 'state']],
    ['a command without a file of its own', ['schema']],
    ['an option before the command', ['--no-color', 'validate', 'good.yaml']],
    ['a word that is no command', ['../../package']],
  ])('is used by %s', (_, argv) => {
    expect(call(home, argv).ahead).toBe('accepted');
  });

  it('is not needed for the version', () => {
    const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };
    const other = join(folder, 'bare');
    mkdirSync(join(other, 'bin'), { recursive: true });
    for (const file of ['package.json', 'bin/package.json', 'bin/flowctl.js']) {
      copyFileSync(join(REPOSITORY, file), join(other, file));
    }
    expect(call(other, ['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, ahead: 'not a word' });
  });
});

describe('where it does not fit', () => {
  /** What a good and a bad flow print with what was compiled ahead. */
  const expected = (): readonly Ended[] => ['good.yaml', 'bad.yaml'].map((flow) => call(home, ['validate', flow]));

  function expectSame(made: string, ahead: string, options: readonly string[] = []): void {
    const seen = ['good.yaml', 'bad.yaml'].map((flow) => call(made, ['validate', flow], options));
    expect(seen).toEqual(expected().map((each) => ({ ...each, ahead })));
  }

  it('says the same of a good and a bad flow when there is nothing', () => {
    const made = install('without');
    expect(expected().map(({ code }) => code)).toEqual([0, 3]);
    expectSame(made, 'nothing');
  });

  it('takes no file that was damaged anywhere', () => {
    const made = install('damaged');
    cpSync(join(home, 'dist', 'ahead'), join(made, 'dist', 'ahead'), { recursive: true });
    const whole = readFileSync(aheadOf(home, 'validate'));
    const places = [0, 5, 8, 17, 64, 0.3, 0.5, 0.77].map((at) => (at < 1 ? Math.floor(at * whole.length) : at));
    for (const place of [...places, whole.length - 5, whole.length - 4, whole.length - 1]) {
      const bytes = Buffer.from(whole);
      bytes[place] = (bytes[place] ?? 0) ^ (1 << (place % 8));
      writeFileSync(aheadOf(made, 'validate'), bytes);
      expect(call(made, ['validate', 'good.yaml'])).toMatchObject({ code: 0, ahead: 'nothing' });
    }
    for (const length of [0, 3, 4, 5, Math.floor(whole.length / 2), whole.length - 1]) {
      writeFileSync(aheadOf(made, 'validate'), whole.subarray(0, length));
      expect(call(made, ['validate', 'good.yaml'])).toMatchObject({ code: 0, ahead: 'nothing' });
    }
    writeFileSync(aheadOf(made, 'validate'), whole);
    expectSame(made, 'accepted');
  });

  it('takes no file of another program', () => {
    const made = install('edited');
    cpSync(join(home, 'dist', 'ahead'), join(made, 'dist', 'ahead'), { recursive: true });
    const program = join(made, 'dist', 'program.cjs');
    // Of the same length, which is all that V8 would compare.
    const edited = readFileSync(program, 'utf8').replaceAll(': ok, ', ': OK, ');
    writeFileSync(program, edited);
    expect(call(made, ['validate', 'good.yaml'])).toMatchObject({
      stdout: 'good.yaml: OK, 1 step\n',
      ahead: 'nothing',
    });
  });

  it('goes on when V8 refuses it', () => {
    // Any option of V8 that changes what it compiles.
    expectSame(home, 'rejected', ['--no-opt']);
  });

  it('is not disturbed by a folder where a file should be', () => {
    const made = install('folder');
    mkdirSync(aheadOf(made, 'validate'), { recursive: true });
    expectSame(made, 'nothing');
  });
});

describe('compiling ahead', () => {
  it('does nothing where the program was not built yet', () => {
    const made = install('unbuilt');
    rmSync(join(made, 'dist'), { recursive: true });
    expect(node([join(made, 'bin', 'compile-ahead.js')])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(existsSync(join(made, 'dist'))).toBe(false);
  });

  it('is no failure of the installation when it cannot write', () => {
    const made = install('unwritable');
    writeFileSync(join(made, 'dist', 'ahead'), 'in the way');
    const { code, stderr } = node([join(made, 'bin', 'compile-ahead.js')]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('start more slowly') });
    expect(call(made, ['validate', 'good.yaml'])).toMatchObject({ code: 0, ahead: 'nothing' });
  });
});

describe('the start', () => {
  it('does not end well when the program waits for nothing and is not done', () => {
    const made = install('endless');
    writeFileSync(
      join(made, 'dist', 'program.cjs'),
      '(function(module){module.exports={main:()=>new Promise(()=>{})}})',
    );
    expect(call(made, ['run'])).toMatchObject({ code: 70, stderr: expect.stringContaining('internal') });
  });
});
