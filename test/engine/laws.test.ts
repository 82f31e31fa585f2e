import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Behaviour, endOf, flowOf, resumeLife, runLife, type StepSketch } from '../kit/world.ts';

interface Drawn {
  readonly steps: readonly (StepSketch & { readonly failures: number })[];
  readonly maxParallel: number;
  readonly picks: readonly number[];
}

const CONDITIONS = [
  'always()',
  'failure()',
  '!failure()',
  'success() || failure()',
  'false',
  'true',
  '!success()',
] as const;

const drawnFlow: fc.Arbitrary<Drawn> = fc
  .tuple(
    fc.array(
      fc.record({
        needs: fc.array(fc.nat(1_000), { maxLength: 4 }),
        retries: fc.nat(2),
        failures: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(4) }),
        continueOnError: fc.boolean(),
        if: fc.oneof(
          { weight: 5, arbitrary: fc.constant(undefined) },
          { weight: 4, arbitrary: fc.constantFrom(...CONDITIONS) },
        ),
      }),
      { minLength: 1, maxLength: 14 },
    ),
    fc.integer({ min: 1, max: 5 }),
    fc.array(fc.nat(50), { minLength: 1, maxLength: 20 }),
  )
  .map(([rows, maxParallel, picks]) => ({
    maxParallel,
    picks,
    steps: rows.map(({ needs, if: condition, ...row }, index) => ({
      ...row,
      ...(condition === undefined ? {} : { if: condition }),
      id: `s${index}`,
      delayMs: 10,
      needs: index === 0 ? [] : [...new Set(needs.map((need) => `s${need % index}`))],
    })),
  }));

/** The reference: one pass in file order, which is a topological order here. */
function reference({ steps }: Drawn): Record<string, string> {
  const end: Record<string, string> = { run: 'succeeded' };
  const tainted = new Set<string>();
  for (const { id, needs = [], failures, retries = 0, continueOnError, if: condition } of steps) {
    const states = needs.map((need) => end[need] ?? '');
    const success = states.every((state) => state === 'succeeded' || state === 'failed:tolerated');
    const failure = needs.some((need) => end[need] === 'failed' || tainted.has(need));
    if (failure) tainted.add(id);
    const answers: Record<(typeof CONDITIONS)[number], boolean> = {
      'always()': true,
      'failure()': failure,
      '!failure()': !failure,
      'success() || failure()': success || failure,
      '!success()': !success,
      false: false,
      true: true,
    };
    const names = condition?.includes('(') ?? false;
    if (!success && !names) end[id] = failure ? 'skipped:upstream_failed' : 'skipped:upstream_skipped';
    else if (condition !== undefined && !answers[condition as keyof typeof answers]) end[id] = 'skipped:condition';
    else if (failures <= retries) end[id] = 'succeeded';
    else {
      end[id] = continueOnError ? 'failed:tolerated' : 'failed';
      if (!continueOnError) end['run'] = 'failed';
    }
  }
  return end;
}

const behaviourOf = ({ steps }: Drawn): Behaviour => {
  const failures = new Map(steps.map(({ id, failures: count }) => [id, count]));
  return (step, attempt) => (attempt <= (failures.get(step) ?? 0) ? 'fail' : 'succeed');
};

const pickerOf = (picks: readonly number[]) => {
  let turn = 0;
  return (count: number) => (count === 0 ? 0 : (picks[turn++ % picks.length] ?? 0) % count);
};

describe('laws of the decider over random flows', () => {
  it('comes to the end of the reference model, at any concurrency and in any order of ends', async () => {
    await fc.assert(
      fc.asyncProperty(drawnFlow, async (drawn) => {
        const flow = flowOf(drawn.steps);
        const life = await runLife(flow, {
          behaviour: behaviourOf(drawn),
          maxParallel: drawn.maxParallel,
          pick: pickerOf(drawn.picks),
        });
        expect(endOf(life.run)).toEqual(reference(drawn));
        expect(life.executor.highest).toBeLessThanOrEqual(drawn.maxParallel);
      }),
      { numRuns: 300 },
    );
  });

  it('starts no step before everything it needs is satisfied, and records one success per step', async () => {
    await fc.assert(
      fc.asyncProperty(drawnFlow, async (drawn) => {
        const life = await runLife(flowOf(drawn.steps), {
          behaviour: behaviourOf(drawn),
          maxParallel: drawn.maxParallel,
          pick: pickerOf(drawn.picks),
        });
        const isPlain = (step: StepSketch) => step.if === undefined || !step.if.includes('(');
        const needs = new Map(drawn.steps.map((step) => [step.id, isPlain(step) ? (step.needs ?? []) : []]));
        const allNeeds = new Map(drawn.steps.map((step) => [step.id, step.needs ?? []]));
        const settled = new Set<string>();
        const satisfied = new Set<string>();
        const succeeded = new Map<string, number>();
        for (const event of life.journal.events) {
          if (event.type === 'attempt.started') {
            for (const need of needs.get(event.step) ?? []) expect(satisfied).toContain(need);
            for (const need of allNeeds.get(event.step) ?? []) expect(settled).toContain(need);
          }
          if (event.type === 'step.settled' || event.type === 'step.skipped') settled.add(event.step);
          if (event.type === 'attempt.finished' && event.outcome === 'succeeded') {
            satisfied.add(event.step);
            settled.add(event.step);
            succeeded.set(event.step, (succeeded.get(event.step) ?? 0) + 1);
          }
          if (event.type === 'step.settled' && event.tolerated) satisfied.add(event.step);
        }
        expect([...succeeded.values()].every((count) => count === 1)).toBe(true);
        expect(life.published.map(({ seq }) => seq)).toEqual(life.journal.events.slice(1).map(({ seq }) => seq));
      }),
      { numRuns: 200 },
    );
  });

  it('cut anywhere and resumed, comes to the same end and starts no recorded success again', async () => {
    await fc.assert(
      fc.asyncProperty(drawnFlow, fc.double({ min: 0, max: 1, noNaN: true }), async (drawn, where) => {
        const flow = flowOf(drawn.steps);
        const behaviour = behaviourOf(drawn);
        const whole = await runLife(flow, { behaviour, maxParallel: drawn.maxParallel });
        const cut = 1 + Math.floor(where * (whole.journal.events.length - 2));
        const kept = whole.journal.events.slice(0, cut);
        const done = new Set(
          kept.flatMap((event) =>
            event.type === 'attempt.finished' && event.outcome === 'succeeded' ? [event.step] : [],
          ),
        );
        const lost = new Set(
          kept.flatMap((event) => (event.type === 'attempt.started' ? [`${event.step}.${event.attempt}`] : [])),
        );
        for (const event of kept) if (event.type === 'attempt.finished') lost.delete(`${event.step}.${event.attempt}`);
        // The nth try behaves as it would have, had no attempt been lost.
        const shift = new Map([...lost].map((name) => [name.split('.')[0], 1]));
        const resumed = await resumeLife(flow, kept, {
          behaviour: (step, attempt) => behaviour(step, attempt - (shift.get(step) ?? 0)),
          maxParallel: drawn.maxParallel,
        });
        expect(endOf(resumed.run)).toEqual(endOf(whole.run));
        for (const { step } of resumed.executor.started) expect(done.has(step as never)).toBe(false);
        expect(resumed.executor.highest).toBeLessThanOrEqual(drawn.maxParallel);
      }),
      { numRuns: 300 },
    );
  });
});
