/** Limits across runs, as people use them: the real program, several at once. */

import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { Stage } from '../kit/puppet.ts';
import type { Rig } from '../kit/rig.ts';

const project = useCase();

/** A project with these resources, and a flow of these lines. */
function write(rig: Rig, resources: string, flow: readonly string[], file = 'flow.yaml'): void {
  rig.write('flowctl.config.yaml', resources === '' ? '{}' : `resources: ${resources}\n`);
  rig.write(file, `${flow.join('\n')}\n`);
}

const rows = (rig: Rig): Promise<readonly RunRow[]> => rig.query('runs');

describe('resources', () => {
  it('are shared by runs, and given back by the dead', async () => {
    const { rig } = project;
    project.mayLeaveStrays();
    const stage = await project.stage();
    write(rig, '{ db: 1 }', [
      'params: { name: x }',
      'steps:',
      '  load:',
      '    resources: { db: 1 }',
      `    run: ${Stage.step('${{ params.name }}')}`,
    ]);
    const first = rig.start(['run', 'flow.yaml', '-p', 'name=one']);
    await stage.enter('one');
    const second = rig.start(['run', 'flow.yaml', '-p', 'name=two', '--output', 'json']);
    await second.prints('"type":"step.queued"');
    const listed = await rows(rig);
    expect(stage.entered).toEqual(['one']);
    expect(listed.map(({ state }) => state)).toEqual(['running', 'running']);
    first.process.kill('SIGKILL');
    await first.ended;
    const two = await stage.enter('two');
    await two.exit(0);
    expect((await second.ended).code).toBe(0);
  });

  it('that are named units are told to the step, and never to two at once', async () => {
    const { rig } = project;
    write(rig, '{ gpu: [cuda0, cuda1] }', [
      'steps:',
      '  both:',
      '    resources: { gpu: 2 }',
      '    run: echo "$FLOWCTL_RESOURCE_GPU" >> "$EFFECTS"',
      '  each:',
      '    needs: both',
      '    foreach: [1, 2, 3, 4, 5, 6]',
      '    resources: { gpu: 1 }',
      '    run: mkdir "$FLOWCTL_RUN_DIR/$FLOWCTL_RESOURCE_GPU" && sleep 0.05 && rmdir "$FLOWCTL_RUN_DIR/$FLOWCTL_RESOURCE_GPU"',
    ]);
    const { code, stdout } = await rig.flowctl('run', 'flow.yaml');
    expect(code, stdout).toBe(0);
    expect(rig.effects()).toEqual(['cuda0,cuda1']);
  });

  it('of a group are shared by its members, those of a step by its sub-flow, and by a flowctl inside it', async () => {
    const { rig } = project;
    rig.write('inner.yaml', 'steps: { a: { resources: { db: 1 }, run: echo inner >> "$EFFECTS" } }\n');
    write(rig, '{ db: 1 }', [
      'steps:',
      '  group:',
      '    resources: { db: 1 }',
      '    steps:',
      '      member: { resources: { db: 1 }, run: echo member >> "$EFFECTS" }',
      '  sub: { needs: group, resources: { db: 1 }, flow: ./inner.yaml }',
      '  inside:',
      '    needs: sub',
      '    resources: { db: 1 }',
      '    run: \'"$NODE" "$BIN" run inner.yaml -q\'',
    ]);
    const { code, stdout } = await rig.flowctl('run', 'flow.yaml');
    expect(code, stdout).toBe(0);
    expect(rig.effects()).toEqual(['member', 'inner', 'inner']);
  });

  it('that many items wait for keep nobody from asking for others', async () => {
    const { rig } = project;
    const stage = await project.stage();
    write(rig, '{ db: 1, gpu: 1 }', [
      'steps:',
      `  hold: { resources: { db: 1 }, priority: 1, run: ${Stage.step('hold')} }`,
      '  many: { foreach: "${{ fromJSON(toJSON(params.list)) }}", resources: { db: 1 }, run: echo item >> "$EFFECTS" }',
      "  first: { run: 'true' }",
      `  other: { needs: first, resources: { gpu: 1 }, run: ${Stage.step('other')} }`,
      `params: { list: { type: array, default: ${JSON.stringify(Array.from({ length: 100 }, (_, item) => item))} } }`,
    ]);
    const run = rig.start(['run', 'flow.yaml', '--output', 'plain']);
    const hold = await stage.enter('hold');
    const other = await stage.enter('other');
    expect(rig.effects()).toEqual([]);
    await other.exit(0);
    await hold.exit(0);
    expect((await run.ended).code).toBe(0);
    expect(rig.effects()).toHaveLength(100);
  });

  it('of two runs that wait for each other let one of them fail, and say so', async () => {
    const { rig } = project;
    const stage = await project.stage();
    const flow = (first: string, second: string): readonly string[] => [
      'steps:',
      '  group:',
      `    resources: { ${first}: 1 }`,
      '    steps:',
      `      begin: { run: ${Stage.step(`has ${first}`)} }`,
      `      member: { needs: begin, resources: { ${second}: 1 }, run: 'true' }`,
    ];
    write(rig, '{ r1: 1, r2: 1 }', flow('r1', 'r2'), 'one.yaml');
    write(rig, '{ r1: 1, r2: 1 }', flow('r2', 'r1'), 'two.yaml');
    const one = rig.start(['run', 'one.yaml', '--output', 'json']);
    const two = rig.start(['run', 'two.yaml', '--output', 'json']);
    const [has1, has2] = [await stage.enter('has r1'), await stage.enter('has r2')];
    await has1.exit(0);
    await one.prints('"type":"step.queued"');
    await has2.exit(0);
    expect([(await one.ended).code, (await two.ended).code]).toEqual([0, 1]);
    expect(two.stdout()).toContain('none could ever go on');
  });
});

const grouped = (policy: string, name = '${{ params.name }}'): readonly string[] => [
  'params: { name: x }',
  `concurrency: ${policy}`,
  `steps: { work: { run: ${Stage.step(name)} } }`,
];

describe('concurrency', () => {
  it('case 38: queues: one after the other, and a queued one can be cancelled', async () => {
    const { rig } = project;
    const stage = await project.stage();
    write(rig, '', grouped('{ group: "g-${{ flow.name }}" }'));
    const first = rig.start(['run', 'flow.yaml', '-p', 'name=one']);
    const one = await stage.enter('one');
    const second = rig.start(['run', 'flow.yaml', '-p', 'name=two', '--output', 'json']);
    await second.prints('"type":"run.queued"');
    const third = rig.start(['run', 'flow.yaml', '-p', 'name=three', '--output', 'json']);
    await third.prints('"type":"run.queued"');
    const listed = await rows(rig);
    expect(listed.map(({ state }) => state)).toEqual(['queued', 'queued', 'running']);
    expect((await rig.flowctl('cancel', listed[1]?.id ?? '')).code).toBe(0);
    expect((await second.ended).code).toBe(5);
    expect(stage.entered).toEqual(['one']);
    await one.exit(0);
    await (await stage.enter('three')).exit(0);
    expect([(await first.ended).code, (await third.ended).code]).toEqual([0, 0]);
    expect(third.stdout()).toContain('"type":"run.admitted"');
    const log = rig.start(['run', 'flow.yaml', '-p', 'name=four', '--output', 'plain']);
    await (await stage.enter('four')).exit(0);
    expect((await log.ended).stdout).not.toContain('waits for');
  });

  it('case 38: skips: 75, recorded as skipped; 0 with --skip-ok; free again when the owner was killed', async () => {
    const { rig } = project;
    project.mayLeaveStrays();
    const stage = await project.stage();
    write(rig, '', grouped('{ group: g, on_conflict: skip }'));
    const first = rig.start(['run', 'flow.yaml', '-p', 'name=one']);
    await stage.enter('one');
    const refused = await rig.flowctl('run', 'flow.yaml', '-p', 'name=two');
    expect(refused.code).toBe(75);
    expect(refused.stdout).toContain('concurrency group `g` is busy');
    expect(refused.stdout).not.toContain('to go on');
    expect((await rig.flowctl('run', 'flow.yaml', '-p', 'name=three', '--skip-ok')).code).toBe(0);
    const listed = await rows(rig);
    expect(listed.map(({ state, exit_code }) => [state, exit_code])).toEqual([
      ['skipped', 75],
      ['skipped', 75],
      ['running', null],
    ]);
    expect(stage.entered).toEqual(['one']);
    first.process.kill('SIGKILL');
    await first.ended;
    const last = rig.start(['run', 'flow.yaml', '-p', 'name=four']);
    await (await stage.enter('four')).exit(0);
    expect((await last.ended).code).toBe(0);
  });

  it('case 38: cancels what runs: the older one ends with 5, then the newer one begins', async () => {
    const { rig } = project;
    const stage = await project.stage();
    write(rig, '', grouped('{ group: g, on_conflict: cancel_running }'));
    const first = rig.start(['run', 'flow.yaml', '-p', 'name=one']);
    const one = await stage.enter('one');
    const second = rig.start(['run', 'flow.yaml', '-p', 'name=two']);
    await one.gone;
    const two = await stage.enter('two');
    expect((await first.ended).code).toBe(5);
    await two.exit(0);
    expect((await second.ended).code).toBe(0);
    const [, older] = await rows(rig);
    expect(older?.state).toBe('cancelled');
  });

  it('case 38: allows: beside each other', async () => {
    const { rig } = project;
    const stage = await project.stage();
    write(rig, '', grouped('{ group: g, on_conflict: allow }'));
    const both = ['one', 'two'].map((name) => rig.start(['run', 'flow.yaml', '-p', `name=${name}`]));
    const puppets = [await stage.enter('one'), await stage.enter('two')];
    for (const puppet of puppets) await puppet.exit(0);
    for (const run of both) expect((await run.ended).code).toBe(0);
  });

  it('needs a group that has a value when the run begins', async () => {
    const { rig } = project;
    write(rig, '', [
      'params: { date: { type: [string, "null"], default: null } }',
      'concurrency: { group: "g-${{ params.date }}" }',
      "steps: { a: { run: 'true' } }",
    ]);
    const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect([code, rig.runIds()]).toEqual([2, []]);
    expect(stderr).toContain('`concurrency`');
  });

  it('of a sub-flow asks the run of that step, not its parent, to end', async () => {
    const { rig } = project;
    const stage = await project.stage();
    write(rig, '', grouped('{ group: g, on_conflict: cancel_running }'), 'inner.yaml');
    rig.write(
      'outer.yaml',
      'steps: { sub: { flow: ./inner.yaml, with: { name: one } }, after: { needs: sub, if: always(), run: "true" } }\n',
    );
    const outer = rig.start(['run', 'outer.yaml']);
    const one = await stage.enter('one');
    const second = rig.start(['run', 'inner.yaml', '-p', 'name=two']);
    await one.gone;
    const two = await stage.enter('two');
    const { code, stdout } = await outer.ended;
    expect(code).toBe(1);
    expect(stdout).toContain('a newer run took the place');
    await two.exit(0);
    expect((await second.ended).code).toBe(0);
  });
});
