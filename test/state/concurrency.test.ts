/** Cases 33, 34, 36 and 39: several flowctl processes on one state directory (I8). */

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import type { RunId } from '../../src/base/ids.ts';
import { runLayout, stateLayout } from '../../src/store/layout.ts';
import { readRun } from '../../src/store/runs.ts';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun, shown, stepOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';

const here = useCase();

describe('many processes', () => {
  it('case 33: 20 `run` at once: 20 runs, 20 succeeded, every file parses at every poll', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    const runs = Array.from({ length: 20 }, () => rig.start(['run', 'flow.yaml']));
    const all = Promise.all(runs.map(({ ended }) => ended));
    let over = false;
    const ends = all.then((ended) => {
      over = true;
      return ended;
    });
    let polls = 0;
    while (!over) {
      const rows = await rig.query<RunRow[]>('runs', '--limit', '100');
      for (const { problem } of rows) expect(problem).toBeUndefined();
      for (const id of rig.runIds()) {
        for (const name of ['run.json', 'flow.json']) {
          const file = rig.path('.flowctl', 'runs', id, name);
          if (existsSync(file)) JSON.parse(readFileSync(file, 'utf8'));
        }
      }
      polls += 1;
    }
    expect(polls).toBeGreaterThan(1);
    for (const { code, stderr } of await ends) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const rows = await rig.query<RunRow[]>('runs', '--limit', '100');
    expect(new Set(rows.map(({ id }) => id)).size).toBe(20);
    expect(rows.map(({ state }) => state)).toEqual(Array(20).fill('succeeded'));
    expect([...rig.effects()].sort().join('')).toBe('a'.repeat(20) + 'b'.repeat(20) + 'c'.repeat(20));
    // A rebuilt part is set off by an empty line.
    const index = rig
      .read('.flowctl/index.ndjson')
      .split('\n')
      .filter((line) => line !== '');
    for (const line of index) JSON.parse(line);
    expect(index.filter((line) => line.includes('"journal_bytes"')).length).toBeGreaterThanOrEqual(20);
    expect(rig.filesBelow('.flowctl/open')).toEqual([]);
  });

  it('case 34: five `resume` of one crashed run: one owner, four times 75; effects once', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const run = rig.start(['run', 'flow.yaml']);
    const first = await stage.enter('b');
    run.process.kill('SIGKILL');
    await first.gone;
    const five = Array.from({ length: 5 }, () => rig.start(['resume', first.run]));
    let refused = 0;
    const four = new Promise<void>((done) => {
      for (const { ended } of five) {
        void ended.then(({ code, stderr }) => {
          if (code !== 75) return;
          expect(stderr).toContain('is owned by process');
          refused += 1;
          if (refused === 4) done();
        });
      }
    });
    const second = await stage.enter('b');
    await four;
    await second.exit(0);
    const codes = (await Promise.all(five.map(({ ended }) => ended))).map(({ code }) => code ?? -1);
    expect(codes.sort((one, other) => one - other)).toEqual([0, 75, 75, 75, 75]);
    expect(stage.entered).toEqual(['b', 'b']);
    expect(rig.effects()).toEqual(['a', 'c']);
    expect(await onlyRun(rig)).toMatchObject({ state: 'succeeded', resumes: 1 });
  });

  it('case 36: an owner that is stopped stays the owner; continued, it comes to its end (F5)', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const run = rig.start(['run', 'flow.yaml']);
    const puppet = await stage.enter('b');
    run.process.kill('SIGSTOP');
    // Each tries for half a second; together longer than any lease of seconds.
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const { code, stdout } = await rig.flowctl('resume', puppet.run);
      expect({ code, stdout }).toEqual({ code: 75, stdout: '' });
      expect(await onlyRun(rig)).toMatchObject({ state: 'running' });
    }
    await puppet.exit(0);
    run.process.kill('SIGCONT');
    expect((await run.ended).code).toBe(0);
    expect(stage.entered).toEqual(['b']);
    expect(rig.effects()).toEqual(['a', 'c']);
    expect(stepOf(await shown(rig), 'b').attempts).toHaveLength(1);
  });

  it('case 39: readers of a live run, a hundred and more, neither wait nor disturb', async () => {
    const { rig } = here;
    const steps = Array.from({ length: 150 }, (_, index) => `  s${index}: { run: 'echo line; echo x >> "$EFFECTS"' }`);
    const needs = steps.map((_, index) => `s${index}`).join(', ');
    const stage = await here.stage();
    rig.write('flow.yaml', `steps:\n${steps.join('\n')}\n  last: { needs: [${needs}], run: ${Stage.step('last')} }\n`);
    const run = rig.start(['run', 'flow.yaml']);
    await run.prints('s0 started');
    const [id = ''] = rig.runIds();
    const followers = [rig.start(['logs', '-f']), rig.start(['logs', id, 's149', '-f'])];
    const state = stateLayout(rig.path('.flowctl'));
    const layout = runLayout(state, { id: id as RunId, root: id as RunId });
    let isAtLast = false;
    const last = stage.enter('last').then((puppet) => {
      isAtLast = true;
      return puppet;
    });
    // As the commands read, without the time that Node takes to start. The run lives until it was read often enough.
    let reads = 0;
    while (!isAtLast || reads < 100) {
      const read = await readRun(state, layout.place);
      expect(read).toMatchObject({ ok: true, value: { live: true, problem: null } });
      reads += 1;
      if (reads % 50 === 1) expect((await rig.flowctl('show', id, '--json')).code).toBe(0);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await (await last).exit(0);
    expect((await run.ended).code).toBe(0);
    for (const { code, stdout } of await Promise.all(followers.map(({ ended }) => ended))) {
      expect(code).toBe(0);
      expect(stdout).toContain('line\n');
    }
    expect(rig.effects()).toHaveLength(150);
    for (const { attempts } of (await shown(rig)).steps) expect(attempts).toHaveLength(1);
  });
});
