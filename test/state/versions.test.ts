/** State that another version of flowctl wrote, or will write: it is understood, passed over or refused, and never a crash. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { sealLine } from '../../src/store/sealed-line.ts';
import { useCase } from '../kit/case.ts';
import { chain, journalOf, onlyRun, shown, stepOf } from '../kit/flows.ts';
import { changeJournal } from '../kit/journal-lines.ts';
import type { Ended } from '../kit/rig.ts';

const here = useCase();
const FAILS_ONCE = `run: '[ "$FLOWCTL_ATTEMPT" = 2 ] && echo b >> "$EFFECTS"'`;

type Line = { readonly [member: string]: unknown };

async function failedRun(): Promise<string> {
  const { rig } = here;
  rig.write('flow.yaml', chain({ b: FAILS_ONCE }));
  expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
  return (await onlyRun(rig)).id;
}

const codesOf = async (): Promise<readonly string[]> => {
  const { stdout } = await here.rig.flowctl('doctor', '--json');
  return (JSON.parse(stdout) as { findings: { code: string }[] }).findings.map(({ code }) => code);
};
const expectRefused = ({ code, stdout, stderr }: Ended, expected: number, words: string): void => {
  expect({ code, stdout }, stderr).toEqual({ code: expected, stdout: '' });
  expect(stderr).toContain(words);
  expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
};

describe('a journal', () => {
  it('of a later minor version: events and members that are unknown are passed over, and the run goes on', async () => {
    const { rig } = here;
    const id = await failedRun();
    changeJournal(journalOf(rig), ([header, ...events]) => {
      const last = events.at(-1) as { seq: number; time: string };
      const novel = { seq: last.seq + 1, time: last.time, type: 'weather.changed', to: { rain: [1, 2] } };
      return [
        { ...header, journal: '1.9', mood: 'good' },
        ...events.map((event) => ({ ...event, novelty: true })),
        novel,
      ];
    });
    expect(await onlyRun(rig)).toMatchObject({ id, state: 'failed' });
    expect((await onlyRun(rig)).problem).toBeUndefined();
    expect((await rig.flowctl('resume')).code).toBe(0);
    expect(rig.effects()).toEqual(['a', 'b', 'c']);
    expect(stepOf(await shown(rig), 'a').attempts).toHaveLength(1);
    expect(await codesOf()).toEqual([]);
  });

  it('of another major version: the row says so, resume 4, prune leaves it, delete takes it', async () => {
    const { rig } = here;
    const id = await failedRun();
    changeJournal(journalOf(rig), ([header, ...events]) => [{ ...header, journal: '2.0' }, ...events]);
    const { problem } = await onlyRun(rig);
    expect(problem).toMatchObject({ code: 'not-found', message: expect.stringContaining('format 2.0') });
    expect((await rig.flowctl('runs')).code).toBe(0);
    expectRefused(await rig.flowctl('resume', id), 4, 'format 2.0');
    expect([0, 4]).toContain((await rig.flowctl('logs', id)).code);
    expect(await codesOf()).toEqual(['other_format']);
    expect((await rig.flowctl('doctor', '--fix')).code).toBe(1);
    expect((await rig.flowctl('prune', '--older-than', '0')).stdout).toContain('deleted 0 runs');
    expect((await rig.flowctl('delete', id)).code).toBe(0);
  });
});

describe('a definition', () => {
  it('of another format: shown; resume 4, nothing touched', async () => {
    const { rig } = here;
    const id = await failedRun();
    const file = rig.path('.flowctl/runs', id, 'flow.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"format":1', '"format":2'));
    expect((await rig.flowctl('show', id)).code).toBe(0);
    const before = readFileSync(journalOf(rig), 'utf8');
    expectRefused(await rig.flowctl('resume', id), 4, 'format 2');
    expect(readFileSync(journalOf(rig), 'utf8')).toBe(before);
    expect(await codesOf()).toEqual(['other_format']);
    expect(rig.effects()).toEqual(['a']);
  });
});

describe('caches of listings', () => {
  it('of other formats, or with fewer members: the runs are listed all the same, and the next run mends it', async () => {
    const { rig } = here;
    const id = await failedRun();
    const index = rig.path('.flowctl/index.ndjson');
    const text = readFileSync(index, 'utf8');
    const rows = await rig.query<RunRow[]>('runs');
    writeFileSync(index, text.replace('"index":"1.0"', '"index":"2.0"'));
    expect(await rig.query<RunRow[]>('runs')).toEqual(rows);
    // A row as a version wrote it that knew less of a run.
    const [head = '', ...lines] = text.trimEnd().split('\n');
    const poor = lines.map((line) => {
      const { crc: _, ...entry } = JSON.parse(line) as { crc: string; row?: Line };
      const { name: _n, tags: _t, resumes: _r, durability: _d, timed_out: _o, ...row } = entry.row ?? {};
      return sealLine(JSON.stringify(entry.row === undefined ? entry : { ...entry, row }));
    });
    const body = poor.join('');
    writeFileSync(
      index,
      `${head.replace(/\d+\}$/, (size) => `${String(41 + body.length - 1).padStart(size.length - 1)}}`)}\n${body}`,
    );
    for (const argv of [['runs'], ['runs', '--tag', 'x'], ['runs', '--json'], ['runs', '--state', 'failed']]) {
      const listed = await rig.flowctl(...argv);
      expect({ argv, code: listed.code }, listed.stderr).toEqual({ argv, code: 0 });
    }
    expect((await rig.flowctl('runs')).stdout).toContain(id);
    writeFileSync(rig.path('.flowctl/runs', id, 'run.json'), '{"seq":3,"version":9}');
    expect((await rig.flowctl('resume', id)).code).toBe(0);
    expect(await rig.query<RunRow[]>('runs')).toMatchObject([{ id, state: 'succeeded' }]);
  });
});

describe('the book of tickets, and results for reuse', () => {
  it('of another format are as good as none', async () => {
    const { rig } = here;
    rig.write('flowctl.config.yaml', 'resources: { db: 1 }\n');
    rig.write('in', 'x');
    const step = `run: 'echo ran >> "$EFFECTS"; cp in out', sources: [in], generates: [out], cache: { key: k }, resources: { db: 1 }`;
    rig.write('flow.yaml', `steps:\n  a: { ${step} }\n`);
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    expect(rig.effects()).toEqual(['ran']);
    let changed = 0;
    for (const { path } of rig.filesBelow()) {
      if (!/^(tickets\/book-|cache\/(steps|results)\/).*\.json$/.test(path)) continue;
      const file = rig.path('.flowctl', path);
      writeFileSync(file, readFileSync(file, 'utf8').replace('"format":1', '"format":9'));
      changed += 1;
    }
    expect(changed).toBeGreaterThan(2);
    expect(new Set(await codesOf())).toEqual(new Set(['other_format']));
    const again = await rig.flowctl('run', 'flow.yaml');
    expect(again.code, again.stderr).toBe(0);
    expect(rig.effects()).toEqual(['ran', 'ran']);
    expect((await rig.flowctl('cache')).code).toBe(0);
    expect(readdirSync(rig.path('.flowctl/open'))).toEqual([]);
  });
});
