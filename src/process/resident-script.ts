/**
 * What a resident shell is told to run (see `resident-shell`): POSIX sh, tried with dash.
 *
 * - A step is a subshell: a fork, and no program to load. Text, words and paths stand in single quotes, so nothing in them is syntax of ours.
 * - All of it is one compound command, for at the end of its input a shell runs an unfinished last line: of a step that flowctl could not say to
 *   its end nothing runs.
 * - It is given as a script, not read by `read`, which takes a system call for each byte.
 * - The step's own shell has neither our variables nor our options, and its standard streams alone.
 * - The answer is one line: the exit code, or `-` when nothing ran; how far the log was written; whether `$FLOWCTL_OUTPUT` is no longer empty; the
 *   processes that are left. The shell is a subreaper (prctl(2)), so whatever outlived the step is its child now, in whatever group or session.
 * - Signals are trapped, not ignored, for what is ignored is inherited: TERM to the group ends the step, and the shell lives to tell.
 */

/** What a step is for a shell. Everything is free of NUL bytes. */
export interface ResidentStep {
  /** Made where it is missing; a link is not followed. */
  readonly log: string;
  /** `$FLOWCTL_OUTPUT`; it exists, and is empty. */
  readonly output: string;
  readonly workdir: string;
  readonly text: string;
  /** The variables that the step has besides what the shell inherited. */
  readonly env: { readonly [name: string]: string };
}

/** What is said first. */
export const RESIDENT_BEGINNING = 'trap : HUP INT QUIT TERM; flowctl_mask=$(umask); umask 077; echo ready\n';

const OWN = 'flowctl_mask flowctl_code flowctl_at flowctl_left flowctl_wrote flowctl_name';

/**
 * The script of one step.
 * @param inherited the environment of the shell: what `cd` changes is put right for the step by it.
 */
export function residentScript(step: ResidentStep, inherited: { readonly [name: string]: string }): string {
  const { log, output, workdir, text, env } = step;
  const exports = Object.entries(env).map(([name, value]) => `${name}=${quoted(value)}`);
  // As a fresh shell has it: the path as it was inherited where it means this folder, else the physical one.
  const { PWD = '', OLDPWD } = inherited;
  const asInherited = PWD.startsWith('/') ? ` && { [ ! ${quoted(PWD)} -ef . ] || cd ${quoted(PWD)}; }` : '';
  const change = PWD === workdir ? `cd ${quoted(workdir)}` : `cd -P ${quoted(workdir)}${asInherited}`;
  const before = OLDPWD === undefined ? 'unset OLDPWD' : `OLDPWD=${quoted(OLDPWD)}`;
  const inner = `${before}; umask $flowctl_mask; unset ${OWN}; set -e; export ${exports.join(' ')}; eval ${quoted(text)}`;
  return (
    '{ flowctl_code=- flowctl_at=0 flowctl_left= flowctl_wrote=1; ' +
    `${change} && [ ! -L ${quoted(log)} ] && { ` +
    `( ${inner}\n) </dev/null >&5 2>&1 5>&-; flowctl_code=$?; read -r flowctl_name flowctl_at </proc/self/fdinfo/5; ` +
    `read -r flowctl_left </proc/$$/task/$$/children; ` +
    `flowctl_name=${quoted(output)}; [ -f "$flowctl_name" ] && [ ! -s "$flowctl_name" ] && [ ! -L "$flowctl_name" ] && ` +
    `[ -r "$flowctl_name" ] && [ -w "$flowctl_name" ] && flowctl_wrote=0; ` +
    `} 5>>${quoted(log)}; cd /; echo "$flowctl_code $flowctl_at $flowctl_wrote $flowctl_left"; }\n`
  );
}

/** XCU 2.2.2: nothing in single quotes means anything but the quote that ends them. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Longer text is given to a shell of its own. */
const LONGEST_TEXT = 16_384;
/** Larger ones cost more to say than a start. */
const LONGEST_VARIABLES = 65_536;

/**
 * What would tell a resident shell from one that was started for the step: its own number and that of its parent, its options, traps, text that is
 * made or read while it runs and so may hold one of these.
 */
const TELLTALE =
  /\$[$-]|\$\{[$-]|PPID|(?:^|[^\w-])(?:trap|eval|source|alias)(?:[^\w-]|$)|(?:^|[\s;&|(){}`!])\.\s|flowctl_/;

/** Variables that mean something to the shell itself, or that it does not take from its environment. */
const SPECIAL =
  /^(?:IFS|PS[124]|ENV|PWD|OLDPWD|PPID|OPTIND|OPTARG|LINENO|MAIL|MAILPATH|MAILCHECK|HISTSIZE|_|flowctl_.*)$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** True when a step of this text means the same in a resident shell as in `sh -e -c`. */
export const canBeResident = (text: string): boolean =>
  text.length <= LONGEST_TEXT && !TELLTALE.test(text) && !text.includes('\0');

/** True when a resident shell can give these variables to a step. */
export function canExport(env: { readonly [name: string]: string }): boolean {
  let room = LONGEST_VARIABLES;
  for (const name in env) {
    const value = env[name] ?? '';
    room -= name.length + value.length;
    if (room < 0 || !NAME.test(name) || SPECIAL.test(name) || value.includes('\0')) return false;
  }
  return true;
}

/** True when a shell hands all of an environment on to what it starts. */
export const isInheritable = (environment: { readonly [name: string]: string }): boolean =>
  Object.keys(environment).every((name) => NAME.test(name) && !name.startsWith('flowctl_'));
