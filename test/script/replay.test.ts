/**
 * The crash matrix of flow functions: a journal is cut after every event, and the run resumed; whatever the order in which attempts end
 * then, it comes to the same end, nothing that had succeeded runs again, and the function is told what it had been told.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/base/json.ts';
import type { RunEvent } from '../../src/model/event.ts';
import type { RunRecord } from '../../src/model/run.ts';
import { endOf, flowOf, type Life, type LifeOptions, resumeLife, runLife } from '../kit/world.ts';
import { type Actions, CallError, settleScript, stage } from './stage.ts';

const FLOW = flowOf([], { script: { module: '/stage.ts', flow: 'staged' } });

/** What a random function does. */
type Program =
  | { readonly kind: 'call'; readonly name: string }
  | { readonly kind: 'chain'; readonly parts: readonly Program[] }
  | { readonly kind: 'all'; readonly parts: readonly Program[] }
  | { readonly kind: 'caught'; readonly part: Program; readonly instead: Program }
  | { readonly kind: 'either'; readonly one: Program; readonly other: Program }
  | { readonly kind: 'map'; readonly name: string; readonly count: number }
  | { readonly kind: 'left'; readonly part: Program }
  | { readonly kind: 'sleep' }
  | { readonly kind: 'draw' };

const name = fc.constantFrom('a', 'b', 'c', 'bad');
const { program } = fc.letrec<{ program: Program }>((tie) => ({
  program: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.record({ kind: fc.constant('call' as const), name }),
    fc.record({ kind: fc.constant('sleep' as const) }),
    fc.record({ kind: fc.constant('draw' as const) }),
    fc.record({
      kind: fc.constant('map' as const),
      name: fc.constantFrom('m', 'n'),
      count: fc.integer({ min: 0, max: 3 }),
    }),
    fc.record({ kind: fc.constant('chain' as const), parts: fc.array(tie('program'), { minLength: 1, maxLength: 4 }) }),
    fc.record({ kind: fc.constant('all' as const), parts: fc.array(tie('program'), { minLength: 1, maxLength: 4 }) }),
    fc.record({ kind: fc.constant('left' as const), part: tie('program') }),
    fc.record({ kind: fc.constant('caught' as const), part: tie('program'), instead: tie('program') }),
    fc.record({ kind: fc.constant('either' as const), one: tie('program'), other: tie('program') }),
  ),
}));

/** Carries a program out; every call's arguments are what the chain has come to, so that a wrong pairing changes what follows. */
async function perform(actions: Actions, part: Program, before: Json): Promise<Json> {
  switch (part.kind) {
    case 'call':
      return [await actions.task(part.name, before), before];
    case 'left':
      perform(actions, part.part, before).catch(() => {});
      return before;
    case 'sleep':
      await actions.sleep(5);
      return before;
    case 'draw':
      return [actions.random(), before];
    case 'map':
      return actions.map(
        part.name,
        Array.from({ length: part.count }, (_, index) => [index, before]),
      );
    case 'chain': {
      let value = before;
      for (const each of part.parts) value = await perform(actions, each, value);
      return value;
    }
    case 'all':
      return Promise.all(part.parts.map((each, index) => perform(actions, each, [index, before])));
    case 'caught':
      try {
        return await perform(actions, part.part, before);
      } catch (error) {
        return [error instanceof CallError ? error.step : String(error), await perform(actions, part.instead, before)];
      }
    case 'either':
      return JSON.stringify(before).length % 2 === 0
        ? perform(actions, part.one, before)
        : perform(actions, part.other, before);
  }
}

/** Calls of `bad` fail, whatever the life. */
const behaviour: NonNullable<LifeOptions['behaviour']> = (step) => (/(^|\/)bad(#|$)/.test(step) ? 'fail' : 'succeed');

/** A small generator whose draws follow from the seed. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

interface Told {
  readonly life: Life;
  readonly told: readonly string[];
}

async function live(made: Program, seed: number, events: readonly RunEvent[] | null): Promise<Told> {
  const random = seeded(seed);
  const staged = stage((actions) => perform(actions, made, null), random);
  const options: LifeOptions = {
    behaviour,
    scripts: staged.host,
    settle: settleScript,
    maxParallel: 3,
    pick: (count) => Math.floor(random() * Math.max(1, count)),
  };
  const life = await (events === null ? runLife(FLOW, options) : resumeLife(FLOW, events, options));
  return { life, told: staged.told };
}

const ends = (run: RunRecord) => ({ state: run.ending?.state, outputs: run.ending?.outputs, error: run.ending?.error });

/** The keys of the calls that had ended in a journal, in that order. */
function ended(events: readonly RunEvent[]): readonly string[] {
  const calls = new Set(events.flatMap((event) => (event.type === 'step.requested' ? [event.step as string] : [])));
  return events.flatMap((event) => {
    const isEnd = (event.type === 'attempt.finished' && event.outcome === 'succeeded') || event.type === 'step.settled';
    return isEnd && calls.has(event.step) ? [event.step as string] : [];
  });
}

const succeeded = (events: readonly RunEvent[]): ReadonlySet<string> =>
  new Set(
    events.flatMap((event) =>
      event.type === 'attempt.finished' && event.outcome === 'succeeded' ? [event.step as string] : [],
    ),
  );

/** Goes on by itself when the function has returned: every call of it is made because of the end of the one before. */
const LEFT_CHAIN: Program = {
  kind: 'left',
  part: {
    kind: 'chain',
    parts: [
      { kind: 'call', name: 'a' },
      { kind: 'call', name: 'a' },
      { kind: 'map', name: 'm', count: 0 },
    ],
  },
};

describe('a flow function that is cut off and resumed', () => {
  it('comes to the same end after every event, is told the same, and repeats no success', async () => {
    await fc.assert(
      fc.asyncProperty(program, fc.nat(), fc.nat(), async (made, seed, other) => {
        const first = await live(made, seed, null);
        const { events } = first.life.journal;
        const calls = events.flatMap((event) => (event.type === 'step.requested' ? [event.step as string] : []));
        expect([...first.told].sort(), 'before it ends it hears of every call').toEqual(calls.sort());
        for (let cut = 1; cut < events.length; cut += 1) {
          const kept = events.slice(0, cut);
          const { life, told } = await live(made, other + cut, kept);
          const where = `cut after event ${cut}, ${events[cut - 1]?.type}`;
          const before = ended(kept);
          expect(told.slice(0, before.length), where).toEqual(before);
          const done = succeeded(kept);
          expect(
            life.executor.started.filter(({ step }) => done.has(step)),
            where,
          ).toEqual([]);
          expect(life.run.ending?.exit_code, where).not.toBe(4);
          expect(Object.values(endOf(life.run)), where).not.toContain('pending');
          expect(life.run.warnings, where).toEqual([]);
        }
      }),
      { numRuns: 200 },
    );
  }, 120_000);

  it('yields the same, whatever the order in which its calls end, when nothing fails', async () => {
    await fc.assert(
      fc.asyncProperty(program, fc.nat(), async (made, seed) => {
        fc.pre(!JSON.stringify(made).includes('"bad"') && !JSON.stringify(made).includes('"draw"'));
        const first = await live(made, seed, null);
        const { events } = first.life.journal;
        const cut = 1 + (seed % (events.length - 1));
        const again = await live(made, seed, events.slice(0, cut));
        expect(ends(again.life.run).state).toBe('succeeded');
        expect(again.life.run.steps.size).toBe(first.life.run.steps.size);
      }),
      { numRuns: 200, examples: [[LEFT_CHAIN, 2_013_265_918]] },
    );
  }, 60_000);

  it('goes on when it had failed: what it had caught it hears again, what failed it is done again', async () => {
    let isMended = false;
    const body = async (actions: Actions): Promise<Json> => {
      const caught = await actions.task('bad').catch((error: unknown) => String(error));
      const pairs = await Promise.all(['a', 'b', 'c'].map(async (each) => [each, await actions.task(each, caught)]));
      return [pairs, await actions.task('late', caught)];
    };
    const options = (): LifeOptions => ({
      behaviour: (step) => (step === 'bad' || (step === 'late' && !isMended) ? 'fail' : 'succeed'),
      settle: settleScript,
    });
    const first = stage(body);
    const failed = await runLife(FLOW, { ...options(), scripts: first.host });
    expect(endOf(failed.run)).toMatchObject({ run: 'failed', bad: 'failed', late: 'failed' });
    isMended = true;
    const second = stage(body);
    const { run, executor } = await resumeLife(FLOW, failed.journal.events, { ...options(), scripts: second.host });
    expect(executor.started.map(({ step }) => step)).toEqual(['late']);
    expect(second.told).toEqual(first.told);
    expect(endOf(run)).toMatchObject({ run: 'succeeded', bad: 'failed', late: 'succeeded' });
  });
});
