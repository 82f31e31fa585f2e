/** Flows written as data, with functions where YAML has `call`: through the real program, as a flow file is. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shown, stepOf } from '../kit/flows.ts';
import { Rig } from '../kit/rig.ts';

describe('a declarative flow', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(() => rig.remove());

  const write = (steps: string, more = ''): string =>
    rig.write(
      'graph.ts',
      `import { context, flow, task } from 'flowctl';
import { appendFileSync } from 'node:fs';
const effect = (): void => appendFileSync(process.env['EFFECTS'] ?? '', context().step + '\\n');
export const double = task('double', { retry: 9 }, async ({ n }: { n: number }) => n * 2);
export default flow({ ${more} steps: { ${steps} } });
`,
    );

  it('runs functions, tasks and commands in the order of their needs', async () => {
    write(
      `fetch: { call: ({ n }: { n: number }) => ({ n: n + 1 }), with: { n: '\${{ params.n }}' } },
       twice: { needs: 'fetch', call: double, with: { n: '\${{ steps.fetch.outputs.n }}' } },
       print: { needs: ['twice'], run: 'echo "v=\${{ steps.twice.outputs }}" >> "$FLOWCTL_OUTPUT"' }`,
      `name: 'sum', params: { n: 4 }, outputs: { v: '\${{ steps.print.outputs.v }}' }, maxParallel: 2,`,
    );
    const { code, stdout, stderr } = await rig.flowctl('run', 'graph.ts');
    expect(code, stdout + stderr).toBe(0);
    const run = await shown(rig);
    expect(run).toMatchObject({ flow: 'sum', outputs: { v: '10' } });
    expect(run.steps.map(({ key, needs }) => [key, needs])).toEqual([
      ['fetch', []],
      ['twice', ['fetch']],
      ['print', ['twice']],
    ]);
  });

  it('has functions inside of groups and maps, and for handlers', async () => {
    write(
      `each: { foreach: [1, 2], call: effect, with: {} },
       group: { needs: 'each', steps: { 'in-side': { call: effect } }, onSuccess: effect }`,
      'finally: [effect],',
    );
    const { code, stdout, stderr } = await rig.flowctl('run', 'graph.ts', '--max-parallel', '1');
    expect(code, stdout + stderr).toBe(0);
    expect([...rig.effects()].sort()).toEqual(
      ['each[0]', 'each[1]', 'group/in-side', 'group/on_success[0]', 'finally[0]'].sort(),
    );
  });

  it('is tried again, fails and goes on as a flow in YAML, with the function as it is then', async () => {
    write(`a: { call: effect }, b: { needs: 'a', call: () => { effect(); throw new Error('not yet'); }, retry: 1 }`);
    const failed = await rig.flowctl('run', 'graph.ts');
    expect(failed.code).toBe(1);
    expect(stepOf(await shown(rig), 'b').attempts.map(({ outcome }) => outcome)).toEqual(['failed', 'failed']);
    write(`a: { call: effect }, b: { needs: 'a', call: () => { effect(); return 'now'; }, retry: 1 }`);
    const resumed = await rig.flowctl('resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(rig.effects()).toEqual(['a', 'b', 'b', 'b']);
    expect(stepOf(await shown(rig), 'b').outputs).toBe('now');
  });

  it('is checked as a flow in YAML is, before anything runs', async () => {
    write(`a: { call: effect, needs: 'c' }, b: { run: 'true', timeout: 'soon' }`);
    const { code, stderr, stdout } = await rig.flowctl('validate', 'graph.ts');
    expect(code).toBe(3);
    expect(stdout + stderr).toContain('`c`');
    expect(stdout + stderr).toContain('soon');
    expect(rig.effects()).toEqual([]);
  });

  it('has options in camelCase, and says which there are', async () => {
    write(`a: { call: effect, continue_on_error: true }`);
    const { code, stderr } = await rig.flowctl('run', 'graph.ts');
    expect(code).toBe(3);
    expect(stderr).toContain('did you mean `continueOnError`?');
    write(`a: { run: 'exit 3', continueOnError: true, successCodes: [0], retry: { max: 1, maxDelay: '1s' } }`);
    expect((await rig.flowctl('run', 'graph.ts')).code).toBe(0);
    expect(stepOf(await shown(rig), 'a')).toMatchObject({ tolerated: true, attempts: [{}, {}] });
  });
});
