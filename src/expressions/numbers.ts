/** Functions on numbers. All answers are finite: what is no number is a problem, never NaN. */

import { ok } from '../base/result.ts';
import { define, failed, finite, type FunctionDefinition, number, optional, rest, text } from './definition.ts';

/** Moves the decimal point by going through the decimal text, so that 1.005 rounds to 1.01 as people expect. */
function shiftDecimal(value: number, places: number): number {
  const [mantissa = '0', exponent = '0'] = String(value).split('e');
  return Number(`${mantissa}e${Number(exponent) + places}`);
}

/** The functions on numbers, in the order of the documentation. */
export const NUMBER_FUNCTIONS: readonly FunctionDefinition[] = [
  define({
    name: 'add',
    group: 'numbers',
    parameters: [number('a'), number('b'), rest(number('more'))],
    description: 'The sum.',
    example: { expression: 'add(1, 2, 3)', result: 6 },
    compute: (a, b, more) =>
      finite(
        more.reduce((sum, value) => sum + value, a + b),
        'add',
      ),
  }),
  define({
    name: 'sub',
    group: 'numbers',
    parameters: [number('a'), number('b')],
    description: '`a` less `b`.',
    example: { expression: 'sub(5, 2)', result: 3 },
    compute: (a, b) => finite(a - b, 'sub'),
  }),
  define({
    name: 'mul',
    group: 'numbers',
    parameters: [number('a'), number('b'), rest(number('more'))],
    description: 'The product.',
    example: { expression: 'mul(2, 3, 7)', result: 42 },
    compute: (a, b, more) =>
      finite(
        more.reduce((product, value) => product * value, a * b),
        'mul',
      ),
  }),
  define({
    name: 'div',
    group: 'numbers',
    parameters: [number('a'), number('b')],
    description:
      '`a` divided by `b`, with a fraction; `floor(div(a, b))` for whole numbers. Division by zero is an error.',
    example: { expression: 'div(7, 2)', result: 3.5 },
    compute: (a, b) => (b === 0 ? failed('`div` by zero') : finite(a / b, 'div')),
  }),
  define({
    name: 'mod',
    group: 'numbers',
    parameters: [number('a'), number('b')],
    description: 'The remainder of `a` divided by `b`; it has the sign of `a`. Division by zero is an error.',
    example: { expression: 'mod(7, 3)', result: 1 },
    compute: (a, b) => (b === 0 ? failed('`mod` by zero') : finite(a % b, 'mod')),
  }),
  define({
    name: 'min',
    group: 'numbers',
    parameters: [number('a'), rest(number('more'))],
    description: 'The smallest.',
    example: { expression: 'min(3, 1, 2)', result: 1 },
    compute: (a, more) =>
      finite(
        more.reduce((least, value) => Math.min(least, value), a),
        'min',
      ),
  }),
  define({
    name: 'max',
    group: 'numbers',
    parameters: [number('a'), rest(number('more'))],
    description: 'The largest.',
    example: { expression: 'max(3, 1, 2)', result: 3 },
    compute: (a, more) =>
      finite(
        more.reduce((most, value) => Math.max(most, value), a),
        'max',
      ),
  }),
  define({
    name: 'round',
    group: 'numbers',
    parameters: [number('a'), optional(number('digits'))],
    description: 'The nearest number with at most `digits` (0 to 15; 0) decimal places; halves go away from zero.',
    example: { expression: 'round(2.345, 2)', result: 2.35 },
    compute: (a, digits = 0) => {
      if (!Number.isInteger(digits) || digits < 0 || digits > 15)
        return failed('`digits` is a whole number from 0 to 15');
      const scaled = shiftDecimal(Math.abs(a), digits);
      // Beyond 2^53 every number is whole already, and scaling would overflow.
      if (scaled > Number.MAX_SAFE_INTEGER) return finite(a, 'round');
      return finite(Math.sign(a) * shiftDecimal(Math.round(scaled), -digits), 'round');
    },
  }),
  define({
    name: 'floor',
    group: 'numbers',
    parameters: [number('a')],
    description: 'The largest whole number that is not above `a`.',
    example: { expression: 'floor(-2.5)', result: -3 },
    compute: (a) => finite(Math.floor(a), 'floor'),
  }),
  define({
    name: 'ceil',
    group: 'numbers',
    parameters: [number('a')],
    description: 'The smallest whole number that is not below `a`.',
    example: { expression: 'ceil(2.1)', result: 3 },
    compute: (a) => finite(Math.ceil(a), 'ceil'),
  }),
  define({
    name: 'abs',
    group: 'numbers',
    parameters: [number('a')],
    description: '`a` without its sign.',
    example: { expression: 'abs(-4)', result: 4 },
    compute: (a) => finite(Math.abs(a), 'abs'),
  }),
  define({
    name: 'number',
    group: 'numbers',
    parameters: [text('text')],
    description: 'Reads a number written as in JSON, white space around it ignored. Everything else is an error.',
    example: { expression: "number(' 1.5e3 ')", result: 1500 },
    compute: (source) => {
      const trimmed = source.trim();
      if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(trimmed)) {
        return failed('the text given to `number` is no number', '`default` does not help here: the text is not null');
      }
      const value = Number(trimmed);
      return Number.isFinite(value) ? ok(value + 0) : finite(value, 'number');
    },
  }),
];
