/** `run --only | --from | --to [--of]` and `--dry-run`. */

import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { Rig } from '../kit/rig.ts';

const FLOW = `
name: chain
params: { n: 1 }
steps:
  a: { run: 'echo a >> "$EFFECTS"; echo "v=$N" >> "$FLOWCTL_OUTPUT"', env: { N: "\${{ params.n }}" } }
  b: { needs: a, run: 'echo "b$V" >> "$EFFECTS"; echo "v=$V$V" >> "$FLOWCTL_OUTPUT"', env: { V: "\${{ steps.a.outputs.v }}" } }
  c: { needs: b, run: 'echo "c$V" >> "$EFFECTS"', env: { V: "\${{ steps.b.outputs.v }}" } }
  d: { run: 'echo d >> "$EFFECTS"' }
  e: { needs: d, run: 'echo e >> "$EFFECTS"' }
`;

describe('selection of steps', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
    rig.write('chain.yaml', FLOW);
  });
  afterEach(() => rig.remove());

  const states = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      (await rig.query<RunDetail>('show')).steps.map((step) => [
        step.key,
        step.skip_reason ?? (step.cached ? 'reused' : step.state),
      ]),
    );

  it.each([
    ['report/extract', 'report'],
    ['load[3]', 'load'],
  ])('%s is no step of the flow itself: the one that it belongs to is named', async (key, step) => {
    expect(await rig.flowctl('run', 'chain.yaml', '--only', key)).toMatchObject({
      code: 2,
      stderr: `error: \`${key}\` is no step name\nhelp: name the step of the flow that it belongs to: ${step}\n`,
    });
  });

  it('--from runs a step and what follows, with the results of the latest run with equal params', async () => {
    await rig.flowctl('run', 'chain.yaml', '-p', 'n=7');
    await rig.flowctl('run', 'chain.yaml', '-p', 'n=8');
    rig.write('effects', '');
    const { code, stderr } = await rig.flowctl('run', 'chain.yaml', '-p', 'n=7', '--from', 'b');
    expect(code, stderr).toBe(0);
    expect(rig.effects()).toEqual(['b7', 'c77']);
    expect(await states()).toEqual({
      a: 'reused',
      b: 'succeeded',
      c: 'succeeded',
      d: 'not_selected',
      e: 'not_selected',
    });
  });

  it('--only runs just the named steps; what only comes before counts as done', async () => {
    const { code, stderr } = await rig.flowctl('run', 'chain.yaml', '--only', 'e,a');
    expect(code, stderr).toBe(0);
    expect([...rig.effects()].sort()).toEqual(['a', 'e']);
    expect(await states()).toMatchObject({ d: 'reused', e: 'succeeded', b: 'not_selected' });
  });

  it('--to runs the named step and what it needs', async () => {
    expect((await rig.flowctl('run', 'chain.yaml', '--to', 'b')).code).toBe(0);
    expect(rig.effects()).toEqual(['a', 'b1']);
  });

  it('names what is missing when no run has the results, and starts nothing', async () => {
    const { code, stderr } = await rig.flowctl('run', 'chain.yaml', '--only', 'c');
    expect(code).toBe(4);
    expect(stderr).toContain('`b`');
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
  });

  it('--of names the run whose results are taken, whatever its params', async () => {
    await rig.flowctl('run', 'chain.yaml', '-p', 'n=5');
    const of = rig.runIds()[0] ?? '';
    rig.write('effects', '');
    expect((await rig.flowctl('run', 'chain.yaml', '--only', 'c', '--of', of)).code).toBe(0);
    expect(rig.effects()).toEqual(['c55']);
  });

  it('refuses two kinds at once (2) and unknown steps (4)', async () => {
    expect((await rig.flowctl('run', 'chain.yaml', '--only', 'a', '--from', 'b')).code).toBe(2);
    const { code, stderr } = await rig.flowctl('run', 'chain.yaml', '--only', 'aa');
    expect(code).toBe(4);
    expect(stderr).toContain('`a`');
  });

  it('a resume of such a run does not run what was not selected', async () => {
    rig.write('chain.yaml', FLOW.replace(`'echo e >> "$EFFECTS"'`, `'test -e ok && echo e >> "$EFFECTS"'`));
    expect((await rig.flowctl('run', 'chain.yaml', '--only', 'e')).code).toBe(1);
    rig.write('ok', '');
    expect((await rig.flowctl('resume')).code).toBe(0);
    expect(rig.effects()).toEqual(['e']);
  });

  it('--dry-run prints the plan, in order, and writes nothing', async () => {
    const { code, stdout } = await rig.flowctl('run', 'chain.yaml', '--to', 'b', '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toBe(
      [
        'chain with n=1',
        'a  runs     needs nothing',
        'd  skipped  not selected',
        'b  runs     needs a',
        'e  skipped  not selected',
        'c  skipped  not selected',
        '',
      ].join('\n'),
    );
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
  });
});
