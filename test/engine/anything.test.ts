/**
 * Whatever a flow says and whatever happens to its run: the engine meets no illegal move, comes to an end, leaves nothing open in a run
 * that has ended, and its journal folds. Waits, approvals, repeats, maps, groups with times and resources, handlers, tries of the run.
 */

import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TicketRequest, Tickets } from '../../src/engine/ports.ts';
import { NO_RETRY } from '../../src/model/defaults.ts';
import { foldRun } from '../../src/model/fold.ts';
import { isSettled } from '../../src/model/run.ts';
import {
  type Behaviour,
  cancelLife,
  flowOf,
  handlersOf,
  type Life,
  type LifeOptions,
  resumeLife,
  RUN,
  runLife,
  type StepSketch,
} from '../kit/world.ts';

const phases = fc.record({ on_success: fc.nat(1), on_failure: fc.nat(1), on_cancel: fc.nat(1), finally: fc.nat(1) });

const drawn = (depth: number) =>
  fc.record({
    kind: fc.constantFrom('run', 'run', 'wait', 'approve', 'repeat', ...(depth > 0 ? ['group', 'group', 'map'] : [])),
    needs: fc.array(fc.nat(100), { maxLength: 2 }),
    tries: fc.record({ retries: fc.nat(2), delayMs: fc.constantFrom(0, 10, 1_000) }),
    continueOnError: fc.boolean(),
    resources: fc.constantFrom({}, { db: 1 }),
    timeout_ms: fc.constantFrom(null, 5, 500),
    condition: fc.constantFrom(null, null, 'always()', 'failure()', '!success()', 'false'),
    on: phases,
    ifLost: fc.constantFrom('run_again' as const, 'fail' as const),
    tolerate: fc.nat(1),
    max_parallel: fc.constantFrom(null, 1, 2),
    on_timeout: fc.constantFrom('fail' as const, 'skip' as const, 'approve' as const, 'reject' as const),
    items: fc.nat(3),
    inner: depth > 0 ? sketches(depth - 1, 2) : fc.constant<readonly StepSketch[]>([]),
  });

type Drawn = ReturnType<typeof drawn> extends fc.Arbitrary<infer Value> ? Value : never;

function sketchOf(step: Drawn, index: number): StepSketch {
  const { kind, condition, on, continueOnError, tries, resources, timeout_ms, max_parallel, inner } = step;
  const needs = index === 0 ? [] : [...new Set(step.needs.map((need) => `s${need % index}`))];
  const base = { id: `s${index}`, needs, on, continueOnError, ...(condition === null ? {} : { if: condition }) };
  const repeat = { kind: 'until', condition: 'run.attempt >= 2', every_ms: 10, max: 3 } as const;
  const wait = { kind: 'wait', wait: { kind: 'duration', duration: '100ms' } } as const;
  const { on_timeout } = step;
  const approve = { kind: 'approve', message: 'go on?', params: [], timeout_ms: 200, on_timeout } as const;
  const items = Array.from({ length: step.items }, (_, number) => number);
  switch (kind) {
    case 'wait':
      return { ...base, more: { action: wait } };
    case 'approve':
      return { ...base, more: { action: approve } };
    case 'repeat':
      return { ...base, ...tries, more: { resources, repeat } };
    case 'group':
      return { ...base, ...tries, steps: inner, more: { resources, timeout_ms, max_parallel } };
    case 'map': {
      const { tolerate } = step;
      const body = inner.length === 0 ? {} : { steps: inner };
      return { ...base, ...tries, ...body, foreach: items, tolerate, more: { resources, max_parallel } };
    }
    default:
      return { ...base, ...tries, ifLost: step.ifLost, more: { resources } };
  }
}

function sketches(depth: number, maxLength: number): fc.Arbitrary<readonly StepSketch[]> {
  return fc.array(drawn(depth), { minLength: 1, maxLength }).map((steps) => steps.map(sketchOf));
}

/** One of everything; what a group holds is shared with its members. */
function oneOfEach(): Tickets {
  const holders = new Map<object, string>();
  let waiting: (() => void)[] = [];
  return {
    request: ({ step }, queued) => {
      const claim = {};
      let isGone = false;
      const answer = new Promise<Awaited<TicketRequest['answer']>>((resolve) => {
        const ask = (isFirst: boolean): void => {
          if (isGone) return;
          const isShared = [...holders.values()].some(
            (holder) => /^[/[]/.test(step.slice(holder.length)) && step.startsWith(holder),
          );
          if (!isShared && holders.size > 0) {
            if (isFirst) queued();
            waiting.push(() => ask(false));
            return;
          }
          if (!isShared) holders.set(claim, step);
          resolve({ kind: 'granted', units: {} });
        };
        ask(true);
      });
      const release = (): void => {
        isGone = true;
        holders.delete(claim);
        const others = waiting;
        waiting = [];
        for (const ask of others) ask();
      };
      return { answer, release };
    },
  };
}

const KINDS = ['succeed', 'succeed', 'succeed', 'succeed', 'fail', 'fail', 'time_out', 'lose', 'skip'] as const;

/** Each attempt ends in its own way, the same for the same seed. */
function behaviourOf(seed: number): Behaviour {
  let state = seed;
  return () => {
    state = (state * 48_271 + 11) % 2_147_483_647;
    return KINDS[state % KINDS.length] ?? 'succeed';
  };
}

function check({ end, run, journal }: Life): void {
  expect(foldRun(RUN, journal.events).problem).toBeNull();
  if (end.kind !== 'finished') return;
  const open = [...run.steps.values()].filter(({ phase }) => !isSettled(phase));
  expect(open.map(({ key, phase }) => [key, phase.kind])).toEqual([]);
}

const circumstances = fc.record({
  seed: fc.nat(1_000_000),
  fail_fast: fc.boolean(),
  timeout_ms: fc.constantFrom(null, null, 50, 400),
  retries: fc.nat(2),
  signalAt: fc.constantFrom(null, null, 1, 3, 6),
  isSignalledTwice: fc.boolean(),
  isCancelledAtTheEnd: fc.boolean(),
  waits: fc.constantFrom('stay' as const, 'park' as const),
  maxParallel: fc.integer({ min: 1, max: 3 }),
  cutAt: fc.option(fc.double({ min: 0, max: 0.999, noNaN: true }), { nil: null }),
  isEndedUnowned: fc.boolean(),
});

it('comes to an end in which nothing is open, whatever happens, and so does every resume and every cancel', async () => {
  await fc.assert(
    fc.asyncProperty(sketches(2, 4), phases, circumstances, async (steps, on, what) => {
      const { seed, fail_fast, timeout_ms, retries, signalAt, isSignalledTwice, waits, maxParallel, cutAt } = what;
      const retry = { ...NO_RETRY, max: retries, delay_ms: 5 };
      const flow = flowOf(steps, { handlers: handlersOf(on), fail_fast, timeout_ms, cleanup_timeout_ms: 300, retry });
      const behaviour = behaviourOf(seed);
      const options = (): LifeOptions => ({ behaviour, waits, maxParallel, tickets: oneOfEach() });
      let isReaped = !what.isCancelledAtTheEnd;
      const first = await runLife(flow, {
        ...options(),
        onReap: (engine) => {
          if (!isReaped) engine.cancel({ kind: 'user', name: 'ada', host: 'mill' }, null);
          isReaped = true;
        },
        onMove: (engine, _, move) => {
          if (move === signalAt || (isSignalledTwice && move - 1 === signalAt)) engine.signal('SIGINT');
        },
      });
      check(first);
      const { events } = first.journal;
      const kept = cutAt === null ? events : events.slice(0, 1 + Math.floor(cutAt * (events.length - 1)));
      if (what.isEndedUnowned && foldRun(RUN, kept).run?.ending === null) {
        return check(await cancelLife(flow, kept, options()));
      }
      const second = await resumeLife(flow, kept, options());
      check(second);
      check(await resumeLife(flow, second.journal.events, { ...options(), behaviour: () => 'succeed', again: ['s0'] }));
    }),
    { numRuns: Number(process.env['ENGINE_CASES'] ?? 300) },
  );
});
