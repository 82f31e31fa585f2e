import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import { systemClock } from '../../src/process/clock.ts';
import { identify } from '../../src/process/identity.ts';
import { findTagged, sweepRun } from '../../src/process/sweep.ts';
import { TOKEN_VARIABLE, tokenOf } from '../../src/process/token.ts';
import { freshRunId, stepKey } from '../executors/rig.ts';
import { isRunning } from './processes.ts';

const clock = systemClock();

/** A detached shell that prints a line when it is set up. */
async function start(text: string, token: string | null) {
  const child = spawn('sh', ['-c', text], {
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'], ...(token === null ? {} : { [TOKEN_VARIABLE]: token }) },
  });
  await once(child.stdout, 'data');
  return child;
}

test('a sweep asks, then kills, and spares who carries another token', async () => {
  const [run, other] = [freshRunId(), freshRunId()];
  const token = tokenOf('', run, stepKey('a'), 1);
  const mild = await start('trap "exit 0" TERM; echo; while :; do sleep 0.01; done', token);
  const stubborn = await start('trap "" TERM; echo; while :; do sleep 0.01; done', token);
  const inner = await start('echo; exec sleep 600', tokenOf(token, other, stepKey('b'), 1));
  const stranger = await start('echo; exec sleep 600', tokenOf('', other, stepKey('a'), 1));
  const mildEnd = once(mild, 'exit');
  const stubbornEnd = once(stubborn, 'exit');
  // A process that is just replacing its program shows no environment for a moment.
  await vi.waitFor(async () =>
    expect(await findTagged({ kind: 'run', run })).toEqual(expect.arrayContaining([mild.pid, stubborn.pid, inner.pid])),
  );
  const report = await sweepRun(run, { clock, graceMs: 300 });
  expect(report.left).toEqual([]);
  expect(report.ended).toEqual(expect.arrayContaining([mild.pid, stubborn.pid, inner.pid]));
  expect(await mildEnd).toEqual([0, null]);
  expect(await stubbornEnd).toEqual([null, 'SIGKILL']);
  expect(isRunning(stranger.pid ?? 0)).toBe(true);
  expect(await sweepRun(other, { clock, graceMs: 300 })).toEqual({ ended: [stranger.pid], left: [] });
});

test('a recorded process is ended with its group, even without a token, unless the number is another’s', async () => {
  const run = freshRunId();
  const child = await start('sleep 600 & echo; wait', null);
  const identity = identify(child.pid ?? 0, child.pid ?? 0);
  const forged = { ...identity, start_ticks: (identity.start_ticks ?? 0) - 1 };
  expect(await sweepRun(run, { clock, graceMs: 300, identities: [forged] })).toEqual({ ended: [], left: [] });
  expect(isRunning(child.pid ?? 0)).toBe(true);
  const report = await sweepRun(run, { clock, graceMs: 300, identities: [identity] });
  expect(report.ended).toHaveLength(2);
  expect(report.ended.filter(isRunning)).toEqual([]);
});

test.each(['before', 'during'])('a sweep that is told to hurry %s the grace time kills at once', async (when) => {
  const run = freshRunId();
  const child = await start('trap "" TERM; echo; while :; do sleep 0.01; done', tokenOf('', run, stepKey('a'), 1));
  const end = once(child, 'exit');
  const haste = new AbortController();
  if (when === 'before') haste.abort();
  // The first pause follows the first TERM; unless the hurry ends it, it never ends.
  const after: typeof clock.after = (delayMs, callback) => {
    if (haste.signal.aborted) return clock.after(delayMs, callback);
    setImmediate(() => haste.abort());
    return () => {};
  };
  const request = { clock: { ...clock, after }, graceMs: 60_000, limitMs: 10_000, hurry: haste.signal };
  const report = await sweepRun(run, request);
  expect(report.left).toEqual([]);
  expect(report.ended).toContain(child.pid);
  expect(await end).toEqual([null, 'SIGKILL']);
});

test('a sweep that is given no time says who is left', async () => {
  const run = freshRunId();
  const child = await start('trap "" TERM; echo; while :; do sleep 0.01; done', tokenOf('', run, stepKey('a'), 1));
  const { left } = await sweepRun(run, { clock, graceMs: 60_000, limitMs: 50 });
  expect(left).toContain(child.pid);
  expect((await sweepRun(run, { clock, graceMs: 0 })).left).toEqual([]);
});
