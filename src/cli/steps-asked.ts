/** The steps that `resume --from` names: those of the run itself, and those of its sub-runs by the keys that `show` gives them. */

import type { RunId, StepKey } from '../base/ids.ts';
import type { RunAgain } from '../children/family.ts';
import { isSatisfied, type RunRecord } from '../model/run.ts';
import type { RunLayout } from '../store/layout.ts';
import { readSubRuns } from '../store/sub-runs.ts';

/** What is to run again, by run; the root is among them where one of its steps is. */
export type Again = ReadonlyMap<RunId, RunAgain>;

/**
 * Finds the steps that were asked for.
 * @param known the steps of the root's flow, as it is now.
 * @returns what is to run again; or a name that no step has.
 */
export async function stepsAsked(
  layout: RunLayout,
  record: RunRecord,
  known: ReadonlySet<string>,
  names: readonly string[],
): Promise<{ readonly again: Again; readonly unknown: string | null }> {
  let again: Again = new Map();
  const members = names.every((name) => known.has(name) || record.steps.has(name as StepKey))
    ? []
    : await readSubRuns(layout, record);
  for (const name of names) {
    if (known.has(name) || record.steps.get(name as StepKey)?.parent !== undefined) {
      again = together(again, new Map([[record.id, { steps: [name], links: [] }]]));
      continue;
    }
    const home = members.find(({ prefix, reading }) => {
      const own = name.startsWith(`${prefix}/`) ? name.slice(prefix.length + 1) : null;
      return own !== null && reading.record?.steps.has(own as StepKey) === true;
    });
    if (home === undefined) return { again, unknown: name };
    const runs = [record, ...members.flatMap(({ reading }) => reading.record ?? [])];
    again = together(again, wayTo(runs, home.reading.layout.place.id));
    const steps = [name.slice(home.prefix.length + 1)];
    again = together(again, new Map([[home.reading.layout.place.id, { steps, links: [] }]]));
  }
  return { again, unknown: null };
}

/** Steps above a sub-run that had succeeded have to ask it again: the very same, for what else it did stands. */
function wayTo(runs: readonly RunRecord[], child: RunId): Again {
  for (const run of runs) {
    const link = [...run.steps.values()].find((step) => step.child === child);
    if (link === undefined) continue;
    const above = wayTo(runs, run.id);
    if (!isSatisfied(link.phase)) return above;
    const links = [{ step: link.key, child }];
    return together(above, new Map([[run.id, { steps: [link.key], links }]]));
  }
  return new Map();
}

/** Both, without saying anything twice. */
export function together(one: Again, other: Again): Again {
  const all = new Map(one);
  for (const [run, { steps, links }] of other) {
    const known = all.get(run) ?? { steps: [], links: [] };
    all.set(run, { steps: [...new Set([...known.steps, ...steps])], links: [...known.links, ...links] });
  }
  return all;
}
