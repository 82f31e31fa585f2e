/** A frozen definition that somebody wrote, with a right hash: it is refused with its place, or a plan can be made of it. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { canonicalJson, type Json } from '../../src/base/json.ts';
import { makePlan } from '../../src/engine/plan.ts';
import { foldRun } from '../../src/model/fold.ts';
import type { RunRecord } from '../../src/model/run.ts';
import { definitionPath, runLayout, stateLayout } from '../../src/store/layout.ts';
import { type FrozenDefinition, readDefinition } from '../../src/store/definitions.ts';
import { requireFit, unreadableCondition } from '../../src/store/fit.ts';
import { StateError } from '../../src/store/problem.ts';
import { loaded } from '../load/flow-file.ts';
import { RUN, resumeLife } from '../kit/world.ts';
import { recordedRuns } from './journals.ts';
import { again, casesOf, otherwise, Random, SEED } from './random.ts';

// Many starts of the program, or many cases, beside other tests on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const folder = mkdtempSync(join(tmpdir(), 'flowctl-fuzz-'));
const layout = runLayout(stateLayout(folder), { id: RUN, root: RUN });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A flow with a bit of everything. */
const RICH = `name: rich
params: { n: 1, s: { type: string, default: x } }
env: { A: "\${{ params.n }}" }
secrets: [TOKEN, { KEY: { file: key } }]
concurrency: { group: g, limit: 1 }
retry: 1
steps:
  shell: { run: 'echo \${{ params.s }}', sources: [in], generates: [out], cache: { ttl: 1h }, retry: { max: 2, delay: 1s, on_exit_codes: [75] } }
  map: { needs: shell, foreach: [1, 2], key: "\${{ item }}", tolerate: 50%, run: [echo, "\${{ item }}"] }
  matrix: { matrix: { a: [1, 2], exclude: [{ a: 1 }] }, run: 'true', repeat: { until: 'exit_code == 0', max: 3 } }
  group: { needs: map, steps: { in: { run: 'true' }, out: { needs: in, wait: { for: { file: x }, every: 1s } } } }
  ask: { needs: group, if: always(), approve: { message: hi, params: { why: x } }, on_failure: [{ run: 'true' }] }
  sleep: { needs: ask, wait: 10s }
outputs: { x: "\${{ steps.shell.state }}" }
on_failure: [{ notify: { slack: "https://example.org", text: x } }]
finally: [{ run: 'true' }]
`;

/** What is asked before a run goes on. */
function fits(record: RunRecord, frozen: FrozenDefinition): boolean {
  try {
    requireFit(layout, record, frozen);
    return true;
  } catch (error) {
    if (error instanceof StateError && error.problem.kind === 'damaged') return false;
    throw error;
  }
}

it('I7: a definition that is something else is damage, or one of which a plan is made', async () => {
  const { definition: rich } = await loaded(RICH);
  const runs = await recordedRuns();
  const flows = [rich, ...runs.map(({ flow }) => flow)];
  const path = definitionPath(layout, 1);
  mkdirSync(dirname(path), { recursive: true });
  const counts = { refused: 0, taken: 0 };
  const seen = async (definition: Json) => {
    const sha256 = createHash('sha256').update(canonicalJson(definition)).digest('hex');
    writeFileSync(path, JSON.stringify({ format: 1, revision: 1, flow_hash: 'a'.repeat(64), sha256, definition }));
    return readDefinition(layout, 1);
  };
  // Every one of them is a definition to begin with.
  for (const flow of flows) expect(await seen(flow as unknown as Json)).toMatchObject({ ok: true });
  for (let number = 0; number < casesOf(400); number += 1) {
    const random = new Random(SEED + number * 15_485_863);
    const index = random.below(flows.length);
    const changed = otherwise(random, flows[index]) as Json;
    const what = `${again('definition', number)}: ${JSON.stringify(changed)?.slice(0, 1_500)}`;
    const read = await seen(changed);
    if (!read.ok) {
      expect(read.error.kind, what).toBe('damaged');
      counts.refused += 1;
      continue;
    }
    const { definition } = read.value;
    try {
      const run = runs[index - 1];
      const { run: record } = run === undefined ? { run: null } : foldRun(RUN, run.events);
      if (record === null || run === undefined) {
        if (unreadableCondition(definition) === null) makePlan(definition);
        continue;
      }
      if (!fits(record, read.value)) counts.refused += 1;
      else {
        await resumeLife(definition, run.events);
        counts.taken += 1;
      }
    } catch (error) {
      throw new Error(what, { cause: error });
    }
  }
  for (const count of Object.values(counts)) expect(count, JSON.stringify(counts)).toBeGreaterThan(0);
});
