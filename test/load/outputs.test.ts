import { describe, expect, it } from 'vitest';
import { codesOf, load, problemsOf } from './flow-file.ts';

const flow = (schema: string, read: string): string =>
  `steps:\n  a: { run: x, outputs: { schema: ${schema} } }\n  b: { run: x, needs: a, env: { X: "\${{ ${read} }}" } }\n`;
const CLOSED =
  '{ type: object, properties: { rows: {}, parts: { items: { properties: { id: {} } } } }, additionalProperties: false }';

describe('a reference to an output with a schema', () => {
  it('is one to a member that the schema lists', async () => {
    for (const read of [
      'steps.a.outputs',
      'steps.a.outputs.rows',
      'steps.a.outputs.rows.anything',
      "steps.a.outputs['parts'][0].id",
      'steps.a.outputs.parts.*.id',
      'len(steps.a.outputs.parts)',
      'steps.a.outputs[env.X]',
    ]) {
      expect([read, await codesOf(flow(CLOSED, read))]).toEqual([read, []]);
    }
  });

  it('is an error where the schema refuses it, at any depth and in every place', async () => {
    expect(await codesOf(flow(CLOSED, 'steps.a.outputs.rosw'))).toEqual(['unknown_output:3']);
    expect(await codesOf(flow('{ additionalProperties: false }', 'steps.a.outputs.x'))).toEqual(['unknown_output:3']);
    const places = `steps:\n  a: { run: x, outputs: { schema: ${CLOSED} } }\n  b:\n    run: [x, "\${{ steps.a.outputs.c }}"]\n    needs: a\n    if: steps.a.outputs.d\n    stdin: "\${{ steps.a.outputs.e }}"\noutputs:\n  f: "\${{ steps.a.outputs.f }}"\n`;
    expect(await codesOf(places)).toEqual([
      'unknown_output:4',
      'unknown_output:6',
      'unknown_output:7',
      'unknown_output:9',
    ]);
  });

  it('is a warning where the schema only does not list it', async () => {
    const result = await load(flow('{ properties: { rows: {} } }', 'steps.a.outputs.rosw'));
    expect(result.kind).toBe('loaded');
    expect(problemsOf(result)).toEqual([
      {
        code: 'undeclared_output',
        severity: 'warning',
        line: 3,
        column: 41,
        message: 'the schema of `steps.a.outputs` does not list `rosw`',
        help: 'did you mean `rows`?',
      },
    ]);
    const open = '{ properties: { rows: {} }, additionalProperties: true }';
    expect(await codesOf(flow(open, 'steps.a.outputs.rosw'))).toEqual(['undeclared_output:3']);
    expect(await codesOf(flow(CLOSED, 'steps.a.outputs.parts[0].di'))).toEqual(['undeclared_output:3']);
  });

  it('is nothing to speak of where names are free', async () => {
    for (const schema of [
      '{}',
      '{ type: object }',
      '{ properties: { rows: {} }, additionalProperties: { type: integer } }',
      '{ properties: { rows: {} }, anyOf: [{ properties: { other: {} } }] }',
    ]) {
      expect([schema, await codesOf(flow(schema, 'steps.a.outputs.other'))]).toEqual([schema, []]);
    }
  });
});

describe('a schema of outputs', () => {
  it('is checked like that of a param', async () => {
    const codes = (schema: string): Promise<readonly string[]> => codesOf(flow(schema, 'steps.a.state'));
    expect(await codes('{ type: text }')).toEqual(['not_allowed:2']);
    expect(await codes('{ typo: string }')).toEqual(['unknown_key:2']);
    expect(await codes('{ type: string, pattern: "[" }')).toEqual(['invalid_outputs_schema:2']);
    expect(await codes('{ minimum: 1, maximum: x }')).toEqual(['wrong_type:2']);
    expect(await codes('{ enum: ["${{ params.x }}"] }')).toEqual(['expression_not_allowed:2']);
    expect(await codes('{ description: "${{ params.x }}" }')).toEqual([]);
    expect(await codes('{ properties: { title: { const: "${{ x }}" } } }')).toEqual(['expression_not_allowed:2']);
  });

  it('may speak of members whose names are keys of flows', async () => {
    const schema = '{ properties: { retry: { tpye: x }, env: { type: 5 }, timeout: 5 } }';
    const told = problemsOf(await load(flow(schema, 'steps.a.state')));
    expect(told.map(({ message }) => message)).toEqual([
      'unknown key `tpye` in `outputs.schema.properties.retry` of step `a`',
      '`outputs.schema.properties.env.type` of step `a` cannot be `5`',
      '`outputs.schema.properties.timeout` of step `a` has to be a map, but this is the number 5',
    ]);
  });

  it('stands under `schema`, and nothing else does', async () => {
    expect(await codesOf('steps: { a: { run: x, outputs: {} } }\n')).toEqual(['empty_value:1']);
    expect(await codesOf('steps: { a: { run: x, outputs: { rows: 1 } } }\n')).toEqual(['unknown_key:1']);
    expect(await codesOf('steps: { a: { run: x, outputs: rows } }\n')).toEqual(['wrong_type:1']);
  });
});

describe('exit codes', () => {
  const codes = (keys: string): Promise<readonly string[]> => codesOf(`steps: { a: { run: x, ${keys} } }\n`);

  it('mean one thing each', async () => {
    expect(await codes('success_codes: [0, 1], skip_codes: [2]')).toEqual([]);
    expect(await codes('success_codes: [1], skip_codes: [0]')).toEqual([]);
    expect(await codes('skip_codes: [0]')).toEqual(['exit_code_clash:1']);
    expect(await codes('success_codes: [3, 4], skip_codes: [5, 4]')).toEqual(['exit_code_clash:1']);
  });

  it('are whole numbers from 0 to 255', async () => {
    expect(await codes('success_codes: [256]')).toEqual(['out_of_range:1']);
    expect(await codes('skip_codes: [-1]')).toEqual(['out_of_range:1']);
    expect(await codes('skip_codes: [1.5]')).toEqual(['wrong_type:1']);
    expect(await codes('skip_codes: 5')).toEqual(['wrong_type:1']);
    expect(await codes('success_codes: []')).toEqual(['empty_value:1']);
  });
});
