/**
 * The end of sub-runs that an earlier life of their root left open. The root is taken over only to be ended, and begins no attempt that
 * could go on with them: so each of them has a last life of its own, those beneath it first, in which its handlers run.
 */

import { cancelUnowned } from '../engine/recover.ts';
import type { RunId, StepKey } from '../base/ids.ts';
import { TOKEN_VARIABLE, tokenOf } from '../process/token.ts';
import { continueChild } from '../store/children.ts';
import { tornWarning } from './again.ts';
import { type Family, type Member, PARENT, placed } from './family.ts';
import { memberRun } from './member.ts';

/**
 * Ends the sub-runs of a run that are open on disk.
 * @param parent a run that lives no more, or not yet.
 * @throws {StateError} when a record is damaged.
 */
export async function endLeftOpen(family: Family, parent: Member): Promise<void> {
  for (const { key, child } of [...parent.record.steps.values()]) {
    if (child !== null) await endOne(family, parent, key, child);
  }
}

async function endOne(family: Family, parent: Member, step: StepKey, id: RunId): Promise<void> {
  const known = await continueChild(family.state, { id, root: family.root });
  if (known === null) return;
  const { record, frozen, torn } = known;
  const { definition } = frozen;
  if (record.ending !== null) return known.journal.close();
  const before = structuredClone(record);
  // What handlers cannot be given they do without: a run has to end also when a file of its variables is gone.
  const variables = family.environmentFor(definition);
  const attempt = parent.record.steps.get(step)?.attempts.at(-1)?.number ?? 1;
  const chain = tokenOf(parent.environment[TOKEN_VARIABLE] ?? '', parent.record.id, step, attempt);
  const environment = { ...(variables.ok ? variables.value : parent.environment), [TOKEN_VARIABLE]: chain };
  const prefix = placed(parent.prefix, step);
  const place = { depth: parent.depth + 1, prefix, parent };
  await endLeftOpen(family, { ...known, definition, environment, told: [], opening: [], listeners: [], ...place });
  const opening = [...cancelUnowned(record, { by: PARENT, reason: null, reaped: [] }), ...tornWarning(torn)];
  const run = memberRun(
    { family, parent, definition, environment, prefix },
    { owned: known, record, told: [], opening, before },
  );
  await run.execute(null);
}
