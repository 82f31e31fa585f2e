/** Whether a listing finds every run: the markers in `open/`, and the index. Both are caches, so whatever is wrong with them can be mended. */

import { lstat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRunId, type RunId } from '../../base/ids.ts';
import type { RunRow } from '../../model/view.ts';
import { FILE_MODE, syncDirectory } from '../durable-files.ts';
import type { IndexEntry } from '../index-file.ts';
import { indexEntries, replaceIndex } from '../index-replacement.ts';
import { runLayout, type StateLayout } from '../layout.ts';
import { everyRun, indexEntry } from '../owned-run.ts';
import { readRunFolder } from '../run-reading.ts';
import { namesIn } from './entries.ts';
import { type Finding, finding } from './finding.ts';
import { freeMend, type RunCheck } from './run.ts';

/** Lines of deleted runs are mentioned when there are so many. */
const MANY_DEAD_LINES = 1_000;
const LOOKS = 4;
const PAUSE_MS = 10;

/** Looks at both. @param runs what was found of all runs. */
export async function checkListing(state: StateLayout, runs: readonly RunCheck[]): Promise<readonly Finding[]> {
  const markers = new Set(await namesIn(state.open));
  const entries = await patientEntries(state);
  const known = new Map((entries ?? []).map((entry) => [entry.id, entry]));
  const checks = new Map(runs.map((run) => [run.id, run]));
  // The index first: a marker may go when its run stands in it.
  const ofIndex = await checkIndex(state, entries, known, markers, checks);
  const findings: Finding[] = ofIndex === null ? [] : [ofIndex];
  for (const name of markers) findings.push(...staleMarker(state, name, checks, known));
  for (const { id, kind } of runs) {
    const isListed = markers.has(id) || (kind !== 'ended' && known.has(id));
    if (isListed || !['open', 'damaged'].includes(kind) || (kind === 'damaged' && entries === null)) continue;
    const layout = runLayout(state, { id, root: id });
    const mend = freeMend(layout, 'make it', async () => {
      await writeFile(layout.marker, '', { flag: 'wx', mode: FILE_MODE }).catch(() => undefined);
      await syncDirectory(state.open);
    });
    const message = 'the run has no marker, so it is missing from listings';
    findings.push(finding('warning', 'no_marker', message, { file: layout.marker, run: id, mend }));
  }
  return findings;
}

/** One that is just being put in place is no damage. */
async function patientEntries(state: StateLayout): Promise<readonly IndexEntry[] | null> {
  for (let look = 1; look < LOOKS; look += 1) {
    const entries = await indexEntries(state.index);
    if (entries !== null) return entries;
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  return indexEntries(state.index);
}

async function checkIndex(
  state: StateLayout,
  entries: readonly IndexEntry[] | null,
  known: ReadonlyMap<RunId, IndexEntry>,
  markers: ReadonlySet<string>,
  checks: ReadonlyMap<RunId, RunCheck>,
): Promise<Finding | null> {
  const mend = { what: 'make it anew from the runs', apply: () => replaceIndex(state.index, () => everyRun(state)) };
  const details = { file: state.index, mend };
  const runs = [...checks.values()];
  if (entries === null) {
    const isThere = (await lstat(state.index).catch(() => null)) !== null;
    const isNeeded = runs.some(({ kind }) => kind !== 'live' && kind !== 'absent' && kind !== 'open');
    if (!isThere && !isNeeded) return null;
    const message = isThere ? 'cannot be read, so listings walk all runs' : 'is missing, so listings walk all runs';
    return finding('warning', isThere ? 'index_damaged' : 'index_missing', message, details);
  }
  for (const run of runs) {
    const entry = known.get(run.id);
    if (run.kind !== 'ended') continue;
    if (entry === undefined && !markers.has(run.id)) {
      const message = `does not know run ${run.id}, which is missing from listings`;
      return finding('warning', 'index_incomplete', message, { ...details, run: run.id });
    }
    if (entry !== undefined && (await contradicts(state, entry, run))) {
      const message = `says something else of run ${run.id} than its journal`;
      return finding('warning', 'index_wrong', message, { ...details, run: run.id });
    }
  }
  const dead = entries.filter(({ id }) => !checks.has(id)).length;
  if (dead < MANY_DEAD_LINES || dead < entries.length / 2) return null;
  return finding('note', 'index_long', `has ${dead} lines of runs that were deleted`, details);
}

/** A line of another journal, an older or a newer one, is no lie: readers see that, and look into the run. */
async function contradicts(state: StateLayout, entry: IndexEntry, { id, row }: RunCheck): Promise<boolean> {
  if (entry.row === null) return false;
  const journal = await lstat(runLayout(state, { id, root: id }).journal).catch(() => null);
  if (journal?.size !== entry.journal_bytes || journal.mtimeMs !== entry.journal_changed) return false;
  return told(row) !== told(entry.row);
}

const told = ({ state, exit_code, flow, created_at, finished_at }: RunRow): string =>
  JSON.stringify([state, exit_code, flow, created_at, finished_at]);

function staleMarker(
  state: StateLayout,
  name: string,
  checks: ReadonlyMap<RunId, RunCheck>,
  known: ReadonlyMap<RunId, IndexEntry>,
): readonly Finding[] {
  const file = join(state.open, name);
  const id = parseRunId(name);
  if (id === null || id !== name) return [finding('note', 'odd_file', 'is no marker of a run', { file })];
  const check = checks.get(id);
  if (check === undefined) {
    const apply = async (): Promise<boolean> => {
      // A run of this name may have begun since.
      if ((await lstat(runLayout(state, { id, root: id }).directory).catch(() => null)) !== null) return false;
      await unlink(file).catch(() => undefined);
      return true;
    };
    return [
      finding('note', 'stale_marker', 'the marker of a run that is gone', {
        file,
        run: id,
        mend: { what: 'remove it', apply },
      }),
    ];
  }
  if (check.kind !== 'ended') return [];
  const layout = runLayout(state, { id, root: id });
  const mend = freeMend(layout, known.has(id) ? 'remove it' : 'add the run to the index, and remove it', async () => {
    const { record } = await readRunFolder(layout);
    if (record === null || record.ending === null) return;
    const entries = await indexEntries(state.index);
    if (entries?.some((entry) => entry.id === id) !== true) {
      const own = await indexEntry(layout, record);
      await replaceIndex(state.index, async (old) => (old === null ? everyRun(state) : [...old, own]));
    }
    await unlink(file);
    await syncDirectory(state.open);
  });
  return [finding('note', 'stale_marker', 'the marker of a run that has ended', { file, run: id, mend })];
}
