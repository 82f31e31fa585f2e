import { describe, expect, it } from 'vitest';
import { stepFingerprint } from '../../src/load/fingerprint.ts';
import { loaded } from './flow-file.ts';

const TASKS = { 't.ts': 'export const a = () => 1; export const b = () => 2;' };
const FLOW = 'dotenv: .env\nsteps:\n  x: { call: ./t.ts#a, description: one }\n  y: { run: echo, needs: x }\n';

async function hashes(text: string): Promise<{ flow: string; steps: readonly string[] }> {
  const { definition, hash } = await loaded(text, TASKS);
  return { flow: hash, steps: definition.steps.map((step) => stepFingerprint(step, definition.directory)) };
}

describe('fingerprints', () => {
  it('stay the same in another folder, and when only the writing changes', async () => {
    const first = await hashes(FLOW);
    expect(first.flow).toMatch(/^[0-9a-f]{64}$/);
    expect(await hashes(FLOW)).toEqual(first);
    expect(await hashes(`# a comment\n${FLOW.replace('needs: x', 'needs: [x]').replace('echo', '"echo"')}`)).toEqual(
      first,
    );
  });

  it('tell which step was edited', async () => {
    const first = await hashes(FLOW);
    const edits: readonly [string, string, number][] = [
      ['#a', '#b', 0],
      ['run: echo', 'run: echo, timeout: 1s', 1],
      ['run: echo', 'run: [echo]', 1],
      [', needs: x', '', 1],
    ];
    for (const [from, to, edited] of edits) {
      const second = await hashes(FLOW.replace(from, to));
      expect(second.flow).not.toBe(first.flow);
      expect(second.steps.map((step, index) => step !== first.steps[index])).toEqual([edited === 0, edited === 1]);
    }
  });

  it('of a step does not count its description, that of the flow does', async () => {
    const first = await hashes(FLOW);
    const second = await hashes(FLOW.replace('one', 'two'));
    expect(second.steps).toEqual(first.steps);
    expect(second.flow).not.toBe(first.flow);
  });
});
