/** Runs that were recorded by an older flowctl are read and gone on with: its definitions had fewer members. */

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canonicalJson, type Json } from '../../src/base/json.ts';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun, shown, stepOf } from '../kit/flows.ts';

const here = useCase();

/** The members of a flow and of a step in flowctl 0.1, when there were commands and functions only. */
const FLOW = 'format name description tags file directory params dotenv max_parallel fail_fast steps outputs'.split(
  ' ',
);
const STEP = (
  'id description action needs if env with workdir stdin output outputs_schema success_codes skip_codes timeout_ms grace_ms retry ' +
  'continue_on_error if_lost'
).split(' ');

const only = (names: readonly string[], value: object): object =>
  Object.fromEntries(Object.entries(value).filter(([name]) => names.includes(name)));

/** Makes the definition of a run one of flowctl 0.1. */
function age(file: string): void {
  const document = JSON.parse(readFileSync(file, 'utf8')) as { definition: { steps: readonly object[] } };
  const definition = {
    ...only(FLOW, document.definition),
    steps: document.definition.steps.map((step) => only(STEP, step)),
  };
  const sha256 = createHash('sha256')
    .update(canonicalJson(definition as unknown as Json))
    .digest('hex');
  writeFileSync(file, JSON.stringify({ ...document, definition, sha256 }));
}

describe('a run of flowctl 0.1', () => {
  it('is shown, and resumed with what was edited since', async () => {
    const { rig } = here;
    const done = `run: 'echo "$FLOWCTL_STEP" >> "$EFFECTS"'`;
    rig.write('flow.yaml', chain({ a: done, b: "run: 'exit 1'" }));
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    const { id } = await onlyRun(rig);
    age(rig.path('.flowctl', 'runs', id, 'flow.json'));
    expect(stepOf(await shown(rig), 'a').state).toBe('succeeded');
    const frozen = await rig.flowctl('resume', '--frozen');
    expect(frozen.code, frozen.stderr).toBe(1);
    rig.write('flow.yaml', chain({ a: done }));
    const resumed = await rig.flowctl('resume');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(rig.effects()).toEqual(['a', 'b', 'c']);
  });
});
