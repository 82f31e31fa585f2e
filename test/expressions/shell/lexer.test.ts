/** What reads shell text: total, linear, and of one mind with bash about where things end. */

import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasExpression } from '../../../src/expressions/expressions.ts';
import { type Dialect, type SplicedShell, spliceShell } from '../../../src/expressions/shell/shell.ts';

const V = '${{ params.v }}';
const DIALECTS: readonly Dialect[] = ['sh', 'bash'];

function spliced(text: string, dialect: Dialect = 'bash'): SplicedShell {
  const result = spliceShell(text, dialect);
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error)}`);
  return result.value;
}

const FRAGMENTS = [
  ...' \t\n;&|<>()\'"`$\\{}[]#!*?=~a1-+@%:/,',
  ...[
    '$(',
    '$((',
    '))',
    '${',
    '((',
    '[[',
    ']]',
    '<<',
    '<<-',
    '<<<',
    "<<'E'",
    '\nE\n',
    'E',
    '<(',
    '>(',
    "$'",
    '$"',
    '&&',
    '||',
    ';;',
  ],
  ...[
    'if ',
    'then ',
    'fi',
    'case ',
    ' in ',
    'esac',
    'for ',
    'do ',
    'done',
    'while ',
    'function ',
    'f()',
    'time ',
    '! ',
    '{ ',
    ' }',
  ],
  ...[
    'eval ',
    'sh ',
    '-c ',
    'echo ',
    'x=',
    'a[',
    'declare -i ',
    '>&',
    '&>',
    '\\\n',
    'alias ',
    'coproc ',
    '|&',
    '$[',
    '@(',
    'nice ',
  ],
  ...[V, V, V, V, '${{', '}}', "${{ 'it''s }}' }}", '${{ params.w }}'],
];
const shellLike = fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 60 }).map((parts) => parts.join(''));

describe('reading shell text', () => {
  it('never throws, and answers for every expression', () => {
    fc.assert(
      fc.property(
        fc.oneof(shellLike, fc.string({ unit: 'binary', maxLength: 80 })),
        fc.constantFrom(...DIALECTS),
        (text, dialect) => {
          const result = spliceShell(text, dialect);
          if (!result.ok) {
            for (const { offset, length } of result.error) {
              expect(offset).toBeGreaterThanOrEqual(0);
              expect(length).toBeGreaterThan(0);
              expect(offset).toBeLessThan(text.length);
            }
          } else {
            const withoutComments = result.value.text.replace(/#[^\n]*/g, '');
            expect(hasExpression(withoutComments)).toBe(false);
          }
        },
      ),
      { numRuns: 20_000 },
    );
  });

  it('changes nothing in texts without expressions', () => {
    fc.assert(
      fc.property(shellLike, fc.constantFrom(...DIALECTS), (text, dialect) => {
        if (!hasExpression(text)) expect(spliced(text, dialect)).toEqual({ text, values: [] });
      }),
    );
  });

  it('changes nothing but the expressions', () => {
    fc.assert(
      fc.property(shellLike, fc.constantFrom(...DIALECTS), (text, dialect) => {
        const result = spliceShell(text, dialect);
        if (!result.ok) return;
        const names = new Map(result.value.values.map(({ name }, index) => [name, index]));
        const rest = result.value.text.replace(/'?"\$(FLOWCTL_VALUE_\d+)"'?|\$\{(FLOWCTL_VALUE_\d+)\}/g, '\0');
        const around = rest.split('\0');
        let at = 0;
        for (const part of around) {
          const found = text.indexOf(part, at);
          expect(found).toBeGreaterThanOrEqual(at);
          at = found + part.length;
        }
        expect(around.length - 1).toBeGreaterThanOrEqual(names.size);
      }),
    );
  });

  it('gives text that bash accepts wherever it accepts the text with plain words', () => {
    fc.assert(
      fc.property(shellLike, (text) => {
        const result = spliceShell(text, 'bash');
        if (!result.ok || result.value.values.length === 0 || text.includes('\0')) return;
        const plain = text.replace(/\$\{\{[\s\S]*?\}\}/g, 'w');
        if (isAccepted(plain)) expect([text, isAccepted(result.value.text)]).toEqual([text, true]);
      }),
      { numRuns: 300 },
    );
  });
});

function isAccepted(text: string): boolean {
  try {
    execFileSync('bash', ['-n', '-c', '--', text], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

describe('time', () => {
  const SIZE = 100_000;
  const repeated = (text: string): string => text.repeat(Math.ceil(SIZE / text.length));
  const UNITS = [
    ...FRAGMENTS.filter((fragment) => fragment !== '${{'),
    `echo ${V}\n`,
    `echo "${V}" '${V}'\n`,
    `cat <<E\n${V}\nE\n`,
    `cat <<E\n`,
    `cat <<E <<F <<G\n`,
    `$(echo ${V} `,
    `"$(`,
    '"${',
    `f() {`,
    'f() ',
    'if true; then ',
    'case x in a) ',
    `sh ${V} `,
    'sh sh ',
    'nice nice ',
    'docker sh ',
    'env a=b ',
    `[ ${V} `,
    'a[a[',
    '$((1+',
    '\\\n',
    "# it's\n",
    'x | ',
    '| ',
    `${V}${V}`,
    'echo a\\\n',
    'alias a ',
    `[[ ${V} `,
  ];

  it('is linear: the same for 100 kB of anything', () => {
    const slow: string[] = [];
    for (const unit of UNITS) {
      for (const text of [
        `echo ${V}\n${repeated(unit)}`,
        `cat <<X\n${repeated(unit)}\nX\necho ${V}`,
        `${repeated(unit)} ${V}`,
      ]) {
        const start = performance.now();
        spliceShell(text, 'bash');
        const tookMs = performance.now() - start;
        // The limit in a quiet machine is 100 ms; the ceiling is for a busy one. Quadratic reading takes many seconds.
        if (tookMs > 1_000) slow.push(`${JSON.stringify(unit)}: ${Math.round(tookMs)} ms`);
      }
    }
    expect(slow).toEqual([]);
  });
});

describe('what a shell text becomes', () => {
  it.each([
    [`echo ${V}`, 'echo "$FLOWCTL_VALUE_1"'],
    [`echo a${V}b`, 'echo a"$FLOWCTL_VALUE_1"b'],
    [`echo "a ${V}b"`, 'echo "a ${FLOWCTL_VALUE_1}b"'],
    [`echo 'a ${V}b'`, `echo 'a '"$FLOWCTL_VALUE_1"'b'`],
    [`cat <<E\n${V}1\nE`, 'cat <<E\n${FLOWCTL_VALUE_1}1\nE'],
    [`# it's ${V}\necho ${V} # ${V}`, `# it's ${V}\necho "$FLOWCTL_VALUE_1" # ${V}`],
    [`echo ${V} \${{ params.w }} ${V}`, 'echo "$FLOWCTL_VALUE_1" "$FLOWCTL_VALUE_2" "$FLOWCTL_VALUE_1"'],
    [`echo ${V} $FLOWCTL_VALUE_7`, 'echo "$FLOWCTL_VALUE_8" $FLOWCTL_VALUE_7'],
    ["echo ${{ format('it''s \"}}') }} x", 'echo "$FLOWCTL_VALUE_1" x'],
    [`echo "$(echo "${V}")"`, 'echo "$(echo "${FLOWCTL_VALUE_1}")"'],
    [`x=${V} sh -c 'echo $x'`, `x="$FLOWCTL_VALUE_1" sh -c 'echo $x'`],
    [`python3 -m pytest ${V}`, 'python3 -m pytest "$FLOWCTL_VALUE_1"'],
    [`bash -euo pipefail script.sh ${V}`, 'bash -euo pipefail script.sh "$FLOWCTL_VALUE_1"'],
    [`node "$DIR/x.mjs" ${V}`, 'node "$DIR/x.mjs" "$FLOWCTL_VALUE_1"'],
    [`docker run img python x.py ${V}`, 'docker run img python x.py "$FLOWCTL_VALUE_1"'],
    [`timeout -s KILL 5 nice -n 3 env A=b ls ${V}`, 'timeout -s KILL 5 nice -n 3 env A=b ls "$FLOWCTL_VALUE_1"'],
    [`echo ${V} | python3 -c 'print(input())'`, `echo "$FLOWCTL_VALUE_1" | python3 -c 'print(input())'`],
    [`echo ${V} | jq .`, 'echo "$FLOWCTL_VALUE_1" | jq .'],
    [`jq --arg v ${V} '.[$v]' f`, `jq --arg v "$FLOWCTL_VALUE_1" '.[$v]' f`],
    [`echo ${V} | sed s/a/b/ | bash x.sh`, 'echo "$FLOWCTL_VALUE_1" | sed s/a/b/ | bash x.sh'],
    [`find ${V} -name ${V}`, 'find "$FLOWCTL_VALUE_1" -name "$FLOWCTL_VALUE_1"'],
    [`[ ${V} = a ] && [ -n ${V} ]`, '[ "$FLOWCTL_VALUE_1" = a ] && [ -n "$FLOWCTL_VALUE_1" ]'],
    [`set -eu -- ${V}`, 'set -eu -- "$FLOWCTL_VALUE_1"'],
    [`> out-${V}.csv sort ${V}`, '> out-"$FLOWCTL_VALUE_1".csv sort "$FLOWCTL_VALUE_1"'],
    [`echo using python ${V}`, 'echo using python "$FLOWCTL_VALUE_1"'],
    [`npm run watch -- ${V}`, 'npm run watch -- "$FLOWCTL_VALUE_1"'],
  ])('%s', (text, expected) => {
    expect(spliced(text).text).toBe(expected);
  });
});
