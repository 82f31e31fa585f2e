/** Whatever dies at whatever instant: every event begins one run, and none begins two. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RunId } from '../../src/base/ids.ts';
import type { EndedState } from '../../src/model/run-ending.ts';
import { signed } from '../kit/webhook.ts';
import { Island, SECRET, trigger } from './island.ts';

const SETTLE_MS = 2_000;
const RUNS = Number(process.env['TRIGGER_CASES'] ?? 600);

const file = trigger({ kind: 'file', paths: ['inbox/*'], on: ['created', 'changed'], settle_ms: SETTLE_MS });
const flow = trigger({ kind: 'flow', flow: 'extract', states: ['succeeded'] }, { overlap: 'allow' });
const hook = trigger({ kind: 'webhook', name: 'orders', secret: 'KEY' });

type Step =
  | { readonly kind: 'write'; readonly name: string }
  | { readonly kind: 'remove'; readonly name: string }
  | { readonly kind: 'end'; readonly flow: string; readonly state: EndedState }
  | { readonly kind: 'request'; readonly isLarge: boolean }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'pass' }
  | { readonly kind: 'fuse'; readonly touches: number; readonly isDoneFirst: boolean }
  | { readonly kind: 'kill' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), name: fc.constantFrom('a', 'b', 'c') }),
  fc.record({ kind: fc.constant('remove' as const), name: fc.constantFrom('a', 'b') }),
  fc.record({
    kind: fc.constant('end' as const),
    flow: fc.constantFrom('extract', 'other'),
    state: fc.constantFrom<EndedState>('succeeded', 'failed'),
  }),
  fc.record({ kind: fc.constant('request' as const), isLarge: fc.boolean() }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 900, 2_500, 90_000) }),
  fc.record({ kind: fc.constant('pass' as const) }),
  fc.record({ kind: fc.constant('fuse' as const), touches: fc.integer({ min: 1, max: 9 }), isDoneFirst: fc.boolean() }),
  fc.record({ kind: fc.constant('kill' as const) }),
);

/** Performs steps and says which events have to have had their run: the versions of files that stood still, ends, requests. */
class World {
  readonly island = new Island([file, flow, hook]);
  readonly wanted = new Set<string>();
  /** What senders were told. */
  readonly promised: RunId[] = [];
  #written = 0;
  #requests = 0;

  async perform(each: Step): Promise<void> {
    const { island } = this;
    switch (each.kind) {
      case 'write': {
        this.#written += 1;
        island.now += 1;
        const known = island.files.get(`/flows/${each.name}`);
        const [time, ino] = [island.now, known?.ino ?? this.#written];
        const found = { path: `/flows/${each.name}`, mtime_ms: time, ctime_ms: time, size: this.#written, ino };
        island.files.set(found.path, found);
        return;
      }
      case 'remove':
        island.files.delete(`/flows/${each.name}`);
        return;
      case 'end': {
        const n = island.endings.length + 1;
        const run = island.mint();
        const at = island.instant();
        if (each.flow === 'extract' && each.state === 'succeeded') this.wanted.add(`run ${run}`);
        island.endings.push({
          ...{ n, run, seq: 9, flow: each.flow, deployment: null, version: null, state: each.state, exit_code: 0 },
          ...{ trigger: 'manual', tags: [], scheduled_for: at, started_at: at, finished_at: at, noticed_at: at },
        });
        return;
      }
      case 'request':
        return this.#request(each.isLarge);
      case 'wait':
        island.now += each.ms;
        return;
      case 'pass':
        await island.pass();
        return;
      case 'fuse':
        island.fuse = each.touches;
        island.isDoneFirst = each.isDoneFirst;
        return;
      default:
        island.restart();
    }
  }

  /** A sender tries until it is answered. */
  async #request(isLarge: boolean): Promise<void> {
    const { island } = this;
    this.#requests += 1;
    const id = `msg_${this.#requests}`;
    this.wanted.add(`hook ${id}`);
    const text = JSON.stringify({ id, text: isLarge ? 'x'.repeat(5_000) : '' });
    const body = Buffer.from(text);
    for (let tries = 0; ; tries += 1) {
      island.now += 1_000;
      const request = { deployment: 'import', hook: 'orders', headers: signed(SECRET, id, text, island.now), body };
      const answer = island.inbox.deliver(island.document(), request).catch(() => null);
      let end: Awaited<typeof answer> | 'open' = 'open';
      void answer.then((value) => {
        end = value;
      });
      let isAlive = true;
      while (isAlive && end === 'open') isAlive = await island.pass();
      if (!isAlive) continue;
      const settled = await answer;
      if (settled === null) island.restart();
      else {
        expect(settled.kind, `try ${tries} of ${id}`).toBe('accepted');
        if (settled.kind === 'accepted' && settled.run !== null) this.promised.push(settled.run);
        return;
      }
    }
  }

  /** Looks until nothing moves any more. */
  async finish(): Promise<void> {
    const { island } = this;
    island.restart();
    for (let looks = 0; looks < 400; looks += 1) {
      island.now += SETTLE_MS;
      const before = island.started.size;
      expect(await island.pass()).toBe(true);
      const { queue, claims } = island.deployment;
      if (looks > 3 && queue.length + claims.length === 0 && island.started.size === before) break;
    }
    for (const { path, size } of island.files.values()) this.wanted.add(`file ${path} ${size}`);
  }

  get happened(): readonly string[] {
    return [...this.island.started.values()].map(({ event }) => {
      const [first = '', second = ''] = (event?.what ?? '').split(' ');
      if (event?.kind === 'webhook') return `hook ${event.what.split(' ')[2] ?? ''}`;
      if (event?.kind === 'flow') return `run ${/run (\w+)/.exec(event.what)?.[1] ?? ''}`;
      return `file /flows/${first} ${String(event?.facts?.['size'] ?? second)}`;
    });
  }
}

describe('events', () => {
  it('one whose start is cut off by what ends the scheduler too is started by the next one', async () => {
    const island = new Island([{ ...file, source: { kind: 'file', paths: ['*'], on: ['created'], settle_ms: 0 } }]);
    island.now += 1;
    const found = { path: '/flows/a', mtime_ms: island.now, ctime_ms: island.now, size: 1, ino: 1 };
    island.files.set(found.path, found);
    island.isSignalled = true;
    await island.pass();
    expect([island.started.size, island.deployment.claims.length, island.deployment.ticks]).toEqual([0, 1, []]);
    island.restart();
    await island.pass();
    expect([island.started.size, island.deployment.claims.length]).toEqual([1, 0]);
  });

  it('S22, (I2): each begins one run, whatever dies at whatever instant', { timeout: 120_000 }, () =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const world = new World();
        for (const each of steps) await world.perform(each);
        await world.finish();
        const { happened } = world;
        expect([...new Set(happened)].sort(), 'none twice').toEqual([...happened].sort());
        // What was overwritten before it stood still may or may not have been seen.
        const sure = [...world.wanted].sort();
        expect(happened.filter((each) => world.wanted.has(each)).sort(), 'none lost').toEqual(sure);
        expect(happened.filter((each) => !world.wanted.has(each) && !each.startsWith('file '))).toEqual([]);
        expect(world.island.told).toEqual([]);
        if (!steps.some((each) => each.kind === 'wait' && each.ms > 60_000))
          expect(world.promised.filter((run) => !world.island.started.has(run))).toEqual([]);
      }),
      { numRuns: RUNS, ...(process.env['SEED'] === undefined ? {} : { seed: Number(process.env['SEED']) }) },
    ),
  );
});
