/**
 * One look at all deployments: what is due is decided and written down, then started. A claim is on disk before its run is, and names the
 * run's id, so that a pass after a crash starts the same run, once. This room knows neither commands nor terminals; `ports` reach
 * the disk and start processes. Next: `schedules/due.ts` decides, `serve.ts` looks again and again.
 *
 *     due --> claimed (db.json) --> started (a run on disk) --> open --> over
 *                 '--> refused: what flowctl said is remembered
 */

import type { RunId } from '../base/ids.ts';
import {
  type Deployment,
  type ProjectDocument,
  REMEMBERED_TICKS,
  type RunClaim,
  type TickOutcome,
} from '../model/deployment.ts';
import { decideDue, type DueEvent, remembered } from '../schedules/due.ts';
import { hasRun, withRun } from '../schedules/ran.ts';
import { timetableOf, type Timetables } from '../schedules/timetables.ts';

/** How a start ended. */
export type StartEnd =
  | { readonly kind: 'started' }
  | { readonly kind: 'refused'; readonly exit_code: number | null; readonly message: string };

/** How a run stands. */
export type RunStanding = 'none' | 'live' | 'over';

/** What a pass reaches the world by. */
export interface SchedulerPorts {
  /** Milliseconds since the epoch. */
  now(): number;
  mint(): RunId;
  /** @throws when the document cannot be read. */
  read(): Promise<ProjectDocument>;
  /** Changes the document under its lock. @throws when it cannot be written. */
  change(change: (document: ProjectDocument) => ProjectDocument): Promise<ProjectDocument>;
  /** `none`: there is no run of that id, or it never began. */
  standing(run: RunId): Promise<RunStanding>;
  /** Starts a run as a process of its own, and waits until it is on disk. */
  start(deployment: Deployment, claim: RunClaim): Promise<StartEnd>;
  cancel(run: RunId): Promise<void>;
  /** True when this process was asked to end: what was not started by then is left to the next one. Default: it was not. */
  isStopped?(): boolean;
  /** What happens beside the clock. Default: nothing does. */
  readonly events?: EventPort;
  /** Told of everything that is decided. */
  tell(deployment: string, tick: TickOutcome): void;
}

/** Where events wait until the document has them: they are on disk before anybody is asked about them. */
export interface EventPort {
  /** Looks at what happened to the deployments' triggers. */
  look(document: ProjectDocument): Promise<void>;
  /**
   * What waits for a deployment, in the order in which it happened; the same again until `settle` has seen it taken. `isWhole`: nothing
   * else waits.
   */
  waiting(deployment: Deployment): { readonly events: readonly DueEvent[]; readonly isWhole: boolean };
  /** Forgets what a document that is on disk names as taken. */
  settle(document: ProjectDocument): Promise<void>;
}

/** What a pass did. */
export interface PassSummary {
  readonly started: number;
  readonly refused: number;
  readonly missed: number;
  readonly skipped: number;
}

/** Runs that are started at once. */
const STARTS_AT_ONCE = 4;
/** A claim whose folder is there without a run after this time was cut off while the run was made: it gets another id. */
const CLAIM_PATIENCE_MS = 60_000;

/** Looks at all deployments once. @param wanted only these; all when absent. */
export async function pass(
  ports: SchedulerPorts,
  timetables: Timetables,
  wanted?: (deployment: Deployment) => boolean,
): Promise<PassSummary> {
  const told: TickOutcome[] = [];
  const tell = (deployment: string, tick: TickOutcome): void => {
    told.push(tick);
    ports.tell(deployment, tick);
  };
  const isWanted = ({ name }: Deployment, document: ProjectDocument): boolean => {
    const deployment = document.deployments[name];
    return deployment !== undefined && (wanted?.(deployment) ?? true);
  };
  const { events } = ports;
  const found = await ports.read();
  const isLeft = Object.values(found.deployments).some((each) => each.claims.length > 0 && isWanted(each, found));
  // What another process wrote down and did not start comes first: a run of it may be over, and stands in nobody's way.
  if (isLeft) await startClaims(ports, found, (deployment) => isWanted(deployment, found), timetables, tell);
  const before = isLeft ? await ports.read() : found;
  await events?.look(before);
  const standing = new Map<RunId, RunStanding>();
  for (const deployment of Object.values(before.deployments)) {
    if (!isWanted(deployment, before)) continue;
    for (const { run } of [...deployment.open, ...deployment.claims]) standing.set(run, await ports.standing(run));
  }
  const cancel: RunId[] = [];
  const news: (readonly [name: string, tick: TickOutcome])[] = [];
  const decide = (document: ProjectDocument): ProjectDocument => {
    cancel.length = 0;
    news.length = 0;
    const changed: { [name: string]: Deployment } = {};
    for (const deployment of Object.values(document.deployments)) {
      if (!isWanted(deployment, document)) continue;
      const now = ports.now();
      // What began since is taken for live.
      const live = new Set(deployment.open.map(({ run }) => run).filter((run) => standing.get(run) !== 'over'));
      const occurrences = timetables.of(deployment);
      const waiting = events?.waiting(deployment) ?? { events: [], isWhole: false };
      const decided = decideDue(deployment, {
        ...{ now, occurrences, live, waiting, mint: () => ports.mint() },
        hasRun: (schedule, instant) =>
          hasRun(deployment.ran, deployment.schedules[schedule]?.params ?? {}, instant, (each) =>
            timetables.read(each),
          ),
      });
      cancel.push(...decided.cancel);
      if (decided.deployment === deployment) continue;
      changed[deployment.name] = { ...decided.deployment, updated_at: new Date(now).toISOString() };
      for (const tick of decided.news) news.push([deployment.name, tick]);
    }
    if (Object.keys(changed).length === 0) return document;
    return { ...document, deployments: { ...document.deployments, ...changed } };
  };
  // Nothing is locked where nothing is due.
  const document = decide(before) === before ? before : await ports.change(decide);
  await events?.settle(document);
  for (const [name, tick] of news) tell(name, tick);
  for (const run of cancel) await ports.cancel(run);
  await startClaims(ports, document, (deployment) => isWanted(deployment, document), timetables, tell);
  const count = (outcome: TickOutcome['outcome']): number => told.filter((tick) => tick.outcome === outcome).length;
  return { started: count('started'), refused: count('refused'), missed: count('missed'), skipped: count('skipped') };
}

async function startClaims(
  ports: SchedulerPorts,
  document: ProjectDocument,
  isWanted: (deployment: Deployment) => boolean,
  timetables: Timetables,
  tell: (deployment: string, tick: TickOutcome) => void,
): Promise<void> {
  const waiting = Object.values(document.deployments)
    .filter(isWanted)
    .flatMap((deployment) => deployment.claims.map((claim) => ({ deployment, claim })));
  const batched = { ...ports, change: inBatches(ports) };
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined && ports.isStopped?.() !== true; next = waiting.shift()) {
      const { deployment, claim } = next;
      const tick = await startOne(batched, deployment, claim, timetables);
      if (tick !== null) tell(deployment.name, tick);
    }
  };
  await Promise.all(Array.from({ length: Math.min(STARTS_AT_ONCE, waiting.length) }, worker));
}

/** What several starts have to say while the document is being written goes into the next write together. */
function inBatches(ports: SchedulerPorts): (change: DocumentChange) => Promise<void> {
  let waiting: DocumentChange[] = [];
  let last: Promise<unknown> = Promise.resolve();
  return async (change) => {
    waiting.push(change);
    last = last.then(async () => {
      const batch = waiting;
      waiting = [];
      if (batch.length > 0) await ports.change((document) => batch.reduce((before, each) => each(before), document));
    });
    await last;
  };
}

type DocumentChange = (document: ProjectDocument) => ProjectDocument;
/** The ports of a start. */
type StartPorts = Omit<SchedulerPorts, 'change'> & { change(change: DocumentChange): Promise<void> };

/** Null: the start was cut off by what ends this process as well, and the claim stays. */
async function startOne(
  ports: StartPorts,
  deployment: Deployment,
  given: RunClaim,
  timetables: Timetables,
): Promise<TickOutcome | null> {
  let claim = given;
  let isThere = (await ports.standing(claim.run)) !== 'none';
  if (!isThere && ports.now() - Date.parse(claim.claimed_at) > CLAIM_PATIENCE_MS) {
    const renewed = { ...claim, run: ports.mint(), claimed_at: new Date(ports.now()).toISOString() };
    await ports.change((document) => replaced(document, deployment.name, claim, { claims: [renewed] }, timetables));
    claim = renewed;
  }
  let end: StartEnd = { kind: 'started' };
  if (!isThere) {
    end = await ports.start(deployment, claim);
    // It may have begun and not been heard of.
    isThere = end.kind === 'started' || (await ports.standing(claim.run)) !== 'none';
  }
  // systemd sends its signal to all processes of a service.
  const isCutOff = end.kind === 'refused' && end.exit_code === null && ports.isStopped?.() === true;
  if (isCutOff && !isThere) return null;
  const tick: TickOutcome =
    isThere || end.kind === 'started'
      ? { ...claim, outcome: 'started' }
      : { ...claim, outcome: 'refused', exit_code: end.exit_code, message: end.message };
  const open = isThere ? [remembered(claim)] : [];
  const became = { open, ticks: [remembered(tick)] };
  await ports.change((document) => replaced(document, deployment.name, claim, became, timetables));
  return tick;
}

/** A deployment that knows of one run more. @param claim of one of its schedules. */
export function remembering(deployment: Deployment, claim: RunClaim, timetables: Timetables): Deployment {
  const schedule = claim.schedule === null ? undefined : deployment.schedules[claim.schedule];
  if (schedule === undefined) return deployment;
  const timetable = timetableOf(deployment, schedule);
  const instant = Date.parse(claim.scheduled_for);
  const ran = withRun(deployment.ran, { timetable, params: schedule.params }, instant, (each) => timetables.read(each));
  return ran === deployment.ran ? deployment : { ...deployment, ran };
}

/** The document without a claim, and with what became of it. */
function replaced(
  document: ProjectDocument,
  name: string,
  claim: RunClaim,
  {
    claims = [],
    open = [],
    ticks = [],
  }: { readonly claims?: RunClaim[]; readonly open?: RunClaim[]; readonly ticks?: TickOutcome[] },
  timetables: Timetables,
): ProjectDocument {
  const deployment = document.deployments[name];
  if (deployment === undefined) return document;
  const after: Deployment = {
    ...deployment,
    claims: [...deployment.claims.filter(({ run }) => run !== claim.run), ...claims],
    open: [...deployment.open, ...open],
    ticks: [...deployment.ticks, ...ticks].slice(-REMEMBERED_TICKS),
  };
  const known = open.reduce((each, started) => remembering(each, started, timetables), after);
  return { ...document, deployments: { ...document.deployments, [name]: known } };
}
