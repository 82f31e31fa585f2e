/**
 * The terminal is left as it was (I12), whatever had it and however flowctl ended: its modes are those from before, its cursor is
 * shown, nothing that a view switched stays switched. What no program can mend is left out: kill -9 amid a step that has it raw.
 */

import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { eventually, type Rig } from '../kit/rig.ts';
import { hasTerminals, onTerminal, type Terminal } from '../kit/terminal.ts';

const here = useCase();

/** Whatever a view switched (cursor, wrapping, synchronised output, the second screen), it switched back (xterm's private modes). */
function expectRestored(screen: string, how: string): void {
  for (const [mode, usual] of [
    ['25', 'h'],
    ['7', 'h'],
    ['2026', 'l'],
    ['10(?:49|47)', 'l'],
    ['2004', 'l'],
  ] as const) {
    const switches = [...screen.matchAll(new RegExp(`\u001b\\[\\?${mode}([hl])`, 'g'))];
    expect(switches.at(-1)?.[1] ?? usual, `${how}: private mode ${mode}`).toBe(usual);
  }
}

/** Throws inside of flowctl, where nobody catches it, as soon as it is told to by a file. */
const THROW = `
const { existsSync } = require('node:fs');
const { isMainThread } = require('node:worker_threads');
if (isMainThread && process.env.THROW_AT && /flowctl\\.js$/.test(process.argv[1] ?? '')) {
  const timer = setInterval(() => {
    if (!existsSync(process.env.THROW_AT)) return;
    clearInterval(timer);
    throw new Error('a bug of flowctl');
  }, 20).unref();
}
`;

type End = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'bug';

/** What has the terminal. */
interface Holder {
  readonly name: string;
  readonly command: string;
  readonly flow: string;
  readonly ends: readonly End[];
  /** Resolves when it has the terminal. */
  readonly holds: (terminal: Terminal, rig: Rig, end: End) => Promise<unknown>;
}

const RAW = `'stty raw -echo; printf "\\033[?25l\\033[?1049h"; echo up >> "up-$END"; sleep 600'`;
const isUp = (_: Terminal, rig: Rig, end: End): Promise<void> =>
  eventually('the step is up', 20_000, () => rig.effects(`up-${end}`).length > 0);

const HOLDERS: readonly Holder[] = [
  {
    name: 'a live tree',
    command: 'run flow.yaml --output tree',
    flow: `steps: { held: { run: 'echo up >> "up-$END"; sleep 600' } }\n`,
    ends: ['SIGINT', 'SIGTERM', 'SIGHUP', 'bug'],
    holds: isUp,
  },
  {
    name: 'a step that made it raw and hid the cursor',
    command: 'run flow.yaml --output tree',
    flow: `steps: { raw: { interactive: true, run: ${RAW} } }\n`,
    ends: ['SIGINT', 'SIGTERM', 'SIGHUP', 'bug'],
    holds: isUp,
  },
  {
    name: 'a question',
    command: 'run flow.yaml --output tree',
    flow: 'steps: { gate: { approve: { message: "Deploy?" } } }\n',
    ends: ['SIGINT', 'SIGTERM', 'SIGHUP', 'bug'],
    holds: (terminal) => terminal.prints(/later.*: $/),
  },
  {
    name: '`logs -f`',
    command: 'logs -f',
    flow: `steps: { held: { run: 'echo printed; sleep 600' } }\n`,
    ends: ['SIGINT', 'SIGTERM', 'SIGHUP'],
    holds: (terminal) => terminal.prints('printed'),
  },
  {
    name: '`run --watch` between two runs',
    command: 'run flow.yaml --watch',
    flow: 'steps: { quick: { run: "true" } }\n',
    ends: ['SIGINT', 'SIGTERM', 'SIGHUP'],
    holds: (terminal) => terminal.prints('Ctrl-C ends'),
  },
];

describe.skipIf(!hasTerminals)('the terminal is left as it was (needs python3) by', () => {
  it.each(HOLDERS.map((holder) => [holder.name, holder] as const))('%s', async (_, holder) => {
    const { rig } = here;
    here.mayLeaveStrays();
    rig.write('flow.yaml', holder.flow);
    const preload = rig.write('throw.cjs', THROW);
    const writer = holder.command.startsWith('logs') ? rig.start(['run', 'flow.yaml']) : null;
    if (writer !== null) await writer.prints('held started');
    await Promise.all(
      holder.ends.map(async (end) => {
        rig.write(`call-${end}.sh`, `echo $$ > pid-${end}; exec "$NODE" --require ${preload} "$BIN" ${holder.command}`);
        const calls = `before=$(stty -g); sh call-${end}.sh; echo "code $?"`;
        const script = `${calls}; [ "$before" = "$(stty -g)" ] && echo unchanged`;
        const env = { TERM: 'xterm', END: end, THROW_AT: end === 'bug' ? rig.path('throw') : '', CI: undefined };
        const terminal = onTerminal(rig, ['/bin/bash', '-c', script], { env });
        await holder.holds(terminal, rig, end);
        if (end === 'bug') rig.write('throw', '');
        else process.kill(Number(rig.read(`pid-${end}`)), end);
        const { screen } = await terminal.ended;
        const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, bug: 70 };
        expect(screen, end).toContain(`code ${codes[end]}`);
        expect(screen, end).toContain('unchanged');
        expectRestored(screen, end);
      }),
    );
    writer?.process.kill('SIGKILL');
    await writer?.ended;
  });
});
