/** Old runs go by themselves: now and then, when a run has ended, for a moment. Loaded on such a day only. */

import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { findUselessModules } from '../functions/kept-modules.ts';
import type { RetentionRule } from '../model/project.ts';
import type { StateLayout } from '../store/layout.ts';
import { removeTrash } from '../store/removal.ts';
import { chooseOld, forgetDeleted } from '../store/retention.ts';
import { postponeRetention } from '../store/retention-mark.ts';
import { RunRemover } from './remove-runs.ts';
import type { Session } from './session.ts';

/** Whoever waits for the end of a run does not wait longer than this for the runs before it. */
const BUDGET_MS = 1_000;

/** Deletes what the rule says, as far as it gets; the next run to end goes on with the rest. Never rejects. */
export async function retain(session: Session, state: StateLayout, rule: RetentionRule): Promise<void> {
  try {
    const began = performance.now();
    const remover = new RunRemover(session, state, { by: 'retention', patienceMs: 0, onlyEnded: true });
    const old = [...chooseOld(await remover.rows(), rule, Date.now())].reverse();
    let removed = 0;
    for (const [index, { id }] of old.entries()) {
      // One at least: a machine that is always busy gets there too.
      if (index > 0 && performance.now() - began > BUDGET_MS) {
        await postponeRetention(state, Date.now());
        break;
      }
      const end = await remover.remove(id);
      if (end.ok && end.value.kind === 'removed') removed += 1;
    }
    await removeTrash(state);
    // Of every edit of a module its bundle stays behind.
    const modules = await findUselessModules(join(state.cache, 'modules'), Date.now());
    for (const { path } of modules) await unlink(path);
    if (removed > 0) await forgetDeleted(state);
    if (removed > 0) session.mention(`deleted ${removed === 1 ? '1 old run' : `${removed} old runs`} (retention)`);
  } catch {
    // What stays today goes another day, and `flowctl prune` says why.
  }
}
