/** What a task may ask of its context, through the real program. */

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { shown } from '../kit/flows.ts';
import { Rig } from '../kit/rig.ts';

describe('the context of a task', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(() => rig.remove());

  it('publishes artifacts, also of an attempt that fails', async () => {
    rig.write('data.csv', 'a,b\n');
    rig.write(
      'flow.ts',
      `import { context, flow, task } from 'flowctl';
const report = task('report', async () => {
  const { artifact } = context();
  artifact.markdown('summary', '# three rows');
  artifact.table('rows', [{ city: 'Oslo', mm: 25 }]);
  artifact.link('docs', 'https://example.com/docs', 'The documents');
  artifact.file('data.csv');
  artifact.file('data.csv', 'again');
  artifact.markdown('long', 'x'.repeat(100_000));
  throw new Error('after all');
});
export default flow('published', async () => report());
`,
    );
    const { code } = await rig.flowctl('run', 'flow.ts');
    expect(code).toBe(1);
    expect((await shown(rig)).artifacts).toMatchObject([
      { kind: 'markdown', name: 'summary', value: '# three rows' },
      { kind: 'table', name: 'rows', value: [{ city: 'Oslo', mm: 25 }] },
      { kind: 'link', name: 'docs', value: { url: 'https://example.com/docs', title: 'The documents' } },
      { kind: 'file', name: 'data.csv', file: expect.stringMatching(/data\.csv$/) },
      { kind: 'file', name: 'again', file: expect.stringMatching(/data-2\.csv$/) },
      { kind: 'markdown', name: 'long', file: expect.stringMatching(/long\.md$/) },
    ]);
  });

  it('is of a call that may have a name and tags for people', async () => {
    rig.write(
      'flow.ts',
      `import { flow, task } from 'flowctl';
const load = task('load', { tags: ['nightly'], runName: (day: string) => 'load of ' + day }, async (day: string) => day);
export default flow('named', async () => load('monday'));
`,
    );
    expect((await rig.flowctl('run', 'flow.ts')).code).toBe(0);
    const [step] = (await shown(rig)).steps;
    expect(step?.call).toEqual({
      kind: 'task',
      caller: null,
      after: null,
      run_name: 'load of monday',
      tags: ['nightly'],
    });
    expect((await rig.flowctl('show')).stdout).toMatch(/load +succeeded.* load of monday/);
  });

  it('knows the values of the project, the facts of the attempt, and writes to its log', async () => {
    rig.write('flowctl.config.yaml', 'vars: { region: eu }\n');
    rig.write(
      'flow.ts',
      `import { context, flow, task } from 'flowctl';
const facts = task('facts', { retry: 1 }, async () => {
  const { attempt, vars, step, logger, progress } = context();
  logger.warn('attempt', { attempt });
  progress(attempt, 2);
  if (attempt === 1) throw new Error('once more');
  return { attempt, vars, step };
});
export default flow('asked', async () => ({ task: await facts(), flow: context().vars }));
`,
    );
    const { code, stderr } = await rig.flowctl('run', 'flow.ts');
    expect(code, stderr).toBe(0);
    const run: RunDetail = await shown(rig);
    const vars = { region: 'eu' };
    expect(run.outputs).toEqual({ task: { attempt: 2, vars, step: 'facts' }, flow: vars });
    const { stdout } = await rig.flowctl('logs', 'last', 'facts', '--attempt', '2');
    expect(stdout).toContain('warn: attempt {"attempt":2}\ninfo: progress 2/2\n');
  });

  it('tells how far it is now and then, and at the end', async () => {
    rig.write(
      'flow.ts',
      `import { context, flow, task } from 'flowctl';
const count = task('count', async () => { const { progress } = context(); for (let n = 1; n <= 50_000; n += 1) progress(n, 50_000); });
export default flow('counted', async () => { await count(); });
`,
    );
    expect((await rig.flowctl('run', 'flow.ts')).code).toBe(0);
    const lines = (await rig.flowctl('logs', 'last', 'count')).stdout.trimEnd().split('\n');
    expect(lines[0]).toBe('info: progress 1/50000');
    expect(lines.at(-1)).toBe('info: progress 50000/50000');
    expect(lines.length).toBeLessThan(100);
  });
});
