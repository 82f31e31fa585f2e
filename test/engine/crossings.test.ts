/** What happens to a run while something else is under way in it: the corners where two things of the engine meet. */

import { describe, expect, it } from 'vitest';
import type { StepKey } from '../../src/base/ids.ts';
import type { Claim, TicketRequest, Tickets } from '../../src/engine/ports.ts';
import type { RunEvent } from '../../src/model/event.ts';
import { NO_RETRY } from '../../src/model/defaults.ts';
import { type Behaviour, endOf, flowOf, handlersOf, resumeLife, runLife } from '../kit/world.ts';

const phaseOf = (run: { readonly steps: ReadonlyMap<StepKey, { readonly phase: unknown }> }, key: string): unknown =>
  run.steps.get(key as StepKey)?.phase;
const startsOf = (events: readonly RunEvent[]): readonly string[] =>
  events.flatMap((event) => (event.type === 'attempt.started' ? [event.step] : []));

/** One unit of each resource, given in the order of asking. */
class OneOfEach implements Tickets {
  readonly log: string[] = [];
  private readonly holders = new Set<object>();
  private readonly queue: (() => void)[] = [];
  private readonly isQueueing: (step: string) => boolean;

  /** @param isQueueing steps that are told that others are in front, before they are granted. */
  constructor(isQueueing: (step: string) => boolean = () => false) {
    this.isQueueing = isQueueing;
  }

  get held(): number {
    return this.holders.size;
  }

  request({ step }: Claim, queued: () => void): TicketRequest {
    const claim = {};
    this.log.push(`asks ${step}`);
    if (this.isQueueing(step)) queued();
    let isGone = false;
    const answer = new Promise<Awaited<TicketRequest['answer']>>((resolve) => {
      const grant = (): void => {
        if (isGone) return;
        if (this.holders.size > 0) {
          this.queue.push(grant);
          return;
        }
        this.holders.add(claim);
        this.log.push(`has ${step}`);
        resolve({ kind: 'granted', units: {} });
      };
      grant();
    });
    return {
      answer,
      release: () => {
        if (isGone) return;
        isGone = true;
        this.log.push(`leaves ${step}`);
        this.holders.delete(claim);
        this.queue.shift()?.();
      },
    };
  }
}

const needing = { resources: { db: 1 } };

describe('a run that is ended while it is wound up', () => {
  it('still has its `on_cancel` handlers', async () => {
    const flow = flowOf([{ id: 'a' }], { handlers: handlersOf({ on_cancel: 1, finally: 0 }) });
    let asked = 0;
    const life = await runLife(flow, {
      onReap: (engine) => {
        asked += 1;
        if (asked === 1) engine.cancel({ kind: 'user', name: 'test', host: 'here' }, null);
      },
    });
    expect(endOf(life.run)).toEqual({ run: 'cancelled', a: 'succeeded', 'on_cancel[0]': 'succeeded' });
    expect(life.run.ending).toMatchObject({ exit_code: 5, outputs: null });
  });
});

describe('capacities', () => {
  it('of a lost attempt are asked for anew by the next, and given back once', async () => {
    const tickets = new OneOfEach();
    const behaviour: Behaviour = (_, attempt) => (attempt === 1 ? 'lose' : 'succeed');
    const life = await runLife(flowOf([{ id: 'a', more: needing }]), { behaviour, tickets });
    expect(endOf(life.run)).toEqual({ run: 'succeeded', a: 'succeeded' });
    expect(tickets.log).toEqual(['asks a', 'has a', 'leaves a', 'asks a', 'has a', 'leaves a']);
  });

  it('are asked for once by a step with a condition', async () => {
    const tickets = new OneOfEach();
    const life = await runLife(flowOf([{ id: 'a', if: 'always()', more: needing }]), { tickets });
    expect(endOf(life.run)).toEqual({ run: 'succeeded', a: 'succeeded' });
    expect(tickets.log).toEqual(['asks a', 'has a', 'leaves a']);
  });

  it('of a group are asked for again by its next life, before anything in it begins', async () => {
    const flow = flowOf([{ id: 'g', more: needing, steps: [{ id: 'one' }, { id: 'two', needs: ['one'] }] }]);
    const failing: Behaviour = (step) => (step === 'g/two' ? 'fail' : 'succeed');
    const first = await runLife(flow, { behaviour: failing, tickets: new OneOfEach() });
    expect(endOf(first.run)).toMatchObject({ run: 'failed', g: 'failed', 'g/two': 'failed' });
    const tickets = new OneOfEach();
    const held: number[] = [];
    const second = await resumeLife(flow, first.journal.events, {
      tickets,
      onMove: (_, executor) => {
        if (executor.open.size > 0) held.push(tickets.held);
      },
    });
    expect(endOf(second.run)).toMatchObject({ run: 'succeeded', g: 'succeeded', 'g/two': 'succeeded' });
    expect(startsOf(second.journal.events)).toEqual(['g/one', 'g/two', 'g/two']);
    expect(tickets.log).toEqual(['asks g', 'has g', 'leaves g']);
    expect(held).toEqual([1]);
  });

  it('of a group that was open when its run was cut are asked for again', async () => {
    const flow = flowOf([{ id: 'g', more: needing, steps: [{ id: 'one' }, { id: 'two', needs: ['one'] }] }]);
    const whole = (await runLife(flow, { tickets: new OneOfEach() })).journal.events;
    for (let length = 1; length < whole.length; length += 1) {
      const tickets = new OneOfEach();
      const life = await resumeLife(flow, whole.slice(0, length), { tickets });
      expect([length, endOf(life.run)]).toEqual([
        length,
        { run: 'succeeded', g: 'succeeded', 'g/one': 'succeeded', 'g/two': 'succeeded' },
      ]);
      const began = whole.slice(0, length).some((event) => event.type === 'step.settled');
      expect(tickets.log).toEqual(began ? [] : ['asks g', 'has g', 'leaves g']);
    }
  });

  it('that a group of an earlier life does not get keep it from going on, and its run from nothing but that', async () => {
    const flow = flowOf([
      { id: 'g', more: needing, steps: [{ id: 'one' }, { id: 'late', needs: ['one'], if: 'always()' }] },
    ]);
    const { journal } = await runLife(flow);
    const cut = journal.events.slice(
      0,
      journal.events.findIndex(({ type }) => type === 'attempt.started'),
    );
    const never: Tickets = {
      request: (_, queued) => {
        queued();
        return { answer: new Promise(() => {}), release: () => {} };
      },
    };
    const life = await resumeLife(flow, cut, {
      tickets: never,
      onMove: (engine, _, move) => {
        if (move === 0) engine.cancel({ kind: 'user', name: 'test', host: 'here' }, null);
      },
    });
    expect(endOf(life.run)).toEqual({
      run: 'cancelled',
      g: 'cancelled',
      'g/one': 'skipped:cancelled',
      'g/late': 'succeeded',
    });
  });

  it('that a group holds are asked for by its members also when another group waits for them', async () => {
    const flow = flowOf([
      { id: 'm', foreach: [0, 1], steps: [{ id: 'g', more: needing, steps: [{ id: 'a', more: needing }] }] },
    ]);
    const holders = new Map<object, string>();
    const waiting: (() => void)[] = [];
    const sharing: Tickets = {
      request: ({ step }) => {
        const claim = {};
        const answer = new Promise<Awaited<TicketRequest['answer']>>((resolve) => {
          const grant = (): void => {
            const isShared = [...holders.values()].some((holder) => step.startsWith(`${holder}/`));
            if (!isShared && holders.size > 0) {
              waiting.push(grant);
              return;
            }
            if (!isShared) holders.set(claim, step);
            resolve({ kind: 'granted', units: {} });
          };
          grant();
        });
        const release = (): void => {
          if (holders.delete(claim)) waiting.shift()?.();
        };
        return { answer, release };
      },
    };
    const first = await runLife(flow, { tickets: sharing, maxParallel: 1, behaviour: () => 'fail' });
    const second = await resumeLife(flow, first.journal.events, { tickets: sharing, maxParallel: 1 });
    expect(endOf(second.run)).toMatchObject({ run: 'succeeded', 'm[0]/g/a': 'succeeded', 'm[1]/g/a': 'succeeded' });
  });

  it('may be waited for by an iteration', async () => {
    const repeat = { kind: 'until', condition: 'previous.outputs', every_ms: 10, max: 3 } as const;
    const tickets = new OneOfEach(() => true);
    const flow = flowOf([{ id: 'a', more: { ...needing, repeat } }]);
    const life = await runLife(flow, { tickets });
    expect(endOf(life.run)).toEqual({ run: 'succeeded', a: 'succeeded' });
    expect(startsOf(life.journal.events)).toEqual(['a', 'a']);
    for (let length = 1; length < life.journal.events.length; length += 1) {
      const again = await resumeLife(flow, life.journal.events.slice(0, length), {
        tickets: new OneOfEach(() => true),
      });
      expect([length, endOf(again.run)]).toEqual([length, { run: 'succeeded', a: 'succeeded' }]);
    }
  });
});

describe('another try of the run', () => {
  it('begins its waits anew: one that was given up rings no more', async () => {
    const retry = { ...NO_RETRY, max: 1 };
    const wait = { kind: 'wait', wait: { kind: 'duration', duration: '60s' } } as const;
    let failures = 0;
    const flow = flowOf(
      [
        { id: 'a', more: { action: wait } },
        { id: 'slow', more: { action: { ...wait, wait: { kind: 'duration', duration: '40s' } } } },
        { id: 'b', needs: ['slow'] },
      ],
      {
        retry,
        fail_fast: true,
      },
    );
    const life = await runLife(flow, {
      behaviour: () => (failures++ === 0 ? 'fail' : 'succeed'),
    });
    expect(endOf(life.run)).toMatchObject({ run: 'succeeded' });
    const began = life.journal.events.filter(({ type }) => type === 'wait.started').map(({ time }) => Date.parse(time));
    const ended = life.journal.events.filter(
      (event) => event.type === 'step.settled' && event.step === 'a' && event.state === 'succeeded',
    );
    expect(ended).toHaveLength(1);
    expect(Date.parse(ended[0]?.time ?? '') - Math.max(...began)).toBe(60_000);
  });
});

describe('the time of a group', () => {
  const waiting = (duration: string) => ({ action: { kind: 'wait', wait: { kind: 'duration', duration } } }) as const;

  it('begins anew with another try of the run', async () => {
    const flow = flowOf([{ id: 'g', more: { timeout_ms: 5_000 }, steps: [{ id: 'one' }] }], {
      retry: { ...NO_RETRY, max: 1 },
    });
    let starts = 0;
    const life = await runLife(flow, { behaviour: () => (starts++ === 0 ? 'fail' : 'hang') });
    expect(phaseOf(life.run, 'g')).toMatchObject({ kind: 'failed', error: { code: 'timed_out' } });
    expect(life.run.ending).toMatchObject({ state: 'failed', exit_code: 1 });
  });

  it('ends waits that ring no more when it is tried again', async () => {
    const flow = flowOf([
      {
        id: 'g',
        retries: 1,
        more: { timeout_ms: 50_000 },
        steps: [
          { id: 'w', more: waiting('60s') },
          { id: 'after', needs: ['w'] },
        ],
      },
    ]);
    const life = await runLife(flow);
    expect(endOf(life.run)).toMatchObject({ run: 'failed', g: 'failed', 'g/w': 'cancelled' });
    expect(startsOf(life.journal.events)).toEqual([]);
  });

  it('may be over together with that of a group around it', async () => {
    const inner = {
      id: 'in',
      more: { timeout_ms: 1_000 },
      steps: [
        { id: 'w', more: waiting('60s') },
        { id: 'after', needs: ['w'] },
      ],
    };
    const flow = flowOf([{ id: 'out', more: { timeout_ms: 1_000 }, steps: [inner, { id: 'last', needs: ['in'] }] }]);
    const life = await runLife(flow);
    expect(endOf(life.run)).toMatchObject({ run: 'failed', out: 'failed', 'out/in': 'cancelled' });
  });

  it('that was over when the run was cut stays over', async () => {
    const flow = flowOf([
      {
        id: 'g',
        more: { timeout_ms: 50_000 },
        steps: [
          { id: 'w', more: waiting('60s') },
          { id: 'after', needs: ['w'] },
        ],
      },
    ]);
    const whole = (await runLife(flow)).journal.events;
    const over = whole.findIndex(({ type }) => type === 'step.timed_out') + 1;
    expect(over).toBeGreaterThan(0);
    for (let length = over; length < whole.length; length += 1) {
      const life = await resumeLife(flow, whole.slice(0, length));
      expect([length, endOf(life.run)]).toMatchObject([length, { run: 'failed', g: 'failed' }]);
      expect(startsOf(life.journal.events)).toEqual([]);
    }
  });
});

describe('handlers', () => {
  it('that were cut have their time in the next life as well', async () => {
    const flow = flowOf([{ id: 'a' }], { handlers: handlersOf({ on_success: 1 }), cleanup_timeout_ms: 7_000 });
    const { journal } = await runLife(flow);
    const cut = journal.events.slice(0, journal.events.findIndex(({ type }) => type === 'handlers.started') + 2);
    expect(cut.at(-1)).toMatchObject({ type: 'attempt.started', step: 'on_success[0]' });
    const life = await resumeLife(flow, cut, { behaviour: () => 'hang' });
    expect(endOf(life.run)).toEqual({ run: 'failed', a: 'succeeded', 'on_success[0]': 'failed' });
    expect(life.run.ending).not.toBeNull();
  });

  it('that their time does not suffice for are left out, and it is on record', async () => {
    const handlers = handlersOf({ on_success: 1, finally: 1 });
    const flow = flowOf([{ id: 'a' }], { handlers, cleanup_timeout_ms: 7_000 });
    const life = await runLife(flow, { behaviour: (step) => (step === 'a' ? 'succeed' : 'hang') });
    const handled = { 'on_success[0]': 'failed', 'finally[0]': 'skipped:cancelled' };
    expect(endOf(life.run)).toEqual({ run: 'failed', a: 'succeeded', ...handled });
    const error = { code: 'timed_out', message: '`cleanup_timeout` was over' };
    expect(phaseOf(life.run, 'on_success[0]')).toMatchObject({ kind: 'failed', error });
  });

  it('do not spend the time of the run', async () => {
    const flow = flowOf([{ id: 'a' }], {
      handlers: handlersOf({ on_success: 1 }),
      timeout_ms: 5_000,
      cleanup_timeout_ms: 7_000,
    });
    const life = await runLife(flow, { behaviour: (step) => (step === 'a' ? 'succeed' : 'hang') });
    expect(life.run.ending).toMatchObject({ state: 'failed', exit_code: 1, timed_out: false });
  });
});

describe('an ended run has nothing open', () => {
  it('where a group was to be tried again when its run was cancelled', async () => {
    const flow = flowOf([{ id: 'g', retries: 1, delayMs: 60_000, steps: [{ id: 'a' }] }], { timeout_ms: 1_000 });
    const life = await runLife(flow, { behaviour: () => 'fail' });
    expect(endOf(life.run)).toEqual({ run: 'failed', g: 'cancelled', 'g/a': 'failed' });
  });

  it('where a handler failed inside of a map that tolerated it', async () => {
    const flow = flowOf([
      { id: 'm', foreach: [0], tolerate: 1, steps: [{ id: 'a', on: { on_failure: 1 } }] },
      { id: 'bad' },
    ]);
    const first = await runLife(flow, { behaviour: () => 'fail' });
    const second = await resumeLife(flow, first.journal.events);
    expect(endOf(second.run)).toEqual({
      run: 'succeeded',
      m: 'succeeded',
      'm[0]': 'failed:tolerated',
      'm[0]/a': 'failed',
      'm[0]/a/on_failure[0]': 'failed',
      bad: 'succeeded',
    });
  });
});

describe('numbers of attempts', () => {
  const numbersOf = (events: readonly RunEvent[], key: string): readonly number[] =>
    events.flatMap((event) => (event.type === 'attempt.started' && event.step === key ? [event.attempt] : []));

  it('go on where handlers run again, and members of a group that begins anew: their logs lie beside each other', async () => {
    const flow = flowOf([{ id: 'g', steps: [{ id: 'one' }] }, { id: 'bad' }], { handlers: handlersOf({ finally: 1 }) });
    const failing: Behaviour = (step) => (step === 'bad' ? 'fail' : 'succeed');
    const first = await runLife(flow, { behaviour: failing });
    const second = await resumeLife(flow, first.journal.events, { behaviour: failing, again: ['g'] });
    const third = await resumeLife(flow, second.journal.events);
    const { events } = third.journal;
    expect(numbersOf(events, 'finally[0]')).toEqual([1, 2, 3]);
    expect(numbersOf(events, 'g/one')).toEqual([1, 2]);
    expect(numbersOf(events, 'bad')).toEqual([1, 2, 3]);
    expect(endOf(third.run)).toMatchObject({ run: 'succeeded', 'g/one': 'succeeded', 'finally[0]': 'succeeded' });
  });
});

describe('a step that repeats', () => {
  it('is skipped by a skip code', async () => {
    const repeat = { kind: 'until', condition: 'false', every_ms: 0, max: 5 } as const;
    const life = await runLife(flowOf([{ id: 'a', more: { repeat } }]), {
      behaviour: (_, attempt) => (attempt === 3 ? 'skip' : 'succeed'),
    });
    expect(phaseOf(life.run, 'a')).toEqual({ kind: 'skipped', reason: 'skip_code' });
    expect(startsOf(life.journal.events)).toHaveLength(3);
  });
});
