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

describe('fingerprints of flows inside of flows', () => {
  const PARENT = 'steps:\n  g: { steps: { c: { call: ./t.ts#a } } }\n  r: { flow: ./sub/r.yaml }\n  x: { run: echo }\n';
  const SUB = 'steps: { again: { flow: r.yaml }, next: { flow: s.yaml } }\n';
  const LAST = 'steps: { hello: { run: echo } }\nsecrets: { A: { file: a.txt } }\n';

  async function treeHashes(last: string): Promise<{ flow: string; steps: readonly string[] }> {
    const files = { ...TASKS, 'sub/r.yaml': SUB, 'sub/s.yaml': last };
    const { definition, hash } = await loaded(PARENT, files);
    const { steps, directory, flows } = definition;
    return { flow: hash, steps: steps.map((step) => stepFingerprint(step, directory, flows)) };
  }

  it('stay the same in another folder', async () => {
    expect(await treeHashes(LAST)).toEqual(await treeHashes(LAST));
  });

  it('change with a flow at any distance, for the step that runs it alone', async () => {
    const first = await treeHashes(LAST);
    const second = await treeHashes(LAST.replace('echo', 'date'));
    expect(second.flow).not.toBe(first.flow);
    expect(second.steps.map((step, index) => step !== first.steps[index])).toEqual([false, true, false]);
  });
});
