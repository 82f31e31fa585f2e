/** Commands that run another command, whose words follow theirs. */

import type { EvaluatingWords } from './evaluating-words.ts';

const NOTHING = /^(?!)/;

interface Shape {
  readonly harmless?: RegExp;
  readonly valued?: RegExp;
  readonly operands?: number;
  readonly takesAssignments?: boolean;
}

const prefix = (names: string, shape: Shape = {}): EvaluatingWords => ({
  names: names.split(' '),
  reason: 'it runs another command: the value would decide which, or how',
  rule: {
    kind: 'prefix',
    harmless: shape.harmless ?? NOTHING,
    valued: shape.valued ?? NOTHING,
    operands: shape.operands ?? 0,
    takesAssignments: shape.takesAssignments ?? false,
  },
  input: 'data',
  isSoughtInWords: false,
});

/** Prefixes with the options that are understood; with any other option all words are refused. */
export const PREFIXES: readonly EvaluatingWords[] = [
  prefix('command', { harmless: /^(?:-p|--)$/ }),
  prefix('builtin', { harmless: /^--$/ }),
  prefix('exec', { harmless: /^(?:-[cl]+|--)$/, valued: /^-a$/ }),
  prefix('nohup setsid unbuffer chronic', { harmless: /^--?(?:[fwc]+|fork|wait|ctty)?$/ }),
  prefix('time', { harmless: /^(?:-p|--)$/ }),
  prefix('nice', { harmless: /^(?:-n?\d+|--adjustment=-?\d+|--)$/, valued: /^-n$/ }),
  prefix('ionice', { harmless: /^(?:-[cn]\d|-t|--)$/, valued: /^-[cn]$/ }),
  prefix('timeout gtimeout', {
    harmless: /^(?:--foreground|--preserve-status|-v|--verbose|--(?:signal|kill-after)=\w+|--)$/,
    valued: /^(?:-[ks]|--signal|--kill-after)$/,
    operands: 1,
  }),
  prefix('stdbuf', { harmless: /^(?:-[ioe]\w+|--(?:input|output|error)=\w+|--)$/ }),
  prefix('env', { harmless: /^(?:-i|-|--ignore-environment|--)$/, valued: /^(?:-u|--unset)$/, takesAssignments: true }),
  prefix('sudo doas', {
    harmless: /^(?:-[nEHbk]+|--preserve-env|--non-interactive|--)$/,
    valued: /^(?:-[ug]|--user|--group)$/,
    takesAssignments: true,
  }),
  prefix('gosu su-exec chroot taskset flock', { operands: 1 }),
  prefix('busybox toybox'),
  prefix('npx pnpx bunx uvx pipx', { harmless: /^(?:-y|--yes|--)$/ }),
  prefix(
    'strace ltrace valgrind perf unshare nsenter setpriv setarch prlimit pkexec systemd-run fakeroot proot firejail bwrap xvfb-run dbus-run-session caffeinate',
  ),
];
