/** What the end of a run says of expressions without a value. */

import { expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';

const here = useCase();

it('names the expression that failed a step, and says what to write', async () => {
  const { rig } = here;
  rig.write(
    'flow.yaml',
    'steps:\n  a: { run: echo }\n  b: { needs: a, run: [echo, "x ${{ steps.a.outputs.nope }}"] }\n',
  );
  const { code, stdout } = await rig.flowctl('run', 'flow.yaml');
  expect(code).toBe(1);
  expect(stdout).toContain(
    "b: `run[1]`: `steps.a.outputs.nope` is null, which cannot stand inside a longer text\n  help: write `default(steps.a.outputs.nope, '')` where nothing may stand\n",
  );
});

it('says what to write where the outputs of a run have no value', async () => {
  const { rig } = here;
  rig.write('flow.yaml', 'steps:\n  a: { run: echo }\noutputs: { o: "y ${{ steps.a.outputs.gone }}" }\n');
  const { code, stdout } = await rig.flowctl('run', 'flow.yaml');
  expect(code).toBe(1);
  expect(stdout).toContain("  help: write `default(steps.a.outputs.gone, '')` where nothing may stand\n");
});

it('leaves out what failed where it was allowed to, also beneath a map and in a sub-flow', async () => {
  const { rig } = here;
  rig.write('child.yaml', 'params: { n: 0 }\nsteps: { deep: { run: [test, "${{ params.n }}", "=", "1"] } }\n');
  rig.write(
    'flow.yaml',
    `steps:
  regions:
    foreach: [1, 2]
    tolerate: 1
    steps:
      inner: { flow: ./child.yaml, with: { n: "\${{ item }}" } }
  whole: { foreach: [1, 2], run: exit 1, continue_on_error: true }
`,
  );
  const tolerated = await rig.flowctl('run', 'flow.yaml');
  expect(tolerated.code, tolerated.stdout).toBe(0);
  // Behind the line of the run's end: what succeeded, and nothing about why.
  expect(tolerated.stdout).toMatch(/\n[^\n]* succeeded in [^\n]*\n\nsucceeded in [^\n]*\n$/);
  const { stdout } = await rig.flowctl('show');
  expect(stdout).toContain('regions[1]/inner/deep: exited with code 1');
});

it('names a handler that failed, also that of a step which was allowed to fail', async () => {
  const { rig } = here;
  rig.write('flow.yaml', 'steps:\n  a: { run: exit 1, continue_on_error: true, finally: [{ run: exit 3 }] }\n');
  const { code, stdout } = await rig.flowctl('run', 'flow.yaml');
  expect(code).toBe(1);
  expect(stdout).toContain('\na/finally[0]: exited with code 3\n');
  expect(stdout).not.toContain('\na: exited');
  rig.write('child.yaml', 'steps: { well: { run: echo } }\n');
  rig.write('flow.yaml', 'steps:\n  sub: { flow: ./child.yaml, on_success: [{ run: exit 4 }] }\n');
  expect((await rig.flowctl('run', 'flow.yaml')).stdout).toContain('\nsub/on_success[0]: exited with code 4\n');
});
