import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recordedStepKey } from '../../src/base/ids.ts';
import { tokenInEnvironment, tokenMatches, tokenOf } from '../../src/process/token.ts';
import { freshRunId } from '../executors/rig.ts';

const run = freshRunId();
const other = freshRunId();
const key = recordedStepKey;

describe('a token', () => {
  test('matches whole elements only', () => {
    const token = tokenOf('', run, key('a'), 10);
    expect(token).toBe(`${run}/a/10;`);
    expect(tokenMatches(token, { kind: 'attempt', run, step: key('a'), attempt: 10 })).toBe(true);
    expect(tokenMatches(token, { kind: 'attempt', run, step: key('a'), attempt: 1 })).toBe(false);
    expect(tokenMatches(token, { kind: 'run', run })).toBe(true);
    expect(tokenMatches(token, { kind: 'run', run: other })).toBe(false);
  });

  test('chains, so that the outer run finds the steps of the inner one', () => {
    const token = tokenOf(tokenOf('', run, key('outer'), 1), other, key('inner'), 2);
    expect(tokenMatches(token, { kind: 'run', run })).toBe(true);
    expect(tokenMatches(token, { kind: 'attempt', run: other, step: key('inner'), attempt: 2 })).toBe(true);
  });

  test('drops an inherited value that is no chain', () => {
    expect(tokenOf('rubbish', run, key('a'), 1)).toBe(`${run}/a/1;`);
  });

  test('tells any two step keys apart, whatever is in them', () => {
    const anyKey = fc.string({ unit: 'binary', minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(anyKey, anyKey, fc.integer({ min: 1, max: 99 }), (one, two, attempt) => {
        const token = tokenOf('', run, key(one), attempt);
        const matches = tokenMatches(token, { kind: 'attempt', run, step: key(two), attempt });
        expect(matches).toBe(one === two);
        expect(token.split(';')).toHaveLength(2);
      }),
    );
  });

  test('is read from an environment only where a variable of that name begins', () => {
    const read = (text: string) => tokenInEnvironment(Buffer.from(text));
    expect(read('A=1\0FLOWCTL_TOKEN=x;\0B=2\0')).toBe('x;');
    expect(read('FLOWCTL_TOKEN=x;')).toBe('x;');
    expect(read('MY_FLOWCTL_TOKEN=x;\0')).toBe(null);
    expect(read('A=FLOWCTL_TOKEN=x;\0')).toBe(null);
    expect(read('A=FLOWCTL_TOKEN=y;\0FLOWCTL_TOKEN=x;\0')).toBe('x;');
    expect(read('')).toBe(null);
  });
});
