/** What is kept can be listed, cleared and pruned, and nothing that is still referred to goes. */

import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listKept, removeKept } from '../../src/cache/housekeeping.ts';
import { pruneNowAndThen } from '../../src/cache/open.ts';
import { type Asked, Desk, runId } from './desk.ts';

let desk: Desk;
beforeEach(() => {
  desk = new Desk();
});
afterEach(() => desk.remove());

const CACHED = { key: null, ttl_ms: null };
const making = (file: string, text: string, more: Asked = {}): Promise<unknown> =>
  desk.perform({ cache: CACHED, generates: [file], env: { TEXT: text }, ...more }, () => {
    desk.write(file, text);
    return null;
  });
const folder = (): string => desk.path('.flowctl/cache');
const stored = (): number =>
  readdirSync(`${folder()}/files`, { recursive: true, encoding: 'utf8' }).filter((name) => name.length > 60).length;

describe('what is kept', () => {
  it('is listed by step', async () => {
    await making('a', 'one');
    await making('a', 'three');
    await making('b', 'one', { step: 'load[1]' });
    const kept = await listKept(desk.earlier.records);
    expect(kept.steps).toMatchObject([
      { flow: 'flow.yaml', step: 'load[1]', results: 1, bytes: 3, run: runId(1) },
      { flow: 'flow.yaml', step: 'only', results: 2, bytes: 8 },
    ]);
    expect(kept.bytes).toBeGreaterThan(8);
  });

  it('is nothing where nothing is', async () => {
    expect(await listKept(desk.earlier.records)).toEqual({ steps: [], bytes: 0 });
    expect(await removeKept(desk.earlier.records, {}, Date.now())).toEqual({ results: 0, bytes: 0 });
    await pruneNowAndThen(folder(), Date.now());
    expect(existsSync(folder())).toBe(false);
  });

  it('is cleared by flow and step, but for what others need', async () => {
    await making('a', 'same');
    await making('b', 'same', { step: 'other' });
    await making('c', 'third', { step: 'other/x' });
    const { records } = desk.earlier;
    await removeKept(records, { flow: 'elsewhere.yaml' }, Date.now());
    expect((await listKept(records)).steps).toHaveLength(3);
    expect(await removeKept(records, { flow: 'flow.yaml', step: 'other' }, Date.now())).toMatchObject({ results: 2 });
    expect((await listKept(records)).steps.map(({ step }) => step)).toEqual(['only']);
    expect(stored()).toBe(1);
    expect((await removeKept(records, {}, Date.now())).bytes).toBeGreaterThan(0);
    expect(stored()).toBe(0);
  });

  it('is compiled modules, too: what nobody read for long goes, once a day', async () => {
    const day = 86_400_000;
    const old = new Date(Date.now() - 31 * day);
    const young = new Date(Date.now() - 29 * day);
    const files = ['unused.mjs', 'unused.json', 'unused.mjs.0123456789ab', 'read.mjs', 'young.mjs'];
    for (const name of files) {
      const path = desk.path(`.flowctl/cache/modules/${name}`);
      desk.write(`.flowctl/cache/modules/${name}`, name);
      const read = name === 'read.mjs' ? young : old;
      utimesSync(path, name === 'young.mjs' ? young : read, name === 'young.mjs' ? young : old);
    }
    await pruneNowAndThen(folder(), Date.now());
    expect(readdirSync(`${folder()}/modules`).sort()).toEqual(['read.mjs', 'young.mjs']);
    await pruneNowAndThen(folder(), Date.now() + 12 * 3_600_000);
    expect(readdirSync(`${folder()}/modules`)).toHaveLength(2);
    await pruneNowAndThen(folder(), Date.now() + 2 * day);
    expect(readdirSync(`${folder()}/modules`)).toEqual([]);
  });

  it('goes when nobody used it for long, and only then', async () => {
    await making('a', 'old');
    await making('b', 'used', { step: 'used' });
    const month = (desk.now - 31 * 86_400_000) / 1_000;
    for (const name of readdirSync(folder(), { recursive: true, encoding: 'utf8' })) {
      if (statSync(`${folder()}/${name}`).isFile()) utimesSync(`${folder()}/${name}`, month, month);
    }
    await desk.newRun().perform({ cache: CACHED, generates: ['b'], env: { TEXT: 'used' }, step: 'used' });
    await pruneNowAndThen(folder(), desk.now);
    expect((await listKept(desk.earlier.records)).steps.map(({ step }) => step)).toEqual(['used']);
    expect(stored()).toBe(1);
  });

  it('is looked through once a day', async () => {
    await making('a', 'text');
    await pruneNowAndThen(folder(), Date.now());
    const mark = statSync(`${folder()}/pruned`).mtimeMs;
    await pruneNowAndThen(folder(), Date.now() + 3_600_000);
    expect(statSync(`${folder()}/pruned`).mtimeMs).toBe(mark);
  });
});
