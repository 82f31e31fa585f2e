/** Flows rehearsed in this thread: what the library promises of calls, keys, retries, maps, hooks and transactions. */

import { describe, expect, it, vi } from 'vitest';
import { context, flow, map, runFlow, sh, TaskError, task, transaction } from '../../src/index.ts';

const extract = task('extract', async (path: string) => [1, 2, path.length]);
const transform = task('transform', async (value: number, by: number) => value + by);
const save = task('save', async (value: number) => ({ saved: value }));

const keysOf = (run: { readonly steps: readonly { readonly key: string }[] }): readonly string[] =>
  run.steps.map(({ key }) => key);

describe('a flow', () => {
  const etl = flow('etl', { params: { path: { type: 'string', default: 'values.csv' } } }, async ({ path }) => {
    const values = await extract(path);
    return transform.map(values, { args: (value) => [value, 1], maxParallel: 2 });
  });

  it('returns what its function returns', async () => {
    const run = await runFlow(etl);
    expect(run).toMatchObject({ state: 'succeeded', outputs: [2, 3, 11], error: null });
    expect(keysOf(run)).toEqual(['extract', 'transform']);
  });

  it('takes fakes for tasks, with their arguments', async () => {
    const fake = vi.fn(async (path: string) => [path.length]);
    const run = await runFlow(etl, {
      params: { path: 'ab' },
      fakes: { extract: fake, transform: (n: number) => n * 100 },
    });
    expect(run.outputs).toEqual([200]);
    expect(fake).toHaveBeenCalledWith('ab');
  });

  it('refuses params that do not fit, and fakes for nothing', async () => {
    // @ts-expect-error a path is a text
    await expect(runFlow(etl, { params: { path: 1 } })).rejects.toThrow(/`path` does not fit/);
    // @ts-expect-error there is no such param
    await expect(runFlow(etl, { params: { pth: '' } })).rejects.toThrow(/no param `pth`/);
    await expect(runFlow(etl, { fakes: { extrakt: () => [] } })).rejects.toThrow(/`extrakt`/);
  });

  it('fails as its function does, also when it throws before anything is awaited', async () => {
    const broken = flow('broken', () => {
      throw new RangeError('no');
    });
    expect(await runFlow(broken)).toMatchObject({ state: 'failed', error: { name: 'RangeError', message: 'no' } });
  });

  it('may return nothing, or without awaiting; what is no JSON fails it', async () => {
    expect((await runFlow(flow('silent', async () => {}))).outputs).toBeNull();
    expect((await runFlow(flow('quick', () => 7))).outputs).toBe(7);
    const run = await runFlow(flow('strange', async () => ({ values: new Map([['a', 1]]) })));
    expect(run.error).toMatchObject({
      message: expect.stringMatching(/flow `strange` returned is not JSON at `values`/),
    });
  });

  it('waits for calls that nobody awaited, and fails with them', async () => {
    const late = flow('late', async () => {
      void save(1);
      return 'over';
    });
    const fine = await runFlow(late);
    expect(keysOf(fine)).toEqual(['save']);
    const fakes = {
      save: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error('disk full');
      },
    };
    expect(await runFlow(late, { fakes })).toMatchObject({ state: 'failed', error: { step: 'save' } });
  });

  it('calls flows as runs of their own, and is called so itself', async () => {
    const inner = flow('inner', { params: { by: 1 } }, async ({ by }) => transform(1, by));
    const outer = flow('outer', async () => [await inner(), await inner({ by: 5 }), await inner.with({ key: 'eu' })()]);
    const run = await runFlow(outer);
    expect(run.outputs).toEqual([2, 6, 2]);
    expect(keysOf(run)).toEqual([
      ...['inner/transform', 'inner', 'inner#2/transform', 'inner#2', 'inner[eu]/transform', 'inner[eu]'],
    ]);
    await expect(outer()).rejects.toThrow(/runFlow/);
  });
});

describe('calls', () => {
  it('are keyed by name and occurrence, taken before anything is awaited', async () => {
    const order = flow('order', async () => {
      const slow = save(1);
      const quick = save(2);
      return [await quick, await slow, await save.with({ key: 'eu' })(3), await save(4)];
    });
    const run = await runFlow(order);
    expect([...keysOf(run)].sort()).toEqual(['save', 'save#2', 'save#3', 'save[eu]']);
    expect(run.outputs).toEqual([{ saved: 2 }, { saved: 1 }, { saved: 3 }, { saved: 4 }]);
  });

  it('use a key once', async () => {
    const twice = flow('twice', async () => {
      await save.with({ key: 'a' })(1);
      await save.with({ key: 'a' })(2);
    });
    expect((await runFlow(twice)).error).toMatchObject({ message: expect.stringMatching(/`save\[a\]` is used twice/) });
  });

  it('throw what a flow may catch', async () => {
    const fallible = flow('fallible', async () => {
      try {
        return await extract('x');
      } catch (error) {
        if (!(error instanceof TaskError)) throw error;
        return [error.step, error.attempts, error.code, error.thrown, error.message];
      }
    });
    const fakes = {
      extract: () => {
        throw new TypeError('no rows');
      },
    };
    const run = await runFlow(fallible, { fakes });
    expect(run.outputs).toEqual(['extract', 1, 'thrown', 'TypeError', 'extract: TypeError: no rows']);
  });

  it('take and give JSON only, and say where it is none', async () => {
    const open = task('open', async (value: unknown) => value);
    const calls = flow('calls', async () => {
      const results = await Promise.allSettled([
        open({ deep: [1, () => 2] }),
        open(Number.NaN),
        open(undefined),
        open({ at: new Date(0) }),
      ]);
      return results.map((each) => (each.status === 'rejected' ? String(each.reason) : (each.value as string)));
    });
    expect((await runFlow(calls)).outputs).toEqual([
      'TypeError: argument 1 of `open` is not JSON at `deep[1]`: function',
      'TypeError: argument 1 of `open` is not JSON: NaN',
      null,
      { at: '1970-01-01T00:00:00.000Z' },
    ]);
  });

  it('leave out what is undefined at the end, so that defaults hold', async () => {
    const scaled = task('scaled', (value: number, by = 10) => value * by);
    expect((await runFlow(flow('scale', () => scaled(2, undefined)))).outputs).toBe(20);
  });

  it('write with the serializer of the task', async () => {
    const serializer = {
      stringify: (value: unknown) => JSON.stringify(value instanceof Date ? { date: value.getTime() } : value),
      parse: (text: string): unknown => {
        const read = JSON.parse(text) as { readonly date?: number };
        return read.date === undefined ? read : new Date(read.date);
      },
    };
    const next = task('next', { serializer }, async (day: Date) => new Date(day.getTime() + 86_400_000));
    const days = flow('days', async () => (await next(await next(new Date(0)))).getTime());
    expect((await runFlow(days)).outputs).toBe(2 * 86_400_000);
  });

  it('inside a task are steps within its own', async () => {
    const outer = task('outer', async (value: number) => transform(value, await transform(value, 1)));
    const run = await runFlow(flow('nested', () => outer(1)));
    expect(run.outputs).toBe(3);
    expect(keysOf(run)).toEqual(['outer/transform', 'outer/transform#2', 'outer']);
  });

  it('of a retried task give those within it once', async () => {
    const inner = vi.fn(async () => 1);
    const counted = task('counted', inner);
    const outer = task('shaky', { retry: 1 }, async () => {
      const value = await counted();
      if (context().attempt === 1) throw new Error('once more');
      return value;
    });
    expect(await runFlow(flow('shaking', () => outer()))).toMatchObject({ outputs: 1 });
    expect(inner).toHaveBeenCalledTimes(1);
  });

  it('outside a flow are plain calls', async () => {
    expect(await transform(1, 2)).toBe(3);
    expect(await transform.map([1, 2], { args: (value) => [value, 1] })).toEqual([2, 3]);
    expect(() => context()).toThrow(/only available inside/);
  });
});

describe('making', () => {
  it('refuses a second task of a name, and tasks inside flows', async () => {
    expect(() => task('extract', async () => 1)).toThrow(
      /two tasks are named `extract`: at .*:\d+:\d+ and at .*:\d+:\d+/,
    );
    expect(() => task('Extract', async () => 1)).toThrow(/differ only in case/);
    const inside = flow('inside', async () => task('hidden', async () => 1)());
    expect((await runFlow(inside)).error).toMatchObject({
      message: expect.stringMatching(/task `hidden` is made inside/),
    });
  });

  it.each([
    ['a name', () => task('9 lives', () => 1), /`9 lives` cannot be the name of a task/],
    ['an option', () => task('wrong', { retries: 3 } as never, () => 1), /no option `retries`; did you mean `retry`/],
    ['a unit', () => task('wrong', { timeout: 30 } as never, () => 1), /`timeout` has to be a duration.*'30s'/],
    ['a retry', () => task('wrong', { retry: { max: -1 } }, () => 1), /`retry.max` has to be a whole number/],
    ['a jitter', () => task('wrong', { retry: { max: 1, jitter: 2 } }, () => 1), /`retry.jitter` has to be 'none'/],
    ['a function', () => task('wrong', {}, 'x' as never), /it is made of a function/],
    ['a flow option', () => flow('wrong', { time_out: '1h' } as never, () => 1), /did you mean `timeout`/],
    ['a call option', () => save.with({ retry: { max: 1, retryIf: () => true } }), /belong to the task/],
  ])('refuses %s that is none', (_, make, message) => {
    expect(make).toThrow(message);
  });
});

describe('maps', () => {
  it('name items, and let some fail', async () => {
    const items = [{ id: 'a' }, { id: 'b' }, { id: 'c' }];
    const load = task('load', async ({ id }: { readonly id: string }) => {
      if (id === 'b') throw new Error('b is broken');
      return id;
    });
    const some = flow('some', () => load.map(items, { key: ({ id }) => id, tolerate: '34%' }));
    expect((await runFlow(some)).outputs).toEqual(['a', null, 'c']);
    const none = flow('none', () => load.map(items, { key: ({ id }) => id, tolerate: 0 }));
    expect((await runFlow(none)).error).toMatchObject({
      message: 'load: 1 of 3 items failed: `load[b]`: Error: b is broken',
    });
  });

  it('of any function are bounded, and in order', async () => {
    let open = 0;
    let most = 0;
    const results = await map(
      [3, 1, 2],
      async (value) => {
        open += 1;
        most = Math.max(most, open);
        for (let turn = 0; turn < value; turn += 1) await Promise.resolve();
        open -= 1;
        return value * 2;
      },
      { maxParallel: 2 },
    );
    expect(results).toEqual([6, 2, 4]);
    expect(most).toBe(2);
  });
});

describe('retries', () => {
  const attempts = async (
    options: object,
    fails: number,
  ): Promise<{ readonly times: number[]; readonly state: string }> => {
    const times: number[] = [];
    const name = `try${Math.random().toString(36).slice(2)}`;
    const flaky = task(name, options, async () => {
      times.push(context().now());
      if (times.length <= fails) throw new Error(`attempt ${times.length}`);
      return times.length;
    });
    const run = await runFlow(
      flow(`flow-${name}`, () => flaky()),
      { clock: { now: '1970-01-01T00:00:00Z' } },
    );
    return { times, state: run.state };
  };

  it.each([
    ['a fixed delay', { retry: { max: 2, delay: '1h' } }, 2, [0, 3_600_000, 7_200_000]],
    ['a list of delays', { retry: { max: 3, delay: ['1s', '1m'] } }, 3, [0, 1_000, 61_000, 121_000]],
    [
      'an exponential one',
      { retry: { max: 3, delay: '1s', backoff: 'exponential', maxDelay: '3s' } },
      3,
      [0, 1_000, 3_000, 6_000],
    ],
    ['a function', { retry: { max: 2, delay: (attempt: number) => `${attempt * 10}s` } }, 2, [0, 10_000, 30_000]],
  ])('wait for %s on a clock that does not', async (_, options, fails, times) => {
    expect(await attempts(options, fails)).toEqual({ times, state: 'succeeded' });
  });

  it('give up after the last, and when `retryIf` says so', async () => {
    expect(await attempts({ retry: 1 }, 5)).toMatchObject({ times: [0, 0], state: 'failed' });
    const retryIf = (error: unknown): boolean => (error as Error).message !== 'attempt 2';
    expect(await attempts({ retry: { max: 9, retryIf } }, 9)).toMatchObject({ times: [0, 0], state: 'failed' });
  });

  it('are not for what timed out unless that is said', async () => {
    const stuck = task('stuck', { timeout: '10ms', retry: { max: 3, on: ['failed'] } }, async () => {
      await new Promise((resolve) => context().signal.addEventListener('abort', resolve));
    });
    expect((await runFlow(flow('sticking', () => stuck()))).error).toMatchObject({ code: 'timed_out', attempts: 1 });
  });
});

describe('the context of a flow', () => {
  it('skips sleep on a test clock, and tells the time that would have passed', async () => {
    const sleeper = flow('sleeper', async () => {
      const before = context().now();
      await Promise.all([context().sleep('1d'), context().sleep('2h')]);
      return context().now() - before;
    });
    const run = await runFlow(sleeper, { clock: 'test' });
    expect(run.outputs).toBe(86_400_000);
    expect(keysOf(run)).toEqual(['sleep#2', 'sleep']);
  });

  it('asks a fake for approval', async () => {
    const asking = flow('asking', async () =>
      context().approval({ message: 'deploy?', params: { note: { type: 'string' } } }),
    );
    const run = await runFlow(asking, {
      fakes: { approval: ({ message }: { message: string }) => ({ note: message }) },
    });
    expect(run.outputs).toEqual({ note: 'deploy?' });
    expect((await runFlow(asking)).error).toMatchObject({ message: expect.stringMatching(/fake named `approval`/) });
    const no = () => {
      throw new Error('not today');
    };
    expect((await runFlow(asking, { fakes: { approval: no } })).error).toMatchObject({ code: 'rejected' });
  });

  it('gives ids and numbers', async () => {
    const numbers = flow('numbers', async () => [context().random(), context().uuid()]);
    expect((await runFlow(numbers)).outputs).toEqual([
      expect.toSatisfy((value: number) => value >= 0 && value < 1),
      expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4/),
    ]);
  });
});

describe('commands', () => {
  it('hand values over, however hostile', async () => {
    const fake = vi.fn((_command: string | readonly string[]) => ({ ok: true }));
    const commands = flow('commands', async () => {
      await sh`gzip -k ${"a'; rm -rf /"} "${'in quotes'}"`;
      await sh(['jq', '.', 'a b']);
      return sh.with({ name: 'list', output: 'lines' })`ls ${['x y', 'z']}`;
    });
    const list = (command: string): string[] => [command];
    const run = await runFlow(commands, { fakes: { sh: fake, list } });
    expect(fake.mock.calls).toEqual([['gzip -k a\'; rm -rf / "in quotes"'], [['jq', '.', 'a b']]]);
    expect(run.outputs).toEqual(['ls x y z']);
    expect(keysOf(run)).toEqual(['sh', 'sh#2', 'list']);
  });

  it('refuse a value where it would be code, and one that is no text', async () => {
    const evil = flow('evil', () => sh`eval ${'rm -rf /'}`);
    expect((await runFlow(evil)).error).toMatchObject({ name: 'OptionError', message: expect.stringMatching(/eval/) });
    const empty = flow('empty', () => sh`echo ${undefined as never}`);
    expect((await runFlow(empty)).error).toMatchObject({ message: expect.stringMatching(/value 1 has to be a text/) });
  });
});

describe('hooks and transactions', () => {
  const done: string[] = [];
  const book = task(
    'book',
    { onRollback: (outputs: { readonly id: string }, what: string) => void done.push(`undo ${outputs.id} ${what}`) },
    async (what: string) => ({ id: `b-${what}` }),
  );
  const charge = task('charge', async (amount: number) => {
    if (amount > 10) throw new Error('card refused');
    return amount;
  });

  it('undo what succeeded, the last first', async () => {
    done.length = 0;
    const trip = flow('trip', async () =>
      transaction(async () => {
        await book('flight');
        await transaction(async () => book('hotel'));
        await charge(11);
      }),
    );
    const run = await runFlow(trip);
    expect(run.error).toMatchObject({ name: 'TaskError', step: 'charge' });
    expect(done).toEqual(['undo b-hotel hotel', 'undo b-flight flight']);
    expect(keysOf(run)).toEqual(['book', 'book#2', 'charge', 'book#2/on_rollback', 'book/on_rollback']);
  });

  it('undo nothing when all went well', async () => {
    done.length = 0;
    expect(await runFlow(flow('fine', () => transaction(() => book('car'))))).toMatchObject({ state: 'succeeded' });
    expect(done).toEqual([]);
  });

  it('wait for what is still under way, and go on when undoing fails', async () => {
    const undone: number[] = [];
    const slow = task(
      'slow',
      {
        onRollback: (value: number) => {
          undone.push(value);
          if (value === 2) throw new Error('cannot undo 2');
        },
      },
      async (value: number) => {
        await new Promise((resolve) => setImmediate(resolve));
        return value;
      },
    );
    const both = flow('both', () => transaction(() => Promise.all([slow(1), slow(2), charge(99)])));
    const { error } = await runFlow(both);
    expect(undone).toEqual([2, 1]);
    expect(error).toMatchObject({
      name: 'RollbackError',
      cause: { step: 'charge' },
      errors: [{ step: 'slow#2/on_rollback' }],
    });
  });

  it('run hooks as steps, and fail with a failing one', async () => {
    const heard: unknown[] = [];
    const watched = task(
      'watched',
      {
        onSuccess: (outputs: number, input: number) => void heard.push(['success', outputs, input]),
        onFailure: ({ code, attempts }, input: number) => void heard.push(['failure', code, attempts, input]),
      },
      async (value: number) => {
        if (value < 0) throw new Error('negative');
        return value + 1;
      },
    );
    const run = await runFlow(
      flow('watching', async () => {
        await watched(1);
        await watched(-1).catch(() => null);
        await watched.map([5]);
      }),
    );
    expect(run.state).toBe('succeeded');
    expect(heard).toEqual([
      ['success', 2, 1],
      ['failure', 'thrown', 1, -1],
      ['success', 6, 5],
    ]);
    const failing = task('failing', { onSuccess: () => Promise.reject(new Error('hook')) }, async () => 1);
    const failed = await runFlow(flow('hooked', () => failing()));
    expect(failed).toMatchObject({ state: 'failed', error: { step: 'failing/on_success' } });
  });
});

describe('params', () => {
  it('may be checked by a Standard Schema', async () => {
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: (value: unknown) => {
          const { day, limit = 5 } = value as { readonly day?: unknown; readonly limit?: number };
          return typeof day === 'string'
            ? { value: { day, limit } }
            : { issues: [{ message: 'has to be a text', path: ['day', 0] }] };
        },
        types: undefined as unknown as {
          readonly input: { day: string; limit?: number };
          readonly output: { day: string; limit: number };
        },
      },
    };
    const daily = flow('daily', { params: schema }, async ({ day, limit }) => `${day}/${limit.toFixed(1)}`);
    expect((await runFlow(daily, { params: { day: 'mon' } })).outputs).toBe('mon/5.0');
    // @ts-expect-error a day is a text
    await expect(runFlow(daily, { params: { day: 1 } })).rejects.toThrow(/param `day\[0\]`: has to be a text/);
  });
});
