/** Whether the concurrency group of a run has a value: asked before the run exists, for without one it could not begin. */

import { concurrencyOf } from '../engine/group.ts';
import { makePlan } from '../engine/plan.ts';
import type { OutputStore } from '../engine/ports.ts';
import { Bug } from '../base/result.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { RunRecord } from '../model/run.ts';
import type { RunSecrets } from '../secrets/run-secrets.ts';
import { EXIT } from './exit-codes.ts';
import type { Session } from './session.ts';

/** A run that is about to begin. */
export interface RunAhead {
  readonly run: RunRecord;
  readonly definition: FlowDefinition;
  readonly environment: Session['environment'];
  readonly secrets: RunSecrets;
  readonly runDirectory: string;
}

const noOutputs = (): never => {
  throw new Bug('nothing has outputs before a run begins');
};
const NO_OUTPUTS: OutputStore = { store: noOutputs, read: noOutputs };

/** @returns false when it has none: all is said, and the exit code is set (2). */
export function hasGroup(session: Session, { run, definition, environment, secrets, runDirectory }: RunAhead): boolean {
  if (definition.concurrency === null) return true;
  const visible = Object.entries(secrets.visible(environment)).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const group = concurrencyOf({
    ...{ run, plan: makePlan(definition), runDirectory, outputs: NO_OUTPUTS },
    environment: Object.fromEntries(visible),
  });
  if (group.ok) return true;
  session.complain(
    group.error,
    'what runs share has to be known when they start: give a param a default, or use default()',
  );
  session.exit(EXIT.usage);
  return false;
}
