/** The life of one sub-run: its engine, its snapshot, who hears of it, and how it is asked to end. */

import { formatDuration } from '../base/duration.ts';
import type { Json } from '../base/json.ts';
import type { Engine } from '../engine/engine.ts';
import type { StopReason } from '../engine/ports.ts';
import type { EventBody, RunEvent } from '../model/event.ts';
import type { RunRecord } from '../model/run.ts';
import type { SubRun, SubRunEnd } from '../runners/flow.ts';
import type { ContinuedChild, OwnedChild } from '../store/children.ts';
import type { RunOutputs } from '../store/outputs.ts';
import { type InboxReader, RunInbox } from '../store/inbox.ts';
import { StateError } from '../store/problem.ts';
import { SnapshotWriter } from '../store/snapshot.ts';
import { PARENT, placed } from './family.ts';
import type { Opening } from './sub-runs.ts';

/** How a sub-run begins this life. */
export interface Beginning {
  readonly owned: OwnedChild;
  readonly record: RunRecord;
  readonly told: readonly RunEvent[];
  readonly opening: readonly EventBody[];
  /** As readers know it now; null for a new run. */
  readonly before: RunRecord | null;
}

/** What a sub-run is written to and asked by. */
interface Desk {
  readonly snapshot: SnapshotWriter;
  readonly inbox: RunInbox;
}

/** What a sub-run lives in. */
type Surroundings = Pick<Opening, 'family' | 'parent' | 'definition' | 'environment' | 'prefix'>;

/** A sub-run that is to live. */
export function memberRun(opening: Surroundings, beginning: Beginning): SubRun {
  const { owned, record } = beginning;
  const snapshot = new SnapshotWriter({ ...owned, record }, opening.family.clock);
  const inbox = new RunInbox(owned.layout);
  let engine: Engine | null = null;
  return {
    execute(stopped) {
      engine = engineOf(opening, beginning, { snapshot, inbox }, stopped);
      const life = live(opening, beginning, engine, { snapshot, inbox });
      const { lives } = opening.family;
      lives.add(life);
      return life.finally(() => lives.delete(life));
    },
    stop(reason) {
      if (reason.kind === 'cancelled' && reason.by.kind === 'signal') engine?.signal(reason.signal);
      else engine?.cancel(PARENT, explained(reason));
    },
    kill: () => engine?.endAtOnce(),
  };
}

/** A sub-run that had succeeded before its parent could record it. */
export async function endedBefore({ record, outputs, journal }: ContinuedChild): Promise<SubRun> {
  await journal.close();
  const value = await outputsOf(record, outputs);
  return {
    execute: () => Promise.resolve({ kind: 'ended', run: record, outputs: value }),
    stop: () => {},
    kill: () => {},
  };
}

function engineOf(
  { family, parent, definition, environment, prefix }: Surroundings,
  { owned, record, before, told, opening }: Beginning,
  { snapshot, inbox }: Desk,
  stopped: StopReason | null,
): Engine {
  const engine = family.compose({
    ...owned,
    record,
    definition,
    environment,
    told,
    opening: stopped === null ? opening : [...opening, endingEvent(stopped)],
    listeners: [
      ...family.listenersFor({ layout: owned.layout, definition, prefix, before }),
      { name: 'snapshot', observe: (event) => snapshot.publish([event]) },
      {
        name: 'inbox',
        observe: (event) => {
          if (event.type === 'run.cancel_requested') inbox.acknowledge(({ kind }) => kind === 'cancel');
        },
      },
    ],
    depth: parent.depth + 1,
    prefix,
    parent,
  });
  family.living.set(prefix, engine);
  family.answers.welcome(prefix);
  return engine;
}

async function live(
  { family, prefix, definition }: Surroundings,
  { owned }: Beginning,
  engine: Engine,
  { snapshot, inbox }: Desk,
): Promise<SubRunEnd> {
  // People ask the root; only a newer run of the same concurrency group asks a sub-run.
  if (definition.concurrency !== null) void inbox.deliverTo(requestsFor(engine));
  try {
    const end = await engine.execute();
    await snapshot.finish();
    if (end.kind === 'finished')
      return { kind: 'ended', run: end.run, outputs: await outputsOf(end.run, owned.outputs) };
    if (end.kind === 'parked') return end;
    family.unrecorded.push(...end.unrecorded.map((each) => ({ ...each, step: placed(prefix, each.step) })));
    family.loseState(end.error);
    return { kind: 'state_lost' };
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
    family.loseState(error);
    return { kind: 'state_lost' };
  } finally {
    family.living.delete(prefix);
    await inbox.close(true);
    await owned.journal.close();
  }
}

function requestsFor(engine: Engine): InboxReader {
  return {
    take: (request) => {
      if (request.kind === 'cancel' && request.policy !== undefined)
        engine.cancel({ kind: 'policy', policy: request.policy }, request.reason);
    },
    // Its file stays, under a name that says so.
    refuse: () => {},
  };
}

async function outputsOf({ ending }: RunRecord, store: RunOutputs): Promise<Json> {
  const ref = ending?.outputs ?? null;
  return ref === null ? null : store.read(ref);
}

/** A run that is to end before it began: its engine is told with its first event, and starts nothing. */
function endingEvent(reason: StopReason): EventBody {
  if (reason.kind === 'cancelled' && reason.by.kind === 'signal')
    return { type: 'run.signalled', signal: reason.signal };
  return { type: 'run.cancel_requested', by: PARENT, reason: explained(reason) };
}

const explained = (reason: StopReason): string | null =>
  reason.kind === 'timed_out' ? `its step ran out of its time, ${formatDuration(reason.after_ms)}` : null;
