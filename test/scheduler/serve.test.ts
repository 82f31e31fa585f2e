/** The loop that looks at the schedules, with a world of its own: no files, no clock, no processes. */

import { expect, it } from 'vitest';
import type { RunId } from '../../src/base/ids.ts';
import { type Deployment, EMPTY_PROJECT_DOCUMENT, type ProjectDocument } from '../../src/model/deployment.ts';
import { type ServePorts, serve } from '../../src/scheduler/serve.ts';

const BEGIN = Date.UTC(2027, 0, 1);

/** Looks so many times; `read` says what each look finds. */
async function looks(
  read: readonly (ProjectDocument | Error)[],
  change: ServePorts['change'] = async () => EMPTY_PROJECT_DOCUMENT,
) {
  const said: string[] = [];
  const slept: number[] = [];
  let now = BEGIN;
  const ports: ServePorts = {
    now: () => now,
    mint: () => '01m80p6pfr3dq7wpet4ra0xvs0' as RunId,
    read: async () => {
      const found = read[slept.length] ?? EMPTY_PROJECT_DOCUMENT;
      if (found instanceof Error) throw found;
      return found;
    },
    change,
    standing: async () => 'none',
    start: async () => ({ kind: 'started' }),
    cancel: async () => {},
    tell: () => {},
    sleep: async (ms) => {
      slept.push(ms);
      now += ms;
    },
    isStopped: () => slept.length >= read.length,
    // Every look finds it changed.
    documentMark: async () => String(slept.length),
    failed: (error) => said.push(String(error)),
  };
  await serve(ports);
  return { said, slept };
}

it('says once what fails again and again, and again after it went well; between two tries it waits', async () => {
  const [full, lost] = [new Error('disk full'), new Error('lost')];
  const { said, slept } = await looks([full, full, lost, lost, full, EMPTY_PROJECT_DOCUMENT, full]);
  expect(said).toEqual(['Error: disk full', 'Error: lost', 'Error: disk full', 'Error: disk full']);
  expect(slept).toEqual(Array.from({ length: 7 }, () => 1_000));
});

it('does not try again at once what is due and cannot be written down', async () => {
  const at = new Date(BEGIN).toISOString();
  const every = { timezone: 'UTC', start: null, end: null, params: {}, jitter_ms: 0, active: true } as const;
  const policies = { overlap: 'skip', catch_up: 'none', catch_up_window_ms: 0 } as const;
  const timing = { kind: 'interval', every_ms: 2_000, anchor: null } as const;
  const secondly = {
    ...{ name: 'secondly', flow: '/flow.yaml', version: 1, versions: [], params: {}, paused: null },
    ...{ claims: [], open: [], queue: [], backfilling: [], ran: [], ticks: [], decided_until: [at], updated_at: at },
    schedules: [{ timing, ...every, ...policies }],
  } satisfies Partial<Deployment>;
  const document = { ...EMPTY_PROJECT_DOCUMENT, deployments: { secondly } } as unknown as ProjectDocument;
  const { said, slept } = await looks(
    Array.from({ length: 5 }, () => document),
    () => Promise.reject(new Error('disk full')),
  );
  expect(said).toEqual(['Error: disk full']);
  expect(slept).toEqual([1_000, 1_000, 1_000, 1_000, 1_000]);
});

it('looks again at what changed while it looked, and no more when nothing does', async () => {
  const looked: number[] = [];
  let [change, asked, now] = [0, 0, BEGIN];
  await serve({
    now: () => now,
    mint: () => '01m80p6pfr3dq7wpet4ra0xvs0' as RunId,
    read: async () => EMPTY_PROJECT_DOCUMENT,
    change: async () => EMPTY_PROJECT_DOCUMENT,
    standing: async () => 'none',
    start: async () => ({ kind: 'started' }),
    cancel: async () => {},
    tell: () => {},
    events: {
      look: async () => {
        looked.push(asked);
        // Somebody changes something in the middle of the first look.
        if (looked.length === 1) change += 1;
      },
      waiting: () => ({ events: [], isWhole: false }),
      settle: async () => {},
    },
    sleep: async (ms) => {
      asked += 1;
      now += ms;
    },
    isStopped: () => asked >= 5,
    documentMark: async () => String(change),
    failed: (error) => {
      throw error;
    },
  });
  expect(looked).toEqual([0, 1]);
});
