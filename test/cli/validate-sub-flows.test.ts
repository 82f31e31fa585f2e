/** `flowctl validate` over flows that name each other. */

import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';

const here = useCase();

describe('flowctl validate', () => {
  it('says once what is wrong with a flow that several name, each at its own place', async () => {
    const { rig } = here;
    rig.write('flows/a.yaml', 'steps:\n  one: { flow: ./c.yaml }\n');
    rig.write('flows/b.yaml', 'steps:\n  two: { flow: c.yaml }\n  three: { flow: ./d.yaml }\n');
    rig.write('flows/c.yaml', 'steps:\n  broken: { run: echo, needs: nobody }\n');
    const files = ['flows/a.yaml', 'flows/b.yaml', 'flows/c.yaml'];
    const { code, stdout } = await rig.flowctl('validate', ...files, '--json');
    expect(code).toBe(3);
    const found = (JSON.parse(stdout) as { file: string; line: number; code: string }[]).map(
      (each) => `${each.code} ${each.file}:${each.line}`,
    );
    expect(found).toEqual([
      'invalid_sub_flow flows/a.yaml:2',
      'unknown_need flows/c.yaml:2',
      'invalid_sub_flow flows/b.yaml:2',
      'flow_not_found flows/b.yaml:3',
    ]);
    const printed = await rig.flowctl('validate', ...files);
    expect(printed.stdout.match(/unknown_need/g)).toHaveLength(1);
  });

  it('makes no run of a flow whose sub-flow is invalid', async () => {
    const { rig } = here;
    rig.write('flow.yaml', 'steps:\n  one: { flow: ./sub.yaml }\n');
    rig.write('sub.yaml', 'steps: {}\n');
    const run = await rig.flowctl('run', 'flow.yaml');
    expect([run.code, run.stderr]).toEqual([3, expect.stringContaining('sub.yaml:1:8')]);
    expect(await rig.query('runs', '--all')).toEqual([]);
  });
});
