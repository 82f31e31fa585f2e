/** Sub-flows as people write them: `flow: ./report.yaml`, through the real program. */

import { appendFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/model/event.ts';
import type { RunDetail, RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { EFFECT, journalOf, onlyRun, shown, stepOf, timesOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import { eventually, GONE_MS, tagged } from '../kit/rig.ts';

const here = useCase();

const PARENT = `name: parent
steps:
  report: { flow: ./child.yaml }
  after: { needs: report, run: ${EFFECT} }
`;

const allRuns = (): Promise<readonly RunRow[]> => here.rig.query<RunRow[]>('runs', '--all', '--limit', '100');

describe('a step that is a flow', () => {
  it('hands its params over, runs in the folder of its flow with that one’s variables, and yields its outputs', async () => {
    const { rig } = here;
    rig.write('deep/.env', 'REGION=north\n');
    rig.write('deep/data.txt', 'forty two\n');
    rig.write(
      'deep/child.yaml',
      `params: { city: { type: string }, limit: 7 }
dotenv: [.env]
steps:
  read:
    env: { CITY: "\${{ params.city }}" }
    run: printf '%s in %s of %s' "$(cat data.txt)" "$CITY" "$REGION"
    output: text
outputs: { text: "\${{ steps.read.outputs }}", limit: "\${{ params.limit }}" }
`,
    );
    rig.write(
      'flow.yaml',
      `steps:
  report: { flow: ./deep/child.yaml, with: { city: Oslo } }
outputs: { all: "\${{ steps.report.outputs }}" }
`,
    );
    const run = await rig.flowctl('run', 'flow.yaml');
    expect(run.code, run.stdout + run.stderr).toBe(0);
    expect((await shown(rig)).outputs).toEqual({ all: { text: 'forty two in Oslo of north', limit: 7 } });
  });

  it('that is repeated is another run each time', async () => {
    const { rig } = here;
    const count = 'echo x >> count; echo "{\\"n\\": $(wc -l < count)}"';
    rig.write(
      'child.yaml',
      `steps:\n  look: { run: '${count}', output: json }\noutputs: { n: "\${{ steps.look.outputs.n }}" }\n`,
    );
    rig.write(
      'flow.yaml',
      'steps:\n  poll: { flow: ./child.yaml, repeat: { until: outputs.n >= 3, max: 9 } }\noutputs: { n: "${{ steps.poll.outputs.n }}" }\n',
    );
    const run = await rig.flowctl('run', 'flow.yaml');
    expect(run.code, run.stdout + run.stderr).toBe(0);
    expect((await shown(rig)).outputs).toEqual({ n: 3 });
    expect((await allRuns()).filter(({ parent }) => parent !== null)).toHaveLength(3);
  });

  it('tells json by the run that an event is of; the first and the last are of the root', async () => {
    const { rig } = here;
    rig.write('child.yaml', `steps:\n  extract: { run: ${EFFECT} }\n`);
    rig.write('flow.yaml', PARENT);
    const { stdout } = await rig.flowctl('run', 'flow.yaml', '--output', 'json');
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as RunEvent & { readonly run: string });
    const root = events[0]?.run;
    expect(events[0]?.type).toBe('run.started');
    expect(events.at(-1)).toMatchObject({ type: 'run.finished', run: root, state: 'succeeded' });
    const link = events.find(({ type }) => type === 'child.started') as { readonly child: string } | undefined;
    const inside = events.filter(({ run }) => run === link?.child);
    expect(inside[0]).toMatchObject({ type: 'run.started', seq: 1, parent: { run: root, step: 'report' } });
    expect(inside.find(({ type }) => type === 'attempt.started')).toMatchObject({ step: 'extract' });
    expect(inside.at(-1)).toMatchObject({ type: 'run.finished', state: 'succeeded' });
    expect(events.every(({ run }) => run === root || run === link?.child)).toBe(true);
  });

  it('that calls itself without end fails where it is 20 deep', async () => {
    const { rig } = here;
    rig.write('flow.yaml', 'steps:\n  again: { flow: ./flow.yaml }\n');
    const { code, stdout } = await rig.flowctl('run', 'flow.yaml');
    expect(code).toBe(1);
    const key = Array.from({ length: 21 }, () => 'again').join('/');
    expect(stdout).toContain(`\n${key}: sub-flows are nested 20 deep here`);
    expect(await allRuns()).toHaveLength(21);
  });

  it('shares the slots of the whole run', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('child.yaml', `steps:\n  one: { run: ${Stage.step('any')} }\n  two: { run: ${Stage.step('any')} }\n`);
    rig.write(
      'flow.yaml',
      'max_parallel: 1\nsteps:\n  report: { flow: ./child.yaml }\n  beside: { flow: ./child.yaml }\n',
    );
    const run = rig.start(['run', 'flow.yaml']);
    for (let turn = 1; turn <= 4; turn += 1) {
      const puppet = await stage.enter('any');
      expect(stage.entered).toHaveLength(turn);
      const leaves = (await shown(rig)).steps.filter(({ key }) => key.includes('/'));
      expect(leaves).toHaveLength(4);
      expect(leaves.filter(({ state }) => state === 'running')).toHaveLength(1);
      await puppet.exit(0);
    }
    expect((await run.ended).code).toBe(0);
  });
});

describe('a sub-flow that fails', () => {
  it('fails its step and blocks what needs it; another attempt goes on with what is left', async () => {
    const { rig } = here;
    rig.write(
      'child.yaml',
      `steps:
  extract: { run: ${EFFECT} }
  load: { needs: extract, run: '${EFFECT.slice(1, -1)}; [ "$(grep -c load "$EFFECTS")" -ge 3 ]' }
`,
    );
    rig.write('flow.yaml', PARENT.replace('./child.yaml', './child.yaml, retry: 1'));
    const run = await rig.flowctl('run', 'flow.yaml');
    expect(run.code).toBe(1);
    expect(run.stdout).toContain('\nreport/load: exited with code 1\n');
    expect(rig.effects()).toEqual(['extract', 'load', 'load']);
    const resumed = await rig.flowctl('resume');
    expect(resumed.code, resumed.stdout).toBe(0);
    expect(rig.effects()).toEqual(['extract', 'load', 'load', 'load', 'after']);
    expect((await allRuns()).map(({ flow, state, resumes }) => [flow, state, resumes])).toEqual([
      ['child', 'succeeded', 2],
      ['parent', 'succeeded', 1],
    ]);
  });

  it('by its own timeout says so', async () => {
    const { rig } = here;
    rig.write('child.yaml', `timeout: 300ms\nsteps:\n  slow: { run: sleep 60 }\n`);
    rig.write('flow.yaml', PARENT);
    const run = await rig.flowctl('run', 'flow.yaml');
    expect(run.code).toBe(1);
    const detail = await shown(rig);
    expect(stepOf(detail, 'report').error).toMatchObject({ code: 'timed_out' });
    expect(stepOf(detail, 'report/slow').state).toBe('cancelled');
  });

  it('by the timeout of its step is ended, all of it', async () => {
    const { rig } = here;
    rig.write('child.yaml', `steps:\n  slow: { run: 'trap "" TERM; sleep 60 & wait; sleep 60' }\n`);
    rig.write('flow.yaml', PARENT.replace('./child.yaml', './child.yaml, timeout: 300ms'));
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    const detail = await shown(rig);
    expect(stepOf(detail, 'report')).toMatchObject({ state: 'failed', timed_out: true });
    expect(stepOf(detail, 'after')).toMatchObject({ state: 'skipped', skip_reason: 'upstream_failed' });
    expect(tagged(detail.id)).toEqual([]);
  });
});

describe('maps of sub-flows', () => {
  it('yield the outputs of their items in order; a resume runs only what failed, in the same runs', async () => {
    const { rig } = here;
    rig.write(
      'child.yaml',
      `params: { city: { type: string } }
steps:
  extract: { env: { CITY: "\${{ params.city }}" }, run: 'echo "extract $CITY" >> "$EFFECTS"' }
  load:
    needs: extract
    env: { CITY: "\${{ params.city }}" }
    run: 'echo "load $CITY" >> "$EFFECTS"; [ "$CITY" != Rome ] || [ -e rome ]'
outputs: { city: "\${{ params.city }}" }
`,
    );
    rig.write(
      'flow.yaml',
      `steps:
  load: { foreach: [Oslo, Rome, Bonn], key: "\${{ item }}", flow: ./child.yaml, with: { city: "\${{ item }}" } }
outputs: { all: "\${{ steps.load.outputs }}" }
`,
    );
    const first = await rig.flowctl('run', 'flow.yaml');
    expect(first.code).toBe(1);
    expect(first.stdout).toContain('\nload[Rome]/load: exited with code 1\n');
    rig.write('rome', '');
    const second = await rig.flowctl('resume');
    expect(second.code, second.stdout + second.stderr).toBe(0);
    expect([...rig.effects()].sort()).toEqual([
      'extract Bonn',
      'extract Oslo',
      'extract Rome',
      'load Bonn',
      'load Oslo',
      'load Rome',
      'load Rome',
    ]);
    const detail = await shown(rig);
    expect(detail.outputs).toEqual({ all: [{ city: 'Oslo' }, { city: 'Rome' }, { city: 'Bonn' }] });
    expect(stepOf(detail, 'load[Rome]/load').attempts).toHaveLength(2);
    expect(await allRuns()).toHaveLength(4);
    expect((await rig.flowctl('logs', 'load[Rome]/load')).code).toBe(0);
  });

  it('may hold maps of sub-flows', async () => {
    const { rig } = here;
    rig.write(
      'leaf.yaml',
      `params: { n: 0 }\nsteps:\n  only: { run: ${EFFECT} }\noutputs: { n: "\${{ params.n }}" }\n`,
    );
    rig.write(
      'middle.yaml',
      `params: { n: 0 }
steps:
  each: { foreach: [1, 2], flow: ./leaf.yaml, with: { n: "\${{ add(mul(params.n, 10), item) }}" } }
outputs: { ns: "\${{ steps.each.outputs }}" }
`,
    );
    rig.write(
      'flow.yaml',
      `steps:
  all: { foreach: [1, 2, 3], flow: ./middle.yaml, with: { n: "\${{ item }}" } }
outputs: { all: "\${{ steps.all.outputs }}" }
`,
    );
    const run = await rig.flowctl('run', 'flow.yaml');
    expect(run.code, run.stdout + run.stderr).toBe(0);
    const detail = await shown(rig);
    const expected = [1, 2, 3].map((ten) => ({ ns: [1, 2].map((one) => ({ n: 10 * ten + one })) }));
    expect(detail.outputs).toEqual({ all: expected });
    expect(stepOf(detail, 'all[2]/each[1]/only').state).toBe('succeeded');
  });
});

describe('flowctl is killed while a sub-flow runs', () => {
  it('nothing of it stays, and a resume repeats no step that had succeeded', async () => {
    const { rig } = here;
    const stage = await here.stage();
    here.mayLeaveStrays();
    rig.write(
      'child.yaml',
      `steps:\n  extract: { run: ${EFFECT} }\n  load: { needs: extract, run: ${Stage.step('load')} }\n`,
    );
    rig.write('flow.yaml', PARENT);
    const run = rig.start(['run', 'flow.yaml']);
    await stage.enter('load');
    const { id } = await onlyRun(rig);
    run.process.kill('SIGKILL');
    await run.ended;
    await eventually('nothing carries the token', GONE_MS, () => tagged(id).length === 0);
    const crashed = await allRuns();
    expect(crashed.map(({ state }) => state)).toEqual(['crashed', 'crashed']);
    const resumed = rig.start(['resume']);
    const puppet = await stage.enter('load');
    expect(puppet.attempt).toBe(2);
    await puppet.exit(0);
    const { code, stdout, stderr } = await resumed.ended;
    expect(code, stdout + stderr).toBe(0);
    expect(rig.effects()).toEqual(['extract', 'after']);
    const detail = await shown(rig);
    expect(stepOf(detail, 'report').attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'succeeded']);
    expect(stepOf(detail, 'report/load').attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'succeeded']);
    expect((await allRuns()).map(({ id: each }) => each)).toEqual(crashed.map(({ id: each }) => each));
  });
});

describe('the end of a run with a sub-flow', () => {
  it('by cancel: the sub-run is cancelled with it, and goes on with it', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write(
      'child.yaml',
      `steps:\n  extract: { run: ${EFFECT} }\n  load: { needs: extract, run: ${Stage.step('load')} }\n`,
    );
    rig.write('flow.yaml', PARENT);
    const run = rig.start(['run', 'flow.yaml']);
    await stage.enter('load');
    const { id } = await onlyRun(rig);
    expect((await rig.flowctl('cancel', id)).code).toBe(0);
    expect((await run.ended).code).toBe(5);
    const [child] = await allRuns();
    expect(child).toMatchObject({ flow: 'child', state: 'cancelled' });
    expect((await rig.query<RunDetail>('show', child?.id ?? '')).cancellation?.by).toEqual({
      kind: 'policy',
      policy: 'parent',
    });
    const resumed = rig.start(['resume']);
    await (await stage.enter('load')).exit(0);
    expect((await resumed.ended).code).toBe(0);
    expect(timesOf(rig, 'extract')).toBe(1);
  });

  it('by cancel when nobody lives it: every sub-run that was left open is ended as well, and has its handlers', async () => {
    const { rig } = here;
    const gate = '{ approve: { message: "go on?" } }';
    rig.write('deep.yaml', `steps:\n  gate: ${gate}\non_cancel: [{ run: ${EFFECT} }]\n`);
    rig.write('child.yaml', `steps:\n  again: { flow: ./deep.yaml }\nfinally: [{ run: ${EFFECT} }]\n`);
    rig.write('flow.yaml', PARENT);
    expect((await rig.flowctl('run', 'flow.yaml', '--no-wait')).code).toBe(6);
    // A life that was to go on with it died in its first write.
    appendFileSync(journalOf(rig), '{"seq":');
    const { id } = await onlyRun(rig);
    expect((await rig.flowctl('cancel', id)).code).toBe(0);
    expect((await allRuns()).map(({ flow, state }) => [flow, state])).toEqual([
      ['deep', 'cancelled'],
      ['child', 'cancelled'],
      ['parent', 'cancelled'],
    ]);
    expect(rig.effects()).toEqual(['on_cancel[0]', 'finally[0]']);
    const detail = await shown(rig);
    expect(stepOf(detail, 'report/again/gate').state).toBe('cancelled');
    expect(detail.warnings).toMatchObject([{ code: 'journal_tail_torn' }]);
  });

  it('by a signal: its steps get that signal, and a second one kills them', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('child.yaml', `steps:\n  load: { run: ${Stage.step('load', 'SIGINT')} }\n`);
    rig.write('flow.yaml', PARENT);
    const run = rig.start(['run', 'flow.yaml'], { env: { FLOWCTL_GRACE: '60s' } });
    const puppet = await stage.enter('load');
    run.process.kill('SIGINT');
    await puppet.catches('SIGINT');
    run.process.kill('SIGINT');
    const { code, signal } = await run.ended;
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGINT' });
    await puppet.gone;
    const rows = await allRuns();
    expect(rows.map(({ state, exit_code }) => [state, exit_code])).toEqual([
      ['cancelled', 130],
      ['cancelled', 130],
    ]);
  });
});

describe('edits of a sub-flow', () => {
  it('to what had succeeded in it are refused with their place, or run again when accepted; others are taken over', async () => {
    const { rig } = here;
    const child = (extract: string, load: string): string =>
      `steps:\n  extract: { run: ${extract} }\n  load: { needs: extract, run: ${load} }\n`;
    rig.write('child.yaml', child(EFFECT, 'exit 1'));
    rig.write('flow.yaml', PARENT);
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    rig.write('child.yaml', child(`'echo other >> "$EFFECTS"'`, EFFECT));
    const refused = await rig.flowctl('resume');
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('report/extract');
    expect(rig.effects()).toEqual(['extract']);
    const accepted = await rig.flowctl('resume', '--accept-changes');
    expect(accepted.code, accepted.stdout + accepted.stderr).toBe(0);
    expect(rig.effects()).toEqual(['extract', 'other', 'load', 'after']);
  });

  it('to a sub-flow that had succeeded are refused as well', async () => {
    const { rig } = here;
    rig.write('child.yaml', `steps:\n  extract: { run: ${EFFECT} }\n`);
    rig.write('flow.yaml', PARENT.replace(`run: ${EFFECT}`, 'run: exit 1'));
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    rig.write('child.yaml', `steps:\n  extract: { run: 'echo other >> "$EFFECTS"' }\n`);
    const refused = await rig.flowctl('resume');
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/edited since: .*report/);
  });
});
