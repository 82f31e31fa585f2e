import { existsSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRig, type Rig, stepKey } from '../executors/rig.ts';

let rig: Rig;
beforeEach(() => {
  rig = createRig();
});
afterEach(() => rig.close());

test('a success code is a success, with outputs', async () => {
  const end = await rig.sh('echo a=1 >> "$FLOWCTL_OUTPUT"; exit 3', { success_codes: [0, 3] });
  expect(end).toEqual({ kind: 'succeeded', exit_code: 3, outputs: { kind: 'inline', value: { a: '1' } } });
  const printed = await rig.sh('echo 1; exit 3', { success_codes: [3], output: 'json', attempt: 2 });
  expect(printed).toEqual({ kind: 'succeeded', exit_code: 3, outputs: { kind: 'inline', value: 1 } });
});

test('outputs that cannot be taken fail it under its own exit code', async () => {
  const end = await rig.sh('echo rubbish >> "$FLOWCTL_OUTPUT"; exit 3', { success_codes: [3] });
  expect(end).toMatchObject({ kind: 'failed', exit_code: 3, failure: { code: 'outputs' } });
});

test('every other code is a failure, zero too', async () => {
  expect(await rig.sh('exit 4', { success_codes: [0, 3] })).toMatchObject({
    kind: 'failed',
    exit_code: 4,
    failure: { code: 'exit_code', message: 'exited with code 4' },
  });
  expect(await rig.sh(':', { success_codes: [3], attempt: 2 })).toMatchObject({
    kind: 'failed',
    exit_code: 0,
    failure: { code: 'exit_code', message: 'exited with code 0, which is not among its success codes (3)' },
  });
});

test('a skip code says that there was nothing to do, and publishes nothing', async () => {
  const end = await rig.sh('echo rubbish >> "$FLOWCTL_OUTPUT"; exit 75', { skip_codes: [75, 76] });
  expect(end).toEqual({ kind: 'succeeded', exit_code: 75, outputs: null, skips: true });
  expect(existsSync(rig.places(stepKey('a'), 1).output)).toBe(false);
  const printed = await rig.sh('exit 75', {
    skip_codes: [75],
    output: 'json',
    outputs_schema: { type: 'object' },
    attempt: 2,
  });
  expect(printed).toEqual({ kind: 'succeeded', exit_code: 75, outputs: null, skips: true });
});

test('a skip code of 0 skips', async () => {
  expect(await rig.sh(':', { success_codes: [3], skip_codes: [0] })).toMatchObject({ kind: 'succeeded', skips: true });
});

test('a signal is no exit code; what a shell reports is one', async () => {
  const codes = { success_codes: [0, 137], skip_codes: [9, 143] };
  expect(await rig.sh('kill -9 $$', codes)).toMatchObject({ kind: 'failed', exit_code: null, signal: 'SIGKILL' });
  expect(await rig.sh('kill -15 $$', { ...codes, attempt: 2 })).toMatchObject({ kind: 'failed', signal: 'SIGTERM' });
  expect(await rig.sh('sh -c "kill -9 \\$\\$"', { ...codes, attempt: 3 })).toMatchObject({
    kind: 'succeeded',
    exit_code: 137,
  });
});

test('a step that was stopped is not saved by its exit code', async () => {
  const end = await rig.sh('trap "exit 3" TERM; while :; do sleep 0.01; done', { success_codes: [3], timeout_ms: 200 });
  expect(end).toMatchObject({ kind: 'timed_out', exit_code: 3 });
});

test('a value that is too large for a variable is named, never shown', async () => {
  const fits = 131_071 - 'BIG='.length;
  expect(await rig.sh('echo "${#BIG}"', { values: { BIG: 'x'.repeat(fits) } })).toMatchObject({ kind: 'succeeded' });
  expect(rig.log().toString()).toBe(`${fits}\n`);
  const end = await rig.sh(':', { values: { SMALL: 'a', BIG: 'hunter2'.repeat(20_000) }, attempt: 2 });
  expect(end).toMatchObject({ kind: 'failed', exit_code: null, failure: { code: 'arguments_too_large' } });
  expect(JSON.stringify(end)).toContain('the variable `BIG` has 140004 bytes');
  expect(JSON.stringify(end)).not.toContain('hunter2');
  const nul = await rig.sh(':', { values: { BAD: 'hunter2\0' }, attempt: 3 });
  expect(nul).toMatchObject({ failure: { code: 'nul_byte', message: 'the variable `BAD` holds a NUL byte' } });
});
