/** Which launcher starts the steps: one for the whole process, whatever runs it lives. */

import { directLauncher, type Launcher } from './launcher.ts';
import { starterLauncher } from './starter.ts';

/** What may be wished for (FLOWCTL_LAUNCHER). */
export const LAUNCHERS: readonly string[] = ['auto', 'direct', 'starter'];

/** A flow of so few commands is over before a starter has come up. */
const STARTS_BEFORE_STARTER = 3;

const launchers = new Map<number, Launcher>();
let direct: Launcher | undefined;

/**
 * The launcher of this process, as FLOWCTL_LAUNCHER wishes. `direct`: no starter and no warm interpreter, ever; `starter`: from the first step on;
 * anything else, or nothing: when there are more than a few.
 * @throws {Bug} when the system has no `sh`.
 */
export function launcherFor(environment: { readonly [name: string]: string | undefined }): Launcher {
  const wish = environment['FLOWCTL_LAUNCHER'];
  direct ??= directLauncher();
  if (wish === 'direct') return direct;
  const after = wish === 'starter' ? 0 : STARTS_BEFORE_STARTER;
  const known = launchers.get(after) ?? withWarmInterpreters(starterLauncher({ directly: direct, after }));
  launchers.set(after, known);
  return known;
}

/** Lets what may be warm be started by an interpreter that is up. Its code is loaded with the first such step. */
function withWarmInterpreters(otherwise: Launcher): Launcher {
  const loaded = async () => new (await import('./warm-python.ts')).WarmPython();
  let warm: ReturnType<typeof loaded> | undefined;
  return {
    launch: async (spec) => {
      if (spec.warm !== true) return otherwise.launch(spec);
      warm ??= loaded();
      return (await (await warm).launch(spec)) ?? otherwise.launch(spec);
    },
  };
}
