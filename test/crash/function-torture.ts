/**
 * A random flow function runs as a real process and is killed with SIGKILL: when its journal has grown by some lines, or after some time,
 * also while it resumes and while it is told what was recorded. Then it is resumed to the end, and the invariants are checked. A violation
 * names the seed, which draws the same function and the same kills.
 */

import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { RunEvent } from '../../src/model/event.ts';
import type { RunDetail, RunRow } from '../../src/model/view.ts';
import { eventually, GONE_MS, Rig, tagged } from '../kit/rig.ts';
import { chance, type Draw, seeded } from '../kit/seeded.ts';
import { drawProgram, moduleOf } from './function-program.ts';

const ENV = { FLOWCTL_GRACE: '300ms' };
/** A life that takes longer hangs. */
const LIFE_LIMIT_MS = 60_000;

/** What came of one function. */
export interface Tortured {
  readonly violations: readonly string[];
  /** Lives that a kill ended, and those of them in which the function was told what was recorded. */
  readonly kills: number;
  readonly inReplays: number;
}

/** The journals of a run and of those beneath it, by run. */
function journalsOf(rig: Rig, run: string): ReadonlyMap<string, readonly RunEvent[]> {
  const folder = rig.path('.flowctl', 'runs', run);
  const children = existsSync(`${folder}/children`) ? readdirSync(`${folder}/children`) : [];
  const folders = [[run, folder] as const, ...children.map((id) => [id, `${folder}/children/${id}`] as const)];
  return new Map(
    folders.flatMap(([id, at]) => {
      const file = `${at}/journal.ndjson`;
      if (!existsSync(file)) return [];
      // The last line of a killed run may be torn.
      const lines = readFileSync(file, 'utf8').split('\n').slice(1, -1);
      return [[id, lines.map((line) => JSON.parse(line) as RunEvent)]];
    }),
  );
}

const outputsOf = ({ state, outputs }: RunDetail): string => JSON.stringify([state, outputs]);

/** How much is recorded of all runs, in bytes. */
function recordedBytes(rig: Rig): number {
  const runs = rig.path('.flowctl', 'runs');
  if (!existsSync(runs)) return 0;
  const journals = readdirSync(runs, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('journal.ndjson'),
  );
  return journals.reduce((sum, path) => sum + statSync(`${runs}/${path}`).size, 0);
}

/** Kills a life at a point that was drawn, unless it ends before. @returns whether it was killed. */
async function killedLife(
  rig: Rig,
  argv: readonly string[],
  draw: Draw,
  { tookMs, bytes }: Undisturbed,
): Promise<boolean> {
  const byTime = chance(draw, 0.4);
  const delayMs = 50 + draw() * tookMs * 1.2;
  // Small ones more often: a resume is killed before, or soon after, the function has come to where it was.
  const growth = Math.floor(draw() ** 2 * bytes);
  const before = recordedBytes(rig);
  const life = rig.start(argv, { env: ENV });
  const kill = (): void => void life.process.kill('SIGKILL');
  const timer = setTimeout(kill, byTime ? delayMs : LIFE_LIMIT_MS);
  const looking = setInterval(() => {
    if (!byTime && recordedBytes(rig) - before > growth) kill();
  }, 2);
  const { signal } = await life.ended;
  clearTimeout(timer);
  clearInterval(looking);
  return signal === 'SIGKILL';
}

/** True where the last life began nothing: it was still being told what was recorded. */
function endedInReplay(events: readonly RunEvent[]): boolean {
  const resumed = events.findLastIndex(({ type }) => type === 'run.resumed');
  return resumed !== -1 && !events.slice(resumed).some(({ type }) => type === 'attempt.started');
}

/** What came of a function that nobody disturbed, and what it took. */
interface Undisturbed {
  readonly outputs: string;
  readonly tookMs: number;
  /** Of its journals. */
  readonly bytes: number;
}

async function undisturbed(module: string): Promise<Undisturbed> {
  const rig = new Rig();
  rig.write('flow.ts', module);
  const began = performance.now();
  const { code, stdout, stderr } = await rig.start(['run', 'flow.ts'], { env: ENV }).ended;
  const tookMs = performance.now() - began;
  if (code !== 0)
    throw new Error(`the undisturbed run ended with ${code}, kept in ${rig.folder}\n${stdout}\n${stderr}`);
  const outputs = outputsOf(await rig.query<RunDetail>('show'));
  const bytes = recordedBytes(rig);
  rig.remove();
  return { outputs, tookMs, bytes };
}

/** One function, killed up to so many times, then resumed to its end. */
export async function tortureFunction(seed: number, mostKills: number): Promise<Tortured> {
  const draw = seeded(seed);
  const module = moduleOf(drawProgram(draw));
  const rig = new Rig();
  const violations: string[] = [];
  let kills = 0;
  let inReplays = 0;
  try {
    const reference = await undisturbed(module);
    rig.write('flow.ts', module);
    let isBegun = false;
    for (let life = 0; life < mostKills; life += 1) {
      if (await killedLife(rig, isBegun ? ['resume'] : ['run', 'flow.ts'], draw, reference)) kills += 1;
      const [run] = await rig.query<readonly RunRow[]>('runs');
      if (run === undefined) continue;
      isBegun = true;
      const journals = journalsOf(rig, run.id);
      if (run.state === 'crashed' && endedInReplay(journals.get(run.id) ?? [])) inReplays += 1;
      violations.push(...(await afterKill(run)), ...[...journals.values()].flatMap(repeated));
    }
    violations.push(...(await toTheEnd(rig, isBegun, reference.outputs)));
  } catch (error) {
    violations.push(String(error));
  }
  if (violations.length === 0) rig.remove();
  const named = [...new Set(violations)].map(
    (each) => `${each} (seed ${seed}, kills ${mostKills}, kept in ${rig.folder})`,
  );
  return { violations: named, kills, inReplays };
}

async function afterKill(run: RunRow): Promise<readonly string[]> {
  const violations: string[] = [];
  if (!['crashed', 'succeeded'].includes(run.state)) violations.push(`I6: the killed run is shown as ${run.state}`);
  await eventually('I5: no process of the run', GONE_MS, () => tagged(run.id).length === 0).catch((error: unknown) => {
    violations.push(String(error));
  });
  return violations;
}

/** I2: attempts that were started of steps that had succeeded, or had failed for good. */
function repeated(events: readonly RunEvent[]): readonly string[] {
  const done = new Set<string>();
  return events.flatMap((event) => {
    if (event.type === 'attempt.finished' && event.outcome === 'succeeded') done.add(event.step);
    if (event.type === 'step.settled') done.add(event.step);
    return event.type === 'attempt.started' && done.has(event.step) ? [`I2: ${event.step} is done again`] : [];
  });
}

/** I3: what happened more often than it was recorded to begin, and what is recorded as a success and never happened. */
function unrecorded(effects: readonly string[], run: string, events: readonly RunEvent[]): readonly string[] {
  const happened = new Map<string, number>();
  for (const effect of effects) happened.set(effect, (happened.get(effect) ?? 0) + 1);
  const started = new Map<string, number>();
  const succeeded = new Map<string, number>();
  for (const event of events) {
    if (event.type === 'attempt.started') started.set(event.step, (started.get(event.step) ?? 0) + 1);
    if (event.type === 'attempt.finished' && event.outcome === 'succeeded') {
      succeeded.set(event.step, (succeeded.get(event.step) ?? 0) + 1);
    }
  }
  const more = [...happened].flatMap(([effect, count]) => {
    const [of, step = ''] = effect.split(' ');
    const starts = started.get(step) ?? 0;
    return of === run && count > starts ? [`I3: ${step} happened ${count} times and began ${starts} times`] : [];
  });
  const twice = [...succeeded].flatMap(([step, count]) => (count > 1 ? [`I2: ${step} succeeded ${count} times`] : []));
  const never = [...succeeded.keys()].flatMap((step) => {
    const isEffect = !/^(?:sleep|approval|child)(?:#\d+)?$/.test(step);
    return isEffect && !happened.has(`${run} ${step}`) ? [`I3: ${step} never happened`] : [];
  });
  return [...more, ...twice, ...never];
}

/** What is undone is undone in the reverse of its order. */
function outOfOrder(events: readonly RunEvent[]): readonly string[] {
  const last = new Map<string, number>();
  return events.flatMap((event) => {
    if (event.type !== 'step.requested') return [];
    const [, id, index] = /undoable\[(\d+)-(\d+)\]\/on_rollback$/.exec(event.step) ?? [];
    if (id === undefined) return [];
    const before = last.get(id) ?? Number.POSITIVE_INFINITY;
    last.set(id, Number(index));
    return Number(index) < before ? [] : [`${event.step} was undone after what came before it`];
  });
}

async function toTheEnd(rig: Rig, isBegun: boolean, expected: string): Promise<readonly string[]> {
  const violations: string[] = [];
  const check = (holds: boolean, what: string): void => {
    if (!holds) violations.push(what);
  };
  const life = rig.start(isBegun ? ['resume'] : ['run', 'flow.ts'], { env: ENV });
  const limit = setTimeout(() => life.process.kill('SIGKILL'), LIFE_LIMIT_MS);
  const { code, signal, stdout, stderr } = await life.ended;
  clearTimeout(limit);
  check(code === 0, `the last resume ended with ${signal ?? code}: ${stderr}${stdout.slice(-2_000)}`);
  const run = await rig.query<RunDetail>('show');
  check(outputsOf(run) === expected, `I4: ${outputsOf(run)} is not ${expected}, of an undisturbed run`);
  const effects = rig.effects();
  for (const [id, events] of journalsOf(rig, run.id)) {
    violations.push(...repeated(events), ...unrecorded(effects, id, events), ...outOfOrder(events));
    check(events.filter(({ type }) => type === 'run.finished').length === 1, `not one run.finished in ${id}`);
    check(!events.some((event) => event.type === 'warning.raised'), `a warning in ${id}`);
  }
  rmSync(rig.path('.flowctl', 'runs', run.id, 'run.json'), { force: true });
  rmSync(rig.path('.flowctl', 'index.ndjson'), { force: true });
  const replayed = await rig.query<RunDetail>('show');
  check(JSON.stringify(replayed) === JSON.stringify(run), 'the snapshot differs from the replay');
  const again = await rig.flowctl('resume');
  check(again.code === 0 && rig.effects().length === effects.length, 'a second resume did something');
  check(tagged(run.id).length === 0, 'I5: processes of the run are left at its end');
  return violations;
}
