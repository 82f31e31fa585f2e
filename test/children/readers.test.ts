/** Trees of runs as commands show them: a sub-flow's steps stand beneath its own, wherever their logs and records lie. */

import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { StepId } from '../../src/base/ids.ts';
import type { RunDetail, RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { stepOf } from '../kit/flows.ts';
import { childOf, sh, step, sub, TreeRig } from './tree.ts';

const test = useCase();

/** `outer` has a step `report`, whose flow has a step `again`, whose flow has two steps. */
function flows(tree: TreeRig, last = 'echo from load') {
  const deep = tree.flow('deep', [
    step('extract', sh('echo from extract')),
    step('load', sh(last), { needs: ['extract' as StepId] }),
  ]);
  const middle = tree.flow('middle', [step('again', sub(deep.file))]);
  return tree.flow('outer', [step('first', sh('echo from first')), step('report', sub(middle.file))], {
    flows: { [deep.file]: deep, [middle.file]: middle },
  });
}

describe('show', () => {
  it('shows the steps of sub-flows beneath theirs, and a sub-run by its own id', async () => {
    const tree = new TreeRig(test.rig.folder);
    const run = await tree.run(flows(tree));
    const shown = await test.rig.query<RunDetail>('show');
    expect(shown.id).toBe(run.id);
    expect(shown.steps.map(({ key, id, needs }) => [key, id, ...needs])).toEqual([
      ['first', 'first'],
      ['report', 'report'],
      ['report/again', 'again'],
      ['report/again/extract', 'extract'],
      ['report/again/load', 'load', 'report/again/extract'],
    ]);
    expect(stepOf(shown, 'report/again/load').attempts).toMatchObject([{ number: 1, outcome: 'succeeded' }]);
    expect((await test.rig.flowctl('show', childOf(run, 'report'))).stdout).toContain(`\npart of   run ${run.id}\n`);
    const child = await test.rig.query<RunDetail>('show', childOf(run, 'report'));
    expect(child).toMatchObject({ flow: 'middle', trigger: 'parent', parent: run.id });
    expect(child.steps.map(({ key }) => key)).toEqual(['again', 'again/extract', 'again/load']);
  });

  it('names the damaged record of a sub-run, and shows the rest', async () => {
    const tree = new TreeRig(test.rig.folder);
    const run = await tree.run(flows(tree));
    const [middle] = await tree.children(run.id);
    writeFileSync(middle?.layout.journal ?? '', 'nonsense\nnonsense\n');
    const shown = await test.rig.query<RunDetail>('show');
    expect(shown.problem).toMatchObject({ code: 'state-corrupt', file: middle?.layout.journal });
    expect(shown.steps.map(({ key }) => key)).toContain('first');
  });
});

describe('logs', () => {
  it('finds what steps of sub-flows printed, one by its key, all of them by that of the sub-flow', async () => {
    const tree = new TreeRig(test.rig.folder);
    await tree.run(flows(tree));
    expect((await test.rig.flowctl('logs', 'report/again/load')).stdout).toBe('from load\n');
    const all = await test.rig.flowctl('logs', 'report');
    expect(all.stderr).toBe('');
    expect(all.stdout.replace(/, attempt.*/g, '')).toBe(
      '== report/again/extract\nfrom extract\n== report/again/load\nfrom load\n',
    );
    const missing = await test.rig.flowctl('logs', 'report/load');
    expect(missing.code).toBe(4);
    expect(missing.stderr).toContain('report/again/load');
  });
});

describe('runs', () => {
  it('lists top-level runs, and with --all their sub-runs with the run they are part of', async () => {
    const tree = new TreeRig(test.rig.folder);
    const run = await tree.run(flows(tree, 'exit 1'));
    const rows = await test.rig.query<RunRow[]>('runs');
    expect(rows.map(({ flow }) => flow)).toEqual(['outer']);
    const all = await test.rig.query<RunRow[]>('runs', '--all');
    expect(all.map(({ flow, state, parent }) => [flow, state, parent])).toEqual([
      ['deep', 'failed', childOf(run, 'report')],
      ['middle', 'failed', run.id],
      ['outer', 'failed', null],
    ]);
    expect((await test.rig.flowctl('runs', '--all')).stdout).toMatch(/^run +part of +flow/);
  });
});

describe('commands that act on a sub-run', () => {
  it('resume goes on with its root, and says so; cancel names the root', async () => {
    const tree = new TreeRig(test.rig.folder);
    const run = await tree.run(flows(tree));
    const child = childOf(run, 'report');
    const resumed = await test.rig.flowctl('resume', child);
    expect(resumed.stderr).toContain(`run ${child} is part of run ${run.id}: resuming that one`);
    expect(resumed.stderr).toContain(`run ${run.id} succeeded: nothing to do`);
    const cancelled = await test.rig.flowctl('cancel', child);
    expect(cancelled.code).toBe(2);
    expect(cancelled.stderr).toContain(`flowctl cancel ${run.id}`);
  });
});

describe('a flowctl inside a step', () => {
  it('begins runs that are children of that step, in places of their own', async () => {
    const { rig } = test;
    rig.write('inner.yaml', 'name: inner\nsteps:\n  deep: { run: echo deep }\n');
    rig.write('outer.yaml', `name: outer\nsteps:\n  nested: { run: '"$NODE" "$BIN" run inner.yaml' }\n`);
    const outer = await rig.flowctl('run', 'outer.yaml');
    expect(outer.code, outer.stderr).toBe(0);
    const [row, ...others] = await rig.query<RunRow[]>('runs');
    expect(others).toEqual([]);
    expect(row).toMatchObject({ flow: 'outer', trigger: 'manual', parent: null });
    const [inner, ...rest] = await rig.query<RunRow[]>('runs', '--all', '--flow', 'inner');
    expect(rest).toEqual([]);
    expect(inner).toMatchObject({ trigger: 'parent', parent: row?.id, state: 'succeeded' });
    expect((await rig.query<RunDetail>('show')).flow).toBe('outer');
    expect((await rig.query<RunDetail>('show', inner?.id ?? '')).steps.map(({ key }) => key)).toEqual(['deep']);
  });

  it('begins runs of their own in another project, and where variables were only copied', async () => {
    const { rig } = test;
    rig.write('inner.yaml', 'name: inner\nsteps:\n  deep: { run: echo deep }\n');
    const elsewhere = `'"$NODE" "$BIN" run inner.yaml --state-dir "$PWD/other"'`;
    rig.write('outer.yaml', `name: outer\nsteps:\n  nested: { run: ${elsewhere} }\n`);
    expect((await rig.flowctl('run', 'outer.yaml')).code).toBe(0);
    const rows = await rig.query<RunRow[]>('runs', '--state-dir', rig.path('other'));
    expect(rows).toMatchObject([{ flow: 'inner', trigger: 'manual', parent: null }]);
    const [outer] = await rig.query<RunRow[]>('runs');
    const copied = { FLOWCTL_RUN_ID: outer?.id, FLOWCTL_STEP: 'nested' };
    expect((await rig.flowctlWith({ env: copied }, 'run', 'inner.yaml')).code).toBe(0);
    expect(await rig.query<RunRow[]>('runs', '--flow', 'inner')).toMatchObject([{ parent: null }]);
  });
});

describe('the end of a run', () => {
  it('names what failed in a sub-flow, with the end of its log, and how to see all of it', async () => {
    const { rig } = test;
    const tree = new TreeRig(rig.folder);
    const run = await tree.run(flows(tree, 'echo no room; exit 3'));
    // What `run` says at its end, said again by a resume that fails alike.
    const { code, stdout } = await rig.flowctl('resume', '--frozen');
    expect(code).toBe(1);
    expect(stdout).toContain(
      `\nreport/again/load: exited with code 3\n  no room\n  all of it: flowctl logs ${run.id} report/again/load\n`,
    );
    expect(stdout).not.toContain('\nreport: ');
  });
});
