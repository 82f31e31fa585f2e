/** One rung of a ladder, in a process of its own: `rung.ts <kind> <words>`. Prints what it took as JSON; what is not right ends it. */

import { recordRun, replayRun, resumeRun } from './rungs/recorded.ts';
import { drainQueue, foldEvents, growDefinition, makeOnlyPlan, plainLoop, runEngine } from './rungs/scheduling.ts';

/** Figures of a rung's own, by name. */
export type Figures = { readonly [name: string]: number };

/** What is measured of a rung: everything up to `work` is preparation. */
export interface Prepared {
  work(): Figures | Promise<Figures>;
}

const KINDS: { readonly [kind: string]: (...words: readonly string[]) => Prepared | Promise<Prepared> } = {
  definition: growDefinition,
  loop: plainLoop,
  plan: makeOnlyPlan,
  ready: drainQueue,
  engine: runEngine,
  fold: foldEvents,
  record: recordRun,
  replay: replayRun,
  resume: resumeRun,
};

const [kind = '', ...words] = process.argv.slice(2);
const prepare = KINDS[kind];
if (prepare === undefined) throw new Error(`no rung ${kind}`);
const { work } = await prepare(...words);
globalThis.gc?.();
const cpu = process.cpuUsage();
const began = performance.now();
const more = await work();
const wallMs = performance.now() - began;
const { user, system } = process.cpuUsage(cpu);
const peakKb = process.resourceUsage().maxRSS;
process.stdout.write(JSON.stringify({ wallMs, cpuMs: (user + system) / 1_000, peakKb, more }));
