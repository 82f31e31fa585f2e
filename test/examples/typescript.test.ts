/** The examples in TypeScript, rehearsed as a user's own tests would: with `import 'flowctl'`, as it is published. */

import { runFlow, type TaskError } from 'flowctl';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import aircraft from '../../examples/aircraft/aircraft.ts';
import dynamic from '../../examples/dynamic/dynamic.ts';
import parallelCpu from '../../examples/parallel-cpu/parallel-cpu.ts';
import saga from '../../examples/saga/saga.ts';

import type { RunDetail } from '../../src/model/view.ts';
import { Rig } from '../kit/rig.ts';

const keysOf = (run: { readonly steps: readonly { readonly key: string }[] }): readonly string[] =>
  run.steps.map(({ key }) => key);

describe('examples/aircraft', () => {
  it('finds the airports that aircraft are near, and asks a receiver again that dropped out', async () => {
    const run = await runFlow(aircraft, { clock: 'test' });
    expect(run).toMatchObject({ state: 'succeeded', outputs: { airports: { JFK: 1, ORD: 1, LAX: 2 } } });
    expect(run.steps.find(({ key }) => key === 'receive#2')?.attempts).toBe(2);
  });

  it('stops when nothing more was heard', async () => {
    const run = await runFlow(aircraft, { params: { minutes: 2 }, fakes: { receive: async () => [] } });
    expect(run.outputs).toMatchObject({ sightings: 0, airports: {} });
    expect(keysOf(run)).toEqual(['load_airports', 'receive', 'publish']);
  });
});

describe('examples/dynamic', () => {
  it('goes by what it finds', async () => {
    const run = await runFlow(dynamic);
    expect(run.outputs).toEqual({ orders: 8, priced: 7, failed: [7], large: [5, 6, 8] });
    expect(keysOf(run).filter((key) => key.startsWith('fetch_page'))).toHaveLength(3);
    expect(keysOf(run)).toContain('review/check#7');
  });

  it('needs no review of few orders, and nothing at all for none', async () => {
    expect(keysOf(await runFlow(dynamic, { params: { total: 2 } }))).toEqual(['fetch_page', 'price[1]', 'price[2]']);
    expect((await runFlow(dynamic, { params: { total: 0 } })).outputs).toEqual({
      orders: 0,
      priced: 0,
      failed: [],
      large: [],
    });
  });
});

describe('examples/saga', () => {
  it('books the whole trip', async () => {
    const run = await runFlow(saga);
    expect(run.outputs).toEqual({ booked: ['flight', 'hotel'], reason: null });
    expect(keysOf(run)).toEqual(['book[flight]', 'book[hotel]', 'charge']);
  });

  it('gives back what was booked when the card is refused, the last first', async () => {
    const run = await runFlow(saga, { params: { amount: 5000 } });
    expect(run.outputs).toMatchObject({
      booked: [],
      reason: expect.stringContaining('is good for 1000, not for 5000'),
    });
    expect(keysOf(run)).toEqual([
      ...['book[flight]', 'book[hotel]', 'charge', 'book[hotel]/on_rollback', 'book[flight]/on_rollback', 'apologise'],
    ]);
  });

  it('fails when not even that can be told', async () => {
    const apologise = () => {
      throw new Error('no address');
    };
    const { error } = await runFlow(saga, { params: { amount: 5000 }, fakes: { apologise } });
    expect((error as TaskError).step).toBe('apologise');
  });
});

describe('examples/parallel-cpu', () => {
  it('counts primes', async () => {
    expect((await runFlow(parallelCpu, { params: { below: 10_000 } })).outputs).toEqual({
      below: 10_000,
      primes: 1_229,
    });
  });
});

describe('the examples in TypeScript, run for real', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(() => rig.remove());

  it.each([
    ['aircraft', [], { airports: { JFK: 1, ORD: 1, LAX: 2 } }, ['load_airports', 'receive', 'locate', 'receive#2']],
    ['dynamic', [], { failed: [7], large: [5, 6, 8] }, ['fetch_page', 'price[7]', 'review', 'review/check']],
    ['saga', [], { booked: ['flight', 'hotel'] }, ['book[flight]', 'book[hotel]', 'charge']],
    [
      'saga',
      ['-p', 'amount=5000'],
      { booked: [] },
      ['book[hotel]/on_rollback', 'book[flight]/on_rollback', 'apologise'],
    ],
    ['parallel-cpu', ['-p', 'below=10000'], { primes: 1_229 }, ['count_primes', 'count_primes[15]']],
  ])('%s %j', async (name, params, outputs, keys) => {
    const file = resolve(import.meta.dirname, `../../examples/${name}/${name}.ts`);
    const { code, stdout, stderr } = await rig.flowctl('run', file, ...params, '--state-dir', rig.path('.flowctl'));
    expect(code, stdout + stderr).toBe(0);
    const run = await rig.query<RunDetail>('show', '--state-dir', rig.path('.flowctl'));
    expect(run).toMatchObject({ state: 'succeeded', outputs });
    expect(run.steps.map(({ key }) => key)).toEqual(expect.arrayContaining(keys));
  });
});
