/** Triggers through the program: what happens begins runs, once, also when flowctl dies in between. */

import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Deployment, ProjectDocument } from '../../src/model/deployment.ts';
import type { TriggerMemory } from '../../src/model/trigger-memory.ts';
import type { RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { eventually } from '../kit/rig.ts';

const here = useCase();

/** A flow that appends what it is given to the effects. */
const flow = (name: string, triggers: string, more = ''): string =>
  `name: ${name}\nparams: { what: { type: string } }\n${more}triggers:\n${triggers}steps:\n  say: { run: 'echo "$WHAT" >> "$EFFECTS"', env: { WHAT: "\${{ params.what }}" } }\n`;
const onFile = (more = 'debounce: 0s'): string =>
  flow('import', `  - { file: "inbox/*.csv", ${more}, params: { what: "\${{ event.name }} \${{ event.change }}" } }\n`);

async function deploy(file: string, text: string): Promise<void> {
  here.rig.write(file, text);
  const { code, stderr } = await here.rig.flowctl('deploy', file);
  expect(code, stderr).toBe(0);
}

/** Looks once, and waits for the runs that this began. */
async function tick(): Promise<string> {
  const { code, stdout, stderr } = await here.rig.flowctl('tick');
  expect(code, stderr).toBe(0);
  await allEnded();
  return stdout;
}

const allEnded = (): Promise<void> =>
  eventually('the runs ended', 30_000, async () =>
    (await here.rig.query<RunRow[]>('runs', '--limit', '500')).every(({ state }) => state === 'succeeded'),
  );

async function deployed(name = 'import'): Promise<Deployment> {
  return here.rig.query<Deployment>('deployments', name);
}

const memoryPath = (id: string): string => here.rig.path('.flowctl', 'events', `${id}.json`);
const memoryOf = (id: string): TriggerMemory => JSON.parse(readFileSync(memoryPath(id), 'utf8')) as TriggerMemory;

describe('files', () => {
  it('each that appears or changes begins a run, once; what was there before begins none', async () => {
    const { rig } = here;
    rig.write('inbox/old.csv', 'x');
    await deploy('flow.yaml', onFile());
    rig.write('inbox/a.csv', 'x');
    rig.write('inbox/b.txt', 'x');
    expect(await tick()).toMatch(/^import: run 0\w+ for inbox\/a\.csv created at \S+\n$/);
    expect(await tick()).toBe('');
    appendFileSync(rig.path('inbox/a.csv'), 'more');
    appendFileSync(rig.path('inbox/old.csv'), 'more');
    await tick();
    await tick();
    await tick();
    expect([...rig.effects()].sort()).toEqual(['a.csv changed', 'a.csv created', 'old.csv changed']);
    const [run] = await rig.query<RunRow[]>('runs');
    expect(run).toMatchObject({ flow: 'import', version: 1, trigger: 'event' });
    expect((await rig.flowctl('deployments', 'import')).stdout).toContain('triggers:\n  inbox/*.csv\n');
  });

  it('keeps what it knows when the flow is deployed again, and takes up no events of triggers that are gone', async () => {
    const { rig } = here;
    await deploy('flow.yaml', onFile('debounce: 0s, overlap: allow'));
    rig.write('inbox/a.csv', 'x');
    await tick();
    await deploy('flow.yaml', onFile('debounce: 0s').replace('event.change', 'event.size'));
    rig.write('inbox/b.csv', 'xy');
    await tick();
    expect(rig.effects()).toEqual(['a.csv created', 'b.csv 2']);
    await deploy('flow.yaml', flow('import', '  - { file: other, params: { what: x } }\n'));
    rig.write('inbox/c.csv', 'x');
    expect(await tick()).toBe('');
    await deploy('flow.yaml', onFile('debounce: 0s, active: false'));
    rig.write('inbox/d.csv', 'x');
    expect(await tick()).toBe('');
  });

  it('one after the other, unless it is said otherwise; a paused deployment begins nothing, and makes up for nothing', async () => {
    const { rig } = here;
    await deploy('flow.yaml', onFile());
    for (const name of ['a', 'b', 'c']) rig.write(`inbox/${name}.csv`, 'x');
    expect(await tick()).toMatch(/^import: run \w+ for inbox\/a\.csv created at \S+\n$/);
    expect((await rig.flowctl('deployments', 'import')).stdout).toContain('2 events wait\n');
    await tick();
    await rig.flowctl('pause', 'import');
    rig.write('inbox/d.csv', 'x');
    expect(await tick()).toBe('');
    await rig.flowctl('unpause', 'import');
    await tick();
    expect(await tick()).toBe('');
    expect(rig.effects()).toEqual(['a.csv created', 'b.csv created', 'c.csv created']);
  });

  it('serve sees them, in folders that were not there before, when they are written to no more', async () => {
    const { rig } = here;
    await deploy('flow.yaml', onFile('debounce: 1s'));
    const serve = rig.start(['serve']);
    await serve.prints('looking at the schedules');
    rig.write('inbox/a.csv', 'x');
    await serve.prints(/import: run \w+ for inbox\/a\.csv created/);
    appendFileSync(rig.path('inbox/a.csv'), 'y');
    await serve.prints(/import: run \w+ for inbox\/a\.csv changed/);
    serve.process.kill('SIGTERM');
    expect(await serve.ended).toMatchObject({ code: 0, stderr: '' });
    await allEnded();
  });

  it('trouble with one is said, and is none for the others', async () => {
    const { rig } = here;
    await deploy('flow.yaml', onFile());
    await deploy('other.yaml', onFile().replace('name: import', 'name: other'));
    rig.write('inbox/a.csv', 'x');
    const [trigger] = (await deployed()).triggers ?? [];
    rig.makeFolder('.flowctl/events', 0o700);
    writeFileSync(memoryPath(String(trigger?.id)), '{', { mode: 0o600 });
    const damaged = await rig.flowctl('tick');
    expect(damaged.stderr).toContain('is no JSON');
    expect(damaged.stdout).toMatch(/^other: run/);
    expect((await rig.flowctl('doctor')).stdout).toContain('what is remembered of a trigger of import is no JSON');
    expect(readFileSync(memoryPath(String(trigger?.id)), 'utf8')).toBe('{');
    rmSync(memoryPath(String(trigger?.id)));
    expect(await tick()).toMatch(/^import: run/);
  });
});

describe('ends of runs', () => {
  it('begin runs with what they yielded: of flows and of deployments, by how they ended', async () => {
    const { rig } = here;
    rig.write(
      'extract.yaml',
      'name: extract\nparams: { code: 0 }\nsteps: { a: { run: "exit $C", env: { C: "${{ params.code }}" } } }\noutputs: { rows: 7 }\n',
    );
    await rig.flowctl('run', 'extract.yaml');
    const what = '${{ event.run.flow }} ${{ event.run.state }} ${{ default(event.outputs.rows, 0) }}';
    await deploy('a.yaml', flow('a', `  - { flow: extract, params: { what: "a ${what}" } }\n`));
    await deploy(
      'b.yaml',
      flow('b', `  - { flow: extract, states: [failed, crashed], params: { what: "b ${what}" } }\n`),
    );
    await deploy(
      'c.yaml',
      flow('c', `  - { flow: a, debounce: 0s, params: { what: "c \${{ event.run.deployment }}" } }\n`),
    );
    expect(await tick()).toBe('');
    await rig.flowctl('run', 'extract.yaml');
    await rig.flowctl('run', 'extract.yaml', '-p', 'code=1');
    const ends = async (): Promise<void> => {
      await rig.flowctl('tick');
      await eventually('the runs ended', 30_000, async () =>
        (await rig.query<RunRow[]>('runs')).every(({ state }) => ['succeeded', 'failed'].includes(state)),
      );
    };
    await ends();
    await ends();
    await ends();
    expect([...rig.effects()].sort()).toEqual(['a extract succeeded 7', 'b extract failed 0', 'c a']);
  });
});

describe('absence', () => {
  it('each silence begins one run, and a sign begins another silence', async () => {
    const { rig } = here;
    const absence = 'absence: { of: { file: inbox/*.csv, debounce: 0s }, within: 1s }';
    await deploy('flow.yaml', flow('import', `  - { ${absence}, params: { what: "\${{ event.of }}" } }\n`));
    const silence = (): Promise<void> =>
      eventually('it is told', 20_000, async () => (await tick()).includes('nothing of inbox/*.csv within 1.0s'));
    await silence();
    expect(await tick()).toBe('');
    rig.write('inbox/a.csv', 'x');
    await silence();
    expect(rig.effects()).toEqual(['inbox/*.csv', 'inbox/*.csv']);
  });
});

describe('case 66: serve dies', () => {
  it('after an event was written down, and before the deployment had it', async () => {
    const { rig } = here;
    await deploy('flow.yaml', onFile());
    rig.write('inbox/a.csv', 'x');
    await tick();
    const [trigger] = (await deployed()).triggers ?? [];
    const memory = memoryOf(String(trigger?.id));
    const id = '01m80p6pfr3dq7wpet4ra0xvs0';
    const facts = { kind: 'file', at: '2026-11-22T00:00:00.000Z', name: 'b.csv', change: 'created' };
    const event = { id, trigger: trigger?.id, kind: 'file', at: facts.at, what: 'inbox/b.csv created', facts };
    writeFileSync(memoryPath(String(trigger?.id)), JSON.stringify({ ...memory, waiting: [{ event, ready_ms: 0 }] }));
    await Promise.all([rig.flowctl('tick'), rig.flowctl('tick'), rig.flowctl('tick')]);
    await tick();
    expect(rig.effects()).toEqual(['a.csv created', 'b.csv created']);
    const rows = await rig.query<RunRow[]>('runs');
    expect(rows.map((each) => [each.id, each.scheduled_for])).toContainEqual([id, facts.at]);
    expect(memoryOf(String(trigger?.id)).waiting).toEqual([]);
  });

  it('after the deployment had it, and before that was noted, or the run was started', async () => {
    const { rig } = here;
    await deploy('flow.yaml', onFile());
    rig.write('inbox/a.csv', 'x');
    const before = readFileSync(rig.path('.flowctl/db.json'), 'utf8');
    await tick();
    const now = await deployed();
    const [trigger] = now.triggers ?? [];
    const [claim] = now.open;
    if (claim?.event === undefined) throw new Error('nothing was claimed');
    const facts = { kind: 'file', at: claim.scheduled_for, name: 'a.csv', change: 'created' };
    const event = { ...claim.event, facts };
    const memory = memoryOf(String(trigger?.id));
    writeFileSync(memoryPath(String(trigger?.id)), JSON.stringify({ ...memory, waiting: [{ event, ready_ms: 0 }] }));
    // Claimed and started: the run is there.
    const document = JSON.parse(before) as ProjectDocument;
    const claimed = { ...document.deployments['import'], claims: [{ ...claim, event }], taken: [event.id] };
    writeFileSync(rig.path('.flowctl/db.json'), JSON.stringify({ ...document, deployments: { import: claimed } }));
    await tick();
    expect(rig.effects()).toEqual(['a.csv created']);
    // Claimed, and not started: the run is not.
    await rig.flowctl('delete', claim.run);
    writeFileSync(memoryPath(String(trigger?.id)), JSON.stringify({ ...memory, waiting: [{ event, ready_ms: 0 }] }));
    writeFileSync(rig.path('.flowctl/db.json'), JSON.stringify({ ...document, deployments: { import: claimed } }));
    await Promise.all([rig.flowctl('tick'), rig.flowctl('tick')]);
    await tick();
    expect(rig.effects()).toEqual(['a.csv created', 'a.csv created']);
    expect(await rig.query<RunRow[]>('runs')).toMatchObject([{ id: claim.run }]);
  });

  it('again and again while files arrive: each begins one run', async () => {
    const { rig } = here;
    here.mayLeaveStrays();
    await deploy('flow.yaml', onFile('debounce: 100ms, overlap: allow'));
    const names = Array.from({ length: 12 }, (_, n) => `f${n}`);
    for (const [n, name] of names.entries()) {
      if (n % 3 === 0) {
        const serve = rig.start(['serve', '-q']);
        rig.write(`inbox/${name}.csv`, name);
        // Dies when its first document changes: in the middle of what follows from that.
        const mark = (): string => readFileSync(rig.path('.flowctl/db.json'), 'utf8');
        const before = mark();
        await eventually('something is claimed', 20_000, () => mark() !== before);
        serve.process.kill('SIGKILL');
        await serve.ended;
      } else rig.write(`inbox/${name}.csv`, name);
    }
    const serve = rig.start(['serve']);
    await eventually('all ran', 40_000, () => new Set(rig.effects()).size === names.length);
    serve.process.kill('SIGTERM');
    await serve.ended;
    await allEnded();
    expect([...rig.effects()].sort()).toEqual(names.map((name) => `${name}.csv created`).sort());
    expect(readdirSync(rig.path('.flowctl/events')).filter((name) => name.startsWith('facts-'))).toEqual([]);
  });
});
