/** The table of patterns: every row has a flow and a test here, the flow runs through the real program, and does what its row says. */

import { chmodSync, cpSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunDetail, RunRow, StepView } from '../../src/model/view.ts';
import { serve } from '../kit/http.ts';
import { BIN, Rig, tagged } from '../kit/rig.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const FOLDER = resolve(ROOT, 'examples/patterns');

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
  cpSync(FOLDER, rig.folder, { recursive: true, filter: (path) => !/[/\\](out|\.flowctl)$/.test(path) });
  // Steps call the program by its name, as they do where it is installed.
  chmodSync(rig.write('bin/flowctl', `#!/bin/sh\nexec "${process.execPath}" "${BIN}" "$@"\n`), 0o755);
  rig.give({ PATH: `${rig.path('bin')}:${process.env['PATH'] ?? ''}` });
});
afterEach(() => rig.remove());

/** A run that has ended, as `show` has it. */
interface Shown {
  readonly run: RunDetail;
  /** The state of every step, in order. */
  readonly states: { readonly [key: string]: string };
  step(key: string): StepView;
  /** Lines of a file in the run's own folder. */
  lines(file: string): readonly string[];
}

/** Runs a pattern to its end, which has to have this exit code. */
async function run(name: string, argv: readonly string[] = [], code = 0): Promise<Shown> {
  const ended = await rig.flowctl('run', `${name}.yaml`, ...argv);
  expect(ended.code, ended.stdout + ended.stderr).toBe(code);
  return shown();
}

async function shown(): Promise<Shown> {
  const detail = await rig.query<RunDetail>('show');
  return {
    run: detail,
    states: Object.fromEntries(detail.steps.map(({ key, state }) => [key, state])),
    step(key) {
      const found = detail.steps.find((each) => each.key === key);
      if (found === undefined) throw new Error(`there is no step ${key}`);
      return found;
    },
    lines: (file) => rig.effects(`.flowctl/runs/${detail.id}/dir/${file}`),
  };
}

const log = async (step: string): Promise<string> => (await rig.flowctl('logs', step)).stdout;

const endOf = ({ finished_at }: StepView): string => finished_at ?? 'never';
const startOf = ({ started_at }: StepView): string => started_at ?? '';

/** The most that was under way at any time, from lines `+ weight` and `- weight`; only those that `counts` names. */
function peak(lines: readonly string[], counts: (what: string) => number = () => 1): number {
  let now = 0;
  let most = 0;
  for (const line of lines) {
    const [sign, what = ''] = line.split(' ');
    now += (sign === '+' ? 1 : -1) * counts(what);
    most = Math.max(most, now);
  }
  expect(now).toBe(0);
  return most;
}

/** Two runs of a flow that start together; both succeed. */
const twice = async (name: string, first: readonly string[] = [], second: readonly string[] = []): Promise<void> => {
  const both = [rig.start(['run', `${name}.yaml`, ...first]), rig.start(['run', `${name}.yaml`, ...second])];
  for (const { ended } of both) {
    const { code, stdout, stderr } = await ended;
    expect(code, stdout + stderr).toBe(0);
  }
};

const PATTERNS: { readonly [name: string]: () => Promise<void> } = {
  async diamond() {
    const { step } = await run('diamond');
    for (const side of ['left', 'right']) {
      expect(startOf(step(side)) >= endOf(step('fetch'))).toBe(true);
      expect(startOf(step('meet')) >= endOf(step(side))).toBe(true);
    }
    expect(await log('meet')).toBe('2 and 8\n');
  },
  async 'multi-root'() {
    const { lines } = await run('multi-root');
    const seen = lines('seen');
    expect([...seen].sort()).toEqual(['forecast', 'orders', 'prices', 'revenue', 'weather']);
    for (const [before, after] of [
      ['orders', 'revenue'],
      ['prices', 'revenue'],
      ['weather', 'forecast'],
      ['revenue', 'forecast'],
    ])
      expect(seen.indexOf(before ?? '')).toBeLessThan(seen.indexOf(after ?? ''));
  },
  async targets() {
    const to = await run('targets', ['--to', 'report']);
    expect(to.states).toEqual({ extract: 'succeeded', report: 'succeeded', model: 'skipped', publish: 'skipped' });
    expect(to.step('model').skip_reason).toBe('not_selected');
    const only = await run('targets', ['--only', 'publish']);
    expect(only.step('report')).toMatchObject({ cached: true, attempts: [] });
    expect(await log('publish')).toBe('published 3 rows\n');
    const from = await run('targets', ['--from', 'report']);
    expect(from.run.steps.filter(({ attempts }) => attempts.length > 0).map(({ key }) => key)).toEqual([
      'report',
      'publish',
    ]);
  },
  async 'boolean-needs'() {
    const stateOfD = async (b: boolean, c: boolean): Promise<string> =>
      (await run('boolean-needs', ['-p', `b_fails=${b}`, '-p', `c_fails=${c}`])).step('d').state;
    expect(await stateOfD(true, true)).toBe('succeeded');
    expect(await stateOfD(true, false)).toBe('succeeded');
    expect(await stateOfD(false, false)).toBe('succeeded');
    expect(await stateOfD(false, true)).toBe('skipped');
  },
  async 'conditional-steps'() {
    for (const [side, other] of [
      ['heads', 'tails'],
      ['tails', 'heads'],
    ] as const) {
      const { step } = await run('conditional-steps', ['-p', `side=${side}`]);
      expect(step(side).state).toBe('succeeded');
      expect(step(other)).toMatchObject({ state: 'skipped', skip_reason: 'condition' });
      expect(await log('after')).toContain(`${side} succeeded`);
    }
  },
  async 'conditional-values'() {
    expect((await run('conditional-values')).run.outputs).toEqual({ prize: 'coin', size: 'small' });
    expect((await run('conditional-values', ['-p', 'side=tails'])).run.outputs).toEqual({
      prize: 'medal',
      size: 'large',
    });
  },
  async 'skipped-defaults'() {
    const { step } = await run('skipped-defaults');
    expect(step('yesterday')).toMatchObject({ state: 'skipped', skip_reason: 'skip_code' });
    expect(await log('total')).toBe('rows 0, factor one\n');
  },
  async 'static-loop'() {
    const { run: detail, states } = await run('static-loop');
    expect(Object.keys(states)).toEqual(['greet', 'greet[Ada]', 'greet[Grace]', 'greet[Barbara]']);
    expect(detail.outputs).toEqual({ numbers: ['1', '2', '3'] });
  },
  async 'loop-over-objects'() {
    const { run: detail, states } = await run('loop-over-objects');
    expect(detail.outputs).toEqual({ images: ['debian:12', 'alpine:3.20'], versions: ['debian 12', 'alpine 3'] });
    expect(states['images[alpine]']).toBe('succeeded');
    const given = await run('loop-over-objects', ['-p', 'systems={"arch": "rolling"}']);
    expect(given.run.outputs).toMatchObject({ versions: ['arch rolling'] });
  },
  async matrix() {
    expect((await run('matrix')).run.outputs).toEqual({
      tested: [
        'node 20 on debian, coverage false',
        'node 22 on debian, coverage true',
        'node 22 on alpine, coverage false',
      ],
    });
  },
  async 'sequential-loop'() {
    const items = ['create', 'fill', 'index', 'swap'];
    const { lines } = await run('sequential-loop');
    expect(lines('order')).toEqual(items.flatMap((item) => [`begin ${item}`, `end ${item}`]));
    const failed = await run('sequential-loop', ['-p', 'bad=fill'], 1);
    expect(failed.lines('order')).toEqual(['begin create', 'end create', 'begin fill']);
    expect(failed.states).toMatchObject({ 'migrate[fill]': 'failed', 'migrate[index]': 'skipped' });
  },
  async 'dynamic-loop'() {
    const { run: detail, states } = await run('dynamic-loop');
    expect(detail.outputs).toEqual({ loaded: ['0', '10', '20', '30'] });
    expect(states['load[part3]']).toBe('succeeded');
    const none = await run('dynamic-loop', ['-p', 'count=0']);
    expect(none.run.outputs).toEqual({ loaded: [] });
    expect(none.states).toEqual({ plan: 'succeeded', load: 'succeeded' });
  },
  async 'nested-loops'() {
    const { run: detail, states } = await run('nested-loops');
    expect(detail.outputs).toEqual({
      loaded: [
        ['eu mon', 'eu tue'],
        ['us mon', 'us tue'],
      ],
    });
    expect(states['regions[us]/load[tue]']).toBe('succeeded');
    expect(await log('regions[us]/load[tue]')).toBe('us tue\n');
  },
  async aggregate() {
    const { run: detail, step } = await run('aggregate');
    expect(detail.outputs).toEqual({ report: '0.15 then 0.05 then 0' });
    // They ended in another order than the list's.
    expect(endOf(step('measure[2]')) < endOf(step('measure[0]'))).toBe(true);
  },
  async 'map-reduce'() {
    const { run: detail, states } = await run('map-reduce');
    expect(detail.outputs).toEqual({ total: 500_500 });
    expect(Object.keys(states).filter((key) => key.startsWith('count['))).toHaveLength(4);
  },
  async parallelism() {
    const { lines } = await run('parallelism');
    const witness = lines('witness');
    expect(witness).toHaveLength(5 * 4 * 2);
    expect(peak(witness)).toBeLessThanOrEqual(4);
    expect(peak(witness)).toBeGreaterThan(1);
    for (const city of ['Oslo', 'Bergen', 'Rome', 'Bonn', 'Lima'])
      expect(peak(witness, (what) => (what === city ? 1 : 0))).toBeLessThanOrEqual(2);
    // A city is under way from its first street to its last one.
    const cities = witness.map((line) => line.slice(2));
    const spans = witness.flatMap((line, place) => {
      const city = line.slice(2);
      if (cities.indexOf(city) === place) return [`+ ${city}`];
      return cities.lastIndexOf(city) === place ? [`- ${city}`] : [];
    });
    expect(peak(spans)).toBeLessThanOrEqual(3);
  },
  async mutex() {
    await twice('mutex');
    const lines = rig.effects('out/mutex.txt');
    expect(lines).toHaveLength(2 * 4 * 2);
    expect(peak(lines)).toBe(1);
  },
  async semaphore() {
    await twice('semaphore');
    const lines = rig.effects('out/semaphore.txt');
    expect(lines).toHaveLength(2 * 5 * 2);
    expect(peak(lines, Number)).toBe(2);
  },
  async 'named-units'() {
    // A step fails that sits down where somebody sits.
    await twice('named-units');
    expect((await run('named-units')).run.outputs).toEqual({ desks: ['oak', 'pine'] });
  },
  async 'rate-limit'() {
    const { run: detail } = await run('rate-limit');
    const starts = detail.steps
      .filter(({ index }) => index !== null)
      .map((step) => Date.parse(startOf(step)))
      .sort((one, other) => one - other);
    expect(starts).toHaveLength(5);
    // Two in each span of 400 ms, so the fifth is two spans after the first; the record of a start may come a little late.
    expect((starts[4] ?? 0) - (starts[0] ?? 0)).toBeGreaterThan(600);
  },
  async 'one-run-at-a-time'() {
    await twice('one-run-at-a-time', ['-p', 'tag=a'], ['-p', 'tag=b']);
    const lines = rig.effects('out/runs.txt');
    expect(lines).toHaveLength(4);
    expect(peak(lines)).toBe(1);
  },
  async retries() {
    const { step } = await run('retries');
    const outcomes = (key: string) => step(key).attempts.map(({ outcome, exit_code }) => exit_code ?? outcome);
    expect(outcomes('count')).toEqual([1, 1, 0]);
    expect(outcomes('backoff')).toEqual([1, 1, 1, 0]);
    expect(outcomes('busy_only')).toEqual([75, 75, 1]);
    expect(step('slow_only').attempts.map(({ outcome }) => outcome)).toEqual(['timed_out', 'failed']);
    expect(step('count').flaky).toBe(true);
    const pauses = step('backoff')
      .attempts.slice(1)
      .map(({ started_at }, index) => {
        const before = step('backoff').attempts[index]?.finished_at;
        return Date.parse(started_at) - Date.parse(before ?? '');
      });
    for (const [index, least] of [18, 36, 54].entries()) expect(pauses[index]).toBeGreaterThanOrEqual(least - 1);
  },
  async 'continue-on-error'() {
    const { step } = await run('continue-on-error');
    expect(step('lint')).toMatchObject({ state: 'failed', tolerated: true });
    expect(await log('build')).toBe('lint failed with 3\n');
  },
  async tolerate() {
    const { run: detail, states, step } = await run('tolerate');
    expect(detail.outputs).toEqual({ loaded: '8 of 10' });
    expect(states).toMatchObject({ fetch: 'succeeded', 'fetch[4]': 'failed', 'fetch[9]': 'failed' });
    expect(step('fetch').outputs).toEqual([1, 2, 3, 4, null, 6, 7, 8, 9, null]);
  },
  async 'fail-fast'() {
    const { states, step } = await run('fail-fast', [], 1);
    expect(states).toEqual({ check: 'failed', long: 'skipped' });
    expect(step('long').attempts).toEqual([]);
  },
  async 'step-timeout'() {
    const { step } = await run('step-timeout');
    expect(step('hang')).toMatchObject({ state: 'failed', timed_out: true, tolerated: true });
    expect(await log('after')).toBe('timed_out\n');
  },
  async 'flow-timeout'() {
    const { run: detail, states, lines } = await run('flow-timeout', [], 124);
    expect(detail).toMatchObject({ state: 'failed', timed_out: true });
    expect(states).toEqual({ quick: 'succeeded', hang: 'cancelled', 'finally[0]': 'succeeded' });
    expect(lines('said')).toEqual(['failed']);
  },
  async 'exit-handlers'() {
    const good = await run('exit-handlers');
    expect(good.lines('said')).toEqual(['well', 'over, succeeded']);
    const bad = await run('exit-handlers', ['-p', 'fails=true'], 1);
    expect(bad.lines('said')).toEqual(['work failed', 'only when asked to fail', 'over, failed']);
  },
  async 'step-handlers'() {
    const { lines } = await run('step-handlers');
    expect([...lines('said')].sort()).toEqual(['item 1 done', 'item 2 done', 'loop ended', 'single failed with 1']);
  },
  async suspend() {
    const { run: detail } = await run('suspend');
    const { waited, meanwhile } = detail.outputs as { readonly waited: number; readonly meanwhile: number };
    expect(waited).toBeGreaterThanOrEqual(150);
    // There is one place, and the pause did not take it.
    expect(meanwhile).toBeLessThan(waited);
  },
  async approval() {
    const parked = await run('approval', ['--no-wait'], 6);
    expect(parked.run.state).toBe('waiting');
    expect(parked.states).toEqual({ plan: 'succeeded', gate: 'waiting', load: 'pending' });
    const wrong = await rig.flowctl('approve', 'last', 'gate');
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain('`city`');
    const answered = await rig.flowctl('approve', 'last', 'gate', '-p', 'city=Oslo', '--comment', 'seen');
    expect(answered.code, answered.stdout + answered.stderr).toBe(0);
    expect((await shown()).run.outputs).toEqual({ loaded: '1 x Oslo' });
    await run('approval', ['--no-wait'], 6);
    expect((await rig.flowctl('approve', 'last', 'gate', '--reject')).code).toBe(1);
    expect((await shown()).states).toEqual({ plan: 'succeeded', gate: 'failed', load: 'skipped' });
  },
  async 'wait-for'() {
    const started = rig.start(['run', 'wait-for.yaml', '--output', 'json']);
    await started.prints(/"type":"attempt.started"[^\n]*"step":"delivered"/);
    rig.write('out/ready', 'goods\n');
    expect((await started.ended).code).toBe(0);
    expect(await log('load')).toBe('goods\n');
  },
  async 'sub-flows'() {
    const { run: detail, states } = await run('sub-flows');
    expect(detail.outputs).toEqual({ all: [40, 40], oslo: 4 });
    expect(states).toMatchObject({ 'oslo/rain': 'succeeded', 'others[Bonn]/rain': 'succeeded' });
    expect(await rig.query<RunRow[]>('runs')).toHaveLength(1);
    const all = await rig.query<RunRow[]>('runs', '--all');
    expect(all.filter(({ parent }) => parent === detail.id)).toHaveLength(3);
  },
  async recursion() {
    const { run: detail, states } = await run('recursion');
    expect(detail.outputs).toEqual({ flips: 3 });
    expect(states['again/again/again']).toBe('skipped');
    expect((await run('recursion', ['-p', 'heads_at=1'])).run.outputs).toEqual({ flips: 1 });
  },
  async poll() {
    const { run: detail, lines, step } = await run('poll');
    expect(detail.outputs).toEqual({ done: '3' });
    expect(lines('polls')).toHaveLength(3);
    expect(step('job').attempts.map(({ outcome }) => outcome)).toEqual(['succeeded', 'succeeded', 'succeeded']);
  },
  async 'passing-values'() {
    expect((await run('passing-values')).run.outputs).toEqual({
      name: 'Ada',
      poem: ['roses', 'violets'],
      rows: 3,
      text: 'hello',
      lines: ['one', 'two'],
      code: 3,
    });
  },
  async 'passing-files'() {
    const { step } = await run('passing-files');
    expect(startOf(step('page')) >= endOf(step('letters'))).toBe(true);
    expect(await log('reader')).toBe('secret\na\nb\n');
  },
  async artifacts() {
    const { run: detail, step } = await run('artifacts');
    expect(step('check')).toMatchObject({ state: 'failed', attempts: [{ exit_code: 1 }] });
    expect(detail.artifacts.map(({ kind }) => kind).sort()).toEqual(['file', 'file', 'markdown']);
    const page = detail.artifacts.find(({ name }) => name?.endsWith('.html'));
    expect(readFileSync(page?.file ?? '', 'utf8')).toBe('<h1>12 rows</h1>\n');
  },
  async memoize() {
    expect((await run('memoize')).run.outputs).toEqual({ rate: '1' });
    const again = await run('memoize');
    expect(again.run.outputs).toEqual({ rate: '1' });
    expect(again.step('rates')).toMatchObject({ cached: true, attempts: [] });
    expect((await run('memoize', ['-p', 'day=2026-01-02'])).run.outputs).toEqual({ rate: '2' });
    expect((await run('memoize')).run.outputs).toEqual({ rate: '1' });
    expect((await run('memoize', ['--no-cache'])).run.outputs).toEqual({ rate: '3' });
  },
  async 'work-avoidance'() {
    const ran = ({ run: detail }: Shown) =>
      detail.steps.filter(({ attempts }) => attempts.length > 0).map(({ key }) => key);
    expect(ran(await run('work-avoidance'))).toEqual(['upper', 'count']);
    expect(ran(await run('work-avoidance'))).toEqual([]);
    rig.write('out/count.txt', 'spoilt');
    expect(ran(await run('work-avoidance'))).toEqual(['count']);
    rig.write('parts/words.txt', 'four\n');
    const edited = await run('work-avoidance');
    expect(ran(edited)).toEqual(['upper', 'count']);
    expect(edited.step('upper').why).toBe('sources changed: parts/words.txt (edited)');
    expect(rig.read('out/count.txt').trim()).toBe('1');
  },
  async 'data-sourcing'() {
    const { run: detail, step } = await run('data-sourcing');
    expect(detail.outputs).toEqual({ words: [3] });
    expect(step('keep[sum.ts]')).toMatchObject({ state: 'skipped', skip_reason: 'condition' });
  },
  async scripts() {
    expect((await run('scripts')).run.outputs).toEqual({ answer: 10 });
  },
  async secrets() {
    const { run: detail } = await run('secrets');
    const encoded = Buffer.from('Bearer an-example-and-no-secret').toString('base64');
    const printed = await log('with_it');
    expect(printed).toContain('***\n');
    for (const hidden of ['an-example-and-no-secret', encoded]) expect(printed).not.toContain(hidden);
    expect(await log('without')).toBe('token: none\n');
    // In what was recorded of the run, but for the definition, which has the example's text.
    const recorded = rig.filesBelow(`.flowctl/runs/${detail.id}`).filter(({ path }) => !/flow\.json$/.test(path));
    expect(recorded.map(({ path }) => path)).toContain('journal.ndjson');
    for (const { path } of recorded.filter((each) => /\.(log|json|ndjson)$/.test(each.path)))
      expect(rig.read(`.flowctl/runs/${detail.id}/${path}`)).not.toContain('an-example-and-no-secret');
  },
  async http() {
    let asked = 0;
    const server = await serve(({ path }, response) => {
      asked += 1;
      // Not ready when it is first looked at, and busy when it is first asked.
      response.statusCode = asked === 1 ? 503 : path === '/rows' && asked === 3 ? 500 : 200;
      response.end(JSON.stringify({ rows: 12 }));
    });
    try {
      const { run: detail, step } = await run('http', ['-p', `url=${server.url}`]);
      expect(detail.outputs).toEqual({ rows: 12 });
      expect(server.asked.map(({ path }) => path)).toEqual(['/health', '/health', '/rows', '/rows']);
      expect(step('ask').attempts).toHaveLength(2);
    } finally {
      await server.close();
    }
  },
  async sidecar() {
    const { run: detail } = await run('sidecar');
    expect(await log('use')).toBe('hello from the helper\n');
    expect(tagged(detail.id)).toEqual([]);
    // Also where the step forgets it, which is reported.
    rig.write('sidecar.yaml', rig.read('sidecar.yaml').replace('kill %1', ':'));
    const forgotten = await rig.flowctl('run', 'sidecar.yaml');
    expect(forgotten.stdout).toContain('use left processes behind, ended: ');
    expect(tagged((await shown()).run.id)).toEqual([]);
  },
};

/** The rows of the table that have a flow: what they are called, and the file they link to. */
const ROWS = [
  ...readFileSync(resolve(ROOT, 'docs/patterns.md'), 'utf8').matchAll(/^\| \[`([^`]+)`\]\(([^)]+)\) \|/gm),
].map(([, name = '', link = '']) => ({ name, link }));

describe('examples/patterns', () => {
  for (const [name, check] of Object.entries(PATTERNS)) it(name, check);

  it('are all valid, the parts as well', async () => {
    const parts = readdirSync(resolve(FOLDER, 'parts')).filter((file) => file.endsWith('.yaml'));
    const files = [...Object.keys(PATTERNS).map((name) => `${name}.yaml`), ...parts.map((file) => `parts/${file}`)];
    const { code, stdout, stderr } = await rig.flowctl('validate', ...files);
    expect([code, stderr]).toEqual([0, '']);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.replace(/: ok, \d+ steps?$/, '')),
    ).toEqual(files);
  });

  it('are the same in the folder, in docs/patterns.md and here', () => {
    const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml') && file !== 'flowctl.config.yaml');
    const names = files.map((file) => file.replace(/\.yaml$/, '')).sort();
    expect(Object.keys(PATTERNS).sort()).toEqual(names);
    expect(ROWS.map(({ name }) => name).sort()).toEqual(names);
    for (const { name, link } of ROWS) expect(link).toBe(`../examples/patterns/${name}.yaml`);
  });

  it('say what they are for, and name the schema for editors', () => {
    for (const name of Object.keys(PATTERNS)) {
      const text = readFileSync(resolve(FOLDER, `${name}.yaml`), 'utf8');
      expect(text).toMatch(/^# yaml-language-server: \$schema=\.\.\/\.\.\/schemas\/flow\.schema\.json\ndescription: /);
    }
  });
});
