/** Where no value may stand in shell text, in words: what is wrong there and what to do instead. Also the source of a table of the documentation. */

import type { Span, TemplateProblem } from '../syntax.ts';

/** What is known about a refused place. */
export interface PlaceDescription {
  /** The place, as it follows `an expression cannot stand`. */
  readonly where: string;
  /** The shortest example of it. */
  readonly example: string;
  /** Why not. */
  readonly because: string;
  /** What to do with the variable of the `env:` line. */
  readonly instead: string;
}

const CHECKED =
  'make sure that it is a number before it is calculated with: `case $NAME in (*[!0-9]*|"") exit 2 ;; esac`';

const DESCRIPTIONS = {
  command_position: {
    where: 'where a command begins',
    example: '${{ params.tool }} --all',
    because: 'the value would decide what is run',
    instead: 'choose among commands that are written out: `case "$NAME" in (a) tool-a ;; (b) tool-b ;; esac`',
  },
  unknown_command: {
    where: 'among the words of a command that is not written out',
    example: '$tool ${{ params.file }}',
    because:
      'the command is known only when the script runs: it could be one that evaluates its words, or nothing at all',
    instead: 'write the command out, or use `"$NAME"` there',
  },
  evaluating_word: {
    where: 'among the words of a command that reads them as code',
    example: 'eval "echo ${{ params.file }}"',
    because: 'another interpreter, or the shell once more, reads the text',
    instead:
      'let the code that is read take it from the environment: `sh -c \'echo "$NAME"\'`, with the code in single quotes',
  },
  evaluating_input: {
    where: 'in what a command is fed that reads it as code',
    example: 'echo ${{ params.file }} | sh',
    because: 'an interpreter reads the text as its program',
    instead: 'let the script that is fed read the variable from its environment',
  },
  arithmetic: {
    where: 'in arithmetic',
    example: 'echo $(( ${{ params.n }} + 1 ))',
    because: 'arithmetic evaluates what variables hold, down to the commands in an array subscript',
    instead: CHECKED,
  },
  double_bracket: {
    where: 'in `[[ ]]`',
    example: '[[ ${{ params.n }} -eq 1 ]]',
    because: 'it reads its words as patterns, and evaluates them as arithmetic beside `-eq` and the like',
    instead: 'write `[ "$NAME" = text ]`',
  },
  quoted_heredoc: {
    where: 'in a here-document whose delimiter is quoted',
    example: "cat <<'END'\n${{ params.name }}\nEND",
    because: 'nothing is replaced in it',
    instead: 'leave the quotes of the delimiter away, and write `\\$` for every dollar sign that is meant as such',
  },
  heredoc_delimiter: {
    where: 'in the delimiter of a here-document',
    example: 'cat <<${{ params.end }}',
    because: 'the delimiter is not expanded',
    instead: 'write the delimiter out',
  },
  case_pattern: {
    where: 'in a pattern of `case`',
    example: 'case $x in ${{ params.name }}) ;; esac',
    because: 'a value is text, and here a pattern is read',
    instead: 'write `[ "$x" = "$NAME" ]`',
  },
  parameter_expansion: {
    where: 'inside `${ }` of the shell',
    example: 'echo ${x:-${{ params.name }}}',
    because: 'depending on the operator it is a pattern, an offset that is calculated, or text that is split',
    instead: 'use `"$NAME"` in its place, or `default(..., ...)` in the expression',
  },
  backticks: {
    where: 'in backticks',
    example: 'x=`cat ${{ params.file }}`',
    because: 'they read the text inside twice',
    instead: 'write `$(...)` in place of the backticks: there it can stand',
  },
  ansi_quotes: {
    where: "in `$'...'`",
    example: "echo $'${{ params.name }}\\n'",
    because: 'no variable is replaced in it',
    instead: "close the quotes before it: `$'a'\"$NAME\"$'b'`",
  },
  translated_quotes: {
    where: 'in `$"..."`',
    example: 'echo $"hello ${{ params.name }}"',
    because: 'the text is looked up in a catalogue of translations before it is expanded',
    instead: 'write it without the dollar sign: there it can stand',
  },
  array_subscript: {
    where: 'in an array subscript',
    example: 'a[${{ params.n }}]=x',
    because: 'subscripts are arithmetic, which evaluates commands in them',
    instead: CHECKED,
  },
  array_literal: {
    where: 'in an array literal',
    example: 'a=(${{ params.name }})',
    because: 'elements of the form `[subscript]=value` are evaluated',
    instead: 'write `"$NAME"` there',
  },
  assignment_name: {
    where: 'in the name of a variable',
    example: 'for ${{ params.name }} in a b; do :; done',
    because: 'the value would decide which variable is set',
    instead: 'write the name out',
  },
  special_variable: {
    where: 'in the value of a variable that shells or programs act upon',
    example: 'PS4=${{ params.name }}',
    because: 'the value would be evaluated, or decide what is run',
    instead: 'set the variable itself in `env:` when that is what is meant',
  },
  attributed_variable: {
    where: 'in an assignment, in a text that declares numbers or references',
    example: 'declare -i n; n=${{ params.n }}',
    because: 'what is assigned to a variable with the attribute `-i` or `-n` is evaluated',
    instead: CHECKED,
  },
  descriptor: {
    where: 'behind `>&`, `<&` and `&>`',
    example: 'echo x >&${{ params.n }}',
    because: 'the value is read as a descriptor or as a file, depending on what it is',
    instead: 'write the descriptor out; a file can stand behind `>`',
  },
  escaped: {
    where: 'behind a backslash',
    example: 'echo \\${{ params.name }}',
    because: 'the backslash would take the quotes away that keep the value together',
    instead: "remove the backslash, or write `${{ '${{' }}` for the characters themselves",
  },
  after_dollar: {
    where: 'directly behind a dollar sign',
    example: 'echo $${{ params.name }}',
    because: 'the dollar sign would belong to what replaces the expression',
    instead: 'remove the dollar sign, or write `\\$` for the character itself followed by `""`',
  },
  unterminated: {
    where: 'in what is never closed',
    example: 'echo "${{ params.name }}',
    because: 'a quote, bracket or here-document has no end, so what the shell would read is unknown',
    instead: 'close it',
  },
  unreadable: {
    where: 'where the text before it can be read in more than one way',
    example: 'alias run=eval\nrun ${{ params.name }}',
    because: 'shells differ there, or a setting changes how they read, so that the place is not certain',
    instead: 'use `"$NAME"` there',
  },
} as const satisfies { readonly [place: string]: PlaceDescription };

/** A place in shell text where no value may stand. */
export type RefusedPlace = keyof typeof DESCRIPTIONS;

/** Every refused place with its description. */
export const REFUSED_PLACES: { readonly [place in RefusedPlace]: PlaceDescription } = DESCRIPTIONS;

/** An expression that stands where no value may. Offsets count UTF-16 units of the shell text. */
export interface PlaceProblem extends Span {
  readonly code: 'expression_in_shell_place';
  readonly place: RefusedPlace;
  readonly message: string;
  /** The word of the list of evaluating words that is to blame, where one is. */
  readonly word: string | null;
  /** A variable to hand the value over in. */
  readonly variable: { readonly name: string; readonly value: string };
  /** Begins with the `env:` line to write. */
  readonly help: string;
}

/** What is wrong with an expression in shell text: where it stands, or the expression itself. */
export type SpliceProblem = PlaceProblem | TemplateProblem;

/** Why an expression is refused. */
export interface Refusal {
  readonly place: RefusedPlace;
  /** The command, variable or setting to blame. */
  readonly word?: string;
  /** What that does with a value, more exactly than the description of the place. */
  readonly reason?: string;
}

/** Says what is wrong and what to write. */
export function describeRefusal(refusal: Refusal, span: Span, variable: PlaceProblem['variable']): PlaceProblem {
  const { where, because, instead } = REFUSED_PLACES[refusal.place];
  const word = refusal.word ?? null;
  const subject = word === null ? where : `${where} (\`${word}\`)`;
  const line = `env: { ${variable.name}: ${JSON.stringify(variable.value)} }`;
  return {
    code: 'expression_in_shell_place',
    place: refusal.place,
    message: `an expression cannot stand ${subject}: ${refusal.reason ?? because}`,
    word,
    variable,
    ...span,
    help: `write \`${line}\`, then ${instead.replaceAll('$NAME', () => `$${variable.name}`)}`,
  };
}
