/** Variables whose value is evaluated, or decides what is run: no value is assigned to them in shell text. */

import type { Refusal } from './place.ts';

/** Variables with what their value does. */
export interface ActingVariables {
  readonly names: readonly string[];
  readonly reason: string;
}

const acting = (names: string, reason: string): ActingVariables => ({ names: names.split(' '), reason });

/** All of them; a name that ends in `*` stands for all that begin so. */
export const ACTING_VARIABLES: readonly ActingVariables[] = [
  acting('PS0 PS1 PS2 PS3 PS4 PROMPT_COMMAND', 'commands in it are run when the shell prompts or traces'),
  acting('ENV BASH_ENV', 'shells run the file that it names'),
  acting(
    'RANDOM SRANDOM SECONDS LINENO HISTCMD OPTIND BASHPID EPOCHSECONDS EPOCHREALTIME BASH_SUBSHELL BASH_MONOSECONDS',
    'bash evaluates what is assigned to it as arithmetic, down to the commands in a subscript',
  ),
  acting(
    'BASH_ALIASES BASH_CMDS BASH_FUNC_* SHELLOPTS BASHOPTS BASH_COMPAT POSIXLY_CORRECT',
    'it changes how bash reads',
  ),
  acting('PATH FPATH SHELL EXECIGNORE', 'it decides which programs are run'),
  acting('LD_* DYLD_* GCONV_PATH', 'programs load the code that it names'),
  acting(
    'NODE_OPTIONS NODE_PATH PYTHONSTARTUP PYTHONPATH PYTHONHOME PERL5OPT PERL5LIB PERL5DB PERLLIB RUBYOPT RUBYLIB JAVA_TOOL_OPTIONS _JAVA_OPTIONS CLASSPATH LUA_INIT LUA_PATH',
    'an interpreter loads or runs what it names',
  ),
  acting(
    'EDITOR VISUAL PAGER BROWSER LESSOPEN LESSCLOSE MANPAGER GIT_* npm_config_* SSH_ASKPASS SUDO_ASKPASS RSYNC_RSH CVS_RSH MAKEFLAGS TAR_OPTIONS',
    'programs run the command in it',
  ),
];

const EXACT = new Map<string, string>();
const BEGINNINGS: (readonly [string, string])[] = [];
for (const { names, reason } of ACTING_VARIABLES) {
  for (const name of names) {
    if (name.endsWith('*')) BEGINNINGS.push([name.slice(0, -1), reason]);
    else EXACT.set(name, reason);
  }
}

/** Why no value may be assigned to a variable; null when one may. */
export function refusalOfVariable(name: string): Refusal | null {
  const reason = EXACT.get(name) ?? BEGINNINGS.find(([beginning]) => name.startsWith(beginning))?.[1];
  return reason === undefined ? null : { place: 'special_variable', word: name, reason };
}
