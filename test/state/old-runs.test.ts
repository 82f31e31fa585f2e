/** Runs that were recorded by an older flowctl are read and gone on with: its definitions had fewer members. */

import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canonicalJson, type Json } from '../../src/base/json.ts';
import { useCase } from '../kit/case.ts';
import type { RunDetail, RunRow } from '../../src/model/view.ts';
import { chain, onlyRun, shown, stepOf, timesOf } from '../kit/flows.ts';
import { OLD_VERSIONS, type OldRow, unpackOldProject } from '../kit/old-project.ts';

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

describe.each(OLD_VERSIONS)('the runs that flowctl %s left', (version) => {
  const summed = ({ id, flow, state, exit_code, parent, steps }: OldRow | RunRow): object => ({
    ...{ id, flow, state, exit_code, parent, steps },
  });
  const idOf = (rows: readonly OldRow[], flow: string): string => rows.find((row) => row.flow === flow)?.id ?? 'none';

  it('are listed and shown as they were, with and without their caches; nothing is wrong with them', async () => {
    const { rig } = here;
    const rows = unpackOldProject(rig, version, 'as it was');
    for (const caches of ['kept', 'removed']) {
      if (caches === 'removed') {
        rmSync(rig.path('.flowctl/index.ndjson'));
        for (const id of rig.runIds()) rmSync(rig.path('.flowctl/runs', id, 'run.json'), { force: true });
      }
      expect((await rig.query<RunRow[]>('runs', '--all')).map(summed)).toEqual(rows.map(summed));
      const top = rows.filter(({ parent }) => parent === null).map(({ id }) => id);
      expect((await rig.query<RunRow[]>('runs')).map(({ id }) => id)).toEqual(top);
    }
    for (const { id, state } of rows) {
      const detail = await shown(rig, id);
      expect(detail).toMatchObject({ id, state });
      expect(detail.problem).toBeUndefined();
    }
    expect((await rig.flowctl('logs', idOf(rows, 'finished'), 'b')).code).toBe(0);
    const examined = JSON.parse((await rig.flowctl('doctor', '--json')).stdout) as { findings: { severity: string }[] };
    expect(examined.findings.filter(({ severity }) => ['damage', 'permission'].includes(severity))).toEqual([]);
  });

  it('are gone on with: what succeeded is not run again (I2), the rest is (I4)', async () => {
    const { rig } = here;
    const rows = unpackOldProject(rig, version, 'moved');
    rmSync(rig.path('effects'));
    rig.write('fixed', '');
    const gone = async (flow: string, ...argv: readonly string[]): Promise<RunDetail> => {
      const id = idOf(rows, flow);
      const ended = await rig.flowctl(
        ...(argv.length === 0 ? ['resume', id] : [...argv.slice(0, 1), id, ...argv.slice(1)]),
      );
      expect({ flow, code: ended.code }, ended.stdout + ended.stderr).toEqual({ flow, code: 0 });
      const detail = await shown(rig, id);
      expect(detail).toMatchObject({ flow, state: 'succeeded' });
      return detail;
    };
    await gone('finished');
    await gone('failed');
    await gone('interrupted');
    await gone('cancelled');
    await gone('map');
    await gone('parent');
    await gone('large');
    await gone('repeat');
    expect((await gone('script')).outputs).toEqual([4, 2, 4, 6, 'number']);
    expect((await gone('script-interrupted')).outputs).toBe(2);
    await gone('parked', 'approve', 'gate', '-p', 'ticket=17');
    expect([...rig.effects()].sort()).toEqual(
      [
        ...['failed/b', 'failed/c', 'failed/finally[0]', 'interrupted/b', 'interrupted/c', 'cancelled/b'],
        ...['map/load[y]', 'map/group/one', 'map/group/two', 'child/two', 'parent/after 7'],
        ...['large/c 70000', 'large/b', 'repeat/b', 'script-interrupted/second', 'parked/c 17'],
      ].sort(),
    );
    // Results that an older version kept are used; or made again, where they are no longer understood.
    const again = await rig.flowctl('run', 'cached.yaml');
    expect(again.code, again.stderr).toBe(0);
    expect(timesOf(rig, 'cached/a')).toBe(0);
    expect((await rig.flowctl('rerun', idOf(rows, 'finished'))).code).toBe(0);
    expect((await rig.flowctl('doctor', '--fix')).code).toBe(0);
    expect(
      (await rig.flowctl('delete', ...rows.filter(({ parent }) => parent === null).map(({ id }) => id))).code,
    ).toBe(0);
  });
});
