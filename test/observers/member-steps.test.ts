/** Steps of sub-runs in the live view of their root: beneath the step of their flow, as they stand. */

import { describe, expect, it } from 'vitest';
import type { RunId, StepKey } from '../../src/base/ids.ts';
import { applyEvent, beginRun } from '../../src/model/fold.ts';
import type { RunRecord } from '../../src/model/run.ts';
import { layout } from '../../src/observers/tree/layout.ts';
import { RunProgress } from '../../src/observers/tree/progress.ts';
import { rowText } from '../../src/observers/tree/row.ts';
import { look, RUN, Story } from './scenes.ts';

const CHILD = '01m802n0skpgfc6fn8d2e08kd6' as RunId;
const report = 'report' as StepKey;

function screen(progress: RunProgress): string {
  const lastLine = (): string | null => null;
  const rows = layout({ progress, look, nowMs: 0, frame: 0, columns: 80, rows: 24, isFinal: false, lastLine });
  return rows.map((row) => `${rowText(row).trimEnd()}\n`).join('');
}

function begun(): RunProgress {
  const progress = new RunProgress(RUN, null, 0);
  for (const event of new Story(['first', 'report', 'after']).succeed('first').start('report').events)
    progress.observe(event, 0);
  return progress;
}

describe('the live view of a run with sub-flows', () => {
  it('has the steps of a sub-run beneath its step, and counts them', () => {
    const progress = begun();
    const member = { prefix: report, run: CHILD, before: null };
    const story = new Story(['extract', 'load'], 'child').succeed('extract').start('load');
    for (const event of story.events) progress.observeMember(member, event, 0);
    expect(screen(progress)).toBe(`⠋ etl  01m802n0sk  2/5
  ✓ first               1.2s
  ⠋ report
  ✓   report/extract    1.2s
  ⠋   report/load
  · after
`);
    expect([...progress.running.keys()]).toEqual(['report', 'report/load']);
  });

  it('knows what a sub-run had done when it is continued', () => {
    const before = recorded(new Story(['extract', 'load'], 'child').succeed('extract').fail('load').finish('failed'));
    const progress = begun();
    const member = { prefix: report, run: CHILD, before };
    const { steps, settings, flow_hash } = new Story(['extract', 'load']).events[0] as Parameters<typeof beginRun>[1];
    const by = { kind: 'policy', policy: 'parent' } as const;
    const resumed = {
      type: 'run.resumed',
      by,
      revision: 1,
      flow_hash,
      settings,
      params: {},
      steps,
      reset: [],
    } as const;
    const time = '2026-03-01T06:00:09.000Z';
    progress.observeMember(member, { ...resumed, seq: before.seq + 1, time }, 0);
    expect(screen(progress)).toContain('  ✓   report/extract    1.2s\n  ·   report/load\n  · after\n');
    expect(progress.count('pending')).toBe(2);
  });

  it('nests', () => {
    const progress = begun();
    for (const event of new Story(['again'], 'child').start('again').events)
      progress.observeMember({ prefix: report, run: CHILD, before: null }, event, 0);
    const inner = { prefix: 'report/again' as StepKey, run: CHILD, before: null };
    for (const event of new Story(['deep'], 'grandchild').fail('deep').events) progress.observeMember(inner, event, 0);
    expect(screen(progress)).toContain('  ⠋   report/again\n  ✗     report/again/deep');
    expect([...progress.failed.keys()]).toEqual(['report/again/deep']);
  });
});

function recorded(story: Story): RunRecord {
  const [first, ...rest] = story.events;
  if (first?.type !== 'run.started') throw new Error('a story begins with its run');
  const record = beginRun(CHILD, first);
  for (const event of rest) expect(applyEvent(record, event)).toBeNull();
  return record;
}
