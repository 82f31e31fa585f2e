import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Json, JsonObject } from '../../src/base/json.ts';
import { findMismatch } from '../../src/load/param-schema.ts';
import { functionRunner } from '../../src/runners/function.ts';
import { keepOutputs } from '../../src/runners/outputs.ts';
import { createRig, type Rig } from '../executors/rig.ts';
import { threads } from './threads.ts';

const kept: Json[] = [];
let rig: Rig;
beforeEach(() => {
  kept.length = 0;
  const storeOutputs = async (value: Json) => {
    kept.push(value);
    return { kind: 'inline', value } as const;
  };
  rig = createRig({
    storeOutputs,
    functionRunner: () =>
      functionRunner({ pool: async () => threads(), inherited: {}, storeOutputs, checkOutputs: findMismatch }),
  });
});
afterEach(() => rig.close());

const schema: JsonObject = {
  type: 'object',
  properties: {
    rows: { type: 'integer', minimum: 1 },
    files: { type: 'array', items: { type: 'object', properties: { size: { type: 'number' } } } },
  },
  required: ['rows'],
  additionalProperties: false,
};
const named: JsonObject = { type: 'object', properties: { rows: { type: 'string', pattern: '^[0-9]+$' } } };
const call = (body: string, outputs_schema: JsonObject) =>
  rig.start(rig.request({ kind: 'call', module: body, export: 'step', input: null }, { outputs_schema })).done;
const refused = (message: string, exit_code: number | null = 0) => ({
  kind: 'failed',
  exit_code,
  signal: null,
  failure: { code: 'outputs', message: `the outputs do not fit their schema: ${message}` },
});

describe('outputs that fit their schema are kept', () => {
  test('of a command', async () => {
    expect(await rig.sh(`echo '{"rows": 2}'`, { output: 'json', outputs_schema: schema })).toMatchObject({
      kind: 'succeeded',
      outputs: { value: { rows: 2 } },
    });
    const end = await rig.sh('echo rows=12 >> "$FLOWCTL_OUTPUT"', { outputs_schema: named, attempt: 2 });
    expect(end).toMatchObject({ kind: 'succeeded', outputs: { value: { rows: '12' } } });
  });

  test('of a function', async () => {
    expect(await call('return { rows: 3 }', schema)).toMatchObject({
      kind: 'succeeded',
      outputs: { value: { rows: 3 } },
    });
  });

  test('also when nothing was written and nothing is required', async () => {
    expect(await rig.sh(':', { outputs_schema: named })).toMatchObject({ kind: 'succeeded' });
  });
});

describe('others fail the attempt, with their path and what was expected, and are not kept', () => {
  test.each([
    ['{"rows": "2"}', '`rows` has to be a whole number'],
    ['{"rows": 0}', '`rows` has to be at least 1'],
    ['{"rows": 1, "files": [{"size": 1}, {"size": "big"}]}', '`files.1.size` has to be a number'],
    ['{"rows": 1, "raws": 1}', 'it cannot have `raws`'],
    ['{}', 'it has no `rows`'],
    ['[]', 'it has to be an object'],
    ['null', 'it has to be an object'],
  ])('%s', async (printed, message) => {
    const end = await rig.sh('cat', { stdin: printed, output: 'json', outputs_schema: schema, success_codes: [0] });
    expect(end).toEqual(refused(message));
    expect(kept).toEqual([]);
  });

  test('of $FLOWCTL_OUTPUT', async () => {
    const end = await rig.sh('echo rows=many >> "$FLOWCTL_OUTPUT"', { outputs_schema: named });
    expect(end).toEqual(refused('`rows` does not match `^[0-9]+$`'));
    expect(await rig.sh(':', { outputs_schema: schema, attempt: 2 })).toEqual(refused('it has no `rows`'));
  });

  test('of stdout as text or lines', async () => {
    const lines = { output: 'lines', outputs_schema: { type: 'array', minItems: 2 } } as const;
    expect(await rig.sh('echo a', lines)).toEqual(refused('it has to have at least 2 items'));
    const text = { output: 'text', outputs_schema: { enum: ['yes', 'no'] }, attempt: 2 } as const;
    expect(await rig.sh('echo maybe', text)).toEqual(refused('it has to be `yes` or `no`'));
  });

  test('of a function', async () => {
    expect(await call('return { rows: [1] }', schema)).toEqual(refused('`rows` has to be a whole number', null));
    expect(kept).toEqual([]);
  });

  test('but a step that failed says why it failed', async () => {
    expect(await rig.sh('exit 4', { outputs_schema: schema })).toMatchObject({ failure: { code: 'exit_code' } });
  });
});

test('a schema that cannot be used is told, as is a store that cannot keep', async () => {
  const keeping = { storeOutputs: () => Promise.reject(new Error('ENOSPC')), checkOutputs: findMismatch };
  expect(await keepOutputs(keeping, { pattern: '(' }, 'a')).toMatchObject({
    ok: false,
    error: { code: 'outputs', message: expect.stringMatching(/^the schema of the outputs cannot be used \(/) },
  });
  expect(await keepOutputs(keeping, null, 'a')).toEqual({
    ok: false,
    error: { code: 'outputs', message: 'the outputs could not be kept (ENOSPC)' },
  });
  expect(await keepOutputs(keeping, null, null)).toEqual({ ok: true, value: null });
});

test('a pattern is tested on every item of a long list in a bearable time, and gives up where it would take for ever', async () => {
  const items = (pattern: string): JsonObject => ({ type: 'array', items: { type: 'string', pattern } });
  const list = Array.from({ length: 20_000 }, (_, index) => `row-${index}`);
  const began = performance.now();
  expect(await findMismatch(items('^row-[0-9]+$'), list)).toBeNull();
  expect(await findMismatch(items('^row-[0-8]+$'), list)).toBe('`9` does not match `^row-[0-8]+$`');
  expect(performance.now() - began).toBeLessThan(20_000);
  expect(await findMismatch(items('^(a+)+$'), [`${'a'.repeat(40)}b`])).toMatch(/cannot be tested/);
  expect(await findMismatch(items('^row-[0-9]+$'), list)).toBeNull();
});
