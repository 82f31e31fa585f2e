/** A flow that is deployed, scheduled, told about and made up for, as its README says. */

import { cpSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { eventually, Rig } from '../kit/rig.ts';

const EXAMPLE = resolve(import.meta.dirname, '../../examples/nightly');

describe('examples/nightly', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
    cpSync(EXAMPLE, rig.folder, { recursive: true, filter: (path) => !path.includes('.flowctl/') });
  });
  afterEach(() => rig.remove());

  it('runs by itself, tells of it, and makes up for the past', async () => {
    const receiver = rig.startProgram(process.execPath, ['receiver.mjs'], { env: { PORT: '0' } });
    await receiver.prints(/listening on \S+\n/);
    rig.give({ HOOK_URL: /listening on (\S+)/.exec(receiver.stdout())?.[1] });
    const serving = rig.start(['serve', 'nightly.yaml']);
    await receiver.prints(/\d\d:\d\d:\d\d: succeeded\n.*: succeeded\n/s);
    serving.process.kill('SIGINT');
    expect((await serving.ended).code).toBe(0);
    const made = await rig.flowctl('backfill', 'nightly', '--from', '2026-01-01', '--to', '2026-01-01T00:00:06');
    expect(made.code, made.stderr).toBe(0);
    for (const second of ['00', '02', '04']) await receiver.prints(`2026-01-01 00:00:${second}: succeeded\n`);
    expect((await rig.flowctl('pause', 'nightly')).code).toBe(0);
    await eventually('its runs are over', 20_000, async () =>
      (await rig.query<RunRow[]>('runs')).every(({ state }) => state === 'succeeded'),
    );
    receiver.process.kill('SIGTERM');
    await receiver.ended;
  });
});
