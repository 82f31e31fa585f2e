/**
 * `it` for black-box cases: every case has a project of its own, and after it, whatever it did, the state is readable, nothing of
 * its runs is alive, no temporary file is left, and all modes are private.
 */

import { afterEach, beforeEach, expect } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { Stage } from './puppet.ts';
import { eventually, GONE_MS, Rig, tagged, type Variables } from './rig.ts';

/** From TERM to KILL in most cases. */
export const GRACE_MS = 500;

/** What belongs to the case that runs. */
export interface Case {
  readonly rig: Rig;
  /** Opened when first asked for; `rig` hands its variables to everything it starts. */
  stage(): Promise<Stage>;
  /** Says that a flowctl is killed at some instant: it may have been writing, and leave a temporary file even in an ended run. */
  mayLeaveStrays(): void;
}

/** What users have, and each of the others from the first step on. */
const WAYS: readonly Variables[] = [{}, { FLOWCTL_LAUNCHER: 'starter' }, { FLOWCTL_LAUNCHER: 'shells' }];

/** A third of the cases is run in each way, always the same ones. */
function launcherOf(name: string): Variables {
  if (process.env['FLOWCTL_LAUNCHER'] !== undefined) return {};
  const sum = [...name].reduce((total, character) => total + (character.codePointAt(0) ?? 0), 0);
  return WAYS[sum % WAYS.length] ?? {};
}

/**
 * Gives every case of a file a fresh project, and looks after each at what it left.
 * @param env for everything that is started; default: a grace time of half a second.
 */
export function useCase(env: Variables = {}): Case {
  let rig: Rig | undefined;
  let stage: Promise<Stage> | undefined;
  let strays: 'of_crashed_runs' | 'of_any' = 'of_crashed_runs';
  beforeEach(({ task }) => {
    strays = 'of_crashed_runs';
    rig = new Rig({ FLOWCTL_GRACE: `${GRACE_MS}ms`, ...launcherOf(task.name), ...env });
    stage = undefined;
  });
  afterEach(async ({ task }) => {
    if (rig === undefined) return;
    if (stage !== undefined) await (await stage).close();
    await aftermath(rig, strays);
    if (task.result?.state !== 'fail') rig.remove();
  });
  return {
    get rig() {
      if (rig === undefined) throw new Error('outside of a case');
      return rig;
    },
    stage() {
      const { rig: current } = this;
      stage ??= Stage.open(current.folder).then((opened) => {
        current.give(opened.variables);
        return opened;
      });
      return stage;
    },
    mayLeaveStrays() {
      strays = 'of_any';
    },
  };
}

/** I5, I6 and S10 for whatever a case left in its project. */
export async function aftermath(rig: Rig, mayStray: 'of_crashed_runs' | 'of_any'): Promise<void> {
  const listed = await rig.flowctl('runs', '--json', '--all', '--limit', '10000');
  expect(listed.code, `I6: runs --json\n${listed.stderr}`).toBe(0);
  const rows = JSON.parse(listed.stdout) as RunRow[];
  expect(Array.isArray(rows), 'I6: runs --json is an array').toBe(true);
  for (const run of rig.runIds()) {
    await eventually(`I5: nothing of run ${run} lives`, GONE_MS, () => tagged(run).length === 0);
  }
  const left = rig.filesBelow().filter(({ path }) => !belongsToSteps(path));
  // Who was killed while writing one could not remove it; the next resume does.
  const excused = rows.filter(({ state }) => state === 'crashed' || mayStray === 'of_any').map(({ id }) => id);
  const strays = left.map(({ path }) => path).filter((path) => /\.(?:tmp|script|output|input|pipe)$/.test(path));
  expect(
    strays.filter((path) => !excused.some((id) => path.includes(id))),
    'no stray file',
  ).toEqual([]);
  expect(
    left.filter(({ mode, isFolder }) => mode !== (isFolder ? 0o700 : 0o600)),
    'S10: modes',
  ).toEqual([]);
}

/** What steps make in `dir/` and `artifacts/` is theirs. */
const belongsToSteps = (path: string): boolean => /^runs\/[^/]+\/(?:dir|artifacts)\/./.test(path);
