/** What a resident shell is told, run by real shells: a step means there what it means in a shell of its own, and half a script means nothing. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { canBeResident, canExport, RESIDENT_BEGINNING, residentScript } from '../../src/process/resident-script.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-resident-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Variables = { readonly [name: string]: string };
const HERITAGE: Variables = { PATH: '/usr/bin:/bin', PWD: '/elsewhere', OLDPWD: '/before', HOME: folder };
let count = 0;

function stepOf(text: string, env: Variables = {}, log?: string) {
  count += 1;
  const output = path.join(folder, `output-${count}`);
  writeFileSync(output, '');
  return { log: log ?? path.join(folder, `log-${count}`), output, workdir: folder, text, env: { A: '1', ...env } };
}

/** What a shell that stays answers to what it is told; its own number stands for what /proc says of it. */
function tell(script: string, heritage: Variables = HERITAGE) {
  const { stdout } = spawnSync('/bin/sh', ['-s'], {
    input: `${RESIDENT_BEGINNING}${script}`,
    env: heritage,
    cwd: '/',
    encoding: 'utf8',
  });
  const [ready, ...answers] = stdout.trimEnd().split('\n');
  expect(ready).toBe('ready');
  return answers;
}

function alone(text: string, env: Variables = {}, heritage: Variables = HERITAGE) {
  const { status, stdout } = spawnSync('/bin/sh', ['-c', 'exec "$@" 2>&1', 'sh', '/bin/sh', '-e', '-c', '--', text], {
    env: { ...heritage, A: '1', ...env },
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return { status, stdout };
}

function resident(text: string, env: Variables = {}, heritage: Variables = HERITAGE) {
  const step = stepOf(text, env);
  const [answer = ''] = tell(residentScript(step, heritage), heritage);
  const [code, written, wrote] = answer.split(' ');
  return { status: Number(code), stdout: readFileSync(step.log, 'utf8'), written: Number(written), wrote };
}

describe('a step in a resident shell', () => {
  it.each([
    ['nothing', ':'],
    ['a status', 'exit 7'],
    ['the first failure ends it', 'echo one; false; echo two'],
    ['a failure that is allowed', 'false || echo allowed; ! true; echo on'],
    ['both streams in their order', 'echo one; echo two >&2; echo three'],
    ['standard input', 'cat; readlink /proc/self/fd/0'],
    ['quotes', `echo 'a'"b"\\''c' "it's"`],
    ['several lines', 'if true\nthen\n  echo yes\nfi\ncat <<EOF\na $A\nEOF'],
    ['a function', 'f() { echo "$1"; return 3; }; f a || echo $?'],
    ['a child in the background that is waited for', '(sleep 0.01; echo late) & wait; echo done'],
    ['the environment', 'env | grep -v ^_= | sort'],
    ['the folders', 'pwd; echo "$PWD"; cd /; echo "$OLDPWD"'],
    ['what is set', 'echo "$0 $# ${1-none} $! $?"; umask; set | grep -c flowctl'],
    ['a program in its place', 'exec echo replaced'],
    ['descriptors', 'ls /proc/self/fd'],
    ['a text that ends in a comment', 'echo a # the end'],
    ['a loop that is left', 'for i in 1 2 3; do echo $i; [ $i = 2 ] && break; done'],
    ['variables of any text', 'echo "$B"'],
  ])('%s: as in a shell of its own', (_, text) => {
    const env = { B: `it's "$A" \`x\`\n\\ end` };
    const { status, stdout, written } = resident(text, env);
    expect({ status, stdout }).toEqual(alone(text, env));
    expect(written).toBe(Buffer.byteLength(stdout));
  });

  const link = path.join(folder, 'there');
  symlinkSync(folder, link);
  it.each<[string, Variables]>([
    ['none', {}],
    ['none before', { PWD: folder }],
    ['the folder', { PWD: folder, OLDPWD: '/before' }],
    ['a link to it', { PWD: link }],
    ['one that is not there', { PWD: path.join(folder, 'none') }],
    ['no path', { PWD: '.' }],
    ['nothing', { PWD: '' }],
  ])('where flowctl was in a folder called %s: its folder is called as in a shell of its own', (_, where) => {
    const heritage = { PATH: '/usr/bin:/bin', ...where };
    const text = 'pwd; pwd -P; echo "$PWD"; env | grep PWD | sort; cd /; echo "$OLDPWD"; env | grep PWD | sort';
    const { status, stdout } = resident(text, {}, heritage);
    expect({ status, stdout }).toEqual(alone(text, {}, heritage));
  });

  it('any text of commands means the same', () => {
    const word = fc.constantFrom(
      'a',
      "'b c'",
      '"$A"',
      '$B',
      '\\$',
      '*x',
      '$(echo q)',
      '`echo r`',
      '{}',
      '"',
      "'",
      '#c',
    );
    const command = fc.constantFrom('echo', 'printf %s', ':', 'true', 'false', 'test', 'set --', 'exit 3', 'nosuch');
    const joint = fc.constantFrom('; ', ' && ', ' || ', '\n', ' | ', ' & wait; ', ' (', ') ');
    const texts = fc.array(fc.tuple(command, word, joint), { maxLength: 5 }).map((parts) => parts.flat().join(' '));
    fc.assert(
      fc.property(texts, fc.string({ unit: 'binary' }), (text, value) => {
        const env = { B: value.replaceAll('\0', '') };
        fc.pre(canBeResident(text) && canExport(env));
        const [there, here] = [resident(text, env), alone(text, env)];
        expect(there.status).toBe(here.status);
        // An error is told with the name of what reads the text.
        expect(there.stdout.replaceAll('eval: ', '')).toBe(here.stdout);
      }),
      { numRuns: Number(process.env['RESIDENT_CASES'] ?? 60) },
    );
  });

  it('of a script that is not said to its end nothing runs', () => {
    const step = stepOf('echo ran; : > half');
    const script = residentScript(step, HERITAGE);
    for (let end = 1; end < script.length - 1; end += 7) {
      expect(tell(script.slice(0, end))).toEqual([]);
      expect(existsSync(step.log), script.slice(0, end)).toBe(false);
    }
    expect(tell(script)).toHaveLength(1);
    expect(readFileSync(step.log, 'utf8')).toBe('ran\n');
  });

  it('what cannot begin does not run: no folder, a link in the place of the log, a log in no folder', () => {
    const victim = path.join(folder, 'victim');
    writeFileSync(victim, 'whole');
    const link = path.join(folder, 'link');
    spawnSync('ln', ['-s', victim, link]);
    const text = 'echo ran > ran';
    const steps = [
      { ...stepOf(text), workdir: path.join(folder, 'none') },
      stepOf(text, {}, link),
      stepOf(text, {}, path.join(folder, 'none', 'log')),
    ];
    for (const step of steps) {
      const [answer = ''] = tell(residentScript(step, HERITAGE));
      expect(answer).toMatch(/^- /);
    }
    expect(existsSync(path.join(folder, 'ran'))).toBe(false);
    expect(readFileSync(victim, 'utf8')).toBe('whole');
  });

  it('its log is private, also where the mask of the step is not; the mask is its own', () => {
    const step = stepOf('umask 000; echo a > shared');
    tell(residentScript(step, HERITAGE));
    expect(statSync(step.log).mode & 0o777).toBe(0o600);
    expect(statSync(path.join(folder, 'shared')).mode & 0o777).toBe(0o666);
  });

  it('says whether the output file is empty still', () => {
    expect(resident('echo a').wrote).toBe('0');
    for (const text of ['echo a=b > "$O"', 'rm "$O"', 'rm "$O"; mkdir "$O"', 'ln -sf /dev/null "$O"']) {
      const step = stepOf(text);
      const [answer = ''] = tell(residentScript({ ...step, env: { O: step.output } }, HERITAGE));
      expect(answer.split(' ')[2], text).toBe('1');
    }
  });

  it('is the same however many came before it', () => {
    const steps = [
      stepOf('cd /; A=2; f() { :; }; umask 0; export C=3; set -u'),
      stepOf('pwd; echo "$A${C-}"; f 2> /dev/null || umask'),
    ];
    const answers = tell(steps.map((step) => residentScript(step, HERITAGE)).join(''));
    expect(answers.map((answer) => answer.split(' ')[0])).toEqual(['0', '0']);
    expect(readFileSync(steps[1]?.log ?? '', 'utf8')).toBe(`${folder}\n1\n0022\n`);
  });
});

describe('what is given to a shell of its own', () => {
  it.each([
    'echo $$',
    'echo ${$}',
    'case $- in *i*) ;; esac',
    'echo $PPID',
    "trap 'x' EXIT",
    'eval "$X"',
    '. ./a',
    ' . ./a',
    'a;. ./b',
    'source a',
    'alias a=b',
  ])('%s', (text) => expect(canBeResident(text)).toBe(false));

  it.each(['a\0b', 'x'.repeat(20_000)])('a text that a script cannot hold', (text) => {
    expect(canBeResident(text)).toBe(false);
  });

  it.each(['echo a.b', './run.sh', 'retrieve', 'mytrap x', 'evaluate', 'cd ..'])('%s: not', (text) =>
    expect(canBeResident(text)).toBe(true),
  );

  it('variables that no shell exports, or that mean something to it', () => {
    for (const name of ['a.b', '1a', 'IFS', 'PS4', 'ENV', 'OPTIND', 'PWD', 'flowctl_code', '']) {
      expect(canExport({ [name]: 'x' }), name).toBe(false);
    }
    expect(canExport({ A: 'x\0' })).toBe(false);
    expect(canExport({ A: 'x'.repeat(70_000) })).toBe(false);
    expect(canExport({ PATH: '/bin', FLOWCTL_STEP: 'a', _x1: '' })).toBe(true);
  });
});
