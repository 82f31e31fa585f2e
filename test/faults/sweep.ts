/**
 * The sweep: one flow that has a bit of everything runs again and again, and each time another change of its state is refused. What has
 * to hold then is the same for every place: 74 with the path and the reason, or 0 with nothing missing; nothing left running; the run
 * readable; and a resume that comes to the right end without doing again what is recorded.
 */

import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { RunEvent } from '../../src/model/event.ts';
import type { RunDetail, RunRow } from '../../src/model/view.ts';
import { type Ended, eventually, GONE_MS, Rig, tagged } from '../kit/rig.ts';

const INJECT = join(import.meta.dirname, 'inject.cjs');
const ENV = { FLOWCTL_GRACE: '300ms', SWEEP_TOKEN: 'a-secret-of-the-sweep', CHECK: '1' };
/** A run that takes longer hangs. */
const LIMIT_MS = 40_000;

const CONFIG = 'resources: { db: 1 }\n';

const CALLED = 'export const double = async ({ n }) => ({ twice: n * 2 });\n';

const SUB = `name: sub
steps:
  x: { run: 'echo "$FLOWCTL_STEP" >> "$EFFECTS"; echo ok=1 >> "$FLOWCTL_OUTPUT"' }
outputs: { ok: "\${{ steps.x.outputs.ok }}" }
`;

/** \`late\` fails while the file \`closed\` is there, so that there is something to resume. */
const FLOW = `name: sweep
max_parallel: 3
secrets: { TOKEN: { env: SWEEP_TOKEN } }
concurrency: { group: sweep, on_conflict: queue }
steps:
  large:
    run: |
      echo "$FLOWCTL_STEP" >> "$EFFECTS"
      printf 'text=%080000d\\n' 7 >> "$FLOWCTL_OUTPUT"
  secretive:
    needs: large
    resources: { db: 1 }
    env: { TOKEN: "\${{ secrets.TOKEN }}" }
    output: json
    run: |
      echo "$FLOWCTL_STEP" >> "$EFFECTS"
      echo "$TOKEN" >&2
      echo '{"n": 4}'
  item:
    foreach: [1, 2]
    artifacts: ["*.txt"]
    run: |
      echo "$FLOWCTL_STEP" >> "$EFFECTS"
      echo v=1 >> "$FLOWCTL_OUTPUT"
  made:
    sources: [flow.yaml]
    generates: [made.txt]
    run: |
      echo "$FLOWCTL_STEP" >> "$EFFECTS"
      echo made > made.txt
  called:
    needs: secretive
    call: ./tasks.mjs#double
    with: { n: "\${{ steps.secretive.outputs.n }}" }
  below:
    needs: item
    flow: ./sub.yaml
  late:
    needs: [called, below, made]
    run: |
      echo "$FLOWCTL_STEP" >> "$EFFECTS"
      if test -e held; then sleep 60; fi
      test ! -e closed
finally:
  - run: echo "$FLOWCTL_STEP" >> "$EFFECTS"
`;

/** What has one effect in an undisturbed run. */
const EFFECTS = ['large', 'secretive', 'item[0]', 'item[1]', 'made', 'below/x', 'late'];

/** Which change is refused, and how. */
export interface Fault {
  readonly nth: number;
  readonly code: 'EIO' | 'ENOSPC' | 'EDQUOT' | 'EROFS';
  /** Everything after it is refused too. */
  readonly lasting: boolean;
  /** Writes leave half of what they were given. */
  readonly half: boolean;
}

/** What is disturbed: a new run, the resume of one that failed, or the cancellation of one whose flowctl was killed. */
export type Scene = 'run' | 'resume' | 'cancel';

const ARGV: { readonly [scene in Scene]: readonly string[] } = {
  run: ['run', 'flow.yaml'],
  resume: ['resume'],
  cancel: ['cancel', 'last'],
};

/** A project in which the scene is about to be played; copied for every fault. */
export async function prepare(scene: Scene): Promise<Rig> {
  const rig = new Rig(ENV);
  rig.write('flow.yaml', FLOW);
  rig.write('sub.yaml', SUB);
  rig.write('tasks.mjs', CALLED);
  rig.write('flowctl.config.yaml', CONFIG);
  if (scene === 'run') return rig;
  if (scene === 'cancel') {
    rig.write('held', '');
    const run = rig.start(['run', 'flow.yaml']);
    await run.prints('late started');
    run.process.kill('SIGKILL');
    await run.ended;
    const [id = 'none'] = rig.runIds();
    await eventually('I5', GONE_MS, () => tagged(id).length === 0);
    rmSync(rig.path('held'));
    return rig;
  }
  rig.write('closed', '');
  const { code, stderr } = await rig.flowctl('run', 'flow.yaml');
  if (code !== 1) throw new Error(`the run to be resumed ended with ${code}: ${stderr}`);
  rmSync(rig.path('closed'));
  return rig;
}

/** Plays a scene in a copy of a prepared project. @param fault null: changes are only counted. */
async function play(template: Rig, scene: Scene, fault: Fault | null) {
  const rig = new Rig(ENV);
  cpSync(template.folder, rig.folder, { recursive: true });
  const plan = { root: rig.path('.flowctl'), log: rig.path('changes'), ...fault };
  const started = rig.start(ARGV[scene], {
    env: { FAULT_PLAN: JSON.stringify(plan), NODE_OPTIONS: `--require ${INJECT}` },
  });
  let hung = false;
  const timer = setTimeout(() => {
    hung = true;
    started.process.kill('SIGKILL');
  }, LIMIT_MS);
  const ended = await started.ended;
  clearTimeout(timer);
  const changes = existsSync(rig.path('changes')) ? rig.effects('changes') : [];
  return { rig, ended, changes, hung };
}

/** The changes that an undisturbed scene makes, in their order. @throws when it does not end well. */
export async function countChanges(template: Rig, scene: Scene): Promise<readonly string[]> {
  const { rig, ended, changes } = await play(template, scene, null);
  if (ended.code !== 0) throw new Error(`the undisturbed scene ended with ${ended.code}: ${ended.stderr}`);
  rig.remove();
  return changes;
}

/** Plays a scene with a fault in it. @returns which promises were broken; empty when all were kept. */
export async function disturb(template: Rig, scene: Scene, fault: Fault): Promise<readonly string[]> {
  const { rig, ended, changes, hung } = await play(template, scene, fault);
  const place = changes.find((line) => line.endsWith(' FAILS')) ?? 'nothing was refused';
  const broken: string[] = [];
  try {
    if (hung) broken.push('it hung');
    broken.push(...judgeEnd(rig, ended, fault, place));
    broken.push(...(await judgeState(rig, scene, ended, changes)));
  } catch (error) {
    broken.push(String(error));
  }
  if (broken.length === 0) rig.remove();
  const what = `${scene} ${JSON.stringify(fault)}: ${place} (kept in ${rig.folder})`;
  return broken.map((each) => `${each}\n    ${what}`);
}

function judgeEnd(rig: Rig, { code, stderr }: Ended, fault: Fault, place: string): readonly string[] {
  const broken: string[] = [];
  if (place === 'nothing was refused') return code === 0 ? [] : [`ended with ${code}, and ${place}: ${stderr}`];
  // What a step prints is its own to lose: a pipe that cannot be written out is closed, as a full disk would refuse the step itself.
  const isLog = / write .*\/logs\/[^/]+\.log FAILS$/.test(place);
  if (code !== 0 && code !== 74 && !(code === 1 && isLog)) broken.push(`ended with ${code}: ${stderr}`);
  if (/\n\s+at |internal:/.test(stderr)) broken.push(`a stack trace: ${stderr}`);
  if (code === 74 && !(stderr.includes(rig.path('.flowctl')) && stderr.includes(fault.code))) {
    broken.push(`74 without path and reason: ${stderr}`);
  }
  return broken;
}

const timesOf = (rig: Rig, step: string): number => rig.effects().filter((line) => line === step).length;

const succeededIn = (run: RunDetail): readonly string[] =>
  run.steps.filter(({ state }) => state === 'succeeded').map(({ key }) => key);

async function judgeState(
  rig: Rig,
  scene: Scene,
  { code, stdout, stderr }: Ended,
  changes: readonly string[],
): Promise<readonly string[]> {
  const broken: string[] = [];
  const check = (holds: boolean, what: string): void => {
    if (!holds) broken.push(what);
  };
  const [row] = await rig.query<RunRow[]>('runs');
  if (row === undefined) {
    check(code !== 0, 'succeeded without a run');
    check(rig.effects().length === 0, 'something ran without a record');
    const next = await rig.flowctl('run', 'flow.yaml');
    check(next.code === 0, `a new run ended with ${next.code}: ${next.stderr}`);
    return broken;
  }
  await eventually('I5', GONE_MS, () => tagged(row.id).length === 0).catch((error: unknown) => {
    broken.push(`${String(error)}: ${tagged(row.id).join(', ')}`);
  });
  check(row.problem === undefined, `I6: the run is shown with a problem: ${JSON.stringify(row.problem)}`);
  const before = await rig.query<RunDetail>('show');
  const recorded = succeededIn(before);
  if (scene === 'cancel') check(code !== 0 || before.state === 'cancelled', `I10: 0, and the run is ${before.state}`);
  const logs = await rig.flowctl('logs');
  check(logs.code === 0, `I6: logs ended with ${logs.code}: ${logs.stderr}`);
  for (const [, step = ''] of stdout.matchAll(/Z (\S+) succeeded/g)) {
    check(recorded.includes(step) || step === 'run' || !EFFECTS.includes(step), `I1: ${step} was printed as succeeded`);
  }
  for (const step of EFFECTS) {
    const ran = timesOf(rig, step) > before.steps.filter(({ key }) => key === step).flatMap(endedAttempts).length;
    if (ran && code === 74)
      check(stderr.includes(`not recorded: ${step},`), `I10: ${step} ran and is not listed: ${stderr}`);
    if (code === 0 && scene !== 'cancel')
      check(recorded.includes(step), `I10: 0, and ${step} is not recorded as succeeded`);
  }
  const effects = new Map(EFFECTS.map((step) => [step, timesOf(rig, step)]));
  const next = await rig.flowctl('resume');
  check(next.code === 0, `resume ended with ${next.code}: ${next.stderr}${next.stdout}`);
  const after = await rig.query<RunDetail>('show');
  for (const step of EFFECTS) {
    check(succeededIn(after).includes(step), `${step} has not succeeded in the end`);
    if (recorded.includes(step)) check(timesOf(rig, step) === effects.get(step), `I2: ${step} ran again`);
  }
  check(after.state === 'succeeded', `the run is ${after.state} in the end`);
  const successes = journalOf(rig, row.id).filter(
    (event) => event.type === 'attempt.finished' && event.outcome === 'succeeded' && !event.step.includes('['),
  );
  const names = successes.map((event) => (event.type === 'attempt.finished' ? event.step : ''));
  check(new Set(names).size === names.length, `I2: successes recorded twice: ${names.join(', ')}`);
  check(existsSync(rig.path('made.txt')) && rig.read('made.txt') === 'made\n', 'made.txt is not what was made');
  const strays = rig
    .filesBelow()
    .map(({ path }) => path)
    .filter((path) => /\.(?:tmp|script|output|input|pipe)$/.test(path) && path.includes(row.id))
    // What the disk did not let go stays, and means nothing.
    .filter((path) => !changes.some((line) => line.includes(' unlink ') && line.endsWith(`${path} FAILS`)));
  check(strays.length === 0, `files are left: ${strays.join(', ')}`);
  // Of a run that had come to its end, though nobody could be told so, the marker stays: there was nothing to do.
  const hadEnded = next.stderr.includes('nothing to do');
  check(hadEnded || !existsSync(rig.path('.flowctl', 'open', row.id)), 'the marker is left after the resume');
  return broken;
}

const endedAttempts = ({ attempts }: RunDetail['steps'][number]) =>
  attempts.filter(({ outcome }) => outcome !== null && outcome !== 'lost');

const journalOf = (rig: Rig, run: string): readonly RunEvent[] =>
  readFileSync(rig.path('.flowctl', 'runs', run, 'journal.ndjson'), 'utf8')
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line) as RunEvent);
