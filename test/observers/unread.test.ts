/** Cases 42 and 54 with the live view: a terminal that is closed, or that nobody reads, neither ends nor delays the run. */

import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { onlyRun, shown, stepOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import { BIN, eventually, tagged } from '../kit/rig.ts';
import { hasTerminals, onTerminal } from '../kit/terminal.ts';

const here = useCase({ FLOWCTL_GRACE: '500ms', TERM: 'xterm' });
const RUN = [process.execPath, BIN, 'run', 'flow.yaml', '--output', 'tree'];

describe.skipIf(!hasTerminals)('the live view (needs python3)', () => {
  it('case 42: ends with its terminal, as the run does: by SIGHUP, recorded, nothing left', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', `steps:\n  held: { run: ${Stage.step('held')} }\n`);
    const terminal = onTerminal(rig, RUN);
    const puppet = await stage.enter('held');
    await terminal.prints('held');
    terminal.close();
    await puppet.gone;
    expect(await terminal.ended).toMatchObject({ code: null, signal: 'SIGHUP' });
    expect(tagged(puppet.run)).toEqual([]);
    expect(await onlyRun(rig)).toMatchObject({ state: 'cancelled', exit_code: 129 });
  });

  it('case 54: drops frames when nobody reads: timeouts fire in time, and the last state is shown to who reads later', async () => {
    const { rig } = here;
    const many = Array.from({ length: 300 }, (_, index) => `  s${index}: { run: 'echo ${'x'.repeat(60)}; sleep 0.3' }`);
    const needs = Array.from({ length: 300 }, (_, index) => `s${index}`).join(', ');
    rig.write('flow.yaml', `steps:\n${many.join('\n')}\n  slow: { needs: [${needs}], timeout: 1s, run: 'sleep 60' }\n`);
    const terminal = onTerminal(rig, [...RUN, '--max-parallel', '20'], { unread: true });
    await eventually('the run ends unseen', 60_000, async () => {
      const [row] = await rig.query<RunRow[]>('runs');
      return row?.state === 'failed';
    });
    expect(terminal.screen()).toBe('');
    const [attempt] = stepOf(await shown(rig), 'slow').attempts;
    expect(attempt?.outcome).toBe('timed_out');
    expect(attempt?.duration_ms).toBeLessThan(20_000);
    terminal.read();
    const { code, screen } = await terminal.ended;
    expect(code).toBe(1);
    // What waits for the reader is what the kernel holds and at most one frame more, and then the end.
    expect(screen.length).toBeLessThan(40_000);
    expect(screen).toMatch(/300 succeeded, 1 failed\r?\n/);
    expect(screen.lastIndexOf('\u001b[?25h')).toBeGreaterThan(screen.lastIndexOf('\u001b[?25l'));
  });
});
