import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/process/clock.ts';
import { endOrphans } from '../../src/process/orphans.ts';
import { WATCHDOG_NAME } from '../../src/process/watchdog.ts';
import { freshRunId } from '../executors/rig.ts';

const NOBODY = 65_534;
const clock = systemClock();
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

/** A shell that is called like the watchdog of a run, and ends when its input does. */
async function impostor(run: string, uid?: number): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', 'echo; read -r _', WATCHDOG_NAME, run], {
    cwd: '/',
    stdio: ['pipe', 'pipe', 'ignore'],
    ...(uid === undefined ? {} : { uid }),
  });
  started.push(child);
  if (child.stdout !== null) await once(child.stdout, 'data');
  return child;
}

/** The clock after which everything takes 10 s, so that 30 s are soon over. */
function hastyClock() {
  let turns = 0;
  return { ...clock, monotonic: () => clock.monotonic() + turns++ * 10_000 };
}

test('a watchdog of ours is waited for, and named when it does not go', async () => {
  const run = freshRunId();
  const watchdog = await impostor(run);
  const options = { graceMs: 0, identities: [] };
  const { left } = await endOrphans(run, { ...options, clock: hastyClock() });
  expect(left).toEqual([watchdog.pid]);
  const ending = endOrphans(run, { ...options, clock });
  watchdog.stdin?.end();
  expect(await ending).toEqual({ ended: [], left: [] });
});

test.skipIf(process.geteuid?.() !== 0)('a process of another user that is called so is not waited for', async () => {
  const run = freshRunId();
  const stranger = await impostor(run, NOBODY);
  expect(await endOrphans(run, { clock: hastyClock(), graceMs: 0, identities: [] })).toEqual({ ended: [], left: [] });
  expect(stranger.exitCode).toBe(null);
});
