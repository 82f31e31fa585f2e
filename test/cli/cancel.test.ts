/** `cancel`: a run is ended from outside, by whoever owns it or by the one who asks; who, when and why is on record. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { chain, EFFECT, journalOf, onlyRun, shown, single, stepOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import { eventually, tagged } from '../kit/rig.ts';

const here = useCase();

const inbox = (id: string): readonly string[] => readdirSync(here.rig.path('.flowctl', 'runs', id, 'inbox'));
const typesIn = (file: string): readonly string[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => (JSON.parse(line) as { readonly type: string }).type);

describe('cancel of a run that goes on', () => {
  it('ends the steps, starts none, and the run exits with 5; by whom, when and why is shown', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const run = rig.start(['run', 'flow.yaml']);
    await stage.enter('b');
    const { id } = await onlyRun(rig);
    const before = Date.now();
    const cancel = await rig.flowctl('cancel', id.slice(0, 20), '--reason', 'wrong date');
    expect(cancel).toMatchObject({ code: 0, stdout: '' });
    expect(cancel.stderr).toBe(`run ${id} is cancelled; to go on: flowctl resume ${id}\n`);
    // It waited: what it said is on record when it says it.
    const detail = await shown(rig);
    expect(detail).toMatchObject({ state: 'cancelled', exit_code: 5 });
    expect(detail.cancellation).toMatchObject({
      by: { kind: 'user', name: userInfo().username, host: hostname() },
      reason: 'wrong date',
    });
    expect(Date.parse(detail.cancellation?.at ?? '')).toBeGreaterThanOrEqual(before - 1);
    expect(['a', 'b', 'c'].map((key) => stepOf(detail, key).state)).toEqual(['succeeded', 'cancelled', 'skipped']);
    expect(stepOf(detail, 'c').skip_reason).toBe('cancelled');
    const ended = await run.ended;
    expect({ code: ended.code, signal: ended.signal }).toEqual({ code: 5, signal: null });
    expect(ended.stdout).toContain(`cancellation requested by ${userInfo().username} on ${hostname()} (wrong date)`);
    expect((await rig.flowctl('show')).stdout).toMatch(/cancelled +by .+: wrong date/);
    expect(inbox(id)).toEqual([]);
    expect(tagged(id)).toEqual([]);
  });

  it('kills what ignores the request, with all it has started', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      single(`run: 'trap "" TERM; sleep 300 & setsid sleep 300 & echo up >> "$EFFECTS"; while :; do sleep 300; done'`),
    );
    const run = rig.start(['run', 'flow.yaml']);
    await eventually('the step is up', 20_000, () => rig.effects().includes('up'));
    const { id } = await onlyRun(rig);
    expect(tagged(id).length).toBeGreaterThan(2);
    expect((await rig.flowctl('cancel', 'last')).code).toBe(0);
    expect(tagged(id)).toEqual([]);
    expect((await run.ended).code).toBe(5);
  });

  it('works from another folder, and a cancelled run can be resumed', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const run = rig.start(['run', 'flow.yaml']);
    await stage.enter('b');
    const { id } = await onlyRun(rig);
    const cancel = await rig.flowctlWith({ cwd: '/' }, 'cancel', id, '--state-dir', rig.path('.flowctl'));
    expect(cancel.code, cancel.stderr).toBe(0);
    expect((await run.ended).code).toBe(5);
    const again = rig.start(['resume']);
    await (await stage.enter('b')).exit(0);
    expect((await again.ended).code).toBe(0);
    const detail = await shown(rig);
    expect(detail).toMatchObject({ state: 'succeeded', exit_code: 0, cancellation: null });
    expect(rig.effects()).toEqual(['a', 'c']);
  });

  it('--no-wait asks and returns; a second request changes nothing', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', single(`grace: 60s, run: ${Stage.step('only', 'SIGTERM')}`));
    const run = rig.start(['run', 'flow.yaml']);
    const puppet = await stage.enter('only');
    const { id } = await onlyRun(rig);
    const first = await rig.flowctl('cancel', id, '--no-wait');
    expect(first).toMatchObject({ code: 0, stderr: `run ${id} was asked to end\n` });
    await puppet.catches('SIGTERM');
    expect((await onlyRun(rig)).state).toBe('cancelling');
    expect((await rig.flowctl('cancel', id, '--no-wait')).code).toBe(0);
    await eventually('the second request is on record', 5_000, () => inbox(id).length === 0);
    await puppet.exit(0);
    expect((await run.ended).code).toBe(5);
    expect(typesIn(journalOf(rig)).filter((type) => type === 'run.cancel_requested')).toHaveLength(2);
    expect(puppet.signals).toEqual(['SIGTERM']);
  });

  it('a request that cannot be understood is refused, kept, and said; the run goes on', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', single(`run: ${Stage.step('only')}`));
    const run = rig.start(['run', 'flow.yaml']);
    const puppet = await stage.enter('only');
    const { id } = await onlyRun(rig);
    const bad = { 'cancel-0000000000000000.json': 'nonsense', 'cancel-0000000000000001.json': '{"kind":"explode"}' };
    for (const [name, text] of Object.entries(bad)) {
      writeFileSync(rig.path('.flowctl', 'runs', id, 'inbox', name), text, { mode: 0o600 });
    }
    await eventually('both are refused', 5_000, () => inbox(id).every((name) => name.startsWith('refused-')));
    expect(inbox(id)).toHaveLength(2);
    await puppet.exit(0);
    const ended = await run.ended;
    expect(ended.code).toBe(0);
    expect(ended.stderr.match(/warning: a request to this run was refused/g)).toHaveLength(2);
  });
});

describe('cancel of a run that nobody owns', () => {
  it('ends what its dead owner left behind, and settles it as cancelled (I5)', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const run = rig.start(['run', 'flow.yaml']);
    const puppet = await stage.enter('b');
    run.process.kill('SIGKILL');
    await run.ended;
    const { id } = await onlyRun(rig);
    const cancel = await rig.flowctl('cancel', id, '--reason', 'enough');
    expect(cancel).toMatchObject({ code: 0, stdout: '' });
    expect(cancel.stderr).toContain(`run ${id} is cancelled; to go on: flowctl resume ${id}\n`);
    await puppet.gone;
    const detail = await shown(rig);
    expect(detail).toMatchObject({ state: 'cancelled', exit_code: 5, resumes: 0, cancellation: { reason: 'enough' } });
    expect(['a', 'b', 'c'].map((key) => stepOf(detail, key).state)).toEqual(['succeeded', 'cancelled', 'skipped']);
    expect(stepOf(detail, 'b').attempts).toMatchObject([{ outcome: 'lost' }]);
    expect(typesIn(journalOf(rig)).at(-1)).toBe('run.finished');
    expect(rig.effects()).toEqual(['a']);
  });

  it('steps that clean up run, for the one who asked', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write(
      'flow.yaml',
      `steps:
  work: { run: ${Stage.step('work')} }
  next: { needs: work, run: ${EFFECT} }
  clean: { needs: work, if: always(), run: ${EFFECT} }
`,
    );
    const run = rig.start(['run', 'flow.yaml']);
    await stage.enter('work');
    run.process.kill('SIGKILL');
    await run.ended;
    expect((await rig.flowctl('cancel', 'last')).code).toBe(0);
    const detail = await shown(rig);
    expect(detail.state).toBe('cancelled');
    expect(['work', 'next', 'clean'].map((key) => stepOf(detail, key).state)).toEqual([
      'cancelled',
      'skipped',
      'succeeded',
    ]);
    expect(rig.effects()).toEqual(['clean']);
  });

  it('an owner that dies of the request is replaced by the one who asked', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', single(`run: ${Stage.step('only')}`));
    const run = rig.start(['run', 'flow.yaml']);
    await stage.enter('only');
    const { id } = await onlyRun(rig);
    // A stopped owner lives, and does nothing.
    run.process.kill('SIGSTOP');
    const cancel = rig.start(['cancel', id]);
    await eventually('the request is dropped', 10_000, () => inbox(id).length === 1);
    run.process.kill('SIGKILL');
    expect((await cancel.ended).code).toBe(0);
    expect(await onlyRun(rig)).toMatchObject({ state: 'cancelled', exit_code: 5 });
    expect(inbox(id)).toEqual([]);
  });

  it('a request that its owner never took is not held against the next life', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', single(`run: ${Stage.step('only')}`));
    const run = rig.start(['run', 'flow.yaml']);
    await stage.enter('only');
    const { id } = await onlyRun(rig);
    run.process.kill('SIGSTOP');
    expect((await rig.flowctl('cancel', id, '--no-wait')).code).toBe(0);
    run.process.kill('SIGKILL');
    await run.ended;
    expect(inbox(id)).toHaveLength(1);
    const again = rig.start(['resume', id]);
    await (await stage.enter('only')).exit(0);
    expect((await again.ended).code).toBe(0);
    expect(inbox(id)).toEqual([]);
  });
});

describe('cancel of what cannot be cancelled', () => {
  it('a run that has ended: says so, 0, changes nothing', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ b: "run: 'exit 3'" }));
    await rig.flowctl('run', 'flow.yaml');
    const before = rig.filesBelow();
    const journal = readFileSync(journalOf(rig), 'utf8');
    const { code, stderr } = await rig.flowctl('cancel', 'last');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `run ${rig.runIds()[0]} had already ended: failed; nothing to do\n`,
    });
    expect(readFileSync(journalOf(rig), 'utf8')).toBe(journal);
    expect(rig.filesBelow()).toEqual(before);
  });

  it('no such run: 4; an ambiguous prefix: 2; no argument: 2; a damaged run: 65, untouched', async () => {
    const { rig } = here;
    expect((await rig.flowctl('cancel', 'last')).code).toBe(4);
    expect(rig.filesBelow()).toEqual([]);
    rig.write('flow.yaml', single(`run: ${EFFECT}`));
    await rig.flowctl('run', 'flow.yaml');
    await rig.flowctl('run', 'flow.yaml');
    expect((await rig.flowctl('cancel', '01aaaaaaaaaaaaaaaaaaaaaaaa')).code).toBe(4);
    expect((await rig.flowctl('cancel', '0')).code).toBe(2);
    expect((await rig.flowctl('cancel')).code).toBe(2);
    const journal = journalOf(rig);
    const damaged = readFileSync(journal, 'utf8').replace('attempt.started', 'attempt.startEd');
    writeFileSync(journal, damaged);
    expect((await rig.flowctl('cancel', rig.runIds()[0] ?? '')).code).toBe(65);
    expect(readFileSync(journal, 'utf8')).toBe(damaged);
  });
});
