/** docs/shell.md is what the tables of places, commands and variables say. */

import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  ACTING_VARIABLES,
  EVALUATING_WORDS,
  type EvaluatingWords,
  REFUSED_PLACES,
  spliceShell,
} from '../../src/expressions/shell/shell.ts';

const FILE = resolve(import.meta.dirname, '../../docs/shell.md');

const ALLOWED: readonly (readonly [string, string])[] = [
  ['a word of a command', 'cp ${{ params.file }} --to=${{ params.target }}'],
  ['double quotes', 'echo "hello ${{ params.name }}"'],
  ['single quotes', "echo 'hello ${{ params.name }}'"],
  ['a here-document whose delimiter is not quoted', 'cat <<END\n${{ params.name }}\nEND'],
  ['`$(...)`, `<(...)`, subshells, functions, loops', 'x="$(cat ${{ params.file }})"'],
  ['what is assigned', 'NAME=${{ params.name }} ./greet'],
  ['what `for` goes through, what `case` looks at', 'for x in ${{ params.name }} b; do echo "$x"; done'],
  ['the file of a redirection, a here-string of bash', 'sort < ${{ params.file }} > sorted-${{ params.date }}.csv'],
  ['the words behind a script that is written out', 'python3 load.py ${{ params.file }}'],
  ['a comment: it stays as it is, and nothing is evaluated', '# ${{ params.name }}'],
];

const code = (text: string): string => {
  const lines = text.replaceAll('|', '\\|').split('\n');
  return lines.map((line) => (line.includes('`') ? `\`\` ${line} \`\`` : `\`${line}\``)).join('<br>');
};
const cell = (text: string): string => text.replaceAll('|', '\\|');

function becomes(text: string): string {
  const spliced = spliceShell(text, 'bash');
  if (!spliced.ok) throw new Error(`the page shows what is refused: ${text}`);
  return spliced.value.text;
}

function refusedWords({ rule }: EvaluatingWords): string {
  switch (rule.kind) {
    case 'everything':
      return 'all words';
    case 'interpreter':
      return 'all words, unless a script is written out: then those up to it';
    case 'prefix':
      return 'the words up to the command that it runs, whose own rule holds for the rest';
    case 'behind':
      return rule.first.test('--') ? 'the words up to `--`' : 'the words up to the format, and all with `-v`';
    case 'option_values':
      return 'all words but the values of `--arg` and `--argjson`';
    case 'test':
      return 'all words with `-v` or `-R`; a word beside one that is not written out';
    case 'assignments':
      return 'words that do not begin with `NAME=`';
    case 'unless_among':
      return 'all words, when certain words are among them';
  }
}

const INPUT: { readonly [input in EvaluatingWords['input']]: string } = {
  code: 'refused',
  data: '',
  code_without_script: 'refused without a script',
  code_with_file_option: 'refused with `-f`',
  assigned: 'refused where it is assigned to a variable that evaluates it',
};

function page(): string {
  const allowed = ALLOWED.map(([place, text]) => `| ${place} | ${code(text)} | ${code(becomes(text))} |`);
  const places = Object.entries(REFUSED_PLACES).map(
    ([, { where, example, because, instead }]) =>
      `| ${cell(where)} | ${code(example)} | ${cell(because)} | ${cell(instead)} |`,
  );
  const words = EVALUATING_WORDS.map((each) => {
    const names = each.names.map((name) => `\`${name}\``).join(' ');
    return `| ${names} | ${refusedWords(each)} | ${INPUT[each.input]} | ${cell(each.reason)} |`;
  });
  const variables = ACTING_VARIABLES.map(
    ({ names, reason }) => `| ${names.map((name) => `\`${name}\``).join(' ')} | ${cell(reason)} |`,
  );
  return TEMPLATE.replace('ALLOWED_ROWS', () => allowed.join('\n'))
    .replace('PLACE_ROWS', () => places.join('\n'))
    .replace('WORD_ROWS', () => words.join('\n'))
    .replace('VARIABLE_ROWS', () => variables.join('\n'));
}

const TEMPLATE = `# Expressions in shell text

<!-- made from the tables in src/expressions/shell by UPDATE_DOCS=1 npx vitest run test/laws/shell-page.test.ts -->

**A value never becomes code.** In the text of \`run:\` an expression is not pasted in: flowctl puts its value into a variable of the
environment, \`FLOWCTL_VALUE_1\` and so on, and replaces the expression by a reference to it, quoted for the place where it stands. The
shell neither splits the value at blanks nor expands \`*\` in it, and never reads it as commands: quotes, newlines, backticks and
\`$(...)\` in a value are characters like any other. Where that cannot be had, \`flowctl validate\` refuses the expression and shows the
\`env:\` line to write instead.

\`run: [program, "\${{ params.file }}"]\`, a list, needs none of this: no shell reads it.

## Where expressions can stand

| | written | what the shell is given |
|---|---|---|
ALLOWED_ROWS

Text, numbers and booleans can stand there. Null is an error (write \`default(..., '')\`), and so are lists and objects (write
\`toJSON(...)\`).

## Where they cannot

| an expression cannot stand | for example | because | instead |
|---|---|---|---|
PLACE_ROWS

## Commands that read their words, or what they are fed, as code

A command is known by its name without the folder and without a version (\`/usr/bin/python3.11\` is \`python\`). \`input\` is what comes
through a pipe, a here-document or \`<\`. The names of shells, interpreters and other programs of the list are also looked for among the
words of commands that are not listed, as in \`docker exec box sh -c ...\`.

| command | an expression is refused in | its input | why |
|---|---|---|---|
WORD_ROWS

Commands that only look at their words are not listed, \`expr\`, \`cd\`, \`exit\`, \`shift\` and \`kill\` among them: they do not evaluate.

## Variables that are not assigned to

| variable | why |
|---|---|
VARIABLE_ROWS

## What this does not do

- A value is data to the shell, not to every program: one that begins with \`-\` may be an option to the program it is given to. Write \`--\`
  before it where the program understands that: \`rm -- \${{ params.file }}\`.
- What a program makes of its words is its own: \`echo\` of dash, for example, replaces \`\\\\n\` in them; \`printf '%s\\\\n'\` does not.
- What a script does with a value afterwards is the script's own: \`x=\${{ params.x }}\` is safe, \`eval "$x"\` on the next line is not, and
  neither is \`[[ $x -eq 1 ]]\` in bash.
- Programs that are not in the list, and read a word as code all the same, are not known. The list is for what a person would expect to
  be safe; \`env:\` and a variable in the right quotes always are.
- A value takes less than 131,072 bytes on Linux, and all variables and arguments together about 2 MB. Larger values go through a file in
  \`$FLOWCTL_RUN_DIR\`. A NUL byte fits into no variable: the attempt fails before anything is started.
- All programs that the step starts inherit the variables, as they inherit those of \`env:\`.
- \`sh\` is taken for any of dash, busybox ash and bash: where they read the same text differently, expressions are refused.
`;

describe('docs/shell.md', () => {
  it('is what the tables say (UPDATE_DOCS=1 writes it)', () => {
    const written = page();
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(FILE, written);
    expect(readFileSync(FILE, 'utf8')).toBe(written);
  });
});
