/** The sorted fold agrees with the run that it folds, after every event. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StepKey } from '../../src/base/ids.ts';
import { applyEvent, beginRun } from '../../src/model/fold.ts';
import type { RunRecord } from '../../src/model/run.ts';
import { RunProgress, type Standing } from '../../src/observers/tree/progress.ts';
import { RUN, Story } from './scenes.ts';

const STANDINGS: readonly Standing[] = [
  'pending',
  'running',
  'retrying',
  'waiting',
  'succeeded',
  'failed',
  'tolerated',
  'skipped',
  'cancelled',
];

function counted(record: RunRecord): ReadonlyMap<Standing, number> {
  const counts = new Map<Standing, number>(STANDINGS.map((standing) => [standing, 0]));
  for (const { phase } of record.steps.values()) {
    const standing =
      phase.kind === 'undecided' || phase.kind === 'open'
        ? 'running'
        : phase.kind === 'queued'
          ? 'waiting'
          : phase.kind === 'failed' && phase.tolerated
            ? 'tolerated'
            : phase.kind;
    counts.set(standing, (counts.get(standing) ?? 0) + 1);
  }
  return counts;
}

function recorded(story: Story): RunRecord {
  const [first, ...rest] = story.events;
  if (first?.type !== 'run.started') throw new Error('a story begins with its run');
  const record = beginRun(RUN, first);
  for (const event of rest) expect(applyEvent(record, event)).toBeNull();
  return record;
}

const resumed = (story: Story): Story => {
  const { steps, settings, flow_hash } = story.events[0] as Extract<(typeof story.events)[0], { type: 'run.started' }>;
  const by = { kind: 'user', name: 'ada', host: 'here' } as const;
  return story.add({ type: 'run.resumed', by, revision: 1, flow_hash, settings, params: {}, steps, reset: [] });
};

/** Plays moves that are legal: a step is moved on by one of the ways that lead on from where it stands. */
function play(choices: readonly number[]): Story {
  const steps = ['a', 'b', 'c', 'd'];
  const story = new Story(steps);
  const stands = new Map<string, { phase: string; attempt: number }>(
    steps.map((step) => [step, { phase: 'pending', attempt: 0 }]),
  );
  for (const choice of choices) {
    const step = steps[choice % 4] ?? 'a';
    const at = stands.get(step) ?? { phase: 'settled', attempt: 0 };
    const way = choice >> 2;
    if (at.phase === 'pending' || at.phase === 'retrying') {
      if (at.phase === 'pending' && way % 5 === 0) {
        story.skip(step);
        at.phase = 'settled';
        continue;
      }
      at.attempt += 1;
      story.start(step, at.attempt);
      at.phase = 'running';
    } else if (at.phase === 'running') {
      const outcome = (['succeeded', 'failed', 'failed', 'cancelled'] as const)[way % 4] ?? 'failed';
      story.end(step, outcome, at.attempt);
      at.phase = outcome === 'succeeded' ? 'settled' : 'undecided';
    } else if (at.phase === 'undecided') {
      if (way % 2 === 0) story.retry(step, at.attempt + 1, 1_000);
      else story.settle(step, way % 3 === 0 ? 'cancelled' : 'failed', way % 5 === 0);
      at.phase = way % 2 === 0 ? 'retrying' : 'settled';
    }
  }
  return story;
}

describe('the sorted fold', () => {
  it('counts as a walk over all steps does, and lists the same steps, also after a resume', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 1_000 }), { maxLength: 60 }), fc.boolean(), (choices, isResumed) => {
        const story = play(choices);
        if (isResumed) resumed(story.finish('failed'));
        const progress = new RunProgress(RUN, null, 0);
        for (const [index, event] of story.events.entries()) progress.observe(event, index);
        const record = recorded(story);
        expect(new Map(STANDINGS.map((standing) => [standing, progress.count(standing)]))).toEqual(counted(record));
        expect(progress.total).toBe(4);
        const kinds = (kind: string): readonly string[] =>
          [...record.steps.values()].filter(({ phase }) => phase.kind === kind).map(({ key }) => key);
        const isListed = (key: string): boolean => progress.running.has(key as StepKey);
        for (const key of kinds('running')) expect(isListed(key)).toBe(true);
        for (const key of [...kinds('pending'), ...kinds('succeeded'), ...kinds('failed')]) {
          expect(isListed(key)).toBe(false);
        }
        expect([...progress.retrying.keys()].sort()).toEqual([...kinds('retrying')].sort());
        expect(progress.failed.size).toBe(progress.count('failed'));
      }),
    );
  });

  it('keeps what runs in the order in which it began, an attempt counting anew', () => {
    const story = new Story(['a', 'b', 'c']).start('b').start('a').end('b', 'failed').retry('b', 2, 10).start('c');
    story.start('b', 2);
    const progress = new RunProgress(RUN, null, 0);
    for (const [index, event] of story.events.entries()) progress.observe(event, index * 10);
    expect([...progress.running].map(([key, { attempt, atMs }]) => [key, attempt, atMs])).toEqual([
      ['a', 1, 20],
      ['c', 1, 50],
      ['b', 2, 60],
    ]);
  });

  it('goes on from the record of a resumed run, and leaves that record alone', () => {
    const story = new Story(['a', 'b']).succeed('a').fail('b').finish('failed');
    const before = recorded(story);
    const progress = new RunProgress(RUN, before, 0);
    expect([progress.count('succeeded'), progress.count('failed')]).toEqual([1, 1]);
    resumed(story).start('b', 2);
    for (const event of story.events.slice(-2)) progress.observe(event, 5);
    expect([progress.count('succeeded'), progress.count('running'), progress.failed.size]).toEqual([1, 1, 0]);
    expect(before.steps.get('b' as StepKey)?.phase.kind).toBe('failed');
  });
});
