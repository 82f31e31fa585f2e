/** What goes into steps and what comes out of them, from the words of a flow to the record of its run. */

import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { shown, stepOf } from '../kit/flows.ts';

const here = useCase();

describe('values of steps', () => {
  it('travel by standard input and stdout, through several languages', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `params: { word: "é" }
steps:
  make:
    run: 'echo working >&2; printf "%s" "$(cat)\\n"'
    stdin: "\${{ params.word }}\${{ params.word }}"
    output: text
  parse:
    needs: make
    shell: node
    run: |
      import { text } from 'node:stream/consumers';
      console.log(JSON.stringify({ rows: [(await text(process.stdin)).length] }));
    stdin: "\${{ steps.make.outputs }}"
    output: json
    outputs: { schema: { type: object, properties: { rows: { type: array, items: { type: integer } } }, required: [rows] } }
  list:
    needs: parse
    run: [cat]
    stdin: "\${{ toJSON(steps.parse.outputs) }}"
    output: lines
outputs: { all: "\${{ steps.list.outputs }}", rows: "\${{ steps.parse.outputs.rows[0] }}" }
`,
    );
    const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect(code, stderr).toBe(0);
    const detail = await shown(rig);
    expect(stepOf(detail, 'make').outputs).toBe('éé\\n');
    expect(stepOf(detail, 'parse').outputs).toEqual({ rows: [4] });
    expect((await rig.flowctl('logs', 'make')).stdout).toContain('working');
  });

  it('that do not fit their schema fail the step, and the reason is shown', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `steps:
  a: { run: 'echo "[1]"', output: json, outputs: { schema: { type: object } } }
  b: { call: "./tasks.mjs#b", outputs: { schema: { type: object, properties: { n: { type: integer } } } } }
`,
    );
    rig.write('tasks.mjs', "export const b = () => ({ n: 'one' });");
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    const detail = await shown(rig);
    const error = (key: string) => stepOf(detail, key).attempts.at(-1)?.error;
    expect(error('a')).toMatchObject({ code: 'outputs', message: expect.stringContaining('it has to be an object') });
    expect(error('b')).toMatchObject({
      code: 'outputs',
      message: expect.stringContaining('`n` has to be a whole number'),
    });
  });

  it('and exit codes: one that counts as success, one that skips', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `steps:
  fine: { run: exit 3, success_codes: [0, 3] }
  idle: { run: exit 75, skip_codes: [75] }
  after: { needs: idle, run: exit 1 }
`,
    );
    const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
    expect(code, stderr).toBe(0);
    const detail = await shown(rig);
    expect(stepOf(detail, 'fine')).toMatchObject({ state: 'succeeded' });
    expect(stepOf(detail, 'idle')).toMatchObject({ state: 'skipped', skip_reason: 'skip_code' });
    expect(stepOf(detail, 'after')).toMatchObject({ state: 'skipped', skip_reason: 'upstream_skipped' });
  });
});
