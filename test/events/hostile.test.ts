/** Documents that somebody changed: what has the right shape is worked with, what has not is told, and nothing else happens. */

import { expect, it } from 'vitest';
import { readProject } from '../../src/model/deployment-shape.ts';
import { again, casesOf, otherwise, Random, SEED } from '../fuzz/random.ts';
import { signed } from '../kit/webhook.ts';
import { Island, SECRET, trigger } from './island.ts';

const file = { kind: 'file', paths: ['inbox/*'], on: ['created', 'changed'], settle_ms: 0 } as const;
const hook = { kind: 'webhook', name: 'orders', secret: 'KEY' } as const;

/** A project in which much is going on. */
async function busy(): Promise<Island> {
  const island = new Island([
    trigger(file, { params: { path: '${{ event.path }}' } }),
    trigger({ kind: 'flow', flow: 'extract', states: ['succeeded'] }, { debounce_ms: 5_000 }),
    trigger(hook, { overlap: 'allow' }),
    trigger({ kind: 'absence', of: file, within_ms: 60_000 }),
  ]);
  await island.pass();
  happens(island);
  await island.pass();
  happens(island);
  island.fuse = 4;
  await island.pass();
  return island;
}

function happens(island: Island): void {
  island.now += 61_000;
  const n = island.endings.length + 1;
  const at = island.instant();
  const path = `/flows/inbox/${n}`;
  island.files.set(path, { path, mtime_ms: island.now, ctime_ms: island.now, size: n, ino: n });
  island.endings.push({
    ...{ n, run: island.mint(), seq: 9, flow: 'extract', deployment: null, version: null, state: 'succeeded' },
    ...{
      exit_code: 0,
      trigger: 'manual',
      tags: [],
      scheduled_for: at,
      started_at: at,
      finished_at: at,
      noticed_at: at,
    },
  });
}

it('documents of events are something else', { timeout: 120_000 }, async () => {
  let worked = 0;
  for (let number = 0; number < casesOf(300); number += 1) {
    const random = new Random(SEED + number * 104_729);
    const island = await busy();
    const what = again('events', number);
    const [id, text] = random.pick([...island.memories]);
    if (random.chance(50)) island.memories.set(id, JSON.stringify(otherwise(random, JSON.parse(text))));
    else {
      const db = JSON.stringify(otherwise(random, JSON.parse(island.db)));
      // Damage (65): the scheduler says so and waits.
      if (readProject(JSON.parse(db)) === null) continue;
      island.db = db;
    }
    for (let looks = 0; looks < 3; looks += 1) {
      happens(island);
      await expect(island.pass(), what).resolves.toBe(true);
    }
    const body = '{"a":1}';
    const request = {
      deployment: 'import',
      hook: 'orders',
      headers: signed(SECRET, `m${number}`, body, island.now),
      body: Buffer.from(body),
    };
    const delivered = island.inbox.deliver(island.document(), request).catch((error: unknown) => String(error));
    await Promise.race([delivered, island.pass().then(() => island.pass())]);
    expect(
      island.told.filter((each) => !each.includes('the memory is damaged')),
      what,
    ).toEqual([]);
    worked += 1;
  }
  expect(worked).toBeGreaterThan(casesOf(300) / 10);
});
