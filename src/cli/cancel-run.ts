/**
 * Ending a run from outside. A run has one writer: where a live process owns it, that process is asked, through the run's inbox;
 * where none does, the run is taken over for a last life that begins with the cancellation, so that the same code settles it.
 */

import { cancelUnowned } from '../engine/recover.ts';
import type { FinalRunState } from '../model/event.ts';
import type { StepDefinition } from '../model/flow.ts';
import type { Actor } from '../model/outcome.ts';
import { dropRequest } from '../store/inbox.ts';
import type { StateLayout } from '../store/layout.ts';
import { NO_SECRETS } from '../secrets/run-secrets.ts';
import { openState } from '../store/open.ts';
import { StateError, unwrap } from '../store/problem.ts';
import { openForResume } from '../store/resume.ts';
import { type ReadRun, readRun } from '../store/runs.ts';
import { environmentOfRun } from './dotenv.ts';
import { endEarlierLife, tornWarning } from './earlier-life.ts';
import { type LifeViews, live } from './life.ts';
import { hasHandlers, secretsOf } from './secrets.ts';
import type { Session } from './session.ts';
import { takeSignals } from './signals.ts';

/** What is asked for. */
export interface Cancelling {
  readonly by: Extract<Actor, { kind: 'user' }>;
  readonly reason: string | null;
  /** False: a live owner is asked, and not waited for. */
  readonly waits: boolean;
}

/** What came of it. */
export type CancelEnd =
  | { readonly kind: 'had_ended'; readonly state: FinalRunState }
  /** The owner was asked and is not waited for. */
  | { readonly kind: 'asked' }
  | { readonly kind: 'ended'; readonly state: FinalRunState }
  /** The owner lives, and has not ended the run in time. */
  | { readonly kind: 'late'; readonly afterMs: number }
  /** Processes of the run refuse to end: all is said, the exit code is set. */
  | { readonly kind: 'refused' };

/** What an owner needs beyond the grace time of its steps: to look into its inbox, to sweep, and to write. */
const ALLOWANCE_MS = 10_000;
const SHORTEST_PAUSE_MS = 50;

/**
 * Cancels a run.
 * @param state the state directory, which exists.
 * @param run as it was read.
 * @throws {StateError} when the state cannot be written, or the run is damaged.
 */
export async function cancelRun(
  session: Session,
  state: StateLayout,
  run: ReadRun,
  cancelling: Cancelling,
): Promise<CancelEnd> {
  const ending = run.record?.ending ?? null;
  if (ending !== null) return { kind: 'had_ended', state: ending.state };
  unwrap(await openState(state.root));
  if (!run.live) {
    const end = await endUnowned(session, state, run, cancelling);
    if (end !== null) return end;
  }
  const { name, host } = cancelling.by;
  const { reason } = cancelling;
  const at = new Date().toISOString();
  unwrap(await dropRequest(run.layout, { kind: 'cancel', by: { name, host, pid: process.pid }, at, reason }));
  return cancelling.waits ? untilEnded(session, state, run, cancelling) : { kind: 'asked' };
}

/** Nobody watches. */
const UNSEEN: LifeViews = { observers: [], ofChild: () => [] };

/** Null: somebody has come to own the run meanwhile. */
async function endUnowned(
  session: Session,
  state: StateLayout,
  { layout }: ReadRun,
  { by, reason }: Cancelling,
): Promise<CancelEnd | null> {
  const signals = takeSignals(session.environment);
  try {
    const opened = await openForResume(state, layout.place);
    if (!opened.ok) {
      if (opened.error.kind === 'busy') return null;
      throw new StateError(opened.error);
    }
    const owned = opened.value;
    const { record } = owned;
    const { definition } = owned.frozen;
    if (record.ending !== null) {
      await owned.close(record);
      return { kind: 'had_ended', state: record.ending.state };
    }
    const reaped = await endEarlierLife(session, owned);
    if (reaped === null) {
      await owned.close(null);
      return { kind: 'refused' };
    }
    const opening = [...cancelUnowned(record, { by, reason, reaped }), ...tornWarning(owned)];
    // A run has to end also when a file of its variables is gone, or a secret; at most its last steps see fewer of them.
    const variables = environmentOfRun(session, definition);
    if (!variables.ok) session.mention(`warning: ${variables.error}`);
    const environment = variables.ok ? variables.value : session.environment;
    // A command may take its time, or ask a person, to tell a value that nobody needs.
    const needed = hasHandlers(definition);
    const secrets = needed ? (await secretsOf(session, definition, environment, signals.asked)).secrets : NO_SECRETS;
    const life = { state, owned, record, definition, environment, secrets, told: [], opening, before: record };
    const end = await live(session, life, UNSEEN, signals);
    if (end.kind === 'state_lost') throw end.error;
    return { kind: 'ended', state: end.run.ending?.state ?? 'cancelled' };
  } finally {
    signals.remove();
  }
}

async function untilEnded(
  session: Session,
  state: StateLayout,
  run: ReadRun,
  cancelling: Cancelling,
): Promise<CancelEnd> {
  const began = performance.now();
  const limitMs = patienceMs(run) + ALLOWANCE_MS;
  for (;;) {
    const asked = performance.now();
    const now = unwrap(await readRun(state, run.layout.place));
    if (now.record?.ending) return { kind: 'ended', state: now.record.ending.state };
    if (!now.live) {
      const end = await endUnowned(session, state, run, cancelling);
      if (end !== null) return end.kind === 'had_ended' ? { ...end, kind: 'ended' } : end;
    }
    const afterMs = performance.now() - began;
    if (afterMs > limitMs) return { kind: 'late', afterMs };
    // A long journal takes its time to read; the owner has better things to do with the machine.
    const pauseMs = Math.max(SHORTEST_PAUSE_MS, 3 * (performance.now() - asked));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

const withMembers = (step: StepDefinition): readonly StepDefinition[] =>
  step.action.kind === 'group' ? [step, ...step.action.steps.flatMap(withMembers)] : [step];

/**
 * How long a run may take to end: the grace time of its slowest step; and where something cleans up after a cancellation, what that has,
 * and its grace time.
 */
export function patienceMs({ record, frozen }: Pick<ReadRun, 'record' | 'frozen'>): number {
  const root = frozen.ok ? frozen.value.definition : null;
  const flows = root === null ? [] : [root, ...Object.values(root.flows)];
  const steps = flows.flatMap((flow) => flow.steps).flatMap(withMembers);
  const graceMs = steps.reduce(
    (longest, step) => Math.max(longest, step.grace_ms ?? 0),
    record?.settings.grace_ms ?? 0,
  );
  const cleansUp = root !== null && (hasHandlers(root) || steps.some((step) => step.if !== null));
  return cleansUp ? Math.max(...flows.map((flow) => flow.cleanup_timeout_ms)) + 2 * graceMs : graceMs;
}
