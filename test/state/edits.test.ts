/** Case 19: the flow was edited between a run and its resume. */

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/model/event.ts';
import { useCase } from '../kit/case.ts';
import { chain, journalOf, onlyRun } from '../kit/flows.ts';

const here = useCase();

const saying = (words: string): string => `run: 'echo ${words} >> "$EFFECTS"'`;
const failing = "run: 'exit 1'";

async function runAndEdit(before: Parameters<typeof chain>[0], after: Parameters<typeof chain>[0]): Promise<void> {
  const { rig } = here;
  rig.write('flow.yaml', chain(before));
  expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
  rig.write('flow.yaml', chain(after));
}

const resumes = (): readonly RunEvent[] =>
  readFileSync(journalOf(here.rig), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line) as RunEvent)
    .filter(({ type }) => type === 'run.resumed');

describe('case 19: a resume after edits', () => {
  it('takes edits to steps that have not succeeded over, as a revision that the record names', async () => {
    const { rig } = here;
    await runAndEdit(
      { a: saying('a1'), b: failing, c: saying('c1') },
      { a: saying('a1'), b: saying('b2'), c: saying('c2') },
    );
    const { code, stderr } = await rig.flowctl('resume');
    expect(code, stderr).toBe(0);
    expect(rig.effects()).toEqual(['a1', 'b2', 'c2']);
    const { id } = await onlyRun(rig);
    expect(JSON.parse(rig.read(`.flowctl/runs/${id}/flow.2.json`))).toMatchObject({ revision: 2 });
    expect(resumes()).toMatchObject([{ revision: 2 }]);
  });

  it('refuses edits to steps that succeeded, with the list, and changes nothing', async () => {
    const { rig } = here;
    await runAndEdit({ a: saying('a1'), b: failing }, { a: saying('a2'), b: saying('b2') });
    const before = readFileSync(journalOf(rig));
    const { code, stdout, stderr } = await rig.flowctl('resume');
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toMatch(/edited since: a$/m);
    expect(stderr).toContain('--accept-changes');
    expect(stderr).toContain('--frozen');
    expect(rig.effects()).toEqual(['a1']);
    expect(readFileSync(journalOf(rig)).equals(before)).toBe(true);
  });

  it('--frozen goes on with the text as it was', async () => {
    const { rig } = here;
    const twice = `run: 'echo b >> "$EFFECTS"; [ "$FLOWCTL_ATTEMPT" = 2 ]'`;
    await runAndEdit(
      { a: saying('a1'), b: twice, c: saying('c1') },
      { a: saying('a2'), b: saying('b2'), c: saying('c2') },
    );
    const { code, stderr } = await rig.flowctl('resume', '--frozen');
    expect(code, stderr).toBe(0);
    expect(rig.effects()).toEqual(['a1', 'b', 'b', 'c1']);
    expect(existsSync(rig.path('.flowctl/runs', (await onlyRun(rig)).id, 'flow.2.json'))).toBe(false);
  });

  it('--accept-changes runs the edited steps and what follows them, and keeps the other successes', async () => {
    const { rig } = here;
    const flow = (a: string, b: string, c: string): string => `steps:
  other: { ${saying('other')} }
  a: { ${a} }
  b: { needs: a, ${b} }
  c: { needs: b, ${c} }
`;
    rig.write('flow.yaml', flow(saying('a1'), saying('b1'), failing));
    await rig.flowctl('run', 'flow.yaml', '--max-parallel', '1');
    rig.write('flow.yaml', flow(saying('a1'), saying('b2'), saying('c2')));
    expect((await rig.flowctl('resume')).code).toBe(4);
    const { code, stderr } = await rig.flowctl('resume', '--accept-changes');
    expect(code, stderr).toBe(0);
    expect([...rig.effects()].sort()).toEqual(['a1', 'b1', 'b2', 'c2', 'other']);
  });

  it('a flow that was deleted since goes on as it was recorded, with a warning', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ b: 'run: \'[ "$FLOWCTL_ATTEMPT" = 2 ]\'' }));
    await rig.flowctl('run', 'flow.yaml');
    await rig.shell('rm flow.yaml').ended;
    const { code, stderr } = await rig.flowctl('resume');
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('flow.yaml is gone');
    expect(rig.effects()).toEqual(['a', 'c']);
  });

  it('a flow that is invalid now is refused (3), nothing is started', async () => {
    const { rig } = here;
    await runAndEdit({ b: failing }, { b: 'runn: x' });
    const { code, stderr } = await rig.flowctl('resume');
    expect(code).toBe(3);
    expect(stderr).toContain('--frozen');
    expect(rig.effects()).toEqual(['a']);
  });
});
