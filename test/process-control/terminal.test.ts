/** Cases 42, 44, 51, 54 and 60 (S14): a run on a terminal (I12). */

import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun, shown, single, stepOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import { BIN, eventually, tagged } from '../kit/rig.ts';
import { hasTerminals, onTerminal } from '../kit/terminal.ts';

const here = useCase();
const flowctl = (...argv: readonly string[]): readonly string[] => [process.execPath, BIN, ...argv];

/** Whatever a view switched (cursor, wrapping, synchronised output), it switched back (xterm's private modes). */
function expectRestored(screen: string): void {
  for (const [mode, usual] of [
    ['25', 'h'],
    ['7', 'h'],
    ['2026', 'l'],
    ['1049', 'l'],
  ] as const) {
    const switches = [...screen.matchAll(new RegExp(`\u001b\\[\\?${mode}([hl])`, 'g'))];
    expect(switches.at(-1)?.[1] ?? usual, `private mode ${mode}`).toBe(usual);
  }
}

describe.skipIf(!hasTerminals)('on a terminal (needs python3)', () => {
  it('case 42: the terminal is closed: dies by SIGHUP, steps gone, recorded (F3)', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const terminal = onTerminal(rig, flowctl('run', 'flow.yaml'));
    const puppet = await stage.enter('b');
    terminal.close();
    await puppet.gone;
    expect(await terminal.ended).toMatchObject({ code: null, signal: 'SIGHUP' });
    expect(tagged(puppet.run)).toEqual([]);
    expect(await onlyRun(rig)).toMatchObject({ state: 'cancelled', exit_code: 129 });
    const { id } = await onlyRun(rig);
    expect(rig.read(`.flowctl/runs/${id}/journal.ndjson`)).toContain('"type":"run.signalled","signal":"SIGHUP"');
  });

  it('case 44: Ctrl-C ends a shell loop around flowctl; each step gets one INT', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.give({ FLOWCTL_GRACE: '20s' });
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b', 'SIGINT')}` }));
    const loop = 'for round in 1 2 3; do echo "round $round"; "$NODE" "$BIN" run flow.yaml; done; echo after the loop';
    const terminal = onTerminal(rig, ['/bin/bash', '-c', loop]);
    const puppet = await stage.enter('b');
    terminal.type('\u0003');
    await puppet.catches('SIGINT');
    await puppet.exit(0);
    const { signal, screen } = await terminal.ended;
    expect(signal).toBe('SIGINT');
    expect(screen).toContain('round 1');
    expect(screen).not.toMatch(/round 2|after the loop/);
    expect(puppet.signals).toEqual(['SIGINT']);
    expect(await onlyRun(rig)).toMatchObject({ state: 'cancelled', exit_code: 130 });
  });

  it('case 44: the same loop goes on over a run that failed', async () => {
    const { rig } = here;
    rig.write('flow.yaml', single("run: 'exit 1'"));
    const loop = 'for round in 1 2; do echo "round $round"; "$NODE" "$BIN" run flow.yaml; done; echo after the loop';
    const { code, screen } = await onTerminal(rig, ['/bin/bash', '-c', loop]).ended;
    expect(code).toBe(0);
    expect(screen).toContain('after the loop');
  });

  it('case 54: nobody reads the terminal: timeouts fire in time, the run comes to its end (F20)', async () => {
    const { rig } = here;
    const many = Array.from({ length: 200 }, (_, index) => `  s${index}: { run: 'true' }`).join('\n');
    const needs = Array.from({ length: 200 }, (_, index) => `s${index}`).join(', ');
    rig.write('flow.yaml', `steps:\n${many}\n  slow: { needs: [${needs}], timeout: 1s, run: 'sleep 60' }\n`);
    const terminal = onTerminal(rig, flowctl('run', 'flow.yaml', '--output', 'json'), { unread: true });
    await eventually('the run ends unseen', 55_000, async () => {
      const [row] = await rig.query<RunRow[]>('runs');
      return row?.state === 'failed';
    });
    expect(terminal.screen()).toBe('');
    const [attempt] = stepOf(await shown(rig), 'slow').attempts;
    expect(attempt?.outcome).toBe('timed_out');
    expect(attempt?.duration_ms).toBeGreaterThanOrEqual(1_000);
    expect(attempt?.duration_ms).toBeLessThan(20_000);
    terminal.read();
    const { code, screen } = await terminal.ended;
    expect(code).toBe(1);
    // Linux keeps 64 KiB for a terminal that is not read: a program that writes and waits would have stood still.
    expect(screen.length).toBeGreaterThan(100_000);
  });

  it('case 51, 60 (S14): what a step prints is made harmless, on the screen of `run` and of `logs`', async () => {
    const { rig } = here;
    const clipboard = '\u001b]52;c;ZXZpbA==\u0007';
    const hostile = `${clipboard}\u009b31mX\u009d0;title\u009c\u202eabc\u001b[2J\u001b[31mred\u001b[0m\rover\u0000\n`;
    rig.write('hostile.bin', hostile);
    rig.write('flow.yaml', single("run: 'cat hostile.bin; exit 3'"));
    const run = await onTerminal(rig, flowctl('run', 'flow.yaml')).ended;
    expect(run.code).toBe(1);
    const logs = await onTerminal(rig, flowctl('logs', 'only')).ended;
    expect(logs.code).toBe(0);
    const show = await onTerminal(rig, flowctl('show')).ended;
    for (const { screen } of [run, logs, show]) {
      for (const bad of ['\u001b]', '\u009b', '\u009d', '\u202e', '\u001b[2J', '\u0000', 'ZXZpbA']) {
        expect(screen, JSON.stringify(bad)).not.toContain(bad);
      }
    }
    // It is the same text, after all; and a pipe gets the bytes.
    for (const { screen } of [run, logs]) expect(screen).toContain('abc');
    expect(logs.screen).toContain('\u001b[31mred');
    expect((await rig.flowctl('logs', 'only')).stdout).toBe(hostile);
  });

  it.each(['plain', 'auto'])('the terminal is left as it was, with --output %s', async (output) => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ c: "run: 'exit 1'" }));
    const script = `before=$(stty -g); "$NODE" "$BIN" run flow.yaml --output ${output}; [ "$before" = "$(stty -g)" ] && echo unchanged`;
    const { screen } = await onTerminal(rig, ['/bin/bash', '-c', script], { env: { TERM: 'xterm' } }).ended;
    expect(screen).toContain('unchanged');
    expectRestored(screen);
    expect(screen).toContain('\u001b[31m');
    const env = { TERM: 'xterm', NO_COLOR: '1' };
    const plain = await onTerminal(rig, flowctl('run', 'flow.yaml', '--output', output), { env }).ended;
    expect(plain.screen).not.toMatch(/\u001b\[[0-9;]+m/);
    expectRestored(plain.screen);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('the terminal is left as it was by a run that dies of %s', async (signal) => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const script = `before=$(stty -g); trap : INT; "$NODE" "$BIN" run flow.yaml & echo "pid $!"; wait; [ "$before" = "$(stty -g)" ] && echo unchanged`;
    const terminal = onTerminal(rig, ['/bin/bash', '-c', script], { env: { TERM: 'xterm' } });
    const puppet = await stage.enter('b');
    process.kill(Number(/pid (\d+)/.exec(terminal.screen())?.[1]), signal);
    await puppet.gone;
    const { screen } = await terminal.ended;
    expect(screen).toContain('unchanged');
    expectRestored(screen);
    expect((await onlyRun(rig)).state).toBe('cancelled');
  });
});
