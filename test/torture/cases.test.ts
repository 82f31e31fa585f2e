/** Cases of the catalogue about kills and power cuts. By hand, all of them: CASES=all npx vitest run test/torture/cases.test.ts */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { canCutPower, canTrace } from '../kit/abilities.ts';
import { Rig } from '../kit/rig.ts';
import { between, chance, seeded } from '../kit/seeded.ts';
import { runCampaign } from './campaign.ts';
import type { Kill } from './draw-kills.ts';
import type { DrawnFlow } from './flow-parts.ts';
import { readRecord, readTree } from './record.ts';
import { Subject, toldIn } from './subject.ts';
import { killAndResume } from './torture.ts';
import { dyingAt } from './tracing.ts';

const all = process.env['CASES'] === 'all';
const seed = Number(process.env['TORTURE_SEED'] ?? 3);
const LIMIT_MS = all ? 3_600_000 : 240_000;

const names = Array.from({ length: 12 }, (_, index) => `s${index}`);
/** Twelve steps, one after the other: a life of some forty syncs. */
const CHAIN: DrawnFlow = {
  kind: 'yaml',
  entry: 'flow.yaml',
  files: new Map([
    [
      'flow.yaml',
      `name: chain\nsteps:\n${names
        .map((name, index) => {
          const needs = index === 0 ? '' : `needs: s${index - 1}, `;
          return `  ${name}: { ${needs}run: 'echo "$FLOWCTL_RUN_ID $FLOWCTL_STEP" >> "$EFFECTS"' }\n`;
        })
        .join('')}`,
    ],
  ]),
  steps: names.map((key) => ({ key, successes: 1, isOnce: false, mayBeReused: false })),
  gate: null,
  generated: [],
  loud: [],
  isWarm: false,
};

/** What is wrong after a kill at the n-th sync and a resume; the number of syncs is told by a kill that never comes. */
async function killedAtSync(nth: number): Promise<{ readonly killed: boolean; readonly wrong: readonly string[] }> {
  const subject = new Subject({ flow: CHAIN, graceMs: 300, bin: null, disk: null });
  const { rig } = subject;
  const life = await subject.launch(['run', 'flow.yaml'], { prefix: dyingAt('fdatasync', nth), threads: 1 }).ended;
  const again = rig.runIds().length === 0 ? ['run', 'flow.yaml'] : ['resume', 'last'];
  const resumed = await subject.launch(again).ended;
  const wrong = resumed.code === 0 ? [] : [`sync ${nth}: the resume ended with ${resumed.code}: ${resumed.stderr}`];
  const [run = 'none'] = rig.runIds();
  const { events } = readRecord(run, rig.path('.flowctl', 'runs', run, 'journal.ndjson'));
  for (const name of names) {
    const happened = rig.effects().filter((effect) => effect.endsWith(` ${name}`)).length;
    const own = events.filter(({ step }) => step === name);
    const starts = own.filter(({ type }) => type === 'attempt.started').length;
    const successes = own.filter(({ outcome }) => outcome === 'succeeded').length;
    if (happened < 1 || happened > starts || successes !== 1 || own.at(-1)?.outcome !== 'succeeded') {
      wrong.push(`sync ${nth}: ${name} happened ${happened} times in ${starts} starts, ${successes} succeeded`);
    }
  }
  await subject.remove();
  return { killed: life.signal === 'SIGKILL', wrong };
}

describe.concurrent('the catalogue', () => {
  it.skipIf(!canTrace())(
    'case 16 (s): killed at the n-th fdatasync, then resumed (I2, I3)',
    { timeout: LIMIT_MS },
    async () => {
      const every = all ? 1 : 4;
      const syncs = Array.from({ length: 40 / every }, (_, index) => 1 + index * every + (seed % every));
      const results: Awaited<ReturnType<typeof killedAtSync>>[] = [];
      const worker = async (): Promise<void> => {
        for (let nth = syncs.shift(); nth !== undefined; nth = syncs.shift()) results.push(await killedAtSync(nth));
      };
      await Promise.all([worker(), worker(), worker()]);
      expect(results.flatMap(({ wrong }) => wrong)).toEqual([]);
      // A chain of twelve steps syncs at least at the begin and the end of each.
      expect(results.filter(({ killed }) => killed).length).toBeGreaterThan(results.length / 4);
    },
  );

  it('case 18: a resume that is killed five times (I1, I2, I3, I4, I5, I6)', { timeout: LIMIT_MS }, async () => {
    const draw = seeded(seed);
    // A life that naps never comes to its end.
    const sleeper =
      '  sleeper: { run: \'if [ -n "$TORTURE_NAP" ]; then setsid sleep 20 & sleep "$TORTURE_NAP"; fi\' }\n';
    const flow = { ...CHAIN, files: new Map([['flow.yaml', CHAIN.files.get('flow.yaml') + sleeper]]) };
    const kills = Array.from({ length: 6 }, (): Kill => ({ kind: 'time', place: draw(), naps: true, askedMs: null }));
    const subject = new Subject({ flow, graceMs: 300, bin: null, disk: null });
    const report = await killAndResume(subject, kills, { seed, inPairs: false, draw, bin: null });
    expect(report.violations).toEqual([]);
    expect(report.kinds.time).toBe(6);
  });

  for (const disk of ['ext4', 'xfs'] as const) {
    it.skipIf(!canCutPower(disk))(`case 26 (r): power cuts on ${disk} (I1, I6)`, { timeout: LIMIT_MS }, async () => {
      const lines: string[] = [];
      const say = (line: string): void => void lines.push(line);
      const kills = all ? 50 : 2;
      const options = { seed, kills, jobs: 2, graceMs: 300, flows: null, flow: null, bin: null, say } as const;
      const result = await runCampaign({ ...options, only: 'power', disk });
      expect(result.violations, lines.join('\n')).toEqual([]);
      expect(result.kinds.power).toBeGreaterThanOrEqual(kills);
    });
  }

  it('case 35: eight processes at once, some of them killed, lose no run and no file (I8)', {
    timeout: LIMIT_MS,
  }, async () => {
    const rig = new Rig({ FLOWCTL_GRACE: '300ms' });
    const draw = seeded(seed);
    rig.write('flow.yaml', 'name: many\nsteps:\n  a: { run: sleep 0.02 }\n  b: { needs: a, run: echo done }\n');
    const rounds = all ? 25 : 2;
    const told = new Map<string, boolean>();
    const plan = Array.from({ length: 8 }, () =>
      Array.from({ length: rounds }, () => (chance(draw, 0.4) ? between(draw, 20, 400) : null)),
    );
    const worker = async (lives: readonly (number | null)[]): Promise<void> => {
      for (const killAfterMs of lives) {
        const life = rig.start(['run', 'flow.yaml', '--output', 'json']);
        const timer = killAfterMs === null ? null : setTimeout(() => life.process.kill('SIGKILL'), killAfterMs);
        const { signal, stdout } = await life.ended;
        if (timer !== null) clearTimeout(timer);
        const run = toldIn(stdout)[0]?.run;
        if (run !== undefined) told.set(run, signal === 'SIGKILL');
      }
    };
    let isOver = false;
    const reader = async (): Promise<void> => {
      while (!isOver) await rig.query<readonly RunRow[]>('runs', '--limit', '1000');
    };
    const reading = reader();
    await Promise.all(plan.map(worker));
    isOver = true;
    await reading;
    const rows = await rig.query<readonly RunRow[]>('runs', '--limit', '1000');
    const states = new Map(
      rows.map(({ id, state, problem }) => [id as string, problem === undefined ? state : 'damaged']),
    );
    for (const [run, killed] of told) {
      const expected = killed ? ['crashed', 'succeeded'] : ['succeeded'];
      expect(expected, run).toContain(states.get(run));
      expect(readTree(rig.path('.flowctl'), run)[0]?.damage, run).toBeNull();
    }
    expect(rows.length).toBe(states.size);
    const files = readdirSync(rig.path('.flowctl'), { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => /(^|\/)[^./][^/]*\.json$/.test(name))) {
      expect(() => JSON.parse(readFileSync(join(rig.path('.flowctl'), file), 'utf8')), file).not.toThrow();
    }
    rig.remove();
  });
});
