/**
 * `run --detach`: a second flowctl lives the run, and the first one ends as soon as the run is on disk. Everything that can be refused is
 * refused by the first, on the terminal and with its exit code; secrets are read there as well, for what yields them may ask a person.
 */

import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, unlinkSync } from 'node:fs';
import { parseRunId, type RunId } from '../base/ids.ts';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { Bug } from '../base/result.ts';
import type { EndingSignal } from '../model/outcome.ts';
import { startDetached, type Starter, starterOfThis } from '../process/detached.ts';
import { type HandedSecret, type RunSecrets, takenOver } from '../secrets/run-secrets.ts';
import { detachedDraftPath, detachedPath, type RunLayout, type StateLayout } from '../store/layout.ts';
import { problemFrom, StateError } from '../store/problem.ts';
import { EXIT } from './exit-codes.ts';
import { hideInMessages, type Session } from './session.ts';
import { dieOf, type SignalHandlers } from './signals.ts';

/** What the second process begins with. */
export interface DetachedStart {
  readonly id: RunId;
  /** RFC 3339: when the run was asked for. */
  readonly now: string;
  readonly secrets: RunSecrets;
  /** Says that the run is on disk; from then on nobody waits for this process. */
  isBegun(state: StateLayout, run: RunLayout): Promise<void>;
}

/** What this process was started with, when it is the second one; null when it is the first. */
export async function detachedStart(): Promise<DetachedStart | null> {
  const starter = starterOfThis();
  if (starter === null) return null;
  const handed = await starter.receive();
  // The first process has gone, and with it whoever wanted a run.
  if (!isJsonObject(handed)) process.exit(EXIT.cancelled);
  return startFrom(starter, handed);
}

function startFrom(starter: Starter, { id: text, now, mark, secrets }: JsonObject): DetachedStart {
  const id = typeof text === 'string' ? parseRunId(text) : null;
  if (id === null || typeof now !== 'string' || typeof mark !== 'string' || !Array.isArray(secrets)) {
    throw new Bug('what was handed over is no start of a run');
  }
  // Both are the same program, so that it has the form that `handOver` gave it.
  const known = takenOver(secrets as unknown as readonly HandedSecret[]);
  hideInMessages((text) => known.mask.text(text));
  return {
    id,
    now,
    secrets: known,
    async isBegun(state, run) {
      renameSync(detachedDraftPath(state, run.place.id, mark), detachedPath(run));
      await starter.answer({ begun: run.place.id });
    },
  };
}

/** A run that is to go on by itself. */
export interface RunToDetach {
  readonly state: StateLayout;
  readonly id: RunId;
  readonly now: string;
  readonly secrets: RunSecrets;
}

/** Starts the second process, waits until its run is on disk, and prints the id. Sets the exit code. */
export async function detach(session: Session, run: RunToDetach, signals: SignalHandlers): Promise<void> {
  const mark = randomBytes(8).toString('hex');
  const draft = detachedDraftPath(run.state, run.id, mark);
  const output = openDraft(draft);
  const handed = { id: run.id, now: run.now, mark, secrets: run.secrets.handOver() };
  const second = startDetached(output, JSON.parse(JSON.stringify(handed)) as Json);
  closeSync(output);
  let received: EndingSignal | null = null;
  signals.deliverTo((signal) => {
    received ??= signal;
    second.signal(signal);
  });
  const answer = await second.answer;
  if (isJsonObject(answer)) {
    second.letGo();
    session.stdout.write(`${run.id}\n`);
    session.mention(`process ${second.pid} goes on with the run; to follow it: flowctl logs ${run.id} -f`);
    session.exit(EXIT.ok);
  } else {
    const code = await second.ended;
    session.stderr.write(takeDraft(draft));
    session.exit(code === null || code === EXIT.ok ? EXIT.internal : code);
  }
  signals.remove();
  if (received !== null) dieOf(received);
}

function openDraft(draft: string): number {
  try {
    return openSync(draft, 'ax', 0o600);
  } catch (error) {
    throw new StateError(problemFrom(error, draft));
  }
}

/** What the second process said before it ended without a run. */
function takeDraft(draft: string): string {
  try {
    const text = readFileSync(draft, 'utf8');
    unlinkSync(draft);
    return text;
  } catch {
    return '';
  }
}
