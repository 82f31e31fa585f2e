/** docs/limits.md: what it shows is valid, and the flow that it shows runs as it says. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/limits.md'), 'utf8');
const project = useCase();

it('what docs/limits.md shows is valid, and runs', async () => {
  const { rig } = project;
  const blocks = [...page.matchAll(/```yaml\n# (\S+)\n([\s\S]*?)```/g)].map(([, file = '', text = '']) => ({
    file,
    text,
  }));
  expect(blocks.map(({ file }) => file)).toEqual(['flowctl.config.yaml', 'train.yaml', 'nightly.yaml']);
  for (const { file, text } of blocks) rig.write(file, text);
  const validated = await rig.flowctl('validate', 'train.yaml', 'nightly.yaml');
  expect(validated.code, validated.stderr).toBe(0);
  for (const script of ['extract.sh', 'heavy.sh', 'load.sh']) rig.write(script, '#!/bin/sh\n');
  rig.write('train.sh', '#!/bin/sh\necho "$1 on $CUDA_VISIBLE_DEVICES" >> "$EFFECTS"\n');
  expect((await rig.shell('chmod +x *.sh').ended).code).toBe(0);
  for (const flow of ['train.yaml', 'nightly.yaml']) {
    const run = await rig.flowctl('run', flow);
    expect(run.code, run.stdout).toBe(0);
  }
  expect(
    rig
      .effects()
      .map((line) => line.replace(/cuda[01]$/, 'cuda'))
      .sort(),
  ).toEqual(['large on cuda', 'medium on cuda', 'small on cuda']);
});
