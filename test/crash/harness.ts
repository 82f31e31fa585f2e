/**
 * The kill harness: a seeded random flow runs as a real process and is killed with SIGKILL at random times, also while it resumes.
 * Then it is resumed to the end, and the invariants are checked. A violation names the seed and the kills, which reproduce it.
 */

import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { RunEvent } from '../../src/model/event.ts';
import type { RunDetail, RunRow } from '../../src/model/view.ts';
import { eventually, Rig, tagged } from '../kit/rig.ts';
import { seeded } from '../kit/seeded.ts';

const GRACE_MS = 300;
const ENV = { FLOWCTL_GRACE: `${GRACE_MS}ms` };

interface Drawn {
  readonly yaml: string;
  /** The keys of everything that has an effect. */
  readonly ids: readonly string[];
}

/**
 * A flow of 4 to 10 steps, some of them maps or groups, with a handler at its end: each appends an effect under its key, and derives its
 * output from those of its needs.
 */
export function drawFlow(random: () => number): Drawn {
  const names = Array.from({ length: 4 + Math.floor(random() * 7) }, (_, index) => `s${index}`);
  const ids: string[] = [];
  const steps = names.map((name, index) => {
    const needs = names.slice(0, index).filter(() => random() < 0.35);
    const head = [`  ${name}:`, `    needs: [${needs.join(', ')}]`];
    const draw = random();
    if (draw < 0.15) {
      const items = 1 + Math.floor(random() * 4);
      ids.push(...Array.from({ length: items }, (_, item) => `${name}[${item}]`));
      const list = Array.from({ length: items }, (_, item) => item).join(', ');
      return [...head, `    foreach: [${list}]`, '    max_parallel: 2', ...drawWork(random, needs, '    ')].join('\n');
    }
    if (draw < 0.3) {
      ids.push(`${name}/x`, `${name}/y`);
      return [
        ...head,
        '    steps:',
        '      x:',
        ...drawWork(random, needs, '        '),
        '      y:',
        '        needs: x',
        ...drawWork(random, ['x'], '        '),
      ].join('\n');
    }
    ids.push(name);
    return [...head, ...drawWork(random, needs, '    ')].join('\n');
  });
  ids.push('finally[0]');
  const handler = 'finally:\n  - run: echo "$FLOWCTL_STEP" >> "$EFFECTS"\n';
  return { ids, yaml: `name: torture\nmax_parallel: 3\n${handler}steps:\n${steps.join('\n')}\n` };
}

/** What one of them does. */
function drawWork(random: () => number, needs: readonly string[], indent: string): readonly string[] {
  const inputs = needs.map((need) => `  IN_${need}: "\${{ toJSON(steps.${need}.outputs) }}"`);
  const failures = random() < 0.15 ? 1 + Math.floor(random() * 2) : 0;
  const sleep = random() < 0.6 ? `sleep 0.${String(Math.floor(random() * 90)).padStart(2, '0')}` : ':';
  const draw = random();
  const stray = draw < 0.1 ? 'sleep 20 &' : draw < 0.2 ? 'setsid sleep 20 & ' : ':';
  const noise = random() < 0.1 ? 'head -c 500000 /dev/zero' : ':';
  return [
    'retry: 2',
    ...(inputs.length > 0 ? ['env:', ...inputs] : []),
    'run: |',
    '  echo "$FLOWCTL_STEP" >> "$EFFECTS"',
    `  ${noise}`,
    `  ${stray}`,
    `  ${sleep}`,
    `  counted="$FLOWCTL_RUN_DIR/$(printf '%s' "$FLOWCTL_STEP" | tr '/[]' '___')"`,
    '  tries=$(cat "$counted" 2>/dev/null || echo 0)',
    `  if [ "$tries" -lt ${failures} ]; then echo $((tries + 1)) > "$counted"; exit 3; fi`,
    `  echo "value=$(printf '%s' "$FLOWCTL_STEP ${needs.map((need) => `$IN_${need}`).join(' ')}" | cksum | cut -d' ' -f1)" >> "$FLOWCTL_OUTPUT"`,
  ].map((line) => `${indent}${line}`);
}

/** What was found wrong; empty for a run that kept every promise. */
export type Violations = readonly string[];

const outputsOf = (run: RunDetail): string =>
  JSON.stringify(run.steps.map(({ key, outputs }) => [key, outputs]).sort());

const journalOf = (rig: Rig, run: string): readonly RunEvent[] =>
  readFileSync(rig.path('.flowctl', 'runs', run, 'journal.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line) as RunEvent);

const onlyRun = async (rig: Rig): Promise<RunRow | undefined> => (await rig.query<RunRow[]>('runs'))[0];

/** Runs a flow once, undisturbed: its outputs, and how long it took. */
async function undisturbed(yaml: string): Promise<{ readonly outputs: string; readonly tookMs: number }> {
  const rig = new Rig();
  try {
    rig.write('flow.yaml', yaml);
    const began = performance.now();
    const { code, stdout, stderr } = await rig.start(['run', 'flow.yaml'], { env: ENV }).ended;
    if (code !== 0) throw new Error(`the undisturbed run failed\n${stdout}\n${stderr}`);
    const tookMs = performance.now() - began;
    return { outputs: outputsOf(await rig.query<RunDetail>('show')), tookMs };
  } finally {
    rig.remove();
  }
}

/** One flow, killed `kills` times, then resumed to its end. */
export async function torture(seed: number, kills: number): Promise<Violations> {
  const random = seeded(seed);
  const { yaml, ids } = drawFlow(random);
  const reference = await undisturbed(yaml);
  const rig = new Rig();
  const violations: string[] = [];
  try {
    rig.write('flow.yaml', yaml);
    let begun = false;
    for (let kill = 0; kill < kills; kill += 1) {
      const delayMs = random() * reference.tookMs * 1.3;
      const started = rig.start(begun ? ['resume'] : ['run', 'flow.yaml'], { env: ENV });
      const timer = setTimeout(() => started.process.kill('SIGKILL'), delayMs);
      await started.ended;
      clearTimeout(timer);
      const run = await onlyRun(rig);
      begun = run !== undefined;
      if (run === undefined) continue;
      violations.push(...(await afterKill(run)));
    }
    violations.push(...(await toTheEnd(rig, begun, ids, reference.outputs)));
    if (violations.length === 0) rig.remove();
    return violations.map((violation) => `${violation} (seed ${seed}, kills ${kills}, kept in ${rig.folder})`);
  } catch (error) {
    return [...violations, `${String(error)} (seed ${seed}, kills ${kills}, kept in ${rig.folder})`];
  }
}

async function afterKill(run: RunRow): Promise<Violations> {
  const violations: string[] = [];
  if (!['crashed', 'succeeded'].includes(run.state)) violations.push(`I6: the killed run is shown as ${run.state}`);
  await eventually('I5: no process of the run', GRACE_MS + 1_500, () => tagged(run.id).length === 0).catch(
    (error: unknown) => {
      violations.push(`${String(error)}: ${tagged(run.id).join(', ')}`);
    },
  );
  return violations;
}

async function toTheEnd(rig: Rig, begun: boolean, ids: readonly string[], expected: string): Promise<Violations> {
  const violations: string[] = [];
  const check = (holds: boolean, what: string): void => {
    if (!holds) violations.push(what);
  };
  const last = await rig.start(begun ? ['resume'] : ['run', 'flow.yaml'], { env: ENV }).ended;
  check(last.code === 0, `the last resume ended with ${last.code}: ${last.stderr}${last.stdout.slice(-2_000)}`);
  const run = await rig.query<RunDetail>('show');
  check(run.state === 'succeeded', `the run is ${run.state} in the end`);
  check(outputsOf(run) === expected, 'I4: outputs differ from those of an undisturbed run');
  const events = journalOf(rig, run.id);
  const effects = rig.effects();
  for (const id of ids) {
    const happened = effects.filter((effect) => effect === id).length;
    const starts = events.filter((event) => event.type === 'attempt.started' && event.step === id).length;
    const successes = events.filter(
      (event) => event.type === 'attempt.finished' && event.step === id && event.outcome === 'succeeded',
    ).length;
    check(happened >= 1, `I3: ${id} never happened`);
    check(happened <= starts, `I3: ${id} happened ${happened} times and was recorded as started ${starts} times`);
    check(successes === 1, `I2: ${id} has ${successes} recorded successes`);
  }
  check(events.filter(({ type }) => type === 'run.finished').length === 1, 'there is not exactly one run.finished');
  const index = rig.path('.flowctl', 'index.ndjson');
  const isIndexed = existsSync(index) && readFileSync(index, 'utf8').includes(run.id);
  const hasMarker = existsSync(rig.path('.flowctl', 'open', run.id));
  check(isIndexed || hasMarker, 'neither the index nor a marker names the run');
  // A kill between `run.finished` and the end of the process leaves the marker, by which the run is listed from then on.
  const lived = !last.stderr.includes('nothing to do');
  check(!(lived && hasMarker), 'the marker of a run that ended undisturbed is left');
  rmSync(rig.path('.flowctl', 'runs', run.id, 'run.json'), { force: true });
  rmSync(index, { force: true });
  const replayed = await rig.query<RunDetail>('show');
  check(JSON.stringify(replayed) === JSON.stringify(run), 'the snapshot differs from the replay');
  const again = await rig.flowctl('resume');
  check(again.code === 0 && rig.effects().length === effects.length, 'a second resume did something');
  check(tagged(run.id).length === 0, 'I5: processes of the run are left at its end');
  return violations;
}
