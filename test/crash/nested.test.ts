/** The crash matrix of nested runs: random flows of maps, groups, handlers, waits and repeats, cut anywhere, resumed to the same end. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/model/event.ts';
import type { FlowDefinition } from '../../src/model/flow.ts';
import { foldRun } from '../../src/model/fold.ts';
import { type Behaviour, endOf, flowOf, handlersOf, resumeLife, RUN, runLife, type StepSketch } from '../kit/world.ts';

const NAMES = ['a', 'b', 'c', 'd'] as const;

/** Some of the names that stand before a step. */
const needs = (index: number): fc.Arbitrary<readonly string[]> =>
  fc.subarray(NAMES.slice(0, index) as unknown as string[]);

const conditions = fc.constantFrom(undefined, undefined, undefined, 'always()', 'failure()', '!cancelled()');
const phases = fc.record(
  { on_success: fc.constant(1), on_failure: fc.constant(1), finally: fc.constant(2) },
  { requiredKeys: [] },
);
const wait = { action: { kind: 'wait', wait: { kind: 'duration', duration: '5s' } } } as const;
const repeat = { repeat: { kind: 'until', condition: 'false', every_ms: 10, max: 2 } } as const;

function steps(depth: number): fc.Arbitrary<readonly StepSketch[]> {
  const kinds: fc.Arbitrary<Partial<StepSketch>>[] = [
    fc.constant({}),
    fc.constant({}),
    fc.record({ retries: fc.integer({ min: 1, max: 2 }), delayMs: fc.constant(100) }),
    fc.constant({ more: wait }),
    fc.constant({ more: repeat }),
    fc.record({ foreach: list, tolerate: fc.integer({ min: 0, max: 2 }), more: limits }),
  ];
  if (depth > 0) {
    kinds.push(steps(depth - 1).map((inner) => ({ steps: inner })));
    kinds.push(
      fc.record({ steps: steps(depth - 1), retries: fc.integer({ min: 1, max: 2 }), delayMs: fc.constant(100) }),
    );
    kinds.push(
      fc.record({ foreach: list, tolerate: fc.integer({ min: 0, max: 1 }), steps: steps(depth - 1), more: limits }),
    );
  }
  const step = (index: number): fc.Arbitrary<StepSketch> =>
    fc
      .record({
        kind: fc.oneof(...kinds),
        needs: needs(index),
        if: conditions,
        continueOnError: fc.boolean(),
        on: fc.option(phases, { nil: undefined, freq: 4 }),
      })
      .map(({ kind, if: condition, on, ...rest }) => ({
        id: NAMES[index] ?? 'a',
        ...rest,
        ...(condition === undefined ? {} : { if: condition }),
        ...(on === undefined ? {} : { on }),
        ...kind,
      }));
  return fc
    .integer({ min: 1, max: NAMES.length })
    .chain((size) => fc.tuple(...Array.from({ length: size }, (_, i) => step(i))));
}

const list = fc.array(fc.integer(), { maxLength: 4 });
const limits = fc.record({ max_parallel: fc.constantFrom(null, 1, 2) });

interface Sketch {
  readonly sketch: readonly StepSketch[];
  readonly on: Parameters<typeof handlersOf>[0];
  readonly retry: number;
}

const flows: fc.Arbitrary<Sketch> = fc.record({ sketch: steps(2), on: phases, retry: fc.integer({ min: 0, max: 1 }) });

function made({ sketch, on, retry }: Sketch): FlowDefinition {
  const plain = flowOf(sketch, { handlers: handlersOf(on) });
  return { ...plain, retry: { ...plain.retry, max: retry } };
}

/** Fails some steps for good and some at first, by their keys; the nth try that was not lost behaves alike in every life. */
function behaviourOf(seed: number, events: readonly RunEvent[] = []): Behaviour {
  const { run } = foldRun(RUN, events);
  const lost = new Map(
    [...(run?.steps.values() ?? [])].map(({ key, attempts }) => [
      key as string,
      attempts.filter(({ outcome }) => outcome === null || outcome === 'lost').length,
    ]),
  );
  const hash = (text: string) => [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 1_009, seed);
  return (step, attempt) => {
    const kind = hash(step) % 7;
    if (kind === 0) return 'fail';
    // A handler that is to run again has no first try any more.
    return kind === 1 && (HANDLER.test(step) || attempt - (lost.get(step) ?? 0) < 2) ? 'fail' : 'succeed';
  };
}

const HANDLER = /(on_success|on_failure|on_cancel|finally)\[\d+\]$/;

/** Steps that succeeded; not handlers, which run again with the end that they handle. */
const successes = (events: readonly RunEvent[]): readonly string[] =>
  events.flatMap((event) =>
    event.type === 'attempt.finished' &&
    event.outcome === 'succeeded' &&
    event.continues !== true &&
    !HANDLER.test(event.step)
      ? [event.step]
      : [],
  );

describe('nested runs', () => {
  it('cut after any event come to the same end, and never repeat a success', async () => {
    await fc.assert(
      fc.asyncProperty(
        flows,
        fc.integer({ min: 1, max: 1_000 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        async (sketch, seed, at) => {
          const flow = made(sketch);
          const whole = await runLife(flow, { behaviour: behaviourOf(seed) });
          const { events } = whole.journal;
          const kept = events.slice(0, 1 + Math.floor(at * (events.length - 1)));
          const resumed = await resumeLife(flow, kept, { behaviour: behaviourOf(seed, kept) });
          expect(endOf(resumed.run)).toEqual(endOf(whole.run));
          const before = new Set(successes(kept));
          for (const step of successes(resumed.journal.events.slice(kept.length))) expect(before.has(step)).toBe(false);
          const folded = foldRun(RUN, resumed.journal.events);
          expect(folded.problem).toBeNull();
          if (folded.run !== null) expect(endOf(folded.run)).toEqual(endOf(resumed.run));
        },
      ),
      { numRuns: Number(process.env['NESTED_CASES'] ?? 300) },
    );
  });

  it('that were cancelled, or failed, are brought to success by a resume in which nothing fails', async () => {
    await fc.assert(
      fc.asyncProperty(flows, fc.integer({ min: 1, max: 1_000 }), fc.nat(12), async (sketch, seed, cancelAt) => {
        const flow = made(sketch);
        const first = await runLife(flow, {
          behaviour: behaviourOf(seed),
          onMove: (engine, _executor, move) => {
            if (move === cancelAt) engine.signal('SIGINT');
          },
        });
        const good = new Set(successes(first.journal.events));
        const resumed = await resumeLife(flow, first.journal.events, {});
        const repeats = [...resumed.run.steps.values()].filter(
          ({ phase, parent }) => phase.kind === 'failed' && parent === null,
        );
        // Whatever is left as failed was tolerated when something used it, or never comes to its end.
        for (const { phase, id } of repeats) {
          const isTolerated = phase.kind === 'failed' && phase.tolerated;
          expect(
            isTolerated ||
              ['repeat_limit', 'members_failed'].includes((phase.kind === 'failed' && phase.error?.code) || ''),
            id,
          ).toBe(true);
        }
        for (const step of successes(resumed.journal.events.slice(first.journal.events.length))) {
          expect(good.has(step), step).toBe(false);
        }
      }),
      { numRuns: Number(process.env['NESTED_CASES'] ?? 300) },
    );
  });
});
