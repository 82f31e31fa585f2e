/** Small flows that many cases share, and ways to look at their runs. */

import type { RunDetail, RunRow, StepView } from '../../src/model/view.ts';
import type { Rig } from './rig.ts';

/** `run` that appends the step's name to the effects and succeeds. */
export const EFFECT = `'echo "$FLOWCTL_STEP" >> "$EFFECTS"'`;

/** The default flow of the catalogue: `a -> b -> c`. What is not given only has its effect. */
export function chain(steps: { readonly a?: string; readonly b?: string; readonly c?: string } = {}): string {
  const { a = `run: ${EFFECT}`, b = `run: ${EFFECT}`, c = `run: ${EFFECT}` } = steps;
  return `name: chain
steps:
  a: { ${a} }
  b: { needs: a, ${b} }
  c: { needs: b, ${c} }
`;
}

/** A flow of one step. */
export const single = (step: string): string => `name: single\nsteps:\n  only: { ${step} }\n`;

/** Makes runs of a flow, one after the other. @returns their ids, oldest first. */
export async function ranTimes(
  rig: Rig,
  count: number,
  flow = 'flow.yaml',
  text = chain(),
): Promise<readonly string[]> {
  rig.write(flow, text);
  const before = new Set(rig.runIds());
  for (let run = 0; run < count; run += 1) await rig.flowctl('run', flow, '-q');
  return rig.runIds().filter((id) => !before.has(id));
}

/** The only run there is. */
export async function onlyRun(rig: Rig): Promise<RunRow> {
  const rows = await rig.query<RunRow[]>('runs');
  const [row] = rows;
  if (row === undefined || rows.length !== 1) throw new Error(`expected one run, found ${rows.length}`);
  return row;
}

/** `show --json`. */
export const shown = (rig: Rig, run = 'last'): Promise<RunDetail> => rig.query<RunDetail>('show', run);

/** A step of what `show --json` printed. */
export function stepOf(run: RunDetail, key: string): StepView {
  const step = run.steps.find((each) => each.key === key);
  if (step === undefined) throw new Error(`no step ${key} among ${run.steps.map((each) => each.key).join(', ')}`);
  return step;
}

/** How often a line stands among the effects. */
export const timesOf = (rig: Rig, effect: string): number => rig.effects().filter((line) => line === effect).length;

/** The path of the journal of the only run. */
export function journalOf(rig: Rig): string {
  const [run = 'none'] = rig.runIds();
  return rig.path('.flowctl', 'runs', run, 'journal.ndjson');
}
