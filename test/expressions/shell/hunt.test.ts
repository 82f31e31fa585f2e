/** Whatever text is accepted: values that would do harm as code do none when real shells run it. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Dialect, spliceShell } from '../../../src/expressions/shell/shell.ts';

/** Accepted texts that are run; `SPLICE_CASES=10000` for a long search. */
const CASES = Number(process.env['SPLICE_CASES'] ?? 150);

const V = '${{ params.v }}';
/** Nothing here leaves the folder or starts something that goes on: no `/`, no `~`, no function that could call itself. */
const FRAGMENTS = [
  ...' \t\n;&|<>()\'"`$\\{}[]#!*?=a1-+@,',
  ...[
    '$(',
    '$((',
    '))',
    '${',
    '((',
    '[[ ',
    ' ]]',
    '<<',
    '<<E\n',
    '\nE\n',
    '<(',
    '>(',
    "$'",
    '$[',
    '&&',
    '||',
    ';;',
    '|&',
    '>&',
    '<<<',
    '\\\n',
  ],
  ...[
    'if ',
    'then ',
    'fi',
    'case ',
    ' in ',
    'esac',
    'for ',
    'select ',
    'do ',
    'done',
    'time ',
    '-- ',
    '! ',
    '{ ',
    ' }',
    'true ',
    'false ',
  ],
  ...[
    'eval ',
    'sh ',
    'bash ',
    '-c ',
    '-s ',
    'trap ',
    'EXIT ',
    'exec ',
    'env ',
    'command ',
    'builtin ',
    'nice ',
    'timeout 1 ',
    'xargs ',
    '. ',
  ],
  ...[
    'declare ',
    'typeset ',
    'local ',
    'export ',
    'readonly ',
    '-i ',
    '-n ',
    '-a ',
    'read ',
    'mapfile ',
    'printf ',
    '-v ',
    '%s ',
    'unset ',
    'let ',
  ],
  ...[
    'test ',
    '[ ',
    ' ]',
    '-eq ',
    '= ',
    'wait ',
    'getopts ',
    'compgen ',
    '-W ',
    'set -- ',
    'alias ',
    'shopt -s extglob\n',
    '!(',
    '@(',
    'coproc ',
  ],
  ...[
    'x',
    'x ',
    'x=',
    'x+=',
    'x[',
    'x=(',
    '$x',
    '"$x"',
    '"$1"',
    '${x:-',
    '${x:=',
    '${x:',
    '${#',
    'PS4=',
    'RANDOM=',
    'RANDOM ',
    'set -x\n',
    'cat ',
    'echo ',
  ],
];
const HARMFUL = [
  '$(touch P)',
  '`touch P`',
  'touch P',
  '; touch P;',
  '\ntouch P\n',
  '|touch P',
  "'; touch P; '",
  '"; touch P; "',
  'E\ntouch P\n',
  'a[$(touch P)]',
  'x[$(touch P)]=1',
  '-vx[$(touch P)]',
  '-px[$(touch P)]',
  '([$(touch P)]=1)',
  '[$(touch P)]=1',
];

const fragment = fc.oneof(
  { weight: 1, arbitrary: fc.constant(V) },
  { weight: 3, arbitrary: fc.constantFrom(...FRAGMENTS) },
);
const script = fc
  .tuple(fc.constantFrom('', '', 'x=-v;', 'x=(1);', 'echo '), fc.array(fragment, { minLength: 2, maxLength: 10 }))
  .map(([start, fragments]) => start + fragments.join(''));

const SHELLS: readonly (readonly [Dialect, readonly [string, ...string[]]])[] = [
  ['sh', ['/bin/sh', '-c', '--']],
  ['sh', ['bash', '--posix', '-c', '--']],
  ['bash', ['bash', '-o', 'pipefail', '-c', '--']],
];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'splice-hunt-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function isHarmed(
  argv: readonly [string, ...string[]],
  text: string,
  names: readonly string[],
  value: string,
): boolean {
  const [program, ...rest] = argv;
  const env = { PATH: '/usr/bin:/bin', HOME: folder, ...Object.fromEntries(names.map((name) => [name, value])) };
  const options = { cwd: folder, env, stdio: 'ignore', timeout: 5_000, killSignal: 'SIGKILL' } as const;
  spawnSync(program, [...rest, text], options);
  const harmed = existsSync(join(folder, 'P'));
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  return harmed;
}

it(
  'runs nothing of a value, in whatever text is accepted',
  async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        script,
        fc.constantFrom(...SHELLS),
        fc.constantFrom(...HARMFUL),
        async (text, [dialect, argv], value) => {
          const spliced = spliceShell(text, dialect);
          if (!spliced.ok || spliced.value.values.length === 0) return;
          run += 1;
          // Lets the test runner hear from this process while it is busy.
          if (run % 50 === 0) await new Promise((done) => setImmediate(done));
          const names = spliced.value.values.map(({ name }) => name);
          expect({ text, value, harmed: isHarmed(argv, spliced.value.text, names, value) }).toEqual({
            text,
            value,
            harmed: false,
          });
        },
      ),
      { numRuns: CASES * 12 },
    );
    expect(run).toBeGreaterThan(CASES / 4);
  },
  60_000 + CASES * 400,
);

it('would see it: the control of this test', () => {
  for (const text of ['eval "$V"', '[[ "$V" -eq 1 ]]', 'printf "-v$V" y', 'declare -i x; x=$V', '[ -v "$V" ]']) {
    const value = text.startsWith('eval') ? '$(touch P)' : 'a[$(touch P)]';
    expect([text, isHarmed(['bash', '-c', '--'], text, ['V'], value)]).toEqual([text, true]);
  }
});
