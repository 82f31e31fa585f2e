/** `flowctl backfill` through the program: which instants, once ever, and what is left after every kind of end. */

import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Deployment, ProjectDocument } from '../../src/model/deployment.ts';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { Stage } from '../kit/puppet.ts';
import { eventually } from '../kit/rig.ts';

const here = useCase();

interface Told {
  readonly counts: { readonly [word: string]: number };
  readonly instants: readonly { readonly scheduled_for: string; readonly outcome: string; readonly run?: string }[];
}

/** Every run appends its day and its run to the effects, then does what is said. */
const flow = (then = 'true', head = ''): string => `name: nightly
params: { date: { type: string }, fail: "" }
schedules:
  - cron: "30 2 * * *"
    timezone: America/New_York
    params: { date: "\${{ format_date(run.scheduled_for, 'yyyy-MM-dd', 'America/New_York') }}" }
${head}steps:
  load:
    env: { DATE: "\${{ params.date }}", FAIL: "\${{ params.fail }}", BEFORE: "\${{ default(run.previous_scheduled_for, 'none') }}" }
    run: |
      echo "$DATE $FLOWCTL_RUN_ID $BEFORE" >> "$EFFECTS"
      ${then}
`;
const deploy = async (text: string): Promise<void> => {
  here.rig.write('flow.yaml', text);
  const { code, stderr } = await here.rig.flowctl('deploy', 'flow.yaml');
  expect(code, stderr).toBe(0);
};
const days = (): readonly string[] => here.rig.effects().map((line) => line.slice(0, 10));
const march = (from: number, to: number): readonly string[] => [
  ...['backfill', 'nightly'],
  ...['--from', `2026-03-${String(from).padStart(2, '0')}`, '--to', `2026-03-${String(to).padStart(2, '0')}`],
];
function rewrite(change: (deployment: Deployment) => Partial<Deployment>): void {
  const path = here.rig.path('.flowctl/db.json');
  const document = JSON.parse(readFileSync(path, 'utf8')) as ProjectDocument;
  const nightly = document.deployments['nightly'];
  if (nightly === undefined) throw new Error('not deployed');
  writeFileSync(path, JSON.stringify({ ...document, deployments: { nightly: { ...nightly, ...change(nightly) } } }));
}

describe('flowctl backfill', () => {
  it('runs the instants from the first on, without the last, in the zone of the schedule, each once ever', async () => {
    const { rig } = here;
    await deploy(flow('test "$DATE" != "$FAIL"'));
    const dry = await rig.flowctl(...march(7, 9), '--dry-run');
    expect(dry.stdout).toBe('2026-03-07T07:30:00Z  would run\n2026-03-08T07:30:00Z  would run\n');
    expect(rig.runIds()).toEqual([]);

    const first = await rig.flowctl(...march(7, 10), '-p', 'fail=2026-03-08');
    expect([first.code, first.stdout.split('\n').at(-2)]).toEqual([1, '3 instants: 2 succeeded, 1 failed']);
    expect(first.stderr).toContain('flowctl resume 0');
    expect(rig.effects().map((line) => line.replace(/ \w{26} /, ' '))).toEqual([
      '2026-03-07 2026-03-06T07:30:00.000Z',
      // The clock passes over 02:30.
      '2026-03-08 2026-03-07T07:30:00.000Z',
      '2026-03-09 2026-03-08T07:30:00.000Z',
    ]);
    // A version more changes nothing about what was run.
    await deploy(flow('true'));
    const { counts, instants } = await rig.query<Told>(...march(6, 11), '--max-parallel', '3');
    expect(counts).toEqual({ succeeded: 2, had_run: 3 });
    expect(instants.map(({ outcome }) => outcome)).toEqual(['ran', 'had_run', 'had_run', 'had_run', 'ran']);
    expect([...days()].sort()).toEqual(['06', '07', '08', '09', '10'].map((day) => `2026-03-${day}`));
    const rows = await rig.query<RunRow[]>('runs');
    expect(new Set(rows.map(({ trigger }) => trigger))).toEqual(new Set(['backfill']));
    expect((await rig.flowctl(...march(6, 11))).code).toBe(0);
    expect(days()).toHaveLength(5);
  });

  it('goes on behind a failure unless it is told not to', async () => {
    const { rig } = here;
    await deploy(flow('test "$DATE" != "$FAIL"'));
    const { code, stdout, stderr } = await rig.flowctl(...march(1, 5), '-p', 'fail=2026-03-02', '--fail-fast');
    expect([code, stdout.split('\n').at(-2)]).toEqual([1, '4 instants: 1 succeeded, 1 failed, 2 left']);
    expect(stderr).toContain('to go on: flowctl backfill nightly --from 2026-03-01 --to 2026-03-05');
    expect((await rig.flowctl(...march(1, 5))).code).toBe(0);
    expect(days()).toHaveLength(4);
  });

  it('is refused before anything is claimed where it cannot be', async () => {
    const { rig } = here;
    await deploy(flow());
    const before = rig.read('.flowctl/db.json');
    const cases: readonly (readonly [string, number])[] = [
      ['nightly --from 2026-03-01', 2],
      ['nightly --from soon --to 2026-03-01', 2],
      ['nightly --from 2026-03-02 --to 2026-03-01', 2],
      ['nightly --from 2026-03-01 --to 2026-03-02 -p nope=1', 2],
      ['nightly@7 --from 2026-03-01 --to 2026-03-02', 4],
      ['weekly --from 2026-03-01 --to 2026-03-02', 4],
    ];
    const ends = await Promise.all(cases.map(([text]) => rig.flowctl('backfill', ...text.split(' '))));
    for (const [place, { code, stdout, stderr }] of ends.entries()) {
      const [text, expected] = cases[place] ?? [];
      expect([code, stdout, stderr.slice(0, 7)], text).toEqual([expected, '', 'error: ']);
    }
    expect(rig.read('.flowctl/db.json')).toBe(before);
  });

  it('and schedulers leave each other the instants that they have run', async () => {
    const { rig } = here;
    const head = 'UTC\n    overlap: allow\n    catch_up: all\n    catch_up_window: 500d\n';
    await deploy(flow().replace('America/New_York\n', head));
    const dayAgo = (count: number): string => new Date(Date.now() - count * 86_400_000).toISOString();
    rewrite(() => ({ decided_until: [dayAgo(3)] }));
    const [from, to] = [dayAgo(3).slice(0, 10), dayAgo(0.9).slice(0, 10)];
    expect((await rig.flowctl('backfill', 'nightly', '--from', from, '--to', to)).code).toBe(0);
    const count = days().length;
    expect(count).toBeGreaterThan(1);
    // As if nobody had looked for three days: what was made up for is neither run again nor called missed.
    const tick = await rig.flowctl('tick');
    expect(tick.stdout).not.toContain('missed');
    await eventually('the scheduler has nothing left', 20_000, async () => {
      await rig.flowctl('tick');
      const all = await rig.query<RunRow[]>('runs');
      return all.length > 0 && all.every(({ state }) => state === 'succeeded') && all.length === days().length;
    });
    const rows = await rig.query<RunRow[]>('runs');
    expect(new Set(rows.map((row) => row.scheduled_for)).size).toBe(rows.length);
    // And the other way round.
    const { counts } = await rig.query<Told>('backfill', 'nightly', '--from', from, '--to', dayAgo(-1).slice(0, 10));
    expect(Object.keys(counts)).toEqual(['had_run']);
  });

  it('waits where `concurrency` would refuse', async () => {
    const { rig } = here;
    const stage = await here.stage();
    const head = flow('', 'concurrency: { on_conflict: skip }\n');
    await deploy(`${head.slice(0, head.indexOf('steps:'))}steps: { a: { run: ${Stage.step('a')} } }\n`);
    const running = rig.start([...march(1, 3), '--max-parallel', '2']);
    const first = await stage.enter('a');
    await eventually('both are there', 20_000, async () => (await rig.query<RunRow[]>('runs')).length === 2);
    await first.exit(0);
    await (await stage.enter('a')).exit(0);
    const { code, stderr } = await running.ended;
    expect(code, stderr).toBe(0);
    const rows = await rig.query<RunRow[]>('runs');
    expect(rows.map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
  });
});

describe('a backfill that ends early', () => {
  it('by Ctrl-C: its runs end as they do by their own, and the same again goes on with them', async () => {
    const { rig } = here;
    await deploy(flow('test -e go || sleep 600'));
    const running = rig.start(march(1, 4));
    await eventually('the first run works', 20_000, () => rig.effects().length === 1);
    running.process.kill('SIGINT');
    const { signal, stdout, stderr } = await running.ended;
    expect(signal).toBe('SIGINT');
    expect(stdout).toContain('3 instants: 1 interrupted, 2 left');
    expect(stderr).toContain('to go on: flowctl backfill');
    const [row] = await rig.query<RunRow[]>('runs');
    expect(row).toMatchObject({ state: 'cancelled', exit_code: 130 });
    rig.write('go', '');
    const again = await rig.query<Told>(...march(1, 4));
    expect(again.counts).toEqual({ succeeded: 3 });
    const rows = await rig.query<RunRow[]>('runs');
    expect(rows.map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(rows.at(-1)?.id).toBe(row?.id);
  });

  it('by kill -9, again and again, and its runs too: nothing twice, nothing lost', async () => {
    const { rig } = here;
    here.mayLeaveStrays();
    await deploy(flow('sleep 0.05'));
    const argv = [...march(1, 13), '--max-parallel', '3'];
    for (const pause of [150, 260, 400, 520]) {
      const running = rig.start(argv);
      // Counted from the first sign of life, so that the kill falls among the work on every machine.
      await Promise.race([running.prints(/\n/), running.ended]);
      await new Promise((resolve) => setTimeout(resolve, pause - 150));
      running.process.kill('SIGKILL');
      await running.ended;
    }
    const { counts } = await rig.query<Told>(...argv);
    expect(Object.keys(counts).every((word) => word === 'succeeded' || word === 'had_run')).toBe(true);
    const rows = await rig.query<RunRow[]>('runs', '--limit', '100');
    expect(rows.map(({ scheduled_for }) => scheduled_for).sort()).toHaveLength(12);
    expect(new Set(rows.map(({ scheduled_for }) => scheduled_for)).size).toBe(12);
    expect([...new Set(rows.map(({ state }) => state))]).toEqual(['succeeded']);
    expect(new Set(days()).size).toBe(12);
    expect(days()).toHaveLength(12);
  });

  it('two at once share the instants', async () => {
    const { rig } = here;
    await deploy(flow('sleep 0.02'));
    const argv = [...march(1, 9), '--max-parallel', '2'];
    const ended = await Promise.all([rig.flowctl(...argv), rig.flowctl(...argv), rig.flowctl(...march(4, 12))]);
    expect(
      ended.map(({ code }) => code),
      ended.map(({ stderr }) => stderr).join(''),
    ).toEqual([0, 0, 0]);
    expect([...days()].sort()).toEqual([...new Set(days())].sort());
    expect(days()).toHaveLength(11);
  });

  it('--detach: goes on by itself, and says what it does to a file', async () => {
    const { rig } = here;
    await deploy(flow());
    const { code, stdout } = await rig.flowctl(...march(1, 3), '--detach');
    expect(code).toBe(0);
    const log = stdout.trim();
    await eventually('it is over', 20_000, () => readFileSync(log, 'utf8').includes('2 instants: 2 succeeded'));
    expect(days()).toHaveLength(2);
  });
});
