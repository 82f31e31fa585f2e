/** Case 29: the state directory is moved or removed while a run goes on. */

import { afterEach, beforeEach, expect, it } from 'vitest';
import { Rig, tagged } from '../kit/rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.remove());

for (const [how, command] of [
  ['moved', 'mv .flowctl elsewhere'],
  ['removed', 'rm -rf .flowctl'],
] as const) {
  it(`is ${how}: 74, what ran is listed, and nothing goes on (I10)`, async () => {
    rig.write('flow.yaml', `steps:\n  a: { run: '${command}' }\n  b: { needs: a, run: 'echo b >> "$EFFECTS"' }\n`);
    const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml', '--output', 'json');
    expect(code, stderr).toBe(74);
    expect(stderr).toContain('ran but not recorded: a, attempt 1: succeeded');
    expect(stdout).not.toContain('"run.finished"');
    expect(rig.effects()).toEqual([]);
    const run = /"run":"([0-9a-z]{26})"/.exec(stdout)?.[1] ?? 'none';
    expect(tagged(run)).toEqual([]);
  });
}
