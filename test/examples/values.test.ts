/** The classic first pipeline. */

import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { Rig } from '../kit/rig.ts';

const FLOW = resolve(import.meta.dirname, '../../examples/values/values.yaml');

describe('examples/values', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(() => rig.remove());

  it('adds one to each value', async () => {
    const input = rig.write('input.csv', '1,2,41\n');
    const output = rig.path('output.csv');
    const state = ['--state-dir', rig.path('.flowctl')];
    const { code, stdout, stderr } = await rig.flowctl(
      'run',
      FLOW,
      '-p',
      `path=${input}`,
      '-p',
      `output=${output}`,
      ...state,
    );
    expect(code, stdout + stderr).toBe(0);
    expect(rig.read('output.csv').trim()).toBe('2,3,42');
    const run = await rig.query<RunDetail>('show', ...state);
    expect(run.state).toBe('succeeded');
  });
});
