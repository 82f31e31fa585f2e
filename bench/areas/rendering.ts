/** The live view with 5,000 steps running: the CPU time that drawing takes of one core, and the bytes it writes. */

import { stepKeyOf, type RunId, type StepId } from '../../src/base/ids.ts';
import { contentHash } from '../../src/base/ids.ts';
import type { RunEvent } from '../../src/model/event.ts';
import { stepSign, stepToneName } from '../../src/cli/states.ts';
import { plainLines } from '../../src/observers/plain.ts';
import { createTree } from '../../src/observers/tree/tree.ts';
import type { Area, Figure } from '../area.ts';

const RUN = '01jd0000000000000000000000' as RunId;
const SECONDS = 5;
const STEPS = 5_000;
/** Steps that end, and begin anew, in each second. */
const CHANGES = 200;

const time = new Date().toISOString();

function openingEvents(): RunEvent[] {
  const ids = Array.from({ length: STEPS }, (_, index) => `step_${index}` as StepId);
  const started: RunEvent = {
    type: 'run.started',
    flow: 'bench',
    version: null,
    flow_hash: contentHash('0'.repeat(64)),
    params: {},
    tags: [],
    trigger: 'manual',
    parent: null,
    scheduled_for: time,
    settings: { max_parallel: STEPS, fail_fast: false, grace_ms: 5_000, durability: 'full' },
    steps: ids.map((id) => ({ id, needs: [] })),
    seq: 1,
    time,
  };
  return [
    started,
    ...ids.map(
      (id, index): RunEvent => ({
        type: 'attempt.started',
        step: stepKeyOf(id),
        attempt: 1,
        iteration: 0,
        seq: index + 2,
        time,
      }),
    ),
  ];
}

/** Tells of so many steps that end, for a while. */
async function watched(
  observe: (event: RunEvent) => void,
): Promise<{ readonly wallMs: number; readonly cpuMs: number }> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  let seq = STEPS + 1;
  let ended = 0;
  const timer = setInterval(() => {
    for (let change = 0; change < CHANGES / 20; change += 1) {
      seq += 1;
      const step = stepKeyOf(`step_${ended++ % STEPS}` as StepId);
      observe({
        ...{ type: 'attempt.finished', step, attempt: 1, outcome: 'succeeded', exit_code: 0, signal: null },
        ...{ error: null, outputs: null, duration_ms: 1, seq, time },
      });
    }
  }, 50);
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1_000));
  clearInterval(timer);
  const { user, system } = process.cpuUsage(cpu);
  return { wallMs: performance.now() - began, cpuMs: (user + system) / 1_000 };
}

/** 5,000 steps running on a terminal of 50 x 200, 200 of them ending each second. */
export const rendering: Area = {
  name: 'rendering',
  async run(): Promise<readonly Figure[]> {
    const idle = await watched(() => {});
    let bytes = 0;
    const tree = createTree({
      run: RUN,
      before: null,
      logEnd: () => 'the last line of a log, as steps print them while they work',
      terminal: {
        columns: 200,
        rows: 50,
        readiness: 'ready',
        write: (text) => {
          bytes += text.length;
        },
        onReturn: () => () => {},
      },
      clock: {
        monotonic: () => performance.now(),
        every: (interval, callback) => {
          const timer = setInterval(callback, interval);
          return () => clearInterval(timer);
        },
      },
      paint: plainLines,
      look: (state) => ({ sign: stepSign(state), tone: stepToneName(state) }),
      broken: (error) => {
        throw error;
      },
    });
    const observe = (event: RunEvent): void => tree.observer.observe(event);
    for (const event of openingEvents()) observe(event);
    // Loading the library is no drawing.
    await new Promise((resolve) => setTimeout(resolve, 500));
    bytes = 0;
    const { wallMs, cpuMs: whole } = await watched(observe);
    const cpuMs = whole - idle.cpuMs;
    await tree.close();
    return [
      {
        area: 'rendering',
        name: `tree, ${STEPS} running`,
        reference: 'one core, beyond the same events without it',
        ratio: cpuMs / wallMs,
        best: cpuMs / wallMs,
        cpuRatio: cpuMs / wallMs,
        wallMs,
        peakKb: Math.round(process.memoryUsage.rss() / 1_024),
        goal: 0.02,
        samples: [{ wallMs, cpuMs, peakKb: 0 }],
        note: `${(bytes / wallMs).toFixed(1)} kB/s`,
      },
    ];
  },
};
