/** The JSON that scripts read, member by member as the contract has it; what is there beyond it is named here. */

import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { chain, shown } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';

const here = useCase();
type Document = { readonly [key: string]: unknown };

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** Of `runs --json`, in the order of the contract. */
const ROW = [
  ...['id', 'flow', 'version', 'state', 'exit_code', 'trigger', 'params', 'parent', 'scheduled_for', 'created_at'],
  ...['started_at', 'finished_at', 'duration_ms', 'steps'],
];
const ROW_BEYOND = ['durability', 'name', 'resumes', 'tags', 'timed_out'];
const STEP = [
  ...['id', 'key', 'state', 'cached', 'timed_out', 'tolerated', 'skip_reason', 'why', 'needs', 'started_at'],
  ...['finished_at', 'duration_ms', 'outputs', 'attempts'],
];
const STEP_BEYOND = [
  ...['answer', 'call', 'child', 'error', 'flaky', 'index', 'item', 'parent', 'question', 'retry_due', 'role'],
];
const ATTEMPT = ['number', 'outcome', 'exit_code', 'signal', 'error', 'started_at', 'finished_at', 'log'];
const ATTEMPT_BEYOND = ['duration_ms', 'process'];

function expectMembers(document: Document, contract: readonly string[], beyond: readonly string[]): void {
  const members = Object.keys(document);
  expect(members.filter((member) => contract.includes(member))).toEqual(contract);
  expect(members.filter((member) => !contract.includes(member)).sort()).toEqual(beyond);
}

describe('JSON', () => {
  it('runs --json', async () => {
    const { rig } = here;
    expect(await rig.query('runs')).toEqual([]);
    rig.write('flow.yaml', `params: { limit: 10 }\ntags: [nightly]\n${chain({ b: "run: 'exit 1'" })}`);
    await rig.flowctl('run', 'flow.yaml', '-p', 'limit=3');
    await rig.flowctl('run', 'flow.yaml');
    const rows = await rig.query<Document[]>('runs');
    expect(rows.map(({ id }) => id)).toEqual([...rig.runIds()].reverse());
    const [newest = {}, oldest = {}] = rows;
    for (const row of rows) expectMembers(row, ROW, ROW_BEYOND);
    expect(newest).toMatchObject({
      flow: 'chain',
      version: null,
      state: 'failed',
      exit_code: 1,
      trigger: 'manual',
      params: { limit: 10 },
      parent: null,
      steps: { total: 3, succeeded: 1, failed: 1, skipped: 1, cached: 0 },
    });
    expect(oldest).toMatchObject({ params: { limit: 3 } });
    expect(Object.keys(newest['steps'] as Document)).toEqual(['total', 'succeeded', 'failed', 'skipped', 'cached']);
    for (const time of ['scheduled_for', 'created_at', 'started_at', 'finished_at'])
      expect(newest[time]).toMatch(INSTANT);
    expect(newest['duration_ms']).toEqual(expect.any(Number));
    expect(await rig.query('runs', '--limit', '1')).toEqual([newest]);
    expect(await rig.query('runs', '--flow', 'other')).toEqual([]);
    expect(await rig.query('runs', '--state', 'succeeded')).toEqual([]);
    expect(await rig.query('runs', '--tag', 'nightly', '--state', 'failed', '--since', '1h')).toEqual(rows);
    expect(await rig.query('runs', '--since', '2199-01-01')).toEqual([]);
  });

  it('a run that goes on has neither exit code nor end', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const run = rig.start(['run', 'flow.yaml']);
    const puppet = await stage.enter('b');
    const [row = {}] = await rig.query<Document[]>('runs');
    expectMembers(row, ROW, ROW_BEYOND);
    expect(row).toMatchObject({ state: 'running', exit_code: null, finished_at: null });
    const detail = await shown(rig);
    expect(detail.steps.map(({ state }) => state)).toEqual(['succeeded', 'running', 'pending']);
    expect(detail.steps[1]?.attempts).toMatchObject([{ number: 1, outcome: null, finished_at: null }]);
    await puppet.exit(0);
    expect((await run.ended).code).toBe(0);
  });

  it('show --json', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `${chain({ b: `run: 'echo "rows=3" >> "$FLOWCTL_OUTPUT"'` })}outputs: { rows: "\${{ steps.b.outputs.rows }}" }\n`,
    );
    await rig.flowctl('run', 'flow.yaml');
    const run = (await shown(rig)) as unknown as Document;
    expectMembers(
      run,
      [...ROW.slice(0, -1), 'outputs', 'steps'],
      [
        ...[
          'artifacts',
          'cancellation',
          'counts',
          'durability',
          'error',
          'flow_hash',
          'name',
          'resumes',
          'tags',
          'timed_out',
          'warnings',
        ],
      ],
    );
    expect(run).toMatchObject({ state: 'succeeded', exit_code: 0, outputs: { rows: '3' } });
    const steps = run['steps'] as Document[];
    expect(steps.map(({ id, key, needs }) => ({ id, key, needs }))).toEqual([
      { id: 'a', key: 'a', needs: [] },
      { id: 'b', key: 'b', needs: ['a'] },
      { id: 'c', key: 'c', needs: ['b'] },
    ]);
    for (const step of steps) {
      expectMembers(step, STEP, STEP_BEYOND);
      for (const attempt of step['attempts'] as Document[]) {
        expectMembers(attempt, ATTEMPT, ATTEMPT_BEYOND);
        expect(attempt['started_at']).toMatch(INSTANT);
        expect(attempt['log']).toMatch(/^\//);
      }
    }
    expect(steps[1]).toMatchObject({ outputs: { rows: '3' }, skip_reason: null, why: null, cached: false });
  });

  it('validate --json: every problem of every file; [] for none', async () => {
    const { rig } = here;
    rig.write('good.yaml', chain());
    rig.write('bad.yaml', 'steps:\n  a: { runn: x }\n  b: { needs: nobody, run: x }\n');
    rig.write('warned.yaml', "steps: { a: { run: 'cat x | wc -l' } }\n");
    expect(await rig.flowctl('validate', 'good.yaml', '--json')).toMatchObject({ code: 0, stdout: '[]\n', stderr: '' });
    const { code, stdout, stderr } = await rig.flowctl('validate', 'good.yaml', 'bad.yaml', 'warned.yaml', '--json');
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
    const problems: Document[] = JSON.parse(stdout);
    for (const problem of problems) {
      expectMembers(problem, ['file', 'line', 'column', 'severity', 'code', 'message', 'help'], []);
      expect(problem['line']).toEqual(expect.any(Number));
      expect(problem['column']).toEqual(expect.any(Number));
    }
    const places = problems.map(({ file, line, severity }) => `${String(file)}:${String(line)} ${String(severity)}`);
    expect(places).toContain('bad.yaml:2 error');
    expect(places).toContain('bad.yaml:3 error');
    expect(places).toContain('warned.yaml:1 warning');
    const warned = await rig.flowctl('validate', 'warned.yaml', '--json');
    expect(warned.code).toBe(0);
    expect(JSON.parse(warned.stdout)).toHaveLength(1);
  });

  it('--output json: one event per line and nothing else, run.started to run.finished', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ b: "run: 'echo noise; exit 1'" }));
    const { code, stdout } = await rig.flowctl('run', 'flow.yaml', '--output', 'json');
    expect(code).toBe(1);
    const events: Document[] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const [id] = rig.runIds();
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    for (const event of events) {
      expect(event).toMatchObject({ type: expect.any(String), time: expect.stringMatching(INSTANT), run: id });
      const ofAttempt = String(event['type']).startsWith('attempt.');
      if (ofAttempt) expect(event).toMatchObject({ step: expect.any(String), attempt: 1 });
    }
    expect(events[0]).toMatchObject({ type: 'run.started', flow: 'chain', trigger: 'manual' });
    expect(events.at(-1)).toMatchObject({ type: 'run.finished', state: 'failed', exit_code: 1 });
    const journal = rig.read(`.flowctl/runs/${id}/journal.ndjson`).trimEnd().split('\n').slice(1);
    expect(journal.map((line) => (JSON.parse(line) as Document)['type'])).toEqual(events.map(({ type }) => type));
  });

  it('logs --json says where the logs are', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ b: "retry: 1, run: 'echo $FLOWCTL_ATTEMPT; exit 1'" }));
    await rig.flowctl('run', 'flow.yaml');
    const logs = await rig.query<Document[]>('logs');
    expect(logs.map(({ step, attempt }) => [step, attempt])).toEqual([
      ['a', 1],
      ['b', 1],
      ['b', 2],
    ]);
    for (const log of logs) expectMembers(log, ['step', 'attempt', 'started_at', 'log'], []);
  });
});
