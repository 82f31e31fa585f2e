import { describe, expect, test } from 'vitest';
import { nearestWord } from '../../src/base/suggestion.ts';

describe('nearestWord', () => {
  test.each([
    ['retrys', ['retry', 'needs'], 'retry'],
    ['ened', ['need', 'env'], 'need'],
    ['TIMEOUT', ['timeout'], 'timeout'],
    ['eng', ['env', 'end'], 'env'],
    ['xyz', ['needs', 'retry'], null],
    ['', ['a'], 'a'],
    ['a'.repeat(1_000), ['a'], null],
  ])('%j among %j is %j', (word, candidates, expected) => {
    expect(nearestWord(word, candidates)).toBe(expected);
  });
});
