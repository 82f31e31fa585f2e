/** `flowctl vars`: values that are kept across runs, and what runs see of them. */

import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';

const here = useCase();
const vars = (...argv: readonly string[]) => here.rig.flowctl('vars', ...argv);
const kept = () => here.rig.query<{ readonly [name: string]: unknown }>('vars', 'list');

describe('flowctl vars', () => {
  it('keeps JSON as JSON and everything else as text, and tells what there is not', async () => {
    expect((await vars('list', '--json')).stdout).toBe('{}\n');
    for (const [name, ...value] of [
      ['day', '2026-03-01'],
      ['n', '5'],
      ['code', '007', '--text'],
      ['limits', '{"a": [1, null]}'],
      ['line', 'a\nb'],
    ]) {
      expect(await vars('set', name ?? '', ...value)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    }
    expect(await kept()).toEqual({ day: '2026-03-01', n: 5, code: '007', limits: { a: [1, null] }, line: 'a\nb' });
    expect((await vars('get', 'limits')).stdout).toBe('{"a":[1,null]}\n');
    expect((await vars('get', 'day', '--json')).stdout).toBe('"2026-03-01"\n');
    expect((await vars('delete', 'day')).code).toBe(0);
    for (const argv of [
      ['get', 'day'],
      ['delete', 'day'],
    ])
      expect((await vars(...argv)).code).toBe(4);
    for (const argv of [
      ['set', 'n'],
      ['set'],
      ['sett', 'n', '1'],
      ['set', '__proto__', '1'],
      ['set', 'a.b', '1'],
      ['get', 'n', 'm'],
    ]) {
      expect([argv, (await vars(...argv)).code]).toEqual([argv, 2]);
    }
    expect(Object.keys(await kept())).toEqual(['code', 'limits', 'line', 'n']);
  });

  it('loses nothing when many set at once, and says where it is damaged', async () => {
    const names = Array.from({ length: 8 }, (_, n) => `v${n}`);
    const ends = await Promise.all(names.map((name) => vars('set', name, name)));
    expect(ends.map(({ code }) => code)).toEqual(names.map(() => 0));
    expect(Object.keys(await kept())).toHaveLength(8);
    writeFileSync(here.rig.path('.flowctl/vars.json'), '{"format":"flowctl-vars-1"');
    here.rig.write('flow.yaml', 'steps: { a: { run: "true" } }\n');
    for (const argv of [['vars'], ['vars', 'set', 'a', '1'], ['run', 'flow.yaml'], ['doctor']]) {
      const { code, stdout, stderr } = await here.rig.flowctl(...argv);
      expect([code, (stdout + stderr).includes('vars.json')], argv.join(' ')).toEqual([65, true]);
    }
  });
});

describe('a run', () => {
  it('sees the values of its beginning, above those of the config, in sub-flows and in functions too; also when it goes on', async () => {
    const { rig } = here;
    rig.write('flowctl.config.yaml', 'vars: { region: eu, day: never }\n');
    rig.write(
      'tasks.ts',
      "import { context } from 'flowctl';\nexport const all = async (): Promise<object> => context().vars;\n",
    );
    rig.write(
      'inner.yaml',
      'params: { day: "${{ vars.day }}" }\nsteps: { a: { run: [echo, "${{ vars.day }} ${{ params.day }}"], output: text } }\noutputs: { said: "${{ steps.a.outputs }}" }\n',
    );
    rig.write(
      'flow.yaml',
      `run_name: "of \${{ vars.day }}"
params: { day: "\${{ vars.day }}" }
steps:
  set: { run: '"$NODE" "$BIN" vars set day later' }
  call: { call: ./tasks.ts#all, needs: set }
  inner: { flow: ./inner.yaml, needs: set }
  fail: { run: "test -e ok", needs: [call, inner] }
  last: { run: [echo, "\${{ vars.day }} \${{ vars.region }} \${{ params.day }}"], output: text, needs: fail }
`,
    );
    await vars('set', 'day', 'now');
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    expect(await kept()).toEqual({ day: 'later' });
    rig.write('ok', '');
    const resumed = await rig.flowctl('resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    const shown = await rig.query<RunDetail & { readonly name?: string }>('show');
    const outputs = new Map(shown.steps.map(({ key, outputs: value }) => [String(key), value]));
    expect(outputs.get('call')).toEqual({ region: 'eu', day: 'now' });
    expect(outputs.get('inner')).toEqual({ said: 'now now' });
    expect(outputs.get('last')).toBe('now eu now');
    expect(shown.name).toBe('of now');
    // The next one begins with what the last one left.
    expect((await rig.flowctl('rerun', '--quiet')).code).toBe(0);
    const next = await rig.query<RunDetail & { readonly name?: string }>('show');
    expect(next.name).toBe('of later');
  });

  it('may name what is kept without a config, and is told how to keep what is not there', async () => {
    const { rig } = here;
    rig.write('flow.yaml', 'steps: { a: { run: [echo, "${{ vars.day }}"] } }\n');
    const refused = await rig.flowctl('run', 'flow.yaml');
    expect([refused.code, refused.stderr.includes('flowctl vars set day <value>')], refused.stderr).toEqual([3, true]);
    await vars('set', 'day', '1');
    expect((await rig.flowctl('validate', 'flow.yaml')).code).toBe(0);
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    // A deployment is not another version because a value is another one.
    expect((await rig.flowctl('deploy', 'flow.yaml')).stdout).toContain('version 1');
    await vars('set', 'day', '2');
    expect((await rig.flowctl('deploy', 'flow.yaml')).stdout).toContain('nothing has changed');
    expect((await rig.flowctl('run', 'flow')).code).toBe(0);
    expect((await rig.flowctl('logs', 'a')).stdout).toBe('2\n');
  });

  it('whose step stands elsewhere sets the values of its own project', async () => {
    const { rig } = here;
    rig.write('elsewhere/flowctl.config.yaml', 'vars: {}\n');
    rig.write('flow.yaml', 'steps: { a: { workdir: elsewhere, run: \'"$NODE" "$BIN" vars set mark x\' } }\n');
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    expect(await kept()).toEqual({ mark: 'x' });
  });
});
