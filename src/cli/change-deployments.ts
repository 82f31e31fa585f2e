/** Commands that change deployments one by one: all names are known before the first one is changed. */

import type { Deployment } from '../model/deployment.ts';
import { openState } from '../store/open.ts';
import { unwrap } from '../store/problem.ts';
import { changeProjectDocument } from '../store/project-document.ts';
import { deploymentOrComplain } from './deployed-run.ts';
import type { GlobalOptions, Session } from './session.ts';
import { stateToRead } from './state-directory.ts';

/**
 * Changes deployments.
 * @param change what becomes of one; null: it goes. The same object: it is so already.
 * @returns names in the order given, each once, with whether anything was changed; null when one is not there: said, and the exit code is set.
 */
export async function changeDeployments(
  session: Session,
  options: GlobalOptions,
  given: readonly string[],
  change: (deployment: Deployment, now: string) => Deployment | null,
): Promise<readonly { readonly name: string; readonly changed: boolean }[] | null> {
  const state = stateToRead(session, options);
  // One that is named twice is changed once.
  const names = [...new Set(given)];
  for (const name of names) if ((await deploymentOrComplain(session, state, name)) === null) return null;
  unwrap(await openState(state.root));
  const now = new Date().toISOString();
  const changed = new Map<string, boolean>();
  const document = await changeProjectDocument(state, (before) => {
    const deployments = new Map(Object.entries(before.deployments));
    for (const name of names) {
      const old = deployments.get(name);
      if (old === undefined) continue;
      const after = change(old, now);
      changed.set(name, after !== old);
      if (after === null) deployments.delete(name);
      else if (after !== old) deployments.set(name, { ...after, updated_at: now });
    }
    return [...changed.values()].some(Boolean) ? { ...before, deployments: Object.fromEntries(deployments) } : before;
  });
  unwrap(document);
  return names.map((name) => ({ name, changed: changed.get(name) ?? false }));
}
