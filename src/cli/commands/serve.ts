/** `flowctl serve`: looks at the schedules of all deployments, in the foreground. */

import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import type { TickOutcome } from '../../model/deployment.ts';
import { watchedBy } from '../../model/trigger.ts';
import { serve as serveSchedules } from '../../scheduler/serve.ts';
import { openState } from '../../store/open.ts';
import { describeProblem, StateError, unwrap } from '../../store/problem.ts';
import { projectDocumentPath, readProjectDocument } from '../../store/project-document.ts';
import { lockScheduler, type SchedulerLock } from '../../store/scheduler-lock.ts';
import type { ListenAddress } from '../../server/server.ts';
import type { StateLayout } from '../../store/layout.ts';
import { keepDelivering } from '../deliver-messages.ts';
import { deployFlow } from '../deploy-flow.ts';
import { loadOrComplain } from '../flow-file.ts';
import { fileOf, referenceTo } from '../flow-reference.ts';
import { bothEvents, openAutomations } from '../open-automations.ts';
import { markOf, openEvents } from '../open-events.ts';
import { readAllowedHost, readListenAddress, serveHooks } from '../serve-hooks.ts';
import { schedulerPorts } from '../scheduler-ports.ts';
import { type GlobalOptions, openSession, type Session, withGlobalOptions } from '../session.ts';
import { statePath } from '../state-directory.ts';
import { isTrouble, tickText } from '../tick-text.ts';

const EXAMPLES = `
Examples:
  $ flowctl serve                   for all deployments of the project
  $ flowctl serve etl.yaml          deploys the flow first
  $ flowctl serve --listen 7717     answers webhooks, from this machine alone`;

interface ServeOptions extends GlobalOptions {
  readonly listen?: ListenAddress;
  readonly allowHost?: readonly string[];
}

/** How often one that stands by asks whether it is its turn. */
const STAND_BY_MS = 1_000;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('serve'))
    .argument('[flows...]', 'flow files to deploy first, under their own names')
    .summary('run deployments when they are due, or something happens')
    .description(
      'Stays in the foreground and starts what is due, and what files, ends of runs and webhooks begin: each run as a process of its own, ' +
        'which goes on when this one ends. Several may be ' +
        'started: one looks at the schedules, and another takes over within a second or two. Ends with 0 on SIGTERM or SIGINT.',
    )
    .option('--listen <address>', 'answer webhooks at this address and port, such as 127.0.0.1:7717', readListenAddress)
    .option(
      '--allow-host <name>',
      'a name by which requests may come, when they are passed on by a proxy; repeatable',
      (text: string, before: readonly string[] = []) => [...before, readAllowedHost(text)],
    )
    .addHelpText('after', EXAMPLES)
    .action(serve);
}

async function serve(flows: readonly string[], options: ServeOptions): Promise<void> {
  const session = openSession(options);
  const address = options.listen ?? null;
  const stopped = new AbortController();
  const stop = (): void => stopped.abort();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, stop);
  const start = flows[0] === undefined ? undefined : dirname(resolve(fileOf(flows[0])));
  const state = unwrap(await openState(statePath(session, options, start)));
  for (const text of flows) if (!(await deployed(session, state, text))) return;
  const bell = new EventTarget();
  const sleep = (ms: number): Promise<void> =>
    new Promise((wake) => {
      if (stopped.signal.aborted) return wake();
      const timer = setTimeout(done, ms);
      function done(): void {
        clearTimeout(timer);
        stopped.signal.removeEventListener('abort', done);
        bell.removeEventListener('ring', done);
        wake();
      }
      stopped.signal.addEventListener('abort', done);
      bell.addEventListener('ring', done);
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
    const events = openEvents(session, state, false, () => bell.dispatchEvent(new Event('ring')));
    const automations = openAutomations(session, state, (text, isTrouble) => {
      if (options.quiet !== true || !isTrouble) say(text);
      else session.stderr.write(`${new Date().toISOString()} ${text}\n`);
    });
    const isStopped = (): boolean => stopped.signal.aborted;
    const hosts = options.allowHost ?? [];
    if (address === null) await mentionHooks(session, state);
    const hooks =
      address === null ? null : serveHooks(session, state, { address, hosts, events, say, sleep, isStopped });
    // An address that cannot be had ends it; and it is not waited for.
    hooks?.catch(stop);
    await serveSchedules({
      ...schedulerPorts(state, tell),
      events: bothEvents(events.port, automations.port),
      sleep,
      isStopped,
      documentMark: async () =>
        `${await markOf(projectDocumentPath(state))} ${await events.mark()} ${await automations.mark()}`,
      failed: (error) => session.complain(messageOf(error)),
    });
    await delivering;
    await (await hooks)?.close();
    await events.close();
    lock.release();
  }
  say('stopped');
}

/** Says so where requests are expected and nobody listens. */
async function mentionHooks(session: Session, state: StateLayout): Promise<void> {
  const read = await readProjectDocument(state);
  // What is wrong with it is said by who looks at it again and again.
  const waiting = Object.values(read.ok ? read.value.deployments : {}).flatMap(({ name, triggers = [] }) =>
    triggers.some(({ definition }) => definition.active && watchedBy(definition).kind === 'webhook') ? [name] : [],
  );
  if (waiting.length > 0)
    session.mention(`nobody answers the webhooks of ${waiting.slice(0, 20).join(', ')}: add --listen 127.0.0.1:7717`);
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

const messageOf = (error: unknown): string => {
  if (error instanceof StateError) return describeProblem(error.problem);
  return error instanceof Error ? error.message : String(error);
};
