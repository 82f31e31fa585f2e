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
