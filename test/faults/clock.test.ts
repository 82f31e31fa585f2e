/** Case 49 and F14: somebody sets the clock. Order is by number, durations and timeouts by the monotonic clock. */

import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { timesOf } from '../kit/flows.ts';
import type { RigOptions, Started } from '../kit/rig.ts';

const here = useCase();

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
/** What would come too late comes hours too late. */
const SOON_MS = 60_000;

const shifted = (): RigOptions => ({
  env: { CLOCK_SHIFT: here.rig.path('shift'), NODE_OPTIONS: `--require ${join(import.meta.dirname, 'clock.cjs')}` },
});

/** Kills the run, sets the clock right, and sees that a resume of it comes to its end without waiting for long. */
async function resumesSoon(run: Started): Promise<void> {
  const { rig } = here;
  run.process.kill('SIGKILL');
  await run.ended;
  rig.write('shift', '0');
  const began = performance.now();
  const { code, stdout, stderr } = await rig.start(['resume'], shifted()).ended;
  expect(code, stdout + stderr).toBe(0);
  expect(performance.now() - began).toBeLessThan(SOON_MS);
}

it.each([
  ['-2 h', -2 * HOUR_MS],
  ['+3 years', 3 * YEAR_MS],
])(
  'case 49: the clock is set %s in the middle of a run: 0, durations right, order by seq, timeouts and delays as declared',
  async (_, shift) => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `name: shifted
timeout: 10m
steps:
  a: { run: 'sleep 0.3; echo ${shift} > shift' }
  b: { needs: a, timeout: 5m, run: sleep 0.3 }
  again: { needs: b, retry: { max: 1, delay: 500ms }, run: 'echo try >> "$EFFECTS"; test $FLOWCTL_ATTEMPT = 2' }
  pause: { needs: again, wait: 300ms }
  late: { needs: pause, timeout: 500ms, continue_on_error: true, run: sleep 60 }
`,
    );
    const began = performance.now();
    const { code, stdout, stderr } = await rig.start(['run', 'flow.yaml', '--output', 'json'], shifted()).ended;
    const tookMs = performance.now() - began;
    expect(code, stderr).toBe(0);
    expect(tookMs).toBeLessThan(SOON_MS);
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq: number; time: string });
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index + 1));
    const jump = Date.parse(events.at(-1)?.time ?? '') - Date.parse(events[0]?.time ?? '');
    expect(Math.abs(jump - shift), 'the clock was set').toBeLessThan(SOON_MS);
    const run = await rig.query<RunDetail>('show');
    const durations = Object.fromEntries(run.steps.map(({ key, duration_ms }) => [key, duration_ms ?? -1]));
    for (const [step, leastMs] of [
      ['a', 300],
      ['b', 300],
      ['late', 500],
    ] as const) {
      expect(durations[step], step).toBeGreaterThanOrEqual(leastMs - 10);
      expect(durations[step], step).toBeLessThan(tookMs);
    }
    expect(run.duration_ms).toBeGreaterThanOrEqual(1_800);
    expect(run.duration_ms).toBeLessThan(tookMs);
    expect(timesOf(rig, 'try')).toBe(2);
    expect(run.steps.find(({ key }) => key === 'late')?.attempts[0]?.outcome).toBe('timed_out');
  },
);

it('the clock is set back between two lives: no delay is longer than it was to be', async () => {
  const { rig } = here;
  rig.write(
    'flow.yaml',
    `name: waits
steps:
  tried: { retry: { max: 1, delay: 3s }, run: 'test $FLOWCTL_ATTEMPT = 2' }
  repeated: { repeat: { until: "\${{ outputs.n == '2' }}", every: 3s, max: 3 }, run: 'echo n=$FLOWCTL_ATTEMPT >> "$FLOWCTL_OUTPUT"' }
  waited: { wait: 3s }
  looked: { wait: { for: { command: 'false' }, every: 1s, timeout: 3s }, continue_on_error: true }
  asked: { approve: { message: well?, timeout: 3s, on_timeout: approve } }
`,
  );
  rig.write('shift', String(2 * HOUR_MS));
  const run = rig.start(['run', 'flow.yaml', '--output', 'json'], shifted());
  for (const type of ['retry.scheduled', 'iteration.scheduled', 'approval.requested']) await run.prints(`"${type}"`);
  await run.prints(/"wait\.started"[^\n]*\n(.*\n)*.*"wait\.started"/);
  await resumesSoon(run);
});

it('the clock is set back while a run waits for its own retry: it waits no longer than it was to', async () => {
  const { rig } = here;
  rig.write(
    'flow.yaml',
    `name: whole\nretry: { max: 1, delay: 3s }\nsteps:\n  a: { run: 'test $FLOWCTL_ATTEMPT = 2' }\n`,
  );
  rig.write('shift', String(2 * HOUR_MS));
  const run = rig.start(['run', 'flow.yaml', '--output', 'json'], shifted());
  await run.prints('"run.retried"');
  await resumesSoon(run);
});
