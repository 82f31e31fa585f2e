/** Deleting runs by name and by age: all of it goes, nothing else does, and a crash leaves a run whole or gone. */

import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { canTrace } from '../kit/abilities.ts';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun, ranTimes } from '../kit/flows.ts';
import { changeJournal } from '../kit/journal-lines.ts';
import { Stage } from '../kit/puppet.ts';
import { type Ended, tagged } from '../kit/rig.ts';
import { watchdogsOf } from '../kit/watchdogs.ts';

const here = useCase();

const idsListed = async (...more: readonly string[]): Promise<readonly string[]> =>
  (await here.rig.query<RunRow[]>('runs', ...more)).map(({ id }) => id);

/** A run that was killed while `b`, a puppet, ran; `whole` is a copy of the state after that. */
async function crashedAtB(): Promise<string> {
  const { rig } = here;
  const stage = await here.stage();
  rig.write('crash.yaml', chain({ b: `run: ${Stage.step('b')}` }));
  const run = rig.start(['run', 'crash.yaml']);
  const puppet = await stage.enter('b');
  run.process.kill('SIGKILL');
  await puppet.gone;
  await run.ended;
  return puppet.run;
}

const expectRefused = ({ code, stdout, stderr }: Ended, expected: number): void => {
  expect({ code, stdout }, stderr).toEqual({ code: expected, stdout: '' });
  expect(stderr).toMatch(/^error: /);
  expect(stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
};

describe('flowctl delete', () => {
  it('deletes runs by id, by its beginning and as `last`, with all that is theirs, and says who and when', async () => {
    const { rig } = here;
    const [first = '', second = '', third = '', fourth = ''] = await ranTimes(here.rig, 4);
    const ended = await rig.flowctl('delete', second, fourth.slice(0, -1));
    expect(ended).toMatchObject({ code: 0, stdout: `deleted ${second}\ndeleted ${fourth}\n`, stderr: '' });
    expect(await idsListed()).toEqual([third, first]);
    expect(readdirSync(rig.path('.flowctl/runs')).sort()).toEqual([first, third]);
    expect(readdirSync(rig.path('.flowctl/open'))).toEqual([]);
    expect(JSON.parse((await rig.flowctl('delete', 'last', '--json')).stdout)).toEqual([third]);
    const missed = await rig.flowctl('show', third);
    expectRefused(missed, 4);
    expect(missed.stderr).toMatch(/any more: it was deleted at 20\S+Z by \S+ on \S+ \(delete\)\n/);
    expectRefused(await rig.flowctl('delete', third), 4);
    const notes = rig.read('.flowctl/removals.ndjson').trimEnd().split('\n');
    expect(notes.map((line) => JSON.parse(line) as unknown)).toMatchObject(
      [second, fourth, third].map((id) => ({ id, by: 'delete', user: { name: expect.any(String) } })),
    );
    // The index may be read, and go on.
    await rig.flowctl('run', 'flow.yaml', '-q');
    expect(await idsListed()).toHaveLength(2);
  });

  it('S8: deletes nothing but what is listed: no path, no unknown id, and none at all when one of several is wrong', async () => {
    const { rig } = here;
    rig.write('victim/file', 'here');
    const [id = ''] = await ranTimes(here.rig, 1);
    for (const text of ['../victim', '..', '.', 'a/b', '%2e%2e', '', `${id}/../../victim`, 'x'.repeat(10_000)]) {
      expectRefused(await rig.flowctl('delete', text), 2);
    }
    expectRefused(await rig.flowctl('delete', id, 'zzz'), 4);
    expectRefused(await rig.flowctl('delete', id, '../victim'), 2);
    expectRefused(await rig.flowctl('delete', '01k00000000000000000000000'), 4);
    expectRefused(await rig.flowctl('delete'), 2);
    expect(rig.read('victim/file')).toBe('here');
    expect(await idsListed()).toEqual([id]);
  });

  it('S8: a link in the place of a run is refused (65), links in a run are removed and not followed', async () => {
    const { rig } = here;
    rig.write('victim/file', 'here');
    const [id = '', other = ''] = await ranTimes(here.rig, 2);
    symlinkSync(rig.path('victim'), rig.path('.flowctl/runs', id, 'dir', 'out'));
    symlinkSync(rig.path('victim/file'), rig.path('.flowctl/runs', id, 'logs', 'link.log'));
    symlinkSync(rig.path('victim'), rig.path('.flowctl/runs', `.trash-${id}`));
    rmSync(rig.path('.flowctl/runs', other), { recursive: true });
    symlinkSync(rig.path('victim'), rig.path('.flowctl/runs', other));
    expect((await rig.flowctl('delete', id)).code).toBe(0);
    // What is no folder is no run, so it is not found by its id; and by its beginning it is refused.
    for (const text of [other, other.slice(0, -1)]) {
      const { code } = await rig.flowctl('delete', text);
      expect([4, 65]).toContain(code);
    }
    expect(readdirSync(rig.path('victim'))).toEqual(['file']);
    expect(rig.read('victim/file')).toBe('here');
    expect(readdirSync(rig.path('.flowctl/runs'))).toEqual([other]);
    rmSync(rig.path('.flowctl/runs', other));
  });

  it('a run that goes on is refused (75) and goes on; prune passes it over', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const run = rig.start(['run', 'flow.yaml']);
    const puppet = await stage.enter('b');
    const refused = await rig.flowctl('delete', puppet.run);
    expectRefused(refused, 75);
    expect(refused.stderr).toContain(`flowctl cancel ${puppet.run}`);
    const pruned = await rig.flowctl('prune', '--older-than', '0', '--state', 'running');
    expect(pruned).toMatchObject({ code: 0, stdout: 'deleted 0 runs that ended more than 0 ago\n' });
    await puppet.exit(0);
    expect((await run.ended).code).toBe(0);
    expect(rig.effects()).toEqual(['a', 'c']);
    expect((await rig.flowctl('delete', 'last')).code).toBe(0);
  });

  it('I5: a crashed run goes, and what it left running with it', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ b: `run: ${Stage.step('b')}` }));
    const run = rig.start(['run', 'flow.yaml'], { env: { FLOWCTL_GRACE: '20s' } });
    const puppet = await stage.enter('b');
    // Its watchdog as well, so that nobody else ends the step.
    for (const pid of watchdogsOf(puppet.run)) process.kill(pid, 'SIGKILL');
    run.process.kill('SIGKILL');
    await run.ended;
    expect(tagged(puppet.run).length).toBeGreaterThan(0);
    expect((await onlyRun(rig)).state).toBe('crashed');
    expect((await rig.flowctl('prune', '--older-than', '0')).stdout).toContain('deleted 0 runs');
    const { code, stderr } = await rig.flowctl('delete', puppet.run);
    expect(code, stderr).toBe(0);
    expect(tagged(puppet.run)).toEqual([]);
    expect(readdirSync(rig.path('.flowctl/runs'))).toEqual([]);
    expect(readdirSync(rig.path('.flowctl/open'))).toEqual([]);
  });

  it('sub-runs, and runs that a step began, go with their run; a sub-run alone is refused (2)', async () => {
    const { rig } = here;
    rig.write('inner.yaml', chain());
    rig.write(
      'flow.yaml',
      `steps: { sub: { flow: ./inner.yaml }, own: { run: '"$NODE" "$BIN" run inner.yaml -q' } }\n`,
    );
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    const all = await idsListed('--all');
    const [root = ''] = await idsListed();
    expect(all).toHaveLength(3);
    expect(rig.runIds()).toHaveLength(2);
    const [child = ''] = readdirSync(rig.path('.flowctl/runs', root, 'children'));
    const refused = await rig.flowctl('delete', child);
    expectRefused(refused, 2);
    expect(refused.stderr).toContain(`flowctl delete ${root}`);
    expect((await rig.flowctl('delete', root)).stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(await idsListed('--all')).toEqual([]);
    expect(readdirSync(rig.path('.flowctl/runs'))).toEqual([]);
  });

  it('a run that is going on is left with all that ended inside of it (75), also by `prune --state`', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('inner.yaml', chain());
    rig.write(
      'flow.yaml',
      `steps: { own: { run: '"$NODE" "$BIN" run inner.yaml -q' }, b: { needs: own, run: ${Stage.step('b')} } }\n`,
    );
    const run = rig.start(['run', 'flow.yaml']);
    const puppet = await stage.enter('b');
    const all = await idsListed('--all');
    expect(all).toHaveLength(2);
    expectRefused(await rig.flowctl('delete', puppet.run), 75);
    expect((await rig.flowctl('prune', '--state', 'running', '--older-than', '0')).stdout).toContain('deleted 0 runs ');
    expect(await idsListed('--all')).toEqual(all);
    await puppet.exit(0);
    expect((await run.ended).code).toBe(0);
    expect((await rig.flowctl('delete', puppet.run)).code).toBe(0);
    expect(rig.runIds()).toEqual([]);
  });

  it('a damaged run goes as well, and one that never began', async () => {
    const { rig } = here;
    const [id = '', other = ''] = await ranTimes(here.rig, 2);
    writeFileSync(rig.path('.flowctl/runs', id, 'journal.ndjson'), 'nonsense\n');
    rmSync(rig.path('.flowctl/runs', other), { recursive: true });
    mkdirSync(rig.path('.flowctl/runs', other), { mode: 0o700 });
    expect(await rig.flowctl('delete', id, other)).toMatchObject({
      code: 0,
      stdout: `deleted ${id}\ndeleted ${other}\n`,
    });
    expect(readdirSync(rig.path('.flowctl/runs'))).toEqual([]);
  });

  it('a rest that has the name already is no obstacle', async () => {
    const { rig } = here;
    const [id = ''] = await ranTimes(here.rig, 1);
    cpSync(rig.path('.flowctl/runs', id), rig.path('.flowctl/runs', `.trash-${id}`), { recursive: true });
    expect((await rig.flowctl('delete', id)).code).toBe(0);
    expect(readdirSync(rig.path('.flowctl/runs'))).toEqual([]);
  });
});

/** Makes a run of days ago of one that has ended: every time in its journal. */
function age(id: string, days: number): void {
  const aged = (time: unknown): string => new Date(Date.parse(String(time)) - days * 86_400_000).toISOString();
  changeJournal(here.rig.path('.flowctl/runs', id, 'journal.ndjson'), ([header = {}, ...events]) => [
    header,
    ...events.map((event) => ({ ...event, time: aged(event['time']) })),
  ]);
}

describe('killed while it deletes', () => {
  /** Calls by which a run changes, and which of them is deadly. strace counts by thread: all file work goes through one. */
  const INSTANTS = [
    ['rename', 1],
    ['fsync', 1],
    ['unlink', 1],
    ['unlink', 2],
    ['unlink', 5],
    ['rmdir', 1],
    ['rmdir', 4],
    ['rmdir', 6],
  ] as const;

  it.skipIf(!canTrace())(
    'S8: the run is whole or gone at every instant, and the next one ends what was begun (needs strace)',
    async () => {
      const { rig } = here;
      const [keep = '', id = ''] = await ranTimes(here.rig, 2);
      cpSync(rig.path('.flowctl'), rig.path('whole'), { recursive: true });
      const seen = new Set<string>();
      for (const [call, when] of INSTANTS) {
        rmSync(rig.path('.flowctl'), { recursive: true });
        cpSync(rig.path('whole'), rig.path('.flowctl'), { recursive: true, preserveTimestamps: true });
        const fault = `-e trace=${call} -e inject=${call}:signal=KILL:when=${when}`;
        const killed = await rig.shell(`exec strace -f -qq -o trace ${fault} "$NODE" "$BIN" delete ${id}`, {
          env: { UV_THREADPOOL_SIZE: '1', UV_USE_IO_URING: '0' },
        }).ended;
        expect(readFileSync(rig.path('trace'), 'utf8'), `${call} ${when}`).toContain('SIGKILL');
        const rows = await idsListed();
        const folder = rig.path('.flowctl/runs', id);
        const state = existsSync(folder) ? 'whole' : 'gone';
        seen.add(state);
        expect({ call, when, rows }, killed.stderr).toEqual({
          call,
          when,
          rows: state === 'whole' ? [id, keep] : [keep],
        });
        if (state === 'whole') {
          expect((await rig.flowctl('resume', id)).code).toBe(0);
        } else expectRefused(await rig.flowctl('show', id), 4);
        // Whatever is left, another deletion takes it along.
        expect((await rig.flowctl('delete', state === 'whole' ? id : keep)).code).toBe(0);
        expect(readdirSync(rig.path('.flowctl/runs'))).toEqual(state === 'whole' ? [keep] : []);
      }
      expect([...seen].sort()).toEqual(['gone', 'whole']);
    },
  );

  it('what was begun and not ended is seen by nobody, and ended by the next prune', async () => {
    const { rig } = here;
    const [id = '', other = ''] = await ranTimes(here.rig, 2);
    // Killed right behind the rename: marker, index line and all are still there.
    renameSync(rig.path('.flowctl/runs', id), rig.path('.flowctl/runs', `.trash-${id}`));
    writeFileSync(rig.path('.flowctl/open', id), '', { mode: 0o600 });
    expect(await idsListed()).toEqual([other]);
    expectRefused(await rig.flowctl('resume', id), 4);
    expectRefused(await rig.flowctl('logs', id), 4);
    expect((await rig.flowctl('prune')).code).toBe(0);
    expect(readdirSync(rig.path('.flowctl/runs'))).toEqual([other]);
  });
});

describe('flowctl prune', () => {
  it('takes what ended long enough ago, the newest of each flow left out; --dry-run only says so', async () => {
    const { rig } = here;
    const [one = '', two = '', three = ''] = await ranTimes(here.rig, 3);
    const [bad = ''] = await ranTimes(here.rig, 1, 'bad.yaml', "name: bad\nsteps: { a: { run: 'exit 1' } }\n");
    expect((await rig.flowctl('prune')).stdout).toBe('deleted 0 runs that ended more than 30d ago\n');
    const dry = await rig.flowctl('prune', '--keep', '2', '--dry-run');
    expect(dry.stdout).toContain('1 run would be deleted\n');
    expect(dry.stdout).toContain(one);
    expect(await idsListed()).toEqual([bad, three, two, one]);
    expect((await rig.query<RunRow[]>('prune', '--keep', '2')).map(({ id }) => id)).toEqual([one]);
    expect(await idsListed()).toEqual([bad, three, two]);
    expect((await rig.flowctl('prune', '--older-than', '0', '--state', 'failed')).stdout).toContain('deleted 1 run ');
    expect((await rig.flowctl('prune', '--older-than', '0', '--flow', 'nope')).stdout).toContain('deleted 0 runs');
    expect((await rig.flowctl('prune', '--older-than', '0', '--flow', 'chain', '--keep', '1')).code).toBe(0);
    expect(await idsListed()).toEqual([three]);
    expectRefused(await rig.flowctl('prune', '--older-than', 'soon'), 2);
    expectRefused(await rig.flowctl('prune', '--keep', '0'), 2);
    expectRefused(await rig.flowctl('prune', '--state', 'nope'), 2);
  });

  it('leaves crashed, waiting and damaged runs, unless their state is named; those that began inside of an open one too', async () => {
    const { rig } = here;
    const crashed = await crashedAtB();
    rig.write('wait.yaml', 'name: wait\nsteps: { gate: { approve: { message: ship? } } }\n');
    expect((await rig.flowctl('run', 'wait.yaml', '--no-wait')).code).toBe(6);
    const [damaged = '', fine = ''] = await ranTimes(here.rig, 2);
    writeFileSync(rig.path('.flowctl/runs', damaged, 'journal.ndjson'), '{"a":1,"crc":"00000000"}\n', { flag: 'a' });
    const before = await idsListed();
    expect((await rig.flowctl('prune', '--older-than', '0')).stdout).toContain('deleted 1 run ');
    expect(await idsListed()).toEqual(before.filter((id) => id !== fine));
    expect((await rig.flowctl('prune', '--older-than', '0', '--state', 'crashed')).stdout).toContain('deleted 1 run ');
    expect(rig.runIds()).not.toContain(crashed);
    expect((await rig.flowctl('prune', '--older-than', '0', '--state', 'waiting')).stdout).toContain('deleted 1 run ');
    expect(await idsListed()).toEqual([damaged]);
    expect((await rig.flowctl('delete', damaged)).code).toBe(0);
  });

  it('without a state directory there is nothing to do, and none is made', async () => {
    const { rig } = here;
    expect((await rig.flowctl('prune')).code).toBe(0);
    expect(await rig.query('prune', '--dry-run')).toEqual([]);
    expectRefused(await rig.flowctl('delete', 'last'), 4);
    expect(existsSync(rig.path('.flowctl'))).toBe(false);
  });

  it('two at once, and runs that end meanwhile: nothing is lost, nothing is listed twice', async () => {
    const { rig } = here;
    await ranTimes(here.rig, 4);
    const ends = await Promise.all([
      rig.flowctl('prune', '--keep', '1'),
      rig.flowctl('prune', '--keep', '1'),
      ...[1, 2].map(() => rig.flowctl('run', 'flow.yaml', '-q')),
    ]);
    expect(ends.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    const ids = await idsListed();
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].reverse()).toEqual(rig.runIds());
  });
});

describe('retention', () => {
  const DAY_S = 86_400;

  /** Says that old runs were looked for so long ago. */
  function lookedFor(secondsAgo: number): void {
    const mark = here.rig.path('.flowctl/retained');
    const at = Date.now() / 1_000 - secondsAgo;
    writeFileSync(mark, '', { mode: 0o600 });
    utimesSync(mark, at, at);
  }
  const lastLook = (): number => lstatSync(here.rig.path('.flowctl/retained')).mtimeMs;

  it('once a day, as the project says, when a run has ended; never where the clock makes no sense', async () => {
    const { rig } = here;
    rig.write('flowctl.config.yaml', 'retention: { keep: 1 }\n');
    const [one = '', two = ''] = await ranTimes(here.rig, 2);
    expect(await idsListed()).toEqual([two, one]);
    for (const odd of [DAY_S - 60, 3 * 366 * DAY_S, -3 * 366 * DAY_S]) {
      lookedFor(odd);
      await rig.flowctl('run', 'flow.yaml', '-q');
    }
    expect(await idsListed()).toHaveLength(5);
    expect(Math.abs(Date.now() - lastLook())).toBeLessThan(60_000);
    lookedFor(DAY_S + 60);
    const crashed = await crashedAtB();
    const run = await rig.flowctl('run', 'flow.yaml');
    expect(run.code).toBe(0);
    expect(run.stderr).toMatch(/^deleted \d old runs? \(retention\)$/m);
    // It takes a second at most, and each run that ends goes on where the last one stopped.
    for (let more = 0; more < 8 && (await idsListed()).length > 2; more += 1)
      await rig.flowctl('run', 'flow.yaml', '-q');
    const [newest = ''] = await idsListed();
    expect([...(await idsListed())].sort()).toEqual([crashed, newest].sort());
    expect(rig.read('.flowctl/removals.ndjson')).toContain('"by":"retention"');
    await rig.flowctl('delete', crashed);
  });

  it('`false`: none, ever; by default what ended 30 days ago', async () => {
    const { rig } = here;
    rig.write('flowctl.config.yaml', 'retention: false\n');
    const [old = '', young = ''] = await ranTimes(here.rig, 2);
    age(old, 31);
    age(young, 29);
    lookedFor(DAY_S + 60);
    await rig.flowctl('run', 'flow.yaml', '-q');
    expect(await idsListed()).toHaveLength(3);
    rmSync(rig.path('flowctl.config.yaml'));
    await rig.flowctl('run', 'flow.yaml', '-q');
    const ids = await idsListed();
    expect(ids).toHaveLength(3);
    expect(ids).not.toContain(old);
  });
});
