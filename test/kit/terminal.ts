/**
 * The program on a terminal of its own: a pseudo terminal that python3 opens, for Node cannot. The test reads it, types into it,
 * leaves it unread, or closes it.
 */

import { spawnSync } from 'node:child_process';
import type { Rig, RigOptions, Started } from './rig.ts';

/** False where there is no python3 with pseudo terminals; cases are then skipped visibly. */
export const hasTerminals = spawnSync('python3', ['-c', 'import pty, select'], { stdio: 'ignore' }).status === 0;

/** Relays the terminal to stdout and obeys lines on stdin: `hold`, `read`, `close`, `type TEXT` (JSON). Ends with one JSON line on stderr. */
const RELAY = `
import json, os, pty, select, signal, sys
argv, reading = json.loads(sys.argv[1]), sys.argv[2] == 'read'
pid, master = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
orders, listening, closed, status = b'', True, False, None

def relay():
    try:
        data = os.read(master, 65536)
    except OSError:
        return False
    os.write(1, data)
    return len(data) > 0

while status is None:
    watched = ([0] if listening else []) + ([master] if reading and not closed else [])
    ready, _, _ = select.select(watched, [], [], 0.02)
    if master in ready and not closed and not relay():
        reading = False
    if 0 in ready:
        data = os.read(0, 65536)
        listening = len(data) > 0
        orders += data
        while b'\\n' in orders:
            order, orders = orders.split(b'\\n', 1)
            if order == b'hold': reading = False
            elif order == b'read': reading = True
            elif order == b'close':
                os.close(master)
                closed = True
            elif order.startswith(b'type '): os.write(master, json.loads(order[5:]).encode())
    ended, result = os.waitpid(pid, os.WNOHANG)
    if ended:
        status = result
while not closed and select.select([master], [], [], 0)[0] and relay():
    pass
code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
name = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else None
sys.stderr.write(json.dumps({'code': code, 'signal': name}))
`;

/** How a program on a terminal ended, and all that the terminal was sent. */
export interface TerminalEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly screen: string;
}

/** A program on a terminal. */
export interface Terminal {
  readonly ended: Promise<TerminalEnd>;
  screen(): string;
  prints(text: string | RegExp): Promise<void>;
  /** Sends keys; `\u0003` is Ctrl-C. */
  type(text: string): void;
  /** Stops reading, as Ctrl-S does. */
  hold(): void;
  read(): void;
  /** Closes the terminal, as a lost connection does. */
  close(): void;
}

/** Starts a program on a new terminal of which it leads the session. */
export function onTerminal(
  rig: Rig,
  argv: readonly string[],
  { unread = false, ...options }: RigOptions & { readonly unread?: boolean } = {},
): Terminal {
  const started: Started = rig.startProgram('python3', ['-c', RELAY, JSON.stringify(argv), unread ? 'hold' : 'read'], {
    ...options,
    stdin: 'pipe',
  });
  const order = (line: string): void => void started.process.stdin?.write(`${line}\n`);
  return {
    ended: started.ended.then(({ stdout, stderr }) => ({ ...(JSON.parse(stderr) as TerminalEnd), screen: stdout })),
    screen: () => started.stdout(),
    prints: (text) => started.prints(text),
    type: (text) => order(`type ${JSON.stringify(text)}`),
    hold: () => order('hold'),
    read: () => order('read'),
    close: () => order('close'),
  };
}
