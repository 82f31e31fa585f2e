/** Where no value may stand: each place with texts that have an expression there, and each command that reads its words as code. */

import { describe, expect, it } from 'vitest';
import {
  ACTING_VARIABLES,
  type Dialect,
  EVALUATING_WORDS,
  REFUSED_PLACES,
  type RefusedPlace,
  spliceShell,
} from '../../../src/expressions/shell/shell.ts';

const V = '${{ params.v }}';

function placesOf(text: string, dialect: Dialect = 'bash'): readonly string[] {
  const spliced = spliceShell(text, dialect);
  return spliced.ok ? [] : spliced.error.map((problem) => ('place' in problem ? problem.place : problem.code));
}

const REFUSED: { readonly [place in RefusedPlace]: readonly string[] } = {
  command_position: [
    V,
    `"${V}" --all`,
    `FOO=1 ${V} x`,
    `> f ${V}`,
    `true && ${V}`,
    `if ${V}; then :; fi`,
    `! ${V}`,
    `time ${V}`,
    `$(echo ${V}) x`,
    `./${V}/tool`,
    `( ${V} )`,
    `{ ${V}; }`,
    `x | ${V}`,
    `case a in a) ${V};; esac`,
    `f() { ${V}; }`,
    `${V}=1`,
    `export X="$(${V})"`,
    `{eval,${V}}`,
    `env ${V} ls`,
    `exec ${V}`,
    `flock lock ${V}`,
    `[[ a ]] && ${V}`,
  ],
  unknown_command: [
    `$tool ${V}`,
    `"$(which x)" ${V}`,
    `$EMPTY ${V}`,
    `{eval,x} ${V}`,
    `/bin/s? -c ${V}`,
    `time -- -x ${V}`,
    `-x ${V}`,
    `nohup $tool ${V}`,
    `echo ${V} | $tool`,
    `$\{x:-eval} ${V}`,
    `e$()val ${V}`,
  ],
  evaluating_word: [
    `eval "echo ${V}"`,
    `\\eval ${V}`,
    `'ev'al ${V}`,
    `trap "rm ${V}" EXIT`,
    `trap 'rm ${V}' EXIT`,
    `sh -c "echo ${V}"`,
    `sh -c 'echo ${V}'`,
    `bash -c "x" ${V}`,
    `/usr/bin/env bash -c ${V}`,
    `bash -lc ${V}`,
    `sh ${V}`,
    `bash <(echo ${V})`,
    `. ${V}`,
    `source "${V}"`,
    `eval "$(echo ${V})"`,
    `command eval ${V}`,
    `builtin eval ${V}`,
    `command -p eval ${V}`,
    `exec sh -c ${V}`,
    `nohup nice -n 5 sh -c ${V}`,
    `timeout -s KILL 5 sh -c ${V}`,
    `timeout --unheard-of=1 5 ls ${V}`,
    `timeout ${V} ls`,
    `nice -n ${V} ls`,
    `env A=${V} ls`,
    `env -S ${V}`,
    `sudo -u root bash -c ${V}`,
    `sudo -s ${V}`,
    `xargs rm ${V}`,
    `ssh host "ls ${V}"`,
    `ssh ${V} ls`,
    `rsync a host:${V}`,
    `su user -c ${V}`,
    `awk "/${V}/" f`,
    `awk -v x=${V} 1 f`,
    `sed "s/a/${V}/" f`,
    `jq ".a == \\"${V}\\"" f`,
    `python3 -c "print(${V})"`,
    `python3.11 -c ${V}`,
    `python3 ${V}`,
    `python3 - ${V}`,
    `perl -e ${V}`,
    `perl -ne "print if /${V}/"`,
    `node -e ${V}`,
    `node --import ${V} x.mjs`,
    `ruby -e ${V}`,
    `psql -c "select ${V}"`,
    `sqlite3 db "select ${V}"`,
    `make X=${V}`,
    `find . -exec sh -c ${V} \\;`,
    `find . -name x -exec rm ${V} {} +`,
    `docker exec box sh -c "ls ${V}"`,
    `docker run --entrypoint sh image -c ${V}`,
    `kubectl exec pod -- psql -c ${V}`,
    `flock -n lock -c ${V}`,
    `watch ${V}`,
    `let "x=${V}"`,
    `let x=${V}`,
    `declare "${V}=1"`,
    `declare x=${V}`,
    `typeset x=${V}`,
    `local x=${V}`,
    `readonly x=${V}`,
    `export ${V}`,
    `export "${V}=1"`,
    `unset ${V}`,
    `read ${V}`,
    `read -r -p ${V} x`,
    `mapfile ${V}`,
    `readarray -C ${V} x`,
    `getopts ab ${V}`,
    `wait ${V}`,
    `printf -v ${V} x`,
    `printf -v x %s ${V}`,
    `printf ${V} x`,
    `printf "${V}\\n"`,
    `printf "$f" ${V}`,
    `test -v ${V}`,
    `[ -v ${V} ]`,
    `[ a = b -a -v ${V} ]`,
    `[ -R ${V} ]`,
    `[ ${V} ${V} ]`,
    `[ $op ${V} ]`,
    `[ ${V} "$x" ]`,
    `set ${V}`,
    `set -e ${V}`,
    `shopt -s ${V}`,
    `compgen -W ${V}`,
    `hash -p ${V} ls`,
    `alias x=${V}`,
    `f() { eval "$1"; }; f ${V}`,
    `time -- eval ${V}`,
    `time \\\n-p \\\n-- eval ${V}`,
    `g() { f ${V}; }; f() { eval "$1"; }; g`,
    `run() { "$@"; }; run ls ${V}`,
    `busybox awk ${V}`,
    `busybox sh -c ${V}`,
    `npx -p ${V} x`,
    `bun x ${V}`,
    `deno eval ${V}`,
    `git submodule foreach ${V}`,
    `git rebase -x ${V}`,
    `just build ${V}`,
    `npm exec -c ${V}`,
    `strace -f sh -c ${V}`,
    `fd -x rm ${V}`,
    `function f { $1; }; f ${V}`,
  ],
  evaluating_input: [
    `echo ${V} | sh`,
    `echo ${V} | bash -s`,
    `echo ${V} | tee f | sudo sh`,
    `{ echo ${V}; } | sh`,
    `(echo ${V}) |& bash`,
    `echo ${V} | (cd x; sh)`,
    `echo ${V} | while read -r l; do eval "$l"; done`,
    `sh <<END\necho ${V}\nEND`,
    `sh << END &&\necho ${V}\nEND\ntrue`,
    `cat <<END | sh\n${V}\nEND`,
    `cat <<END |\n${V}\nEND\nsh`,
    `python3 <<END\n${V}\nEND`,
    `python3 - <<END\n${V}\nEND`,
    `bash /dev/stdin <<END\n${V}\nEND`,
    `sh < ${V}`,
    `sh <<< ${V}`,
    `sh < <(echo ${V})`,
    `. /dev/stdin <<END\n${V}\nEND`,
    `echo ${V} | xargs rm`,
    `echo ${V} | ssh host`,
    `psql <<END\nselect ${V}\nEND`,
    `while read -r l; do sh -c "$l"; done <<END\n${V}\nEND`,
    `docker exec -i box sh <<END\n${V}\nEND`,
    `echo ${V} | docker exec -i box bash`,
    `awk -f - f <<END\n${V}\nEND`,
    `echo ${V} > >(sh)`,
    `exec > >(sh)\necho ${V}`,
    `run() { sh; }; echo ${V} | run`,
    `echo ${V} | crontab -`,
    `echo ${V} | { x=$(sh); }`,
    `read $x <<< ${V}`,
  ],
  arithmetic: [
    `echo $((${V}))`,
    `echo "$(( 1 + ${V} ))"`,
    `((x = ${V}))`,
    `for ((i = 0; i < ${V}; i++)); do :; done`,
    `echo $(( $(echo ${V}) ))`,
    `cat <<END\n$((${V}))\nEND`,
    `echo $(( (1) + (${V}) ))`,
  ],
  double_bracket: [
    `[[ ${V} -eq 1 ]]`,
    `[[ "${V}" == a ]]`,
    `[[ -v ${V} ]]`,
    `[[ a =~ (${V}) ]]`,
    `[[ a && ( b || ${V} ) ]]`,
    `[[ $(echo ${V}) -eq 1 ]]`,
    `if [[ -n '${V}' ]]; then :; fi`,
  ],
  quoted_heredoc: [
    `cat <<'END'\n${V}\nEND`,
    `cat <<"END"\n${V}\nEND`,
    `cat <<\\END\n${V}\nEND`,
    `cat <<-E'N'D\n\t${V}\n\tEND`,
    `cat <<A <<'B'\n${V}\nA\n${V}\nB`,
  ],
  heredoc_delimiter: [`cat <<${V}\nx\n`],
  case_pattern: [`case x in ${V}) ;; esac`, `case x in (a|"${V}") ;; esac`, `case x in a) ;; *${V}*) ;; esac`],
  parameter_expansion: [
    `echo $\{x:-${V}}`,
    `echo "$\{x#${V}}"`,
    `echo $\{x:${V}:1}`,
    `echo $\{x/a/${V}}`,
    `echo $\{x:-"${V}"}`,
    `echo $\{x:-'${V}'}`,
    `: $\{x:=${V}}`,
    `cat <<END\n$\{x:-${V}}\nEND`,
    `echo $\{a[${V}]}`,
    `echo $\{x:-$(echo ${V})}`,
  ],
  backticks: [
    `x=\`cat ${V}\``,
    `echo "\`cat ${V}\`"`,
    `cat <<END\n\`cat ${V}\`\nEND`,
    `echo \`echo \\\`echo ${V}\\\`\``,
  ],
  ansi_quotes: [`echo $'${V}'`, `echo a$'\\'${V}'`],
  translated_quotes: [`echo $"${V}"`],
  array_subscript: [`a[${V}]=x`, `a[${V}]+=x`],
  array_literal: [`a=(${V})`, `a+=(x "${V}")`, `a=(x\n${V})`, `a=($(echo ${V}))`],
  assignment_name: [`for ${V} in a; do :; done`, `function ${V} { :; }`],
  special_variable: [
    ...ACTING_VARIABLES.flatMap(({ names }) => names.map((name) => `${name.replace('*', 'X')}=${V}`)),
    `PS4=${V} x`,
    `PATH=${V}:$PATH`,
    `export PATH=${V}`,
    `for RANDOM in ${V}; do :; done`,
    `RANDOM+=${V}`,
    `read RANDOM <<< ${V}`,
    `echo ${V} | while read -r RANDOM; do :; done`,
  ],
  attributed_variable: [
    `declare -i n; n=${V}`,
    `typeset -gi n\nn+=${V}`,
    `declare -n n; for n in ${V}; do :; done`,
    `n=${V}; local -xi n`,
    `declare -i n; read -r n <<< ${V}`,
    `declare -ai a; mapfile a <<END\n${V}\nEND`,
    `declare -i n; echo ${V} | read n`,
    `declare $o n; n=${V}`,
    `export -n n; export n=${V}`,
  ],
  descriptor: [`echo x >&${V}`, `echo x 2>&"${V}"`, `cat <&${V}`, `x &> ${V}`, `x &>> ${V}`],
  escaped: [`echo \\${V}`, `echo "\\${V}"`, `cat <<END\n\\${V}\nEND`],
  after_dollar: [`echo $${V}`, `echo "$${V}"`, `cat <<END\n$${V}\nEND`],
  unterminated: [
    `echo "${V}`,
    `echo '${V}`,
    `cat <<END\n${V}`,
    `if true; then echo ${V}`,
    `echo $(ls ${V}`,
    `(echo ${V}`,
  ],
  unreadable: [
    `alias run=eval\nrun ${V}`,
    `shopt -s extglob\nls ${V}`,
    `set -k; ls ${V}`,
    `set -o posix; ls ${V}`,
    `coproc sh; echo ${V} >&$\{COPROC[1]}`,
    `echo $[${V}]`,
    `echo "$[${V}]"`,
    `rm !(${V})`,
    `echo $\{ echo ${V}; }`,
    `$((echo a); echo ${V})`,
    `echo ) ${V}`,
    `cat <<END $(echo\n) ${V}\nEND`,
    `x=$(cat <<END) ${V}\nEND`,
    `x=$(cat <<END\nEND)\n) ${V}`,
    `cat <<END\na\\\nEND\necho ${V}`,
    `echo "$\{x:-'}" '${V}'}"`,
    `{ :; } ${V}`,
    `cat <<END\n$(: # a \\\n"\n${V}\n")\nEND`,
    `cat <<END\n$(: 'a\\\n' ${V})\nEND`,
    `cat <<END\n$(cat <<'IN'\na\\\nIN\necho ${V}\nIN\n)\nEND`,
  ],
};

/** What makes commands refuse a word that they take otherwise. */
const LEADING: readonly (readonly [RegExp, string])[] = [
  [/^g?find$/, '. -exec '],
  [/^(?:test|\[)$/, '-v '],
  [/^git$/, 'bisect '],
  [/npm$|^yarn$/, 'exec '],
  [/^fd/, '-x '],
];

describe('an expression is refused', () => {
  for (const [place, texts] of Object.entries(REFUSED)) {
    it.each(texts)(`in the place ${place}: %s`, (text) => {
      const places = placesOf(text);
      expect(places).toContain(place);
      // None of the expressions slips through beside the one that is named.
      const count = text.split(V).length - 1;
      if (!/^(?:cat <<A)/.test(text)) expect(places.length).toBe(count);
    });
    it(`in the place ${place} as its documentation shows`, () => {
      const { example } = REFUSED_PLACES[place as RefusedPlace];
      expect(placesOf(example)).toContain(place);
    });
  }

  it('by every command of the list, whatever the case or version of its name', () => {
    for (const { names } of EVALUATING_WORDS) {
      for (const name of names) {
        for (const word of [name, `/usr/bin/${name}`, `"${name}"`, name.toUpperCase(), `command ${name}`]) {
          const [, before = ''] = LEADING.find(([pattern]) => pattern.test(name)) ?? [];
          const text = `${word} ${before}${V}`;
          expect([text, placesOf(text).length]).toEqual([text, 1]);
        }
      }
    }
  });

  it('in sh where shells of that name differ', () => {
    const texts = [
      `x &> f; ls ${V}`,
      `cat <<< ${V}`,
      `x |& ls ${V}`,
      `a+=${V}`,
      `a[0]=${V}`,
      `a+= eval ${V}`,
      `a[0]=x eval ${V}`,
      `b=y a+=x trap ${V} EXIT`,
      `echo $'\\'' ${V} '`,
      `a=(x ${V})`,
    ];
    for (const text of texts) expect([text, placesOf(text, 'sh').length]).toEqual([text, 1]);
  });
});

describe('what is said about a refused expression', () => {
  it('names the place, the command to blame and the line to write', () => {
    const text = `echo x\neval "rm \${{ params.old-file }}"`;
    const spliced = spliceShell(text, 'sh');
    expect(spliced.ok ? null : spliced.error).toEqual([
      {
        code: 'expression_in_shell_place',
        place: 'evaluating_word',
        word: 'eval',
        message:
          'an expression cannot stand among the words of a command that reads them as code (`eval`): the shell reads the words once more',
        variable: { name: 'OLD_FILE', value: '${{ params.old-file }}' },
        help: 'write `env: { OLD_FILE: "${{ params.old-file }}" }`, then let the code that is read take it from the environment: `sh -c \'echo "$OLD_FILE"\'`, with the code in single quotes',
        offset: text.indexOf('${{'),
        length: '${{ params.old-file }}'.length,
      },
    ]);
  });

  it('is said of all expressions at once, in order, those that cannot be parsed included', () => {
    const text =
      'eval ${{ params.a }}\n${{ params. }}\necho ${{ params.b }} $((${{ steps.a.outputs.a }} + ${{ params.a }}))';
    const spliced = spliceShell(text, 'bash');
    const problems = spliced.ok ? [] : spliced.error;
    expect(problems.map((problem) => ('place' in problem ? problem.variable.name : problem.code))).toEqual([
      'A',
      'expression_syntax',
      'A_2',
      'A',
    ]);
    expect(problems.map(({ offset }) => offset)).toEqual(
      [...problems.map(({ offset }) => offset)].sort((a, b) => a - b),
    );
  });

  it('is the usual word about an expression without its end', () => {
    const spliced = spliceShell('echo ${{ params.a', 'sh');
    expect(spliced.ok ? null : spliced.error).toMatchObject([{ code: 'expression_syntax', offset: 5, length: 3 }]);
  });
});
