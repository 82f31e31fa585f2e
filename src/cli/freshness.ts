/** `run --no-cache` and `--force`: which recorded results do not stand for running a step. */

import { suggest } from '../diagnostics/suggest.ts';
import type { FreshWish } from '../cache/open.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { EXIT } from './exit-codes.ts';
import type { Session } from './session.ts';

/** What the flags say. */
export interface FreshOptions {
  /** False for `--no-cache`. */
  readonly cache?: boolean;
  readonly force?: readonly string[];
}

/** Reads steps separated by commas; the flag may be given again. */
export const readForced = (text: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  ...text.split(',').map((name) => name.trim()),
];

/**
 * Reads the flags: a step by its name, or something in it as `show` names it, such as `load[3]` or `report/extract`.
 * @returns null for a step that the flow does not have: all is said, and the exit code is set (4).
 */
export function freshWish(
  session: Session,
  { name, steps, script }: FlowDefinition,
  { cache, force = [] }: FreshOptions,
): FreshWish | null {
  const known = steps.map(({ id }) => id as string);
  // A function makes its steps while it runs.
  if ((script ?? null) !== null) return { noCache: cache === false, force };
  const unknown = force.find((step) => !known.includes(/^[^[/]*/.exec(step)?.[0] ?? ''));
  if (unknown === undefined) return { noCache: cache === false, force };
  const near = suggest(unknown, known);
  session.complain(
    `flow ${name} has no step \`${unknown}\``,
    near === null ? `its steps: ${known.join(', ')}` : `did you mean \`${near}\`?`,
  );
  session.exit(EXIT.not_found);
  return null;
}
