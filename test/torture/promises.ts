/** The invariants, checked on a run that was killed, and on one that came to its end. Every check that fails is a sentence. */

import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunDetail, RunRow } from '../../src/model/view.ts';
import { between, type Draw } from '../kit/seeded.ts';
import { LOUD_LINES, SECRET } from './flow-parts.ts';
import type { RecordedEvent, RecordedRun } from './record.ts';
import { type LifeEnd, outputsOf, type Reference, type Subject } from './subject.ts';

/** What was found wrong; empty for a run that kept every promise. */
export type Violations = readonly string[];

/** The promise is a second; a campaign keeps all cores busy, and what nobody ends lives longer than this. */
const AFTER_GRACE_MS = 9_000;

/** Waits until nothing of the run lives. */
async function noOrphans(subject: Subject, run: string): Promise<Violations> {
  const limitMs = subject.graceMs + AFTER_GRACE_MS;
  const deadline = performance.now() + limitMs;
  for (;;) {
    // Read after the look: a machine that is busy elsewhere must not make a promise late.
    const isOver = performance.now() > deadline;
    const left = subject.living(run);
    if (left.length === 0) return [];
    if (isOver) return [`I5: ${limitMs} ms after the end of flowctl live: ${left.map(nameOf).join('; ')}`];
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
}

function nameOf(pid: number): string {
  try {
    return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').slice(0, 200)}`;
  } catch {
    return String(pid);
  }
}

/** Every query answers with 0, whatever state the run is in. */
async function readable(subject: Subject, run: string): Promise<Violations> {
  const commands = [
    ['show', run, '--json'],
    ['logs', run],
  ];
  const ends = await Promise.all(commands.map((argv) => subject.rig.start(argv, { stdin: 'ignore' }).ended));
  return ends.flatMap(({ code, stderr, stdout }, index) => {
    const name = commands[index]?.[0];
    if (code !== 0) return [`I6: \`${name}\` ends with ${code}: ${stderr}`];
    const shown = name === 'show' ? (JSON.parse(stdout) as RunDetail) : null;
    return shown?.problem === undefined ? [] : [`I6, I7: \`show\` reports ${JSON.stringify(shown.problem)}`];
  });
}

/** What is known of a run between two lives. */
export interface Between {
  readonly row: RunRow | null;
  readonly tree: readonly RecordedRun[];
  readonly violations: Violations;
}

/**
 * After a life ended, by a kill or by itself.
 * @param known the run, once one was told of. @param before the journals as they were after the life before.
 */
export async function betweenLives(
  subject: Subject,
  {
    life,
    known,
    before,
    others,
  }: {
    readonly life: LifeEnd;
    readonly known: string | null;
    readonly before: readonly RecordedRun[];
    /** Runs that were there from the start. */
    readonly others: ReadonlySet<string>;
  },
): Promise<Between> {
  const violations: string[] = [];
  const listed = await subject.rig.flowctl('runs', '--json');
  if (listed.code !== 0)
    return { row: null, tree: [], violations: [`I6: \`runs\` ends with ${listed.code}: ${listed.stderr}`] };
  const all = JSON.parse(listed.stdout) as readonly RunRow[];
  const rows = all.filter(({ id }) => !others.has(id));
  const row = rows[0] ?? null;
  if (all.length - rows.length !== others.size)
    violations.push('I8: a run that had ended before is not listed any more');
  if (rows.length > 1) violations.push(`I8: ${rows.length} runs are listed, and one was begun`);
  if (known !== null && row?.id !== known)
    violations.push(`I1: run ${known} was told of, and ${row?.id ?? 'none'} is listed`);
  if (row === null) return { row, tree: [], violations };
  if (life.killedBy !== null && !STATES_AFTER_A_KILL.has(row.state)) {
    violations.push(`I6: the killed run is shown as ${row.state}`);
  }
  if (row.problem !== undefined) violations.push(`I6, I7: \`runs\` reports ${JSON.stringify(row.problem)}`);
  const [orphans, queries] = await Promise.all([noOrphans(subject, row.id), readable(subject, row.id)]);
  const tree = subject.tree(row.id);
  violations.push(...orphans, ...queries, ...continued(before, tree), ...kept(life.told, tree));
  return { row, tree, violations };
}

/** A kill may come after the end was recorded, or while the run is left waiting. */
const STATES_AFTER_A_KILL: ReadonlySet<string> = new Set(['crashed', 'succeeded', 'failed', 'cancelled', 'waiting']);

/** A journal only grows; a torn tail is all that may go. */
function continued(before: readonly RecordedRun[], after: readonly RecordedRun[]): Violations {
  return [
    ...after.flatMap(({ id, damage }) => (damage === null ? [] : [`I7: the journal of ${id} is damaged: ${damage}`])),
    ...before.flatMap(({ id, lines }) => {
      const now = after.find((each) => each.id === id);
      const isPrefix = now !== undefined && lines.every((line, index) => now.lines[index] === line);
      // A sub-run whose header never reached the disk was never told of.
      return isPrefix || lines.length === 0 ? [] : [`I1, I7: the journal of ${id} is not what it was any more`];
    }),
  ];
}

/** What was told is on record, word for word. */
function kept(told: LifeEnd['told'], tree: readonly RecordedRun[]): Violations {
  for (const event of told) {
    const { run } = event as RecordedEvent & { readonly run: string };
    const recorded = tree.find(({ id }) => id === run)?.events[event.seq - 1];
    if (recorded?.type !== event.type || (recorded.step ?? null) !== (event.step ?? null)) {
      return [`I1: ${event.type} of ${event.step ?? 'the run'} (seq ${event.seq}) was told, and is not on record`];
    }
  }
  return [];
}

/** Everything that must be true of a run that was killed and resumed until it succeeded. */
export async function atTheEnd(
  subject: Subject,
  run: string,
  {
    reference,
    asked,
    draw,
    others,
    isTidy,
  }: {
    readonly reference: Reference;
    /** How often each step was asked for by name. */
    readonly asked: ReadonlyMap<string, number>;
    readonly draw: Draw;
    readonly others: ReadonlySet<string>;
    /** The last life came to its end: one that was killed may leave a file half written in a run that had ended. */
    readonly isTidy: boolean;
  },
): Promise<Violations> {
  const violations: string[] = [];
  const check = (holds: boolean, what: string): void => {
    if (!holds) violations.push(what);
  };
  const { rig, flow, state } = subject;
  const shown = await subject.shown(run);
  check(
    shown.state === 'succeeded' && shown.exit_code === 0,
    `the run is ${shown.state} (${shown.exit_code}) in the end`,
  );
  check(outputsOf(shown) === reference.outputs, 'I4: outputs differ from those of an undisturbed run');
  const tree = subject.tree(run);
  const effects = rig.effects();
  violations.push(...counted(subject, tree, effects, asked));
  const finished = tree[0]?.events.filter(({ type, state: end }) => type === 'run.finished' && end === 'succeeded');
  check(finished?.length === 1, `there are ${finished?.length} run.finished`);
  for (const { id, events } of tree.slice(1)) {
    check(
      events.filter(({ type, state: end }) => type === 'run.finished' && end === 'succeeded').length <= 1,
      `sub-run ${id} has more than one run.finished`,
    );
  }
  for (const { name, content } of flow.generated) {
    const text = existsSync(rig.path(name)) ? rig.read(name) : '(missing)';
    check(content.test(text), `the generated file ${name} holds ${JSON.stringify(text)}`);
  }
  // Logs are not synced: a power cut may shorten them.
  const loud = subject.wasCut ? [] : flow.loud;
  violations.push(...logsComplete(shown, loud, state), ...clean(subject, run, others, isTidy));
  rmSync(join(state, 'runs', run, 'run.json'), { force: true });
  rmSync(join(state, 'index.ndjson'), { force: true });
  const replayed = await subject.shown(run);
  check(JSON.stringify(replayed) === JSON.stringify(shown), 'the snapshot differs from the replay');
  const again = await rig.flowctl('resume', run);
  check(again.code === 0 && rig.effects().length === effects.length, `a second resume did something (${again.code})`);
  check(subject.living(run).length === 0, 'I5: processes of the run are left at its end');
  violations.push(...(await damageIsSeen(subject, run, drawBit(subject, run, draw))));
  return violations;
}

/** I2 and I3, for every step that was drawn. */
function counted(
  subject: Subject,
  tree: readonly RecordedRun[],
  effects: readonly string[],
  asked: ReadonlyMap<string, number>,
): Violations {
  const [root] = tree;
  const ids = new Set(tree.map(({ id }) => id));
  const prefixes = new Map(
    (root?.events ?? []).flatMap(({ type, step, child }) =>
      type === 'child.started' && child !== undefined ? [[child, `${step}/`] as const] : [],
    ),
  );
  const keyed = tree.flatMap(({ id, events }) =>
    events.map((event) => ({ ...event, key: `${prefixes.get(id) ?? ''}${event.step}` })),
  );
  const happened = new Map<string, number>();
  for (const effect of effects) {
    const [run = '', step = ''] = effect.split(' ');
    const key = `${prefixes.get(run) ?? ''}${step}`;
    if (ids.has(run)) happened.set(key, (happened.get(key) ?? 0) + 1);
  }
  const violations: string[] = [];
  for (const { key, successes: expected, isOnce, mayBeReused } of subject.flow.steps) {
    const times = happened.get(key) ?? 0;
    const own = keyed.filter((event) => event.key === key);
    const starts = own.filter(({ type }) => type === 'attempt.started').length;
    const successes = own.filter(({ type, outcome }) => type === 'attempt.finished' && outcome === 'succeeded').length;
    if (mayBeReused && own.some(({ type }) => type === 'step.reused')) {
      if (times + starts > 0) violations.push(`I2: ${key} was reused, and started ${starts} times`);
      continue;
    }
    if (times < 1) violations.push(`I3: ${key} never happened`);
    if (times > starts)
      violations.push(`I3: ${key} happened ${times} times and was recorded as started ${starts} times`);
    if (expected === null ? successes < 1 : successes !== expected)
      violations.push(`I2: ${key} has ${successes} recorded successes`);
    const first = own.findIndex(
      ({ type, outcome, continues }) => type === 'attempt.finished' && outcome === 'succeeded' && continues !== true,
    );
    const after = own.slice(first + 1).filter(({ type }) => type === 'attempt.started').length;
    if (expected === 1 && after > 0) violations.push(`I2: ${key} was started again after its success`);
    const settled = own.findIndex(({ type, tolerated }) => type === 'step.settled' && tolerated === true);
    if (settled >= 0 && own.slice(settled).some(({ type }) => type === 'attempt.started')) {
      violations.push(`I2: ${key} was started again after its failure was tolerated`);
    }
    if (isOnce) violations.push(...startedOnce(key, own, asked.get(key) ?? 0));
  }
  return violations;
}

/** I3 under `if_lost: fail`: one start more for each word of a person, beside tries that ended on record. */
function startedOnce(key: string, own: readonly RecordedEvent[], words: number): Violations {
  const starts = own.filter(({ type }) => type === 'attempt.started').length;
  const repeated = own.filter(({ outcome }) => outcome === 'failed' || outcome === 'cancelled').length;
  return starts <= 1 + words + repeated
    ? []
    : [`I3: ${key} was started ${starts} times, with the word of a person ${words} times`];
}

/** F31: a log that its step reopens keeps every line. */
export function logsComplete(shown: RunDetail, loud: readonly string[], state: string): Violations {
  return loud.flatMap((key) => {
    const log = shown.steps.find((step) => step.key === key)?.attempts.at(-1)?.log;
    if (log === undefined || log === null) return [];
    const file = log.startsWith('/') ? log : join(state, 'runs', shown.id, log);
    const text = existsSync(file) ? readFileSync(file, 'latin1') : '';
    return LOUD_LINES.every((line) => text.includes(line)) ? [] : [`F31: the log of ${key} misses a line: ${file}`];
  });
}

/** Nothing half written is left in the run, and the secret is nowhere. */
function clean(subject: Subject, run: string, others: ReadonlySet<string>, isTidy: boolean): Violations {
  const folder = join(subject.state, 'runs');
  const violations: string[] = [];
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const isOwn = isTidy && name.startsWith(run) && !/^[^/]+\/dir\//.test(name);
    if (isOwn && /\.(?:tmp|script|output|input|pipe)$/.test(name)) violations.push(`a stray file is left: ${name}`);
    if (![run, ...others].some((id) => name.startsWith(id)) || !/\.(?:log|ndjson|json)$/.test(name)) continue;
    if (readFileSync(join(folder, name), 'latin1').includes(SECRET)) violations.push(`S12: ${name} holds the secret`);
  }
  return violations;
}

/** A bit of a file. */
export interface BitPlace {
  readonly offset: number;
  /** From 0, the lowest, to 7. */
  readonly bit: number;
}

function drawBit(subject: Subject, run: string, draw: Draw): BitPlace {
  const bytes = readFileSync(journalOf(subject, run));
  const lastLine = bytes.lastIndexOf(10, bytes.length - 2);
  return { offset: between(draw, 0, lastLine - 1), bit: between(draw, 0, 7) };
}

const journalOf = (subject: Subject, run: string): string => join(subject.state, 'runs', run, 'journal.ndjson');

/** I7: a bit that is flipped anywhere but in the last record is noticed, and nothing is touched. */
export async function damageIsSeen(subject: Subject, run: string, { offset, bit }: BitPlace): Promise<Violations> {
  const file = journalOf(subject, run);
  const bytes = readFileSync(file);
  const flipped = Buffer.from(bytes);
  flipped[offset] = (flipped[offset] ?? 0) ^ (1 << bit);
  writeFileSync(file, flipped);
  const resumed = await subject.rig.flowctl('resume', run);
  const isUntouched = readFileSync(file).equals(flipped);
  writeFileSync(file, bytes);
  if (resumed.code === 65 && isUntouched) return [];
  return [`I7: bit ${bit} of byte ${offset} was flipped, and \`resume\` ends with ${resumed.code}: ${resumed.stderr}`];
}
