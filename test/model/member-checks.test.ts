/** Questions about values that somebody else may have written: what each takes, and what it does not. */

import { expect, it } from 'vitest';
import * as checks from '../../src/model/member-checks.ts';

const VALUES = {
  missing: undefined,
  nothing: null,
  flag: false,
  zero: 0,
  negative: -1,
  half: 0.5,
  huge: 2 ** 60,
  endless: Number.POSITIVE_INFINITY,
  empty: '',
  word: 'word',
  instant: '2027-01-31T06:00:00.000Z',
  noInstant: '2027-13-31T06:00:00.000Z',
  hash: 'a'.repeat(64),
  shout: 'A'.repeat(64),
  list: ['word'],
  mixed: ['word', 1],
  object: { word: 'word' },
  kind: { kind: 'one', word: 'word' },
  otherKind: { kind: 'toString', word: 'word' },
} as const;
type Name = keyof typeof VALUES;

const TEXTS: readonly Name[] = ['empty', 'word', 'instant', 'noInstant', 'hash', 'shout'];
const OBJECTS: readonly Name[] = ['object', 'kind', 'otherKind'];
const NAMES = Object.keys(VALUES) as Name[];

const CASES: readonly (readonly [name: string, check: checks.MemberCheck, taken: readonly Name[]])[] = [
  ['isText', checks.isText, TEXTS],
  ['isFlag', checks.isFlag, ['flag']],
  ['isNumber', checks.isNumber, ['zero', 'negative', 'half', 'huge']],
  ['isCount', checks.isCount, ['zero']],
  ['isInteger', checks.isInteger, ['zero', 'negative']],
  ['isInstant', checks.isInstant, ['instant']],
  ['isHash', checks.isHash, ['hash']],
  ['isPresent', checks.isPresent, NAMES.filter((name) => name !== 'missing')],
  ['isObject', checks.isObject, OBJECTS],
  ['isOneOf', checks.isOneOf('word', 'other'), ['word']],
  ['orNull', checks.orNull(checks.isFlag), ['nothing', 'flag']],
  ['orMissing', checks.orMissing(checks.isFlag), ['missing', 'flag']],
  ['isListOf', checks.isListOf(checks.isText), ['list']],
  ['isMapOf', checks.isMapOf(checks.isText), OBJECTS],
  ['hasMembers', checks.hasMembers({ word: checks.isText, gone: checks.orMissing(checks.isText) }), OBJECTS],
  ['hasMembers, of what every object has', checks.hasMembers({ toString: checks.isPresent }), []],
  ['isKindOf', checks.isKindOf({ one: { word: checks.isText } }), ['kind']],
];

it.each(CASES)('%s', (_name, check, taken) => {
  expect(NAMES.filter((name) => check(VALUES[name]))).toEqual(NAMES.filter((name) => taken.includes(name)));
});
