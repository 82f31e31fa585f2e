import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCondition } from '../../src/expressions/expressions.ts';
import { readCondition, withoutMarks } from '../../src/load/condition-text.ts';
import { codesOf, load, loaded, problemsOf } from './flow-file.ts';

const flow = (condition: string): string =>
  `params: { env: dev }\nsteps:\n  a: { run: x }\n  b: { run: x, needs: a }\n  c:\n    run: x\n    needs: b\n    if: ${condition}\n  d: { run: x, needs: c }\n`;

async function conditionOf(written: string): Promise<string | null | undefined> {
  return (await loaded(flow(written))).definition.steps[2]?.if;
}

describe('a condition', () => {
  it('is the expression, with or without marks around the whole of it', async () => {
    for (const [written, expression] of [
      ["params.env == 'prod'", "params.env == 'prod'"],
      ["${{ params.env == 'prod' }}", "params.env == 'prod'"],
      ["${{params.env == '}}'}}", "params.env == '}}'"],
      ['>\n      params.env\n      == 1\n', 'params.env == 1'],
      ['|\n      ${{ failure() }}\n', 'failure()'],
      ['"!failure()"', '!failure()'],
      ["contains(params.env, '${{')", "contains(params.env, '${{')"],
      ["${{ 'it''s' == '${{' }}", "'it''s' == '${{'"],
      ['always()', 'always()'],
      ['true', 'true'],
      ['False', 'false'],
      ['"false"', 'false'],
    ] as const) {
      expect([written, await conditionOf(written)]).toEqual([written, expression]);
    }
  });

  it('may ask for every step upstream, and for no other', async () => {
    expect(await codesOf(flow("steps.a.state == 'skipped' && steps.b.outputs.x && always()"))).toEqual([]);
    expect(await codesOf(flow("steps.d.state == 'failed'"))).toEqual(['step_not_upstream:8']);
    expect(await codesOf(flow('steps.c.state'))).toEqual(['step_not_upstream:8']);
    expect(await codesOf(flow('steps.e.state'))).toEqual(['unknown_step_reference:8']);
    expect(await codesOf(flow('steps.a.status'))).toEqual(['unknown_property:8']);
    expect(await codesOf(flow('${{ params.evn }}'))).toEqual(['unknown_param:8']);
    expect(await codesOf(flow('item.x'))).toEqual(['name_not_available:8']);
  });

  it('has problems at their exact places', async () => {
    const placeIn = async (written: string) =>
      problemsOf(await load(flow(written))).map(({ code, line, column, help }) => ({ code, line, column, help }));
    const lost = { code: 'unknown_param', line: 8, help: 'did you mean `env`?' };
    expect(await placeIn('params.env && params.evn')).toEqual([{ ...lost, column: 23 }]);
    expect(await placeIn('"${{ params.env && params.evn }}"')).toEqual([{ ...lost, column: 28 }]);
    expect(await placeIn('|\n      success() &&\n      params.evn\n')).toEqual([{ ...lost, line: 10, column: 7 }]);
    const unknown = { code: 'unknown_function', line: 8, column: 14, help: 'did you mean `failure()`?' };
    expect(await placeIn('true && failed()')).toEqual([{ ...unknown, column: 17 }]);
    expect(await placeIn('${{ failed() }}')).toEqual([{ ...unknown, column: 13 }]);
    expect(await placeIn('failure')).toEqual([{ ...unknown, code: 'unknown_name', column: 9 }]);
    const help = 'did you mean `cancelled()`?';
    expect(await placeIn('canceled()')).toEqual([{ ...unknown, column: 9, help }]);
    expect(await placeIn("${{ params.env == 'x'")).toEqual([
      expect.objectContaining({ code: 'expression_syntax', line: 8, column: 9 }),
    ]);
  });

  it('is refused where marks stand around a part of it', async () => {
    for (const written of [
      "${{ params.env }} == 'b'",
      '"!${{ params.env }}"',
      '${{ failure() }} || ${{ cancelled() }}',
      "params.env == '${{ params.env }}'",
      "${{ params.env == '${{ params.env }}' }}",
      '${{ params.env }} }}',
    ]) {
      expect([written, await codesOf(flow(written))]).toEqual([written, ['mixed_condition:8']]);
    }
  });

  it('that YAML takes for a tag is told to be quoted', async () => {
    const [problem] = problemsOf(await load(flow('!failure()')));
    expect(problem).toMatchObject({ code: 'custom_tag', help: expect.stringContaining('if: "!failure()"') });
  });

  it('has to be a text, `true` or `false`', async () => {
    expect(await codesOf(flow('5'))).toEqual(['wrong_type:8']);
    expect(await codesOf(flow('[a]'))).toEqual(['wrong_type:8']);
    expect(await codesOf(flow('null'))).toEqual(['wrong_type:8']);
    expect(await codesOf(flow('""'))).toEqual(['empty_value:8']);
    expect(await codesOf(flow('" "'))).toEqual(['expression_syntax:8']);
    expect(await codesOf(flow('"${{ }}"'))).toEqual(['expression_syntax:8']);
  });
});

describe('a mixed condition', () => {
  it('is written anew as one expression', () => {
    expect(withoutMarks("${{ a }} == 'b'")).toBe("a == 'b'");
    expect(withoutMarks('${{ a || b }} && ${{ c }}')).toBe('(a || b) && c');
    expect(withoutMarks("a == '${{ b }}'")).toBe('a == b');
    expect(withoutMarks("${{ a == 'x' }} }}")).toBe("(a == 'x') }}");
  });

  it('is told from a whole one by nothing but marks', () => {
    const part = fc.constantFrom("params.a == 'x'", "'}}'", "'it''s'", 'failure()', "'${{'", '1 < 2');
    fc.assert(
      fc.property(part, fc.constantFrom(' && ', ' || ', ' == '), part, (left, operator, right) => {
        const text = `${left}${operator}${right}`;
        expect(parseCondition(text).ok).toBe(true);
        expect(readCondition(text)).toEqual({ kind: 'expression', text, offset: 0 });
        expect(readCondition(` \${{ ${text} }}\n`)).toEqual({ kind: 'expression', text, offset: 5 });
        expect(readCondition(`\${{ ${left} }}${operator}${right}`)).toEqual({ kind: 'mixed' });
        expect(readCondition(`${left}${operator}\${{ ${right} }}`)).toEqual({ kind: 'mixed' });
      }),
    );
  });
});
