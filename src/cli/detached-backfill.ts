/** `backfill --detach`: a second flowctl does it, in a session of its own, and what it says goes to a file of the state directory. */

import { closeSync, lstatSync, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isJsonObject } from '../base/json.ts';
import { startDetached } from '../process/detached.ts';
import type { StateLayout } from '../store/layout.ts';
import { problemFrom, StateError } from '../store/problem.ts';
import { EXIT } from './exit-codes.ts';
import type { Session } from './session.ts';

/** Starts it, and ends as soon as it goes on by itself. @param isJson whether what is printed is JSON. Sets the exit code. */
export async function detachBackfill(
  session: Session,
  state: StateLayout,
  deployment: string,
  isJson: boolean,
): Promise<void> {
  const folder = join(state.root, 'backfills');
  const log = join(folder, `${deployment}.${new Date().toISOString().replaceAll(':', '')}.${process.pid}.log`);
  const output = openLog(folder, log);
  const second = startDetached(output, { log });
  closeSync(output);
  const answer = await second.answer;
  if (!isJsonObject(answer)) {
    session.complain('the backfill could not go on by itself', `what it said: ${log}`);
    session.exit((await second.ended) ?? EXIT.internal);
    return;
  }
  second.letGo();
  session.stdout.write(isJson ? `${JSON.stringify({ pid: second.pid, log })}\n` : `${log}\n`);
  session.mention(`process ${second.pid} goes on with the backfill; to stop it: kill -INT ${second.pid}`);
}

/** Nobody asks for what a backfill said a month ago. */
const KEPT_MS = 30 * 86_400_000;

function removeOld(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.endsWith('.log') && Date.now() - lstatSync(path).mtimeMs > KEPT_MS) rmSync(path, { force: true });
  }
}

function openLog(folder: string, log: string): number {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    removeOld(folder);
    return openSync(log, 'ax', 0o600);
  } catch (error) {
    throw new StateError(problemFrom(error, log));
  }
}
