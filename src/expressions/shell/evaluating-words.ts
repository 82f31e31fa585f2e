/**
 * The commands that read their words, or what they are fed, as something other than data: with the reason for each. Data only; how it
 * is applied is in `evaluation`. A command that is missing here takes its words as they are, which holds for nearly all programs.
 */

import { INTERPRETERS } from './interpreters.ts';
import { PREFIXES } from './prefixes.ts';

/** What is refused among the words of a command. */
export type WordRule =
  /** Every word. */
  | { readonly kind: 'everything' }
  /** The words up to the script that is written out; all of them where code is given in an option. */
  | {
      readonly kind: 'interpreter';
      readonly harmless: RegExp;
      readonly valued: RegExp;
      readonly script: RegExp;
      /** Options with the code itself, so that what the interpreter is fed is data. */
      readonly code: RegExp;
    }
  /** The words up to the command that is run; behind it, what that command's own rule says. */
  | {
      readonly kind: 'prefix';
      readonly harmless: RegExp;
      readonly valued: RegExp;
      /** How many words stand between the options and the command. */
      readonly operands: number;
      readonly takesAssignments: boolean;
    }
  /** The words up to the first of the form given, which has to be written out. */
  | { readonly kind: 'behind'; readonly first: RegExp; readonly before: RegExp }
  /** All but the values of these options: so many words behind the option. */
  | { readonly kind: 'option_values'; readonly options: RegExp; readonly distance: number }
  /** `test` and `[`. */
  | { readonly kind: 'test' }
  /** Words of the form `name=value` are allowed from the value on. */
  | { readonly kind: 'assignments' }
  /** All words when one of these is among them. */
  | { readonly kind: 'unless_among'; readonly words: RegExp };

/** Commands with the same rule. */
export interface EvaluatingWords {
  readonly names: readonly string[];
  readonly reason: string;
  readonly rule: WordRule;
  /** Whether what it reads from its standard input is code too: always, never, without a script, with an option that reads code, or when it is assigned to a variable that evaluates it. */
  readonly input: 'code' | 'data' | 'code_without_script' | 'code_with_file_option' | 'assigned';
  /** True where the name, standing among the words of another command, is taken for a command that that one runs. */
  readonly isSoughtInWords: boolean;
}

const everything = (
  names: string,
  reason: string,
  input: EvaluatingWords['input'],
  where: 'builtin' | 'program' | 'common_word',
): EvaluatingWords => ({
  names: names.split(' '),
  reason,
  rule: { kind: 'everything' },
  input,
  isSoughtInWords: where === 'program',
});

const builtin = (names: string, reason: string, rule: WordRule): EvaluatingWords => ({
  names: names.split(' '),
  reason,
  rule,
  input: 'data',
  isSoughtInWords: false,
});

const BUILTINS: readonly EvaluatingWords[] = [
  everything('eval', 'the shell reads the words once more', 'code', 'builtin'),
  everything('trap', 'the shell reads the word once more when the signal comes', 'data', 'builtin'),
  everything('. source', 'the value would decide which file is run', 'code', 'builtin'),
  everything('let', 'the words are arithmetic, which evaluates commands in subscripts', 'data', 'builtin'),
  everything(
    'declare typeset local readonly',
    'names, subscripts and array literals in the words are evaluated; `name=${{ ... }}` on a line of its own is not',
    'data',
    'builtin',
  ),
  everything(
    'read mapfile readarray',
    'the words are names of variables, and commands in a subscript are evaluated',
    'assigned',
    'builtin',
  ),
  everything(
    'getopts unset wait',
    'the words are names of variables, and commands in a subscript are evaluated',
    'data',
    'builtin',
  ),
  everything('shopt enable', 'the value would change how the shell reads or what its commands are', 'data', 'builtin'),
  everything('alias', 'the value becomes shell text wherever the name stands', 'data', 'builtin'),
  everything(
    'complete compgen compopt bind fc history jobs hash',
    'some of its options evaluate or run a word',
    'data',
    'builtin',
  ),
  builtin('set', 'before `--` the value could be an option of the shell', {
    kind: 'behind',
    first: /^--$/,
    before: /^[-+]\w+$|^\w+$/,
  }),
  builtin('printf', '`-v` evaluates a subscript, and the format is no place for a value: write `printf "%s"`', {
    kind: 'behind',
    first: /^[^-]|^$/,
    before: /^--$/,
  }),
  builtin(
    'test [',
    '`-v` and `-R` evaluate a subscript, and a value beside a word that is not written out could be such an operator',
    {
      kind: 'test',
    },
  ),
  builtin('export', 'the value would decide which variable is exported; `export NAME=${{ ... }}` does not', {
    kind: 'assignments',
  }),
];

const PROGRAMS: readonly EvaluatingWords[] = [
  everything(
    'ssh slogin rsh mosh autossh dbclient plink',
    'the shell of the other machine reads the words',
    'code',
    'program',
  ),
  everything('scp sftp rsync', 'the shell of the other machine may read the paths', 'data', 'program'),
  everything('su runuser entr parallel', 'a shell of its own reads the words', 'code', 'program'),
  everything('script watch sem expect', 'a shell of its own reads the words', 'code', 'common_word'),
  everything('xargs', 'it makes commands of what it reads, and runs them', 'code', 'program'),
  everything('at batch crontab', 'a shell reads the text later', 'code', 'common_word'),
  everything('tmux screen', 'a shell in a window reads the words', 'code', 'common_word'),
  everything('make gmake', 'values of variables are expanded, `$(shell ...)` included', 'code', 'program'),
  {
    ...everything(
      'awk gawk mawk nawk original-awk',
      'the program is code, assignments are unescaped, and file names can be assignments',
      'data',
      'program',
    ),
    input: 'code_with_file_option',
  },
  {
    ...everything('sed gsed ssed', 'a script can run commands and write files', 'data', 'program'),
    input: 'code_with_file_option',
  },
  {
    names: ['jq', 'gojq', 'jaq', 'yq'],
    reason: 'the filter is code; `--arg name ${{ ... }}` is not',
    rule: { kind: 'option_values', options: /^--arg(?:json)?$/, distance: 2 },
    input: 'code_with_file_option',
    isSoughtInWords: true,
  },
  {
    names: ['find', 'gfind'],
    reason: 'with `-exec` and the like its words are commands, in which `{}` is replaced',
    rule: { kind: 'unless_among', words: /^-(?:exec|ok)(?:dir)?$|^-fprint|^-files0-from$/ },
    input: 'data',
    isSoughtInWords: false,
  },
  everything(
    'psql mysql mariadb sqlite3 sqlite duckdb sqlplus sqlcmd clickhouse clickhouse-client bq snowsql beeline hive spark-sql trino presto impala-shell isql vsql nzsql cqlsh mongo mongosh redis-cli',
    'a database reads the text as its language; some run shell commands',
    'code',
    'program',
  ),
  everything(
    'ed ex vi vim nvim emacs gdb lldb',
    'editors and debuggers run commands in what they are given',
    'code',
    'common_word',
  ),
  everything('bc dc m4 gnuplot octave gp maxima', 'the text is a program in its language', 'code', 'common_word'),
  everything('just task', 'arguments are put into shell text', 'data', 'common_word'),
  everything(
    'nix-shell hyperfine concurrently nodemon socat ncat',
    'a shell reads some of the words',
    'code',
    'program',
  ),
  {
    names: ['git'],
    reason: 'with these words a shell reads others',
    rule: {
      kind: 'unless_among',
      words: /^(?:foreach|filter-branch|bisect|difftool|mergetool|-x.*|--exec(?:=.*)?|--(?:upload|receive)-pack.*)$/,
    },
    input: 'data',
    isSoughtInWords: false,
  },
  {
    names: ['npm', 'pnpm', 'yarn'],
    reason: 'with these words another command is run, or a shell reads the words',
    rule: { kind: 'unless_among', words: /^(?:exec|x|dlx|-c|--call(?:=.*)?)$/ },
    input: 'data',
    isSoughtInWords: false,
  },
  {
    names: ['fd', 'fdfind'],
    reason: 'with `-x` and the like its words are commands, in which `{}` is replaced',
    rule: { kind: 'unless_among', words: /^-[a-zA-Z]*[xX]$|^--exec/ },
    input: 'data',
    isSoughtInWords: false,
  },
  everything('ansible', 'a shell of another machine may read the words', 'code', 'program'),
];

/** All rules. */
export const EVALUATING_WORDS: readonly EvaluatingWords[] = [...BUILTINS, ...PREFIXES, ...INTERPRETERS, ...PROGRAMS];

/** Commands whose words are never commands themselves, so that `echo node` is not taken for something that runs `node`. */
const NEVER_RUN_WORDS: ReadonlySet<string> = new Set(
  'echo printf : true false test [ cd pwd mkdir rmdir rm cp mv ln ls cat touch grep head tail wc sort uniq cut tr tee date export return exit'.split(
    ' ',
  ),
);

const RULES: ReadonlyMap<string, EvaluatingWords> = new Map(
  EVALUATING_WORDS.flatMap((rule) => rule.names.map((name) => [name, rule] as const)),
);

/** The name that a command is known by: `/usr/bin/python3.11` is `python`. @param base the text behind the last `/`. */
export function knownName(base: string): string {
  const name = base.toLowerCase();
  if (RULES.has(name)) return name;
  const bare = name.replace(/\.exe$/, '').replace(/[-.]?\d[\d.]*$/, '');
  return RULES.has(bare) ? bare : name;
}

/** The rule for a command; undefined for one that takes its words as they are. */
export const ruleFor = (base: string): EvaluatingWords | undefined => RULES.get(knownName(base));

/** True when words of the command could be a command that it runs. */
export const mayRunWords = (base: string): boolean => !NEVER_RUN_WORDS.has(base);
