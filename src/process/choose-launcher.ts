/** Which launcher starts the steps, one for the whole process, whatever runs it lives; and whether resident shells run some of them. */

import { directLauncher, type Launcher } from './launcher.ts';
import { type ResidentShells, residentShells } from './resident-shells.ts';
import { starterLauncher } from './starter.ts';

/** What may be wished for (FLOWCTL_LAUNCHER). */
export const LAUNCHERS: readonly string[] = ['auto', 'direct', 'starter', 'shells'];

/** A flow of so few commands is over before a starter has come up. */
const STARTS_BEFORE_STARTER = 3;
const STARTS_BESIDE_SHELLS = 6;

const launchers = new Map<number, Launcher>();
let direct: Launcher | undefined;

/**
 * The launcher of this process, as FLOWCTL_LAUNCHER wishes. `direct`: no starter and no warm interpreter, ever; `starter` and `shells`: from the first
 * step on; anything else, or nothing: when there are more than a few.
 * @param hasShells resident shells take most steps, so that a starter is worth its own start later.
 * @throws {Bug} when the system has no `sh`.
 */
export function launcherFor(
  environment: { readonly [name: string]: string | undefined },
  hasShells: boolean,
): Launcher {
  const wish = environment['FLOWCTL_LAUNCHER'];
  direct ??= directLauncher();
  if (wish === 'direct') return direct;
  const isAtOnce = wish === 'starter' || wish === 'shells';
  const after = isAtOnce ? 0 : hasShells ? STARTS_BESIDE_SHELLS : STARTS_BEFORE_STARTER;
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

/**
 * The resident shells of one life of a run, as FLOWCTL_LAUNCHER wishes: `shells`: from the first step on; `auto`, or nothing: when there are more than a few.
 * @param heritage what every step inherits.
 * @returns null where there are to be none, or can be none.
 */
export function residentShellsFor(
  environment: { readonly [name: string]: string | undefined },
  heritage: { readonly [name: string]: string },
): ResidentShells | null {
  const wish = environment['FLOWCTL_LAUNCHER'] ?? '';
  if (wish === 'direct' || wish === 'starter') return null;
  return residentShells(heritage, wish === 'shells' ? 0 : STARTS_BEFORE_STARTER);
}
