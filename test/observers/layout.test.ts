/** Which lines a frame has: whole screens as text, and what holds for every screen. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StepKey } from '../../src/base/ids.ts';
import { layout, sharesOf } from '../../src/observers/tree/layout.ts';
import { RunProgress } from '../../src/observers/tree/progress.ts';
import { rowColumns } from '../../src/observers/tree/row.ts';
import { drawn, look, RUN, Story } from './scenes.ts';

const names = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `step_${index}`);

describe('a flow whose steps have a line each', () => {
  const story = (): Story =>
    new Story(['fetch', 'flaky', 'bad', 'after_bad', 'soft', 'report'])
      .succeed('fetch')
      .start('flaky')
      .end('flaky', 'failed')
      .retry('flaky', 2, 9_000)
      .fail('bad', 'exited with code 3')
      .skip('after_bad')
      .start('soft')
      .end('soft', 'failed')
      .settle('soft', 'failed', true)
      .start('report');

  it('is a checklist in the order of the file', () => {
    const line = (step: StepKey): string => `last line of ${step}`;
    expect(drawn(story(), { lastLine: line })).toBe(`⠋ etl  01m802n0sk  4/6  3s
  ✓ fetch        1.2s
  ↻ flaky       in 6s  attempt 2  exited with code 3
  ✗ bad          1.2s  exited with code 3
  - after_bad          a step before it failed
  ✗ soft         1.2s  tolerated  exited with code 3
  ⠋ report         3s  last line of report
`);
  });

  it('says that the run waits for others of its group', () => {
    const queued = new Story(['fetch']).add({ type: 'run.queued', group: 'nightly\u001b[2J', limit: 1 });
    const [header = ''] = drawn(queued).split('\n');
    expect(header).toContain('  waits for others of nightly');
    expect(header).not.toContain('\u001b[2J');
    expect(drawn(queued.add({ type: 'run.admitted', group: 'nightly' }))).not.toContain('waits');
  });

  it('does not move, and shows the whole id, when the run has ended', () => {
    const ended = story().end('report', 'succeeded').add();
    ended.start('flaky', 2).end('flaky', 'succeeded', 2).finish('failed');
    expect(drawn(ended, { isFinal: true })).toBe(`✗ etl  01m802n0skpgfc6fn8d2e08kd5
  ✓ fetch        1.2s
  ✓ flaky        1.2s  attempt 2
  ✗ bad          1.2s  exited with code 3
  - after_bad          a step before it failed
  ✗ soft         1.2s  tolerated  exited with code 3
  ✓ report       1.2s
`);
  });

  it('fits 20 columns', () => {
    expect(drawn(story(), { columns: 20 })).toBe(`⠋ etl  4/6  3s
✓ fetch  1.2s
↻ flaky  in 6s  at…
✗ bad  1.2s  exite…
- after_bad  a ste…
✗ soft  1.2s  tole…
⠋ report  3s
`);
  });

  it('says that the run is being ended', () => {
    expect(drawn(story().add({ type: 'run.signalled', signal: 'SIGINT' })).split('\n')[0]).toBe(
      '⠋ etl  01m802n0sk  4/6  3s  SIGINT: ending, again to end at once',
    );
    expect(
      drawn(story().add({ type: 'run.signalled', signal: 'SIGINT' }, { type: 'run.signalled', signal: 'SIGTERM' })),
    ).toContain('SIGINT: ending at once');
  });

  it('cuts wide characters whole', () => {
    const wide = drawn(new Story(['a']).start('a'), {
      columns: 40,
      lastLine: () => '日本語テキストを読み込んでいます',
    });
    expect(wide.split('\n')[1]).toBe('  ⠋ a      3s  日本語テキストを読み込…');
  });
});

describe('a flow with more steps than lines', () => {
  const many = (): Story => {
    const story = new Story(names(5_000));
    for (let index = 0; index < 2_000; index += 1) story.succeed(`step_${index}`);
    for (let index = 2_000; index < 2_030; index += 1) story.fail(`step_${index}`, `reason ${index}`);
    for (let index = 2_030; index < 2_040; index += 1) story.skip(`step_${index}`);
    for (let index = 2_040; index < 2_046; index += 1) story.start(`step_${index}`).end(`step_${index}`, 'failed');
    for (let index = 2_040; index < 2_046; index += 1) story.retry(`step_${index}`, 2, 5_000);
    for (let index = 2_100; index < 2_112; index += 1) story.start(`step_${index}`);
    return story;
  };

  it('is a digest: oldest running first, then retries, the latest failures, and counts', () => {
    const story = new Story(names(300));
    for (let index = 0; index < 150; index += 1) story.succeed(`step_${index}`);
    story.fail('step_150').start('step_152').start('step_151').start('step_153').end('step_153', 'failed');
    story.retry('step_153', 2, 5_000);
    expect(drawn(story)).toBe(`⠋ etl  01m802n0sk  ━━━━━━━━━━━━────────────  151/300  3s
  ⠋ step_152      3s
  ⠋ step_151      3s
  ↻ step_153   in 2s  attempt 2  exited with code 3
  ✗ step_150    1.2s  exited with code 3
  150 succeeded, 1 failed, 2 running, 1 retrying, 146 pending
`);
  });

  it('says how many more there are where they do not fit', () => {
    expect(drawn(many(), { rows: 15 })).toBe(`⠋ etl  01m802n0sk  ━━━━━━━━━───────────────  2,040/5,000  3s
  ⠋ step_2100      3s
  ⠋ step_2101      3s
  ⠋ step_2102      3s
  ⠋ step_2103      3s
  ⠋ step_2104      3s
  + 7 more running
  ↻ step_2040   in 2s  attempt 2  exited with code 3
  ↻ step_2041   in 2s  attempt 2  exited with code 3
  + 4 more waiting to be tried again
  ✗ step_2028    1.2s  reason 2028
  ✗ step_2029    1.2s  reason 2029
  + 28 more failed
  2,000 succeeded, 30 failed, 10 skipped, 12 running, 6 retrying, 2,942 pending
`);
  });

  it('leaves failures and counts when it has ended', () => {
    const ended = drawn(many().finish('failed'), { isFinal: true, rows: 8 });
    expect(ended).toBe(`✗ etl  01m802n0skpgfc6fn8d2e08kd5
  ✗ step_2026    1.2s  reason 2026
  ✗ step_2027    1.2s  reason 2027
  ✗ step_2028    1.2s  reason 2028
  ✗ step_2029    1.2s  reason 2029
  + 26 more failed
  2,000 succeeded, 30 failed, 10 skipped, 12 running, 6 retrying, 2,942 pending
`);
  });

  it('counts with signs where words do not fit', () => {
    expect(drawn(many(), { columns: 60, rows: 4 }).split('\n').at(-2)).toBe(
      '  ✓ 2,000  ✗ 30  - 10  ▸ 12  ↻ 6  · 2,942',
    );
  });

  it('asks for the logs of visible steps only', () => {
    const asked: string[] = [];
    drawn(many(), {
      rows: 15,
      lastLine: (step) => {
        asked.push(step);
        return null;
      },
    });
    expect(asked).toEqual(['step_2100', 'step_2101', 'step_2102', 'step_2103', 'step_2104']);
  });

  it('fits every terminal, however small', () => {
    const progress = new RunProgress(RUN, null, 0);
    for (const event of many().events) progress.observe(event, 0);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        (columns, rows, isFinal) => {
          const lastLine = (): string => 'an 日本語 line that is far too long for any terminal'.repeat(5);
          const shown = layout({ progress, look, nowMs: 9e6, frame: 7, columns, rows, isFinal, lastLine });
          expect(shown.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
          for (const row of shown) expect(rowColumns(row)).toBeLessThanOrEqual(Math.max(1, columns - 1));
        },
      ),
    );
  });
});

describe('shares of the lines', () => {
  it('are all of the room or all that is wanted, and never more', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 60 }), (wanted, room) => {
        const shares = sharesOf(wanted, room);
        const total = (list: readonly number[]): number => list.reduce((sum, each) => sum + each, 0);
        expect(total(shares)).toBe(Math.min(room, total(wanted)));
        for (const [index, share] of shares.entries()) expect(share).toBeLessThanOrEqual(wanted[index] ?? 0);
      }),
    );
  });
});
