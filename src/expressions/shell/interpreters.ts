/** Shells and interpreters: behind a script that is written out their words are data for the script. */

import type { EvaluatingWords } from './evaluating-words.ts';

const NOTHING = /^(?!)/;

interface Options {
  /** Options without a value that change nothing here. */
  readonly harmless?: RegExp;
  /** Options whose value is the next word, and is no code. */
  readonly valued?: RegExp;
  /** An option whose value takes the script's place. */
  readonly script?: RegExp;
  /** An option whose value is the program, so that what it is fed is data. */
  readonly code?: RegExp;
}

const interpreter = (names: string, reason: string, options: Options = {}): EvaluatingWords => ({
  names: names.split(' '),
  reason,
  rule: {
    kind: 'interpreter',
    harmless: options.harmless ?? NOTHING,
    valued: options.valued ?? NOTHING,
    script: options.script ?? NOTHING,
    code: options.code ?? NOTHING,
  },
  input: 'code_without_script',
  isSoughtInWords: true,
});

/** Shells and interpreters. */
export const INTERPRETERS: readonly EvaluatingWords[] = [
  interpreter('sh bash dash ash ksh mksh zsh yash fish', 'a shell reads the text of `-c`, and what it is fed', {
    harmless: /^(?:[-+][aefhmnuvxBCEPT]+|--noprofile|--norc|--posix|--)$/,
    valued: /^[-+][aefhmnuvxBCEPT]*o$/,
  }),
  interpreter('python pypy pythonw', 'Python reads the text of `-c`, and what it is fed', {
    harmless: /^-[bBdEIOPqsSuv]+$/,
    valued: /^-[WX]$/,
    script: /^-m$/,
    code: /^-c$/,
  }),
  interpreter('node nodejs tsx ts-node bun deno', 'JavaScript is read from `-e`, and from what it is fed', {
    code: /^(?:-e|-p|-pe|--eval|eval|exec|x|repl)$/,
    harmless:
      /^(?:--no-warnings|--enable-source-maps|--experimental-[a-z-]+|--max-old-space-size=\d+|--trace-[a-z-]+|--allow-[a-z]+|--unstable|run)$/,
  }),
  interpreter('perl', 'Perl reads the text of `-e`, and what it is fed', {
    harmless: /^-[wTtWX]+$/,
    code: /^-\w*[eE]$/,
  }),
  interpreter('ruby jruby', 'Ruby reads the text of `-e`, and what it is fed', {
    harmless: /^-[wWv]+$/,
    code: /^-\w*e$/,
  }),
  interpreter('php', 'PHP reads the text of `-r`, and what it is fed', { script: /^-f$/, code: /^-r$/ }),
  interpreter('lua luajit', 'Lua reads the text of `-e`, and what it is fed'),
  interpreter('r rscript', 'R reads the text of `-e`, and what it is fed', {
    harmless: /^--(?:vanilla|no-save|slave)$/,
  }),
  interpreter(
    'julia ghci runghc scala groovy clojure elixir erl escript racket guile sbcl ocaml jshell',
    'its language is read from an option, and from what it is fed',
  ),
  interpreter('tclsh wish', 'Tcl is read from what it is fed'),
  interpreter('pwsh powershell osascript nu xonsh', 'its language is read from an option, and from what it is fed'),
];
