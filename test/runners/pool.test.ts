import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createModuleLoader } from '../../src/functions/modules.ts';
import { createFunctionPool, type FunctionPool } from '../../src/functions/pool.ts';
import { functionRunner } from '../../src/runners/function.ts';
import { bundle } from '../executors/bundle.ts';
import { findMismatch } from '../../src/load/param-schema.ts';
import { createRig, type Rig } from '../executors/rig.ts';
import { processesWith } from '../process/processes.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-'));
const module = path.join(folder, 'steps.mjs');
let rig: Rig;
let pool: FunctionPool;

beforeAll(async () => {
  const host = path.join(folder, 'host.mjs');
  await bundle('../../src/functions/host.ts', host);
  pool = createFunctionPool({
    hostUrl: pathToFileURL(host),
    modules: createModuleLoader({ cacheFolder: path.join(folder, 'cache'), programUrl: pathToFileURL(host) }),
    maxHosts: 2,
  });
  rig = createRig({
    functionRunner: () =>
      functionRunner({
        pool: async () => pool,
        inherited: { PATH: process.env['PATH'] ?? '' },
        storeOutputs: async (value) => ({ kind: 'inline', value }),
        checkOutputs: findMismatch,
      }),
  });
  writeFileSync(
    module,
    `import { execSync } from 'node:child_process';
     export const double = ({ n }, { step }) => { console.log('in', step); return { twice: n * 2 }; };
     export const fails = () => { throw new TypeError('broken'); };
     export const loops = () => { for (;;); };
     export const waits = () => execSync('sleep 600');`,
  );
});
afterAll(async () => {
  await rig.close();
  await pool.close();
  rmSync(folder, { recursive: true });
});

const call = (name: string, attempt: number, changes = {}) => {
  const work = { kind: 'call', module, export: name, input: { n: 21 } } as const;
  return rig.start(rig.request(work, { attempt, ...changes })).done;
};

test('a function of a module gives its value, and its prints are in the log', async () => {
  expect(await call('double', 1)).toEqual({
    kind: 'succeeded',
    exit_code: null,
    outputs: { kind: 'inline', value: { twice: 42 } },
  });
  expect(rig.log('a', 1).toString()).toBe('in a\n');
});

test('what it throws is the failure, and in the log', async () => {
  expect(await call('fails', 2)).toMatchObject({ failure: { code: 'thrown', message: 'TypeError: broken' } });
  expect(rig.log('a', 2).toString()).toContain('TypeError: broken');
  expect(await call('doubel', 3)).toMatchObject({ failure: { code: 'export_not_found' } });
});

test('a timeout ends an endless loop and what execSync waits for, and the pool goes on', async () => {
  const limits = { timeout_ms: 200, grace_ms: 300 };
  const ends = await Promise.all([call('loops', 4, limits), call('waits', 5, limits)]);
  for (const end of ends) expect(end).toMatchObject({ kind: 'timed_out', after_ms: 200 });
  expect(processesWith(rig.run)).toEqual([]);
  expect(await call('double', 6)).toMatchObject({ kind: 'succeeded' });
});
