/** `flowctl serve`: looks at the schedules of all deployments, in the foreground. */

import { dirname, resolve } from 'node:path';
import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import type { TickOutcome } from '../../model/deployment.ts';
import { serve as serveSchedules } from '../../scheduler/serve.ts';
import { openState } from '../../store/open.ts';
import { describeProblem, StateError, unwrap } from '../../store/problem.ts';
import { projectDocumentPath } from '../../store/project-document.ts';
import { lockScheduler, type SchedulerLock } from '../../store/scheduler-lock.ts';
import type { StateLayout } from '../../store/layout.ts';
import { keepDelivering } from '../deliver-messages.ts';
import { deployFlow } from '../deploy-flow.ts';
import { loadOrComplain } from '../flow-file.ts';
import { fileOf, referenceTo } from '../flow-reference.ts';
import { schedulerPorts } from '../scheduler-ports.ts';
import { type GlobalOptions, openSession, type Session, withGlobalOptions } from '../session.ts';
import { statePath } from '../state-directory.ts';
import { isTrouble, tickText } from '../tick-text.ts';

const EXAMPLES = `
Examples:
  $ flowctl serve                   for all deployments of the project
  $ flowctl serve etl.yaml          deploys the flow first`;

/** How often one that stands by asks whether it is its turn. */
const STAND_BY_MS = 1_000;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('serve'))
    .argument('[flows...]', 'flow files to deploy first, under their own names')
    .summary('run deployments when they are due')
    .description(
      'Stays in the foreground and starts what is due, each run as a process of its own, which goes on when this one ends. Several may be ' +
        'started: one looks at the schedules, and another takes over within a second or two. Ends with 0 on SIGTERM or SIGINT.',
    )
    .addHelpText('after', EXAMPLES)
    .action(serve);
}

async function serve(flows: readonly string[], options: GlobalOptions): Promise<void> {
  const session = openSession(options);
  const stopped = new AbortController();
  const stop = (): void => stopped.abort();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop);
  const start = flows[0] === undefined ? undefined : dirname(resolve(fileOf(flows[0])));
  const state = unwrap(await openState(statePath(session, options, start)));
  for (const text of flows) if (!(await deployed(session, state, text))) return;
  const sleep = (ms: number): Promise<void> =>
    new Promise((wake) => {
      if (stopped.signal.aborted) return wake();
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        stopped.signal.removeEventListener('abort', done);
        wake();
      }
      stopped.signal.addEventListener('abort', done);
    });
  const say = (text: string): void => {
    if (options.quiet !== true) session.stdout.write(`${new Date().toISOString()} ${text}\n`);
  };
  const tell = (name: string, tick: TickOutcome): void => {
    if (options.quiet !== true || !isTrouble(tick)) say(tickText(name, tick));
    else session.stderr.write(`${new Date().toISOString()} ${tickText(name, tick)}\n`);
  };
  const lock = await ownTurn(state, say, sleep, stopped.signal);
  if (lock !== null) {
    say(`looking at the schedules of ${state.root}`);
    const delivering = keepDelivering(session, state, sleep, stopped.signal, say);
    await serveSchedules({
      ...schedulerPorts(state, tell),
      sleep,
      isStopped: () => stopped.signal.aborted,
      documentMark: () => markOf(projectDocumentPath(state)),
      failed: (error) => session.complain(messageOf(error)),
    });
    await delivering;
    lock.release();
  }
  say('stopped');
}

/** Waits until no other process looks at the schedules. Null: it was stopped before. */
async function ownTurn(
  state: StateLayout,
  say: (text: string) => void,
  sleep: (ms: number) => Promise<void>,
  stopped: AbortSignal,
): Promise<SchedulerLock | null> {
  let isSaid = false;
  while (!stopped.aborted) {
    const lock = unwrap(await lockScheduler(state));
    if (lock !== null) return lock;
    if (!isSaid) say('another flowctl looks at the schedules: standing by');
    isSaid = true;
    await sleep(STAND_BY_MS);
  }
  return null;
}

/** True: the flow is deployed. */
async function deployed(session: Session, state: StateLayout, text: string): Promise<boolean> {
  const flow = await loadOrComplain(session, text);
  if (flow === null) return false;
  const { name } = flow.definition;
  const end = await deployFlow(session, state, { name, flow, params: {}, reference: referenceTo(flow.definition) });
  if (end === null) return false;
  if (end.changed !== 'none') session.stdout.write(`deployed ${name}, version ${end.deployment.version}\n`);
  return true;
}

/** What changes with a file. */
async function markOf(path: string): Promise<string> {
  const { ino, mtimeMs, size } = await stat(path).catch(() => ({ ino: 0, mtimeMs: 0, size: 0 }));
  return `${ino} ${mtimeMs} ${size}`;
}

const messageOf = (error: unknown): string => {
  if (error instanceof StateError) return describeProblem(error.problem);
  return error instanceof Error ? error.message : String(error);
};
