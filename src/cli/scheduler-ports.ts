/** What the scheduler reaches the world by: the state directory, and this very program, which it starts for every run. */

import { dirname } from 'node:path';
import type { RunId } from '../base/ids.ts';
import type { Deployment, RunClaim, TickOutcome } from '../model/deployment.ts';
import type { RunStanding, SchedulerPorts, StartEnd } from '../scheduler/pass.ts';
import { startProgram } from '../process/detached.ts';
import { dropRequest } from '../store/inbox.ts';
import { readRows } from '../store/listing.ts';
import { runLayout, type StateLayout } from '../store/layout.ts';
import { mintRunId } from '../store/mint.ts';
import { unwrap } from '../store/problem.ts';
import { KeptProjectDocument } from '../store/project-document.ts';
import { thisUser } from './actor.ts';
import { EXIT } from './exit-codes.ts';
import { claimText } from './start-claim.ts';

const LIVE = new Set(['scheduled', 'queued', 'running', 'waiting', 'cancelling']);

async function standing(state: StateLayout, run: RunId): Promise<RunStanding> {
  const [row] = await readRows(state, [run], Date.now());
  if (row === undefined) return 'none';
  return LIVE.has(row.state) ? 'live' : 'over';
}

/** The instant of the run before: of the last one that was started for the same schedule. */
function previousInstant({ ticks, open }: Deployment, claim: RunClaim): string | null {
  const started = [...open, ...ticks.filter((tick) => tick.outcome === 'started')]
    .filter((each) => each.schedule === claim.schedule && each.scheduled_for < claim.scheduled_for)
    .map((each) => each.scheduled_for)
    .sort();
  return started.at(-1) ?? null;
}

async function startRun(state: StateLayout, deployment: Deployment, claim: RunClaim): Promise<StartEnd> {
  const { name, version } = deployment;
  const { run, scheduled_for, trigger, schedule } = claim;
  const previous_scheduled_for = previousInstant(deployment, claim);
  const text = claimText({ run, scheduled_for, previous_scheduled_for, trigger, schedule });
  const options = ['--detach', '--no-wait', '--state-dir', state.root, '--claim', text];
  const { code, said } = await startProgram(['run', `${name}@${version}`, ...options], dirname(state.root)).ended;
  return code === EXIT.ok ? { kind: 'started' } : { kind: 'refused', exit_code: code, message: said };
}

/** The ports of one state directory. @param tell see `SchedulerPorts`. */
export function schedulerPorts(
  state: StateLayout,
  tell: (deployment: string, tick: TickOutcome) => void,
): SchedulerPorts {
  const document = new KeptProjectDocument(state);
  const asked = new Set<RunId>();
  return {
    now: () => Date.now(),
    mint: () => mintRunId(),
    read: async () => unwrap(await document.read()),
    change: async (change) => unwrap(await document.change(change)),
    standing: (run) => standing(state, run),
    start: (deployment, claim) => startRun(state, deployment, claim),
    cancel: async (run) => {
      if (asked.has(run)) return;
      const { name, host } = thisUser();
      const by = { name, host, pid: process.pid };
      const reason = 'the next run of its deployment is due';
      const request = { kind: 'cancel', by, policy: 'cancel_running', at: new Date().toISOString(), reason } as const;
      // A run that is gone meanwhile needs no end.
      await dropRequest(runLayout(state, { id: run, root: run }), request);
      asked.add(run);
    },
    tell,
  };
}
