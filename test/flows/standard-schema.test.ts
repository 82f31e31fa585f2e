/** Params that a schema of the user's own library checks, through the real program. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shown } from '../kit/flows.ts';
import { Rig } from '../kit/rig.ts';

/** A schema as zod and its like make them: a default, a transformation that must not happen twice, and what is wrong with its place. */
const FLOW = `import { flow, type StandardSchema } from 'flowctl';
const schema: StandardSchema<{ day?: string; count: number }, { day: string; count: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) => {
      const { day = 'monday', count } = value as { day?: string; count?: unknown };
      return typeof count === 'number'
        ? { value: { day, count: count + 1 } }
        : { issues: [{ message: 'has to be a number', path: ['count'] }] };
    },
  },
};
export const inner = flow('inner', { params: schema }, async ({ count }) => count);
export default flow('outer', { params: schema }, async ({ day, count }) => ({ day, count, inner: await inner({ count }) }));
`;

describe('a flow whose params a Standard Schema checks', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
    rig.write('flow.ts', FLOW);
  });
  afterEach(() => rig.remove());

  it('gets what the schema makes of them, once, in a rerun and in a sub-flow too', async () => {
    for (const words of [['run', 'flow.ts', '-p', 'count=1'], ['rerun']]) {
      const { code, stderr } = await rig.flowctl(...words);
      expect(code, stderr).toBe(0);
      expect(await shown(rig)).toMatchObject({
        params: { count: 1 },
        outputs: { day: 'monday', count: 2, inner: 3 },
      });
    }
  });

  it('is not started with others', async () => {
    const { code, stderr } = await rig.flowctl('run', 'flow.ts', '-p', 'count=many');
    expect(code).toBe(2);
    expect(stderr).toContain('param `count`: has to be a number');
    expect(rig.runIds()).toEqual([]);
  });
});
