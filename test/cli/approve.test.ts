/** `flowctl approve` and `--no-wait`, as they are typed. */

import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { onlyRun, shown, stepOf, timesOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import { eventually } from '../kit/rig.ts';

const here = useCase();

const PARAMS = 'params: { ticket: { type: integer, minimum: 10 }, where: { type: string, default: east } }';
const flow = (more = ''): string =>
  [
    'steps:',
    '  build: { run: \'echo build >> "$EFFECTS"\' }',
    '  gate:',
    '    needs: build',
    '    approve:',
    '      message: ship it?',
    ...(more === '' ? [] : [`      ${more}`]),
    '  ship:',
    '    needs: gate',
    '    run: \'echo ship >> "$EFFECTS"\'',
    '',
  ].join('\n');

/** Starts a run that stays, and waits until it asks. */
async function asking(): Promise<ReturnType<typeof here.rig.start>> {
  const run = here.rig.start(['run', 'flow.yaml']);
  await waits('gate');
  return run;
}
const waits = (key: string): Promise<void> =>
  eventually(`${key} waits`, 20_000, async () => {
    const [row] = await here.rig.query<RunRow[]>('runs');
    const run = row === undefined ? null : await shown(here.rig, row.id);
    return run?.steps.some((step) => step.key === key && step.state === 'waiting') ?? false;
  });

describe('a run that somebody stays with', () => {
  it('goes on where it is, with what was answered on record', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow(PARAMS));
    const run = await asking();
    const answer = await rig.flowctl('approve', 'last', 'gate', '-p', 'ticket=17', '--comment', 'seen');
    expect(answer, answer.stderr).toMatchObject({ code: 0, stdout: '' });
    expect(answer.stderr).toContain('approved: step gate');
    expect(await run.ended).toMatchObject({ code: 0 });
    const { answer: recorded, state } = stepOf(await shown(rig), 'gate');
    expect(state).toBe('succeeded');
    expect(recorded).toMatchObject({ approved: true, comment: 'seen', params: { ticket: 17, where: 'east' } });
    expect(rig.effects()).toEqual(['build', 'ship']);
  });

  it('fails the step when it is rejected; params are then not asked for', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow(PARAMS));
    const run = await asking();
    expect(await rig.flowctl('approve', 'last', 'gate', '--reject', '--comment', 'no')).toMatchObject({ code: 0 });
    expect(await run.ended).toMatchObject({ code: 1 });
    expect(stepOf(await shown(rig), 'gate')).toMatchObject({ state: 'failed', answer: { approved: false } });
    expect(rig.effects()).toEqual(['build']);
  });

  it.each([
    [[], 'param `ticket` is missing'],
    [['-p', 'ticket=many'], '`many`'],
    [['-p', 'ticket=3'], 'param `ticket` does not fit'],
    [['-p', 'ticket=17', '-p', 'colour=red'], '`colour`'],
    [['-p', 'ticket'], 'expected name=value'],
  ])('takes no answer with %j, and waits on', async (given, message) => {
    const { rig } = here;
    rig.write('flow.yaml', flow(PARAMS));
    const run = await asking();
    const wrong = await rig.flowctl('approve', 'last', 'gate', ...given);
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.stderr).toContain(message);
    expect(stepOf(await shown(rig), 'gate').state).toBe('waiting');
    await rig.flowctl('cancel', 'last');
    await run.ended;
  });

  it('names what it waits for when another step is answered', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow());
    const run = await asking();
    for (const step of ['ship', 'build', 'nowhere']) {
      const wrong = await rig.flowctl('approve', 'last', step);
      expect(wrong).toMatchObject({ code: 4 });
      expect(wrong.stderr).toContain('`gate`');
    }
    await rig.flowctl('approve', 'last', 'gate');
    expect(await run.ended).toMatchObject({ code: 0 });
  });

  it('of many answers at once one is taken, and everybody hears which', async () => {
    const { rig } = here;
    const stage = await here.stage();
    const after = `  hold: { needs: gate, run: ${Stage.step('hold')} }\n`;
    rig.write('flow.yaml', `${flow()}${after}`);
    const run = await asking();
    const words = ['a', 'b', 'c', 'd', 'e'];
    const ends = await Promise.all(words.map((word) => rig.flowctl('approve', 'last', 'gate', '--comment', word)));
    const taken = stepOf(await shown(rig), 'gate').answer?.comment;
    expect(ends.map(({ code }) => code).sort()).toEqual([0, 4, 4, 4, 4]);
    expect(ends[words.indexOf(taken ?? '')]?.code).toBe(0);
    for (const { code, stderr } of ends) if (code === 4) expect(stderr).toMatch(/was approved by .* at /);
    await (await stage.enter('hold')).exit(0);
    expect(await run.ended).toMatchObject({ code: 0 });
    expect(timesOf(rig, 'ship')).toBe(1);
  });
});

describe('a run that nobody stays with', () => {
  it('is left with 6 and a hint, and goes on where it is answered', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow());
    const left = await rig.flowctl('run', 'flow.yaml', '--no-wait');
    expect(left).toMatchObject({ code: 6 });
    const { id, state, exit_code } = await onlyRun(rig);
    expect({ state, exit_code }).toEqual({ state: 'waiting', exit_code: null });
    expect(left.stderr).toContain('ship it?');
    expect(left.stderr).toContain(`flowctl approve ${id} gate`);
    const answer = await rig.flowctl('approve', id, 'gate');
    expect(answer, answer.stderr).toMatchObject({ code: 0 });
    expect(rig.effects()).toEqual(['build', 'ship']);
    const twice = await rig.flowctl('approve', id, 'gate');
    expect(twice).toMatchObject({ code: 4 });
    expect(twice.stderr).toContain('has ended: succeeded');
  });

  it('whose owner was killed goes on where it is answered', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow());
    here.mayLeaveStrays();
    const run = await asking();
    run.process.kill('SIGKILL');
    await run.ended;
    const answer = await rig.flowctl('approve', 'last', 'gate');
    expect(answer, answer.stderr).toMatchObject({ code: 0 });
    expect(await onlyRun(rig)).toMatchObject({ state: 'succeeded' });
    expect(rig.effects()).toEqual(['build', 'ship']);
  });

  it('parks again at the next question with --no-wait, and keeps what was answered', async () => {
    const { rig } = here;
    rig.write('flow.yaml', `${flow()}  more: { needs: ship, approve: { message: and now? } }\n`);
    expect(await rig.flowctl('run', 'flow.yaml', '--no-wait')).toMatchObject({ code: 6 });
    const once = await rig.flowctl('approve', 'last', 'gate', '--no-wait');
    expect(once).toMatchObject({ code: 6 });
    expect(once.stderr).toContain('and now?');
    expect(await rig.flowctl('resume', '--no-wait')).toMatchObject({ code: 6 });
    expect(await rig.flowctl('approve', 'last', 'more')).toMatchObject({ code: 0 });
    expect(rig.effects()).toEqual(['build', 'ship']);
  });

  it('leaves a sub-flow step that waits, and does not call it lost', async () => {
    const { rig } = here;
    rig.write('flow.yaml', 'steps:\n  report: { flow: ./inner.yaml }\n');
    rig.write('inner.yaml', flow());
    expect(await rig.flowctl('run', 'flow.yaml', '--no-wait')).toMatchObject({ code: 6 });
    const again = await rig.flowctl('resume', '--no-wait', '--output', 'plain');
    expect(again.stdout).toContain('report was left waiting (attempt 1)');
    expect(await rig.flowctl('cancel', 'last')).toMatchObject({ code: 0 });
    const { stdout } = await rig.flowctl('show');
    expect(stdout).toMatch(/report +cancelled .*its sub-flow was left waiting/);
    expect(`${again.stdout}${stdout}`).not.toContain('lost');
  });

  it('goes on once when many answer at once', async () => {
    const { rig } = here;
    rig.write('flow.yaml', flow());
    await rig.flowctl('run', 'flow.yaml', '--no-wait');
    const ends = await Promise.all(
      [1, 2, 3].map((word) => rig.flowctl('approve', 'last', 'gate', '--comment', `${word}`)),
    );
    // One lives the run; of the others the one whose answer it took is told so, and the rest who was faster.
    const lived = ends.filter(({ stdout }) => stdout !== '');
    expect(lived, JSON.stringify(ends)).toHaveLength(1);
    expect(lived[0]?.code).toBe(0);
    for (const { code, stderr } of ends)
      if (code !== 0) expect(stderr).toMatch(/was approved by|has ended(?: meanwhile)?: succeeded/);
    expect(timesOf(rig, 'ship')).toBe(1);
    expect(await onlyRun(rig)).toMatchObject({ state: 'succeeded' });
  });

  it('of a step of a sub-flow is answered by its key', async () => {
    const { rig } = here;
    rig.write('flow.yaml', 'steps:\n  report: { flow: ./inner.yaml }\n');
    rig.write('inner.yaml', flow(PARAMS));
    const left = await rig.flowctl('run', 'flow.yaml', '--no-wait');
    expect(left).toMatchObject({ code: 6 });
    expect(left.stderr).toContain('report/gate');
    expect(await rig.flowctl('approve', 'last', 'gate')).toMatchObject({ code: 4 });
    const answer = await rig.flowctl('approve', 'last', 'report/gate', '-p', 'ticket=11');
    expect(answer, answer.stderr).toMatchObject({ code: 0 });
    expect(rig.effects()).toEqual(['build', 'ship']);
  });

  it('of an item of a map is answered by its key', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      'steps:\n  gates:\n    foreach: [eu, us]\n    key: ${{ item }}\n    approve: { message: "${{ item }}?" }\n',
    );
    expect(await rig.flowctl('run', 'flow.yaml', '--no-wait')).toMatchObject({ code: 6 });
    expect(await rig.flowctl('approve', 'last', 'gates[eu]', '--no-wait')).toMatchObject({ code: 6 });
    expect(await rig.flowctl('approve', 'last', 'gates[us]')).toMatchObject({ code: 0 });
  });
});

it.each([
  [['approve'], 2, 'missing required argument'],
  [['approve', 'last'], 2, 'missing required argument'],
  [['approve', 'last', 'gate'], 4, 'no run'],
  [['approve', 'zzz', 'gate'], 4, 'zzz'],
])('%j is refused', async (argv, code, message) => {
  const end = await here.rig.flowctl(...argv);
  expect(end, end.stderr).toMatchObject({ code, stdout: '' });
  expect(end.stderr).toContain(message);
});
