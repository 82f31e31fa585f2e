/** The example that a CI job runs: on the package as it is, and on one with a failing test. */

import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { Rig } from '../kit/rig.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../examples');

describe('examples/ci', () => {
  let rig: Rig;
  let state: readonly string[];
  beforeEach(() => {
    rig = new Rig();
    state = ['--state-dir', rig.path('.flowctl')];
  });
  afterEach(() => rig.remove());

  it('lints, tests, builds, and tries what was built', async () => {
    const out = rig.path('out');
    const { code, stdout, stderr } = await rig.flowctl(
      'run',
      join(EXAMPLES, 'ci/ci.yaml'),
      '-p',
      `out=${out}`,
      ...state,
    );
    expect(code, stdout + stderr).toBe(0);
    const run = await rig.query<RunDetail>('show', ...state);
    expect(run.outputs).toEqual({ file: join(out, 'slug.mjs'), bytes: readFileSync(join(out, 'slug.mjs')).length });
    const times = run.steps.map(({ started_at, finished_at }) => ({ from: started_at ?? '', to: finished_at ?? '' }));
    const [lint, units, program, build] = times;
    // The three checks began before the first of them had ended, and the build when the last one had.
    const firstEnd = [lint, units, program].map((time) => time?.to ?? '').sort()[0] ?? '';
    const lastEnd = [lint, units, program].map((time) => time?.to ?? '').sort()[2] ?? '';
    for (const time of [lint, units, program]) expect((time?.from ?? '') < firstEnd).toBe(true);
    expect((build?.from ?? '') >= lastEnd).toBe(true);
  });

  it('a failing test: the other checks finish, nothing is built, and a resume goes on when it is mended', async () => {
    // Beside the original, so that the linter, its settings and the bundler are found.
    const copy = mkdtempSync(join(EXAMPLES, '.ci-'));
    try {
      cpSync(join(EXAMPLES, 'ci'), copy, { recursive: true, filter: (path) => !/[/\\](out|\.flowctl)$/.test(path) });
      const file = join(copy, 'package/test/slug.unit.test.js');
      const good = readFileSync(file, 'utf8');
      writeFileSync(file, good.replace("'hello-world'", "'hello world'"));
      const failed = await rig.flowctl('run', join(copy, 'ci.yaml'), ...state);
      expect(failed.code, failed.stderr).toBe(1);
      expect(failed.stdout).toContain('unit_tests: exited with code 1');
      const before = await rig.query<RunDetail>('show', ...state);
      expect(before.steps.map(({ state: stepState }) => stepState)).toEqual([
        'succeeded',
        'failed',
        'succeeded',
        'skipped',
        'skipped',
      ]);
      writeFileSync(file, good);
      const resumed = await rig.flowctl('resume', ...state);
      expect(resumed.code, resumed.stdout + resumed.stderr).toBe(0);
      const after = await rig.query<RunDetail>('show', ...state);
      expect(after.steps.map(({ attempts }) => attempts.length)).toEqual([1, 2, 1, 1, 1]);
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  });
});
