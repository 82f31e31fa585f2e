import { describe, expect, it } from 'vitest';
import {
  conditionReads,
  evaluateCondition,
  parseCondition,
  parseTemplate,
  type Status,
} from '../../src/expressions/expressions.ts';

const fine: Status = { success: true, failure: false, cancelled: false };

function decide(text: string, status: Partial<Status> = {}, scope = {}): boolean | string {
  const condition = parseCondition(text);
  if (!condition.ok) return condition.error.map(({ code }) => code).join();
  const value = evaluateCondition(condition.value, scope, { ...fine, ...status });
  return value.ok ? value.value : value.error.code;
}

describe('conditions', () => {
  it.each([
    ['success()', {}, true],
    ['success()', { success: false }, false],
    ['SUCCESS()', {}, true],
    ['failure()', { failure: true }, true],
    ['!failure()', { success: false }, true],
    ['cancelled() || failure()', { cancelled: true }, true],
    ['always()', { success: false, failure: true, cancelled: true }, true],
    ["always() && steps.a.state == 'failed'", {}, true],
    ['steps.a.outputs.count > 2', {}, true],
    ['steps.a.outputs.missing', {}, false],
    ["''", {}, false],
    ["'false'", {}, true],
    ['0', {}, false],
  ] as const)('%s under %j is %s', (text, status, expected) => {
    expect(decide(text, status, { steps: { a: { state: 'failed', outputs: { count: 3 } } } })).toBe(expected);
  });

  it('tells which status functions it names, and what it reads besides them', () => {
    const condition = parseCondition("!cancelled() && (failure() || steps.a.state == 'failed')");
    if (!condition.ok) throw new Error('does not parse');
    expect([...condition.value.names].sort()).toEqual(['cancelled', 'failure']);
    expect(conditionReads(condition.value).map(({ root, path }) => [root, ...path].join('.'))).toEqual([
      'steps.a.state',
    ]);
  });

  it('refuses arguments, and status functions anywhere else', () => {
    expect(decide("success('a')")).toBe('wrong_arguments');
    const elsewhere = parseTemplate('x ${{ success() }}');
    expect(elsewhere.ok ? [] : elsewhere.error).toMatchObject([{ code: 'status_outside_if', offset: 6, length: 7 }]);
  });

  it('gives nobody else a way to the status', () => {
    expect(decide('#status.success')).toBe('expression_syntax');
    expect(decide("params['#status'].success", {}, { params: {} })).toBe(false);
  });
});
