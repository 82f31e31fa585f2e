/**
 * Runs for instants of the past, each once ever. A claim is written down before its run exists and names the run's id; it stays until the
 * run is over, so that whoever asks for the same instants after a crash goes on with the same runs. Any number of processes may do this
 * at once, and beside schedulers. Next: `backfill-plan.ts` lists the instants, `schedules/ran.ts` remembers them.
 */

import type { RunId } from '../base/ids.ts';
import { canonicalJson, type Json } from '../base/json.ts';
import { assertNever } from '../base/result.ts';
import type { Deployment, DueTick, ProjectDocument, RunClaim } from '../model/deployment.ts';
import type { RunState } from '../model/view.ts';
import { hasRun, withRun } from '../schedules/ran.ts';
import type { Timetables } from '../schedules/timetables.ts';
import type { BackfillTick } from './backfill-plan.ts';
import type { SchedulerPorts } from './pass.ts';

/** How a run stands. `unfinished`: nobody goes on with it, and `resume` can. */
export type RunFate =
  | { readonly kind: 'none' | 'live' | 'unfinished' }
  | { readonly kind: 'over'; readonly state: RunState; readonly exit_code: number | null };

/** How the process ended that ran a run. */
export interface DriveEnd {
  /** Null: a signal ended it. */
  readonly code: number | null;
  /** The last lines of what it said. */
  readonly said: string;
}

/** What a backfill reaches the world by. */
export interface BackfillPorts extends Pick<SchedulerPorts, 'now' | 'mint' | 'read' | 'change'> {
  fate(run: RunId): Promise<RunFate>;
  /** Starts a run, or goes on with it, and stays with it. @param isBegun there is something to go on with. */
  drive(claim: RunClaim, tick: BackfillTick, isBegun: boolean): Promise<DriveEnd>;
  /** Resolves after a time, or at once when it is asked to stop. */
  sleep(ms: number): Promise<void>;
  isStopped(): boolean;
  /** Told of every run that begins or goes on, and of what became of every instant. */
  began(tick: BackfillTick, run: RunId): void;
  ended(tick: BackfillTick, outcome: BackfillOutcome): void;
}

/** What became of one instant. */
export type BackfillOutcome =
  | { readonly outcome: 'ran'; readonly run: RunId; readonly state: RunState; readonly exit_code: number | null }
  /** The run began and did not end: the next backfill of its instant goes on with it. */
  | { readonly outcome: 'interrupted'; readonly run: RunId; readonly message: string }
  /** No run could be started: what flowctl said. */
  | { readonly outcome: 'refused'; readonly exit_code: number | null; readonly message: string }
  /** It had its run before. */
  | { readonly outcome: 'had_run' }
  /** A scheduler has written it down, and starts it. */
  | { readonly outcome: 'with_scheduler' }
  /** It was not come to. */
  | { readonly outcome: 'left' };

/** What is asked for. */
export interface Backfill {
  readonly deployment: Deployment;
  /** In the order in which they begin. */
  readonly ticks: readonly BackfillTick[];
  /** Most runs of the deployment's backfills at once, whoever began them. */
  readonly maxParallel: number;
  /** True: after a run that did not succeed nothing more begins. */
  readonly failFast: boolean;
}

/** What came of all: in the order of the instants. */
export interface BackfillEnd {
  readonly outcomes: readonly BackfillOutcome[];
  /** The deployment became another one meanwhile, or went: nothing more was started. */
  readonly isChanged: boolean;
}

const POLL_MS = 300;
/** Whoever claimed an instant starts its run within this time, or died. */
const START_PATIENCE_MS = 10_000;

const isSameTick = (one: DueTick, other: DueTick): boolean =>
  one.schedule === other.schedule && one.scheduled_for === other.scheduled_for;
const schedulesText = ({ schedules }: Deployment): string => canonicalJson(schedules as unknown as Json);

/** True for what is no success: what `--fail-fast` stops at, and an exit code tells of. */
export const isFailure = (each: BackfillOutcome): boolean =>
  each.outcome === 'refused' ||
  each.outcome === 'interrupted' ||
  (each.outcome === 'ran' && each.state !== 'succeeded');

/** Where an instant stands, before its run. */
export type TickStanding = 'free' | 'had_run' | 'with_scheduler' | 'claimed';

/** Tells what is known of an instant. */
export function standingOf(deployment: Deployment, tick: BackfillTick, timetables: Timetables): TickStanding {
  const { claims, queue, ran, backfilling } = deployment;
  if (backfilling.some((each) => isSameTick(each, tick))) return 'claimed';
  if ([...claims, ...queue].some((each) => isSameTick(each, tick))) return 'with_scheduler';
  const read = timetables.read.bind(timetables);
  return hasRun(ran, tick.remembered.params, Date.parse(tick.scheduled_for), read) ? 'had_run' : 'free';
}

type Claimed =
  | { readonly kind: 'had_run' | 'with_scheduler' | 'full' | 'changed' }
  | { readonly kind: 'claimed' | 'theirs'; readonly claim: RunClaim };

/** Runs everything. */
export async function backfill(asked: Backfill, timetables: Timetables, ports: BackfillPorts): Promise<BackfillEnd> {
  const { ticks, maxParallel } = asked;
  const { name } = asked.deployment;
  const schedules = schedulesText(asked.deployment);
  const outcomes: BackfillOutcome[] = ticks.map(() => ({ outcome: 'left' }));
  const mine = new Set<RunId>();
  const theirs: { readonly place: number; readonly claim: RunClaim }[] = [];
  let [next, isChanged, hasFailed] = [0, false, false];

  const change = (map: (deployment: Deployment) => Deployment): Promise<ProjectDocument> =>
    ports.change((document) => {
      const old = document.deployments[name];
      const after = old === undefined ? old : map(old);
      if (after === undefined || after === old) return document;
      const updated = { ...after, updated_at: new Date(ports.now()).toISOString() };
      return { ...document, deployments: { ...document.deployments, [name]: updated } };
    });
  const without = (deployment: Deployment, { run }: RunClaim): Deployment => ({
    ...deployment,
    backfilling: deployment.backfilling.filter((each) => each.run !== run),
  });

  /** Runs of other processes' backfills that go on now, or are about to begin. */
  const othersAlive = async (): Promise<ReadonlyMap<RunId, 'live' | 'none'>> => {
    const claims = (await ports.read()).deployments[name]?.backfilling ?? [];
    const alive = new Map<RunId, 'live' | 'none'>();
    for (const { run, claimed_at } of claims) {
      if (mine.has(run)) continue;
      const { kind } = await ports.fate(run);
      const isYoung = Math.abs(ports.now() - Date.parse(claimed_at)) < START_PATIENCE_MS;
      if (kind === 'live' || (kind === 'none' && isYoung)) alive.set(run, kind);
    }
    return alive;
  };

  const claim = async (tick: BackfillTick): Promise<Claimed> => {
    const alive = await othersAlive();
    let found: Claimed = { kind: 'changed' };
    await change((deployment) => {
      found = { kind: 'changed' };
      if (schedulesText(deployment) !== schedules) return deployment;
      const standing = standingOf(deployment, tick, timetables);
      if (standing === 'had_run' || standing === 'with_scheduler') {
        found = { kind: standing };
        return deployment;
      }
      const known = deployment.backfilling.find((each) => isSameTick(each, tick));
      if (known !== undefined && alive.get(known.run) === 'live') {
        found = { kind: 'theirs', claim: known };
        return deployment;
      }
      if (mine.size + alive.size >= maxParallel) {
        found = { kind: 'full' };
        return deployment;
      }
      const { schedule, scheduled_for } = tick;
      const claimed_at = new Date(ports.now()).toISOString();
      const fresh: RunClaim = { schedule, scheduled_for, run: ports.mint(), trigger: 'backfill', claimed_at };
      found = { kind: 'claimed', claim: known ?? fresh };
      mine.add(found.claim.run);
      return known === undefined ? { ...deployment, backfilling: [...deployment.backfilling, fresh] } : deployment;
    });
    return found;
  };

  const settle = async (tick: BackfillTick, given: RunClaim): Promise<BackfillOutcome> => {
    let end: DriveEnd | null = null;
    for (;;) {
      const fate = await ports.fate(given.run);
      switch (fate.kind) {
        case 'over': {
          const read = timetables.read.bind(timetables);
          const instant = Date.parse(tick.scheduled_for);
          await change((old) => ({ ...without(old, given), ran: withRun(old.ran, tick.remembered, instant, read) }));
          return { outcome: 'ran', run: given.run, state: fate.state, exit_code: fate.exit_code };
        }
        case 'live':
          if (ports.isStopped()) return { outcome: 'interrupted', run: given.run, message: 'it goes on elsewhere' };
          await ports.sleep(POLL_MS);
          break;
        case 'none':
        case 'unfinished': {
          const isBegun = fate.kind === 'unfinished';
          if (end === null && !ports.isStopped()) {
            ports.began(tick, given.run);
            end = await ports.drive(given, tick, isBegun);
            break;
          }
          if (isBegun) return { outcome: 'interrupted', run: given.run, message: end?.said ?? '' };
          await change((old) => without(old, given));
          if (ports.isStopped()) return { outcome: 'left' };
          return { outcome: 'refused', exit_code: end?.code ?? null, message: end?.said ?? '' };
        }
        default:
          assertNever(fate, 'fate of a run');
      }
      // The flow of what went on elsewhere may be left to us in the end.
      if (fate.kind === 'live') end = null;
    }
  };

  const conclude = (place: number, tick: BackfillTick, outcome: BackfillOutcome): void => {
    outcomes[place] = outcome;
    hasFailed ||= isFailure(outcome);
    ports.ended(tick, outcome);
  };
  const isOver = (): boolean => ports.isStopped() || isChanged || (asked.failFast && hasFailed);

  const worker = async (): Promise<void> => {
    while (!isOver() && next < ticks.length) {
      const place = next;
      next += 1;
      const tick = ticks[place];
      if (tick === undefined) return;
      let found = await claim(tick);
      while (found.kind === 'full' && !isOver()) {
        await ports.sleep(POLL_MS);
        found = await claim(tick);
      }
      switch (found.kind) {
        case 'full':
          return;
        case 'changed':
          isChanged = true;
          return;
        case 'had_run':
        case 'with_scheduler':
          conclude(place, tick, { outcome: found.kind });
          break;
        case 'theirs':
          theirs.push({ place, claim: found.claim });
          break;
        case 'claimed': {
          const { run } = found.claim;
          conclude(place, tick, await settle(tick, found.claim).finally(() => mine.delete(run)));
          break;
        }
        default:
          assertNever(found, 'claim');
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxParallel, ticks.length) }, worker));
  for (const { place, claim: given } of theirs) {
    const tick = ticks[place];
    if (tick !== undefined && !isOver()) conclude(place, tick, await settle(tick, given));
  }
  return { outcomes, isChanged };
}
