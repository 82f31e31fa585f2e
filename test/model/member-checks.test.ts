/** Questions about values that somebody else may have written: what each takes, and what it does not. */

import { expect, it } from 'vitest';
import {
  hasMembers,
  isCount,
  isFlag,
  isHash,
  isInstant,
  isInteger,
  isKindOf,
  isListOf,
  isMapOf,
  isNumber,
  isObject,
  isOneOf,
  isPresent,
  isText,
  type MemberCheck,
  orMissing,
  orNull,
} from '../../src/model/member-checks.ts';

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

const CASES: readonly (readonly [name: string, check: MemberCheck, taken: readonly Name[]])[] = [
  ['isText', isText, TEXTS],
  ['isFlag', isFlag, ['flag']],
  ['isNumber', isNumber, ['zero', 'negative', 'half', 'huge']],
  ['isCount', isCount, ['zero']],
  ['isInteger', isInteger, ['zero', 'negative']],
  ['isInstant', isInstant, ['instant']],
  ['isHash', isHash, ['hash']],
  ['isPresent', isPresent, NAMES.filter((name) => name !== 'missing')],
  ['isObject', isObject, OBJECTS],
  ['isOneOf', isOneOf('word', 'other'), ['word']],
  ['orNull', orNull(isFlag), ['nothing', 'flag']],
  ['orMissing', orMissing(isFlag), ['missing', 'flag']],
  ['isListOf', isListOf(isText), ['list']],
  ['isMapOf', isMapOf(isText), OBJECTS],
  ['hasMembers', hasMembers({ word: isText, gone: orMissing(isText) }), OBJECTS],
  ['hasMembers, of what every object has', hasMembers({ toString: isPresent }), []],
  ['isKindOf', isKindOf({ one: { word: isText } }), ['kind']],
];

it.each(CASES)('%s', (_name, check, taken) => {
  expect(NAMES.filter((name) => check(VALUES[name]))).toEqual(NAMES.filter((name) => taken.includes(name)));
});
