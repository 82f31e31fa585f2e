/** Cases 20 to 25: recorded state was deleted, cut, flipped or replaced (I6, I7). */

import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canonicalJson, type Json } from '../../src/base/json.ts';
import type { RunEvent } from '../../src/model/event.ts';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { chain, journalOf, onlyRun, shown, stepOf, timesOf } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';
import type { Ended } from '../kit/rig.ts';

const here = useCase();

interface Line {
  readonly offset: number;
  readonly length: number;
  readonly event: RunEvent;
}

/** The lines of a journal behind its header; `length` without the newline. */
function linesOf(journal: string): readonly Line[] {
  const lines: Line[] = [];
  let offset = 0;
  for (const line of readFileSync(journal, 'utf8').trimEnd().split('\n')) {
    const length = Buffer.byteLength(line);
    if (offset > 0) lines.push({ offset, length, event: JSON.parse(line) as RunEvent });
    offset += length + 1;
  }
  return lines;
}

function lineWhere(journal: string, wanted: (event: RunEvent) => boolean): Line {
  const line = linesOf(journal).find(({ event }) => wanted(event));
  if (line === undefined) throw new Error('no such record');
  return line;
}

const successOf = (step: string) => (event: RunEvent) =>
  event.type === 'attempt.finished' && event.step === step && event.outcome === 'succeeded';

/** Caches are written after their records, so a machine that lost the records never wrote them. */
function removeCaches(): void {
  const { rig } = here;
  rmSync(rig.path('.flowctl/index.ndjson'), { force: true });
  for (const id of rig.runIds()) rmSync(rig.path('.flowctl/runs', id, 'run.json'), { force: true });
}

const noStackTrace = ({ stderr }: Ended): void => expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);

/** A run that was killed while `b`, a puppet, ran. */
async function crashedAtB(): Promise<string> {
  const { rig } = here;
  const stage = await here.stage();
  rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
  const run = rig.start(['run', 'flow.yaml']);
  const puppet = await stage.enter('b');
  run.process.kill('SIGKILL');
  await puppet.gone;
  await run.ended;
  return puppet.run;
}

describe('caches', () => {
  it('case 20: without any run.json and index.ndjson: the same runs and show; resume 0', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    rig.write('bad.yaml', chain({ c: 'run: \'[ "$FLOWCTL_ATTEMPT" = 2 ]\'' }));
    await rig.flowctl('run', 'flow.yaml');
    await rig.flowctl('run', 'bad.yaml');
    const before = await Promise.all([rig.query('runs'), shown(rig)]);
    removeCaches();
    expect(await Promise.all([rig.query('runs'), shown(rig)])).toEqual(before);
    expect((await rig.flowctl('resume')).code).toBe(0);
    expect((await rig.query<RunRow[]>('runs')).map(({ state }) => state)).toEqual(['succeeded', 'succeeded']);
  });

  it.each([
    ['null', 'null'],
    ['zero', '0'],
    ['an empty string', '""'],
    ['an open brace', '{'],
    ['nothing', ''],
    ['a byte order mark', '\ufeff{"seq":1}'],
    ['another document', '{"seq":3,"state":"failed","steps":[]}'],
  ])('case 24: run.json or index.ndjson is %s: runs and show are right', async (_, text) => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    await rig.flowctl('run', 'flow.yaml');
    const before = await Promise.all([rig.query('runs'), shown(rig)]);
    const { id } = await onlyRun(rig);
    for (const file of [`.flowctl/runs/${id}/run.json`, '.flowctl/index.ndjson']) {
      writeFileSync(rig.path(file), text);
      expect(await Promise.all([rig.query('runs'), shown(rig)]), file).toEqual(before);
    }
    // The next run mends what it writes.
    await rig.flowctl('run', 'flow.yaml');
    expect(await rig.query<RunRow[]>('runs')).toHaveLength(2);
    expect((await rig.query<RunRow[]>('runs'))[1]).toEqual((before[0] as RunRow[])[0]);
  });

  it('case 25: NODE_ENV=test changes nothing', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    expect((await rig.flowctlWith({ env: { NODE_ENV: 'test' } }, 'run', 'flow.yaml')).code).toBe(0);
    const { id } = await onlyRun(rig);
    const last = linesOf(journalOf(rig)).at(-1);
    expect(JSON.parse(rig.read(`.flowctl/runs/${id}/run.json`))).toMatchObject({
      seq: last?.event.seq,
      state: 'succeeded',
    });
    expect(existsSync(rig.path('.flowctl/index.ndjson'))).toBe(true);
  });
});

describe('the journal', () => {
  it('case 21: the last record is cut anywhere: a warning, the tail kept, that step again at most (I7)', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain());
    await rig.flowctl('run', 'flow.yaml');
    removeCaches();
    const { id } = await onlyRun(rig);
    const { offset, length } = lineWhere(journalOf(rig), successOf('b'));
    cpSync(rig.path('.flowctl'), rig.path('whole'), { recursive: true });
    const whole = readFileSync(journalOf(rig));
    // A cut after the checksum only takes the newline; the record is not good without it.
    for (const kept of [1, 2, 9, length >> 1, length - 19, length - 18, length - 17, length - 1, length]) {
      rmSync(rig.path('.flowctl'), { recursive: true });
      cpSync(rig.path('whole'), rig.path('.flowctl'), { recursive: true });
      await rig.shell('chmod -R go-rwx .flowctl; rm -f effects').ended;
      writeFileSync(journalOf(rig), whole.subarray(0, offset + kept));
      expect(await onlyRun(rig)).toMatchObject({ id, state: 'crashed' });
      const { code, stdout, stderr } = await rig.flowctl('resume');
      expect({ kept, code }, stderr).toEqual({ kept, code: 0 });
      expect(stdout).toMatch(/warning: .*cut short/);
      const torn = readFileSync(rig.path('.flowctl/runs', id, 'journal.torn-1'));
      expect(torn.equals(whole.subarray(offset, offset + kept)), `kept ${kept}`).toBe(true);
      expect(rig.effects(), `kept ${kept}`).toEqual(['b', 'c']);
    }
    expect((await shown(rig)).warnings).toMatchObject([{ code: 'journal_tail_torn' }]);
  });

  it('case 22: a bit flipped in a middle record: resume 65 with the offset, nothing touched; runs 0', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ c: "run: 'exit 1'" }));
    await rig.flowctl('run', 'flow.yaml');
    rig.write('other.yaml', chain());
    await rig.flowctl('run', 'other.yaml');
    const [id = 'none', other = 'none'] = rig.runIds();
    const journal = journalOf(rig);
    const bytes = readFileSync(journal);
    const { offset, length } = lineWhere(journal, successOf('a'));
    for (const place of [offset + 3, offset + (length >> 1), offset + length - 4, offset + length]) {
      const flipped = Buffer.from(bytes);
      flipped[place] = (flipped[place] ?? 0) ^ 0x01;
      writeFileSync(journal, flipped);
      const resumed = await rig.flowctl('resume', id);
      expect({ place, code: resumed.code, stdout: resumed.stdout }).toEqual({ place, code: 65, stdout: '' });
      expect(resumed.stderr).toContain(`${journal} at byte ${offset}`);
      noStackTrace(resumed);
      expect(readFileSync(journal).equals(flipped)).toBe(true);
      const rows = await rig.query<RunRow[]>('runs');
      expect(rows.map((row) => [row.id, row.problem?.code ?? null])).toEqual([
        [other, null],
        [id, 'state-corrupt'],
      ]);
      expect(rows[1]?.problem).toMatchObject({ file: journal, offset, message: expect.any(String) });
      const shownRun = await rig.flowctl('show', id);
      expect(shownRun.code, shownRun.stderr).toBe(0);
      expect(shownRun.stdout).toContain(`at byte ${offset}`);
      expect((await rig.flowctl('logs', id, 'a')).code).toBe(0);
      expect((await rig.flowctl('resume', other)).code).toBe(0);
    }
    expect(rig.effects()).toEqual(['a', 'b', 'a', 'b', 'c']);
    // Back as it was, it goes on: the flipped bit was all that was wrong.
    writeFileSync(journal, bytes);
    expect((await rig.flowctl('resume', id)).code).toBe(1);
  });

  it('case 22: a record that is missing in the middle: 65', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ c: "run: 'exit 1'" }));
    await rig.flowctl('run', 'flow.yaml');
    const bytes = readFileSync(journalOf(rig));
    const { offset, length } = lineWhere(journalOf(rig), successOf('a'));
    writeFileSync(journalOf(rig), Buffer.concat([bytes.subarray(0, offset), bytes.subarray(offset + length + 1)]));
    const { code, stderr } = await rig.flowctl('resume', 'last');
    expect(code).toBe(65);
    expect(stderr).toContain(`at byte ${offset}`);
    expect((await onlyRun(rig)).problem).toMatchObject({ code: 'state-corrupt', offset });
  });

  it('a journal that ends before what was acknowledged: 65, never another history (I7)', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ c: "run: 'exit 1'" }));
    await rig.flowctl('run', 'flow.yaml');
    const bytes = readFileSync(journalOf(rig));
    const { offset } = lineWhere(journalOf(rig), successOf('a'));
    writeFileSync(journalOf(rig), bytes.subarray(0, offset));
    const { code, stderr } = await rig.flowctl('resume', 'last');
    expect(code, stderr).toBe(65);
    expect(stderr).toContain(journalOf(rig));
    expect(rig.effects()).toEqual(['a', 'b']);
  });

  it('case 23: zeros appended are a torn tail', async () => {
    const { rig } = here;
    const stage = await here.stage();
    const id = await crashedAtB();
    writeFileSync(journalOf(rig), Buffer.alloc(4_096), { flag: 'a' });
    expect(await onlyRun(rig)).toMatchObject({ id, state: 'crashed' });
    const resumed = rig.start(['resume', id]);
    await (await stage.enter('b')).exit(0);
    const { code, stdout } = await resumed.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('cut short');
    expect(readFileSync(rig.path('.flowctl/runs', id, 'journal.torn-1'))).toHaveLength(4_096);
    expect(timesOf(rig, 'a')).toBe(1);
    expect(stepOf(await shown(rig), 'b').attempts).toHaveLength(2);
  });

  it('case 23: empty: never started (4); missing: 65; a directory: 65; never a stack trace', async () => {
    const { rig } = here;
    const id = await crashedAtB();
    const journal = journalOf(rig);
    const expectRefusal = async (code: number): Promise<void> => {
      for (const argv of [
        ['resume', id],
        ['show', id],
      ]) {
        const ended = await rig.flowctl(...argv);
        expect({ argv, code: ended.code, stdout: ended.stdout }, ended.stderr).toEqual({ argv, code, stdout: '' });
        expect(ended.stderr).not.toBe('');
        noStackTrace(ended);
      }
    };
    writeFileSync(journal, '');
    await expectRefusal(4);
    rmSync(journal);
    await expectRefusal(65);
    expect((await onlyRun(rig)).problem).toMatchObject({ code: 'state-corrupt', file: journal });
    mkdirSync(journal, { mode: 0o700 });
    await expectRefusal(65);
    expect((await onlyRun(rig)).problem).toMatchObject({ code: 'state-corrupt', file: journal });
    expect(readdirSync(journal)).toEqual([]);
  });

  it('the frozen definition is lost or changed: 65, named; runs and show still work', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ c: "run: 'exit 1'" }));
    await rig.flowctl('run', 'flow.yaml');
    const { id } = await onlyRun(rig);
    const file = rig.path('.flowctl/runs', id, 'flow.json');
    const text = readFileSync(file, 'utf8');
    for (const damaged of [null, '', text.replace('exit 1', 'exit 0')]) {
      rmSync(file, { force: true });
      if (damaged !== null) writeFileSync(file, damaged, { mode: 0o600 });
      const { code, stdout, stderr } = await rig.flowctl('resume');
      expect({ code, stdout }, stderr).toEqual({ code: 65, stdout: '' });
      expect(stderr).toContain(file);
      expect((await rig.flowctl('show')).code).toBe(0);
      expect(await onlyRun(rig)).toMatchObject({ id, state: 'failed' });
    }
  });

  it('a frozen definition that somebody wrote, with a condition that is none: 65, named, nothing is started', async () => {
    const { rig } = here;
    const group = "group: { needs: b, steps: { inner: { if: always(), run: 'true' } } }";
    rig.write('flow.yaml', `${chain({ b: "run: 'exit 1'" })}  ${group}\n`);
    await rig.flowctl('run', 'flow.yaml');
    const { id } = await onlyRun(rig);
    const file = rig.path('.flowctl/runs', id, 'flow.json');
    const frozen = JSON.parse(readFileSync(file, 'utf8')) as { definition: Json };
    const definition = JSON.parse(JSON.stringify(frozen.definition).replace('"always()"', '"always("')) as Json;
    const sha256 = createHash('sha256').update(canonicalJson(definition)).digest('hex');
    writeFileSync(file, JSON.stringify({ ...frozen, sha256, definition }));
    const { code, stderr } = await rig.flowctl('resume', '--frozen');
    expect(code, stderr).toBe(65);
    expect(stderr).toContain(file);
    expect(stderr).toContain('the `if` of step inner is no expression');
    expect(rig.effects()).toEqual(['a']);
    expect((await rig.flowctl('show')).code).toBe(0);
  });
});
