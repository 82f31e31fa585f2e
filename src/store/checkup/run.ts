/** One run, looked over: its journal, what the journal names, and what lies beside it. */

import { join } from 'node:path';
import type { RunId } from '../../base/ids.ts';
import type { RunRecord } from '../../model/run.ts';
import type { RunRow } from '../../model/view.ts';
import { readDefinition } from '../definitions.ts';
import { readText, writeDurably } from '../durable-files.ts';
import { discardRequests, waitingRequests } from '../inbox.ts';
import { type RunLayout, runLayout, type StateLayout } from '../layout.ts';
import { readWithLiveness } from '../listing.ts';
import type { Liveness } from '../liveness.ts';
import { lockRun } from '../lock.ts';
import { runOutputs } from '../outputs.ts';
import { guarded, type StateProblem, unwrap } from '../problem.ts';
import { removeRun } from '../removal.ts';
import type { Remover } from '../removals.ts';
import { cutTornTail, strayFiles } from '../repair.ts';
import { readRunFolder, rowOf, type RunReading, rowProblem } from '../run-reading.ts';
import { snapshotOf } from '../snapshot.ts';
import { readSubRuns } from '../sub-runs.ts';
import { leftover, lookAt, pathsIn } from './entries.ts';
import { type Finding, finding, type Mend, type Severity } from './finding.ts';

/** What is looked at with. */
export interface Surroundings {
  readonly state: StateLayout;
  readonly owners: Liveness;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Who mends. */
  readonly remover: Remover;
}

/** What a run is, and what was found. */
export interface RunCheck {
  readonly id: RunId;
  /** `absent`: a folder in which no run ever began. */
  readonly kind: 'live' | 'open' | 'ended' | 'damaged' | 'absent';
  readonly row: RunRow;
  /** Of an open one. Nothing more is kept of the others: there may be ten thousand, each with as many steps. */
  readonly record: RunRecord | null;
  readonly findings: readonly Finding[];
}

/** A folder whose run has not begun may be one that is just being made. */
const YOUNG_MS = 60_000;

/** Does something while nobody owns the run. @returns false when somebody does, or it is gone. */
export async function whileFree(layout: RunLayout, work: () => Promise<boolean>): Promise<boolean> {
  const lock = await lockRun(layout.lock, layout.place.root, 0);
  if (!lock.ok) {
    if (lock.error.kind === 'busy' || lock.error.kind === 'not_found') return false;
    return unwrap(lock);
  }
  try {
    return await work();
  } finally {
    lock.value.release();
  }
}

/** A mend that needs the run's lock. */
export const freeMend = (layout: RunLayout, what: string, work: () => Promise<unknown>): Mend => ({
  what,
  apply: () =>
    whileFree(layout, async () => {
      await work();
      return true;
    }),
});

/** Looks a top-level run over, with its sub-runs. Never rejects for what is in its folder. */
export async function checkRun(around: Surroundings, id: RunId): Promise<RunCheck> {
  const layout = runLayout(around.state, { id, root: id });
  const { reading, live } = await readWithLiveness(around.state, layout.place, around.owners);
  const { record, problem } = reading;
  const row = rowOf(reading, live, around.now);
  const check = (kind: RunCheck['kind'], findings: readonly Finding[]): RunCheck => ({
    ...{ id, kind, row, findings },
    record: kind === 'open' ? record : null,
  });
  const looked = await guarded(layout.directory, async (): Promise<RunCheck> => {
    if (!reading.started) return check('absent', live ? [] : await neverBegan(around, layout));
    const findings = problem === null ? [] : [problemFinding(problem, layout)];
    if (live) return check('live', findings);
    findings.push(...(await besideJournal(layout)));
    if (problem !== null || record === null) return check('damaged', findings);
    findings.push(...(await recorded(layout, reading, record)));
    for (const member of await readSubRuns(layout, record)) findings.push(...(await subRun(member.reading)));
    if (record.ending !== null) findings.push(...(await afterTheEnd(layout, reading, record)));
    else findings.push(unfinished(record));
    return check(record.ending === null ? 'open' : 'ended', findings);
  });
  if (looked.ok) return looked.value;
  return check('damaged', [problemFinding(looked.error, layout)]);
}

async function neverBegan({ state, now, remover }: Surroundings, layout: RunLayout): Promise<readonly Finding[]> {
  const { id } = layout.place;
  const found: Finding[] = [];
  const entry = await lookAt(layout.directory, id, (each) => found.push(each));
  if (entry?.kind !== 'folder' || now - entry.changedMs < YOUNG_MS) return found;
  const apply = async (): Promise<boolean> => {
    const removed = await removeRun(state, id, { remover, patienceMs: 0 });
    if (removed.ok) return removed.value.kind === 'removed';
    if (removed.error.kind === 'busy') return false;
    return removed.error.kind === 'not_found' || unwrap(removed) === null;
  };
  const what = 'a folder in which no run ever began';
  return [
    finding('note', 'never_began', what, { file: layout.directory, run: id, mend: { what: 'remove it', apply } }),
  ];
}

function problemFinding(problem: StateProblem, layout: RunLayout): Finding {
  const { message, file, offset } = rowProblem(problem, layout);
  const run = layout.place.id;
  if (problem.kind === 'not_resumable') {
    const help = 'another version of flowctl reads it; this one only lists it';
    return finding('warning', 'other_format', message, { file, run, help });
  }
  const severity: Severity = problem.kind === 'damaged' ? 'damage' : 'warning';
  const help =
    problem.kind === 'damaged'
      ? `what can be read is shown: flowctl show ${layout.place.root}; to be rid of it: flowctl delete ${layout.place.root}`
      : null;
  const code = problem.kind === 'damaged' ? 'damaged' : 'unreadable';
  return finding(severity, code, message, { file, offset, run, help });
}

/** What lies in the folder of a run that nobody owns. */
async function besideJournal(layout: RunLayout): Promise<Finding[]> {
  const found: Finding[] = [];
  const { id } = layout.place;
  await lookAt(layout.directory, id, (each) => found.push(each));
  for (const { path } of await pathsIn(layout.directory)) await lookAt(path, id, (each) => found.push(each));
  for (const path of await strayFiles(layout)) {
    const { mend, ...stray } = leftover(path, 'a file that its owner did not finish, or needed while it lived', id);
    found.push({ ...stray, mend: mend && freeMend(layout, mend.what, mend.apply) });
  }
  return found;
}

/** What the journal names: the definition, and outputs that lie in files. */
async function recorded(layout: RunLayout, { torn }: RunReading, record: RunRecord): Promise<Finding[]> {
  const found: Finding[] = [];
  const definition = await readDefinition(layout, record.revision);
  if (!definition.ok) found.push(problemFinding(definition.error, layout));
  const outputs = runOutputs(layout);
  const kept = [...record.steps.values()].map((step) => step.outputs);
  for (const ref of [...kept, record.ending?.outputs ?? null]) {
    if (ref?.kind !== 'stored') continue;
    const read = await guarded(layout.outputs, () => outputs.read(ref));
    if (!read.ok) found.push(problemFinding(read.error, layout));
  }
  if (torn !== null) found.push(tornTail(layout, torn.bytes, record.ending !== null));
  return found;
}

/** That of a run that goes on is left to `resume`, which records that it was cut off. */
function tornTail(layout: RunLayout, bytes: number, hasEnded: boolean): Finding {
  const { id } = layout.place;
  const message = `the last ${bytes} bytes of the journal are no record; nobody was told of what they may have been`;
  const details = { file: layout.journal, run: id };
  if (!hasEnded) return finding('note', 'torn_tail', message, { ...details, help: '`flowctl resume` puts them aside' });
  const mend = freeMend(layout, 'put them aside, beside the journal', async () => {
    const { torn } = await readRunFolder(layout);
    if (torn === null) return;
    await cutTornTail(layout, torn);
    await rewriteSnapshot(layout);
  });
  return finding('warning', 'torn_tail', message, { ...details, mend });
}

async function subRun(reading: RunReading): Promise<readonly Finding[]> {
  const { layout, record, problem } = reading;
  if (problem !== null) return [problemFinding(problem, layout)];
  return [...(await besideJournal(layout)), ...(record === null ? [] : await recorded(layout, reading, record))];
}

async function afterTheEnd(layout: RunLayout, { torn }: RunReading, record: RunRecord): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  const { id } = layout.place;
  if (torn === null && !(await isSnapshotCurrent(layout, record.seq))) {
    const mend = freeMend(layout, 'write it again', () => rewriteSnapshot(layout));
    found.push(
      finding('note', 'old_snapshot', 'is not what the journal says', { file: layout.snapshot, run: id, mend }),
    );
  }
  for (const name of await waitingRequests(layout)) {
    const mend = freeMend(layout, 'remove it', () => discardRequests(layout, [name]));
    const details = { file: join(layout.inbox, name), run: id, mend };
    found.push(finding('note', 'late_request', 'a request that came when the run had ended', details));
  }
  return found;
}

async function rewriteSnapshot(layout: RunLayout): Promise<void> {
  const { record } = await readRunFolder(layout);
  if (record === null) return;
  await writeDurably(layout.snapshot, `${JSON.stringify(snapshotOf(record, layout, 0))}\n`);
}

async function isSnapshotCurrent(layout: RunLayout, seq: number): Promise<boolean> {
  try {
    const document = JSON.parse(await readText(layout.snapshot)) as { readonly seq?: unknown } | null;
    return document?.seq === seq;
  } catch {
    return false;
  }
}

function unfinished(record: RunRecord): Finding {
  const run = record.id;
  if (record.parked) {
    return finding('note', 'waiting', `run of ${record.flow} waits, and nobody stays with it`, {
      run,
      help: `what for: flowctl show ${run}; to go on: flowctl resume ${run}`,
    });
  }
  const help = `to go on: flowctl resume ${run}; to end it: flowctl cancel ${run}`;
  return finding('warning', 'crashed', `run of ${record.flow} did not end, and nobody owns it`, { run, help });
}
