import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { ConcurrencyPolicy } from '../../src/model/policies.ts';
import { runLayout } from '../../src/store/layout.ts';
import { createAdmission } from '../../src/store/tickets/admission.ts';
import { Seat } from '../../src/store/tickets/seat.ts';
import { eventually } from '../kit/rig.ts';
import { freshState } from '../store/fixture.ts';
import { runId } from '../store/sample-runs.ts';
import { ask, amount, key, own, type Owner, policy } from './kit.ts';

let owners: readonly Owner[] = [];

afterEach(async () => {
  for (const { ledger, lock } of owners) {
    await ledger.close();
    lock.release();
  }
});

async function runs(): Promise<readonly [Owner, Owner, Owner]> {
  const state = await freshState();
  const [one, two, three] = [await own(state, 1, {}), await own(state, 2, {}), await own(state, 3, {})];
  owners = [one, two, three];
  return [one, two, three];
}

/** Asks for a place. */
function enter(seat: Seat, asked: ConcurrencyPolicy) {
  let state = 'asked';
  let tell = (): void => undefined;
  const queued = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const { answer, withdraw } = createAdmission(seat, asked).request(() => {
    state = 'queued';
    tell();
  });
  answer.then(
    ({ kind }) => {
      state = kind;
    },
    () => undefined,
  );
  return { answer, withdraw, queued, state: () => state };
}

const admitted = { kind: 'admitted' };

describe('a concurrency group', () => {
  it('queues in the order of arrival, and lets in as many as its limit', async () => {
    const [one, two, three] = await runs();
    const first = enter(one.seat, policy('g', { limit: 2 }));
    expect(await first.answer).toEqual(admitted);
    expect(await enter(two.seat, policy('g', { limit: 2 })).answer).toEqual(admitted);
    const third = enter(three.seat, policy('g', { limit: 2 }));
    await third.queued;
    await one.ledger.close();
    expect(await third.answer).toEqual(admitted);
  });

  it('refuses under `skip`, at once, and names who is there; not when that one is dead', async () => {
    const [one, two] = await runs();
    await enter(one.seat, policy('g')).answer;
    const skip = policy('g', { on_conflict: 'skip' });
    expect(await enter(two.seat, skip).answer).toEqual({
      kind: 'refused',
      message: `concurrency group \`g\` is busy: run ${one.run} (limit 1, on_conflict: skip)`,
    });
    expect(await enter(two.seat, policy('other', { on_conflict: 'skip' })).answer).toEqual(admitted);
    one.die();
    expect(await enter(two.seat, skip).answer).toEqual(admitted);
  });

  it('counts under `allow`, and never refuses', async () => {
    const [one, two, three] = await runs();
    const allow = policy('g', { on_conflict: 'allow' });
    expect(await enter(one.seat, allow).answer).toEqual(admitted);
    expect(await enter(two.seat, allow).answer).toEqual(admitted);
    expect(await enter(three.seat, policy('g', { on_conflict: 'skip', limit: 2 })).answer).toMatchObject({
      kind: 'refused',
    });
  });

  it('refuses one more than `queue_limit`, and whoever waits longer than `queue_timeout`', async () => {
    const [one, two, three] = await runs();
    const limited = policy('g', { queue_limit: 1 });
    await enter(one.seat, limited).answer;
    const waiting = enter(two.seat, { ...limited, queue_timeout_ms: 1_500 });
    await waiting.queued;
    expect(await enter(three.seat, limited).answer).toEqual({
      kind: 'refused',
      message: 'concurrency group `g` is busy, and 1 of at most 1 runs wait for it already',
    });
    expect(await waiting.answer).toEqual({
      kind: 'refused',
      message: 'concurrency group `g` was busy for 1.5s (queue_timeout)',
    });
    // Its place in the queue is free again.
    const later = enter(three.seat, limited);
    await later.queued;
    later.withdraw();
  });

  it('asks those who run to end under `cancel_running`, and waits for them', async () => {
    const [one, two] = await runs();
    await enter(one.seat, policy('g')).answer;
    const newer = enter(two.seat, policy('g', { on_conflict: 'cancel_running' }));
    await newer.queued;
    const { inbox } = runLayout(one.ledger.state, { id: one.run, root: one.run });
    await eventually('a request', 5_000, () => readdirSync(inbox).some((name) => name.endsWith('.json')));
    const [name = ''] = readdirSync(inbox);
    expect(JSON.parse(readFileSync(join(inbox, name), 'utf8'))).toMatchObject({
      kind: 'cancel',
      policy: 'cancel_running',
    });
    expect(newer.state()).toBe('queued');
    await one.ledger.close();
    expect(await newer.answer).toEqual(admitted);
  });

  it('lets a run in that lies within one that has a place', async () => {
    const [one, two] = await runs();
    await enter(one.seat, policy('g')).answer;
    const child = new Seat({ ledger: one.ledger, run: runId(50), within: { seat: one.seat, step: key('a') } });
    expect(await enter(child, policy('g', { on_conflict: 'skip' })).answer).toEqual(admitted);
    child.leave();
    expect(await enter(two.seat, policy('g', { on_conflict: 'skip' })).answer).toMatchObject({ kind: 'refused' });
  });

  it('and resources can be part of one circle, which is ended', async () => {
    const state = await freshState();
    const [one, two] = [await own(state, 1, { db: amount(1) }), await own(state, 2, { db: amount(1) })];
    owners = [one, two];
    await enter(one.seat, policy('g')).answer;
    await ask(two.seat, 'report', { db: 1 }).answer;
    const step = ask(one.seat, 'load', { db: 1 });
    await step.queued;
    const child = new Seat({ ledger: two.ledger, run: runId(51), within: { seat: two.seat, step: key('report') } });
    expect(await enter(child, policy('g')).answer).toMatchObject({ kind: 'refused' });
    expect(step.state()).toBe('queued');
  });
});
