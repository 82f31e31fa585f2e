/** The torture of one drawn flow: it is begun, killed again and again, and resumed to its end; then everything is checked. */

import type { RunRow } from '../../src/model/view.ts';
import { canCutPower, type DiskKind } from '../kit/abilities.ts';
import { between, chance, type Draw, oneOf, seeded } from '../kit/seeded.ts';
import { drawFlow } from './draw-flow.ts';
import { describeKill, drawKills, type Kill, type KillKind } from './draw-kills.ts';
import type { DrawnFlow } from './flow-parts.ts';
import { atTheEnd, betweenLives, type Violations } from './promises.ts';
import { keepJournals, type RecordedRun } from './record.ts';
import { type Reference, Subject } from './subject.ts';

/** What is to be done to one flow. */
export interface TortureOptions {
  readonly seed: number;
  readonly graceMs: number;
  /** Kills of this kind alone; null: of every kind. */
  readonly only: KillKind | null;
  /** Flows of this kind alone; null: of every kind. */
  readonly flows: DrawnFlow['kind'] | null;
  /** The program; null: the built one. */
  readonly bin: string | null;
  /** The most kills. */
  readonly kills: number;
  /** The state's own file system, for power cuts. Default: drawn, where the machine allows it. */
  readonly disk?: DiskKind | undefined;
}

/** What it came to. */
export interface TortureReport {
  readonly seed: number;
  readonly kinds: { readonly [kind in KillKind]: number };
  /** Lives that ended before they were to be killed. */
  readonly missed: number;
  readonly steps: number;
  readonly violations: Violations;
}

/** At most so many lives after the last kill: a person's word for each step that was lost, an approval, waits. */
const MOST_LIVES = 30;

/** Tortures the flow that a seed draws. Never rejects: what goes wrong is a violation. */
export async function torture(options: TortureOptions): Promise<TortureReport> {
  // Each has draws of its own, so that fewer kills of a flow are the first of the same.
  const [flowDraw, killDraw, endDraw] = [0, 1, 2].map((stream) => seeded(options.seed * 3 + stream)) as [
    Draw,
    Draw,
    Draw,
  ];
  const drawn = drawDisk(killDraw, options.only);
  const disk = options.disk ?? drawn;
  const flow = drawFlow(flowDraw, options.flows ?? undefined);
  const kills = drawKills(killDraw, between(killDraw, 1, 5), disk !== null, options.only).slice(0, options.kills);
  const subject = new Subject({ flow, graceMs: options.graceMs, bin: options.bin, disk });
  return killAndResume(subject, kills, {
    seed: options.seed,
    inPairs: chance(endDraw, 0.3),
    draw: endDraw,
    bin: options.bin,
  });
}

/**
 * Kills the run of a flow in this project, one life for each kill, resumes it to the end, and checks everything. Takes the project away
 * when all is well. Never rejects.
 */
export async function killAndResume(
  subject: Subject,
  kills: readonly Kill[],
  {
    seed,
    inPairs,
    draw,
    bin,
  }: { readonly seed: number; readonly inPairs: boolean; readonly draw: Draw; readonly bin: string | null },
): Promise<TortureReport> {
  const lives = new Lives(subject);
  try {
    const prepared = await prepare(subject, bin);
    await lives.dieBy(kills, prepared);
    await lives.comeToTheEnd(inPairs, prepared);
    await lives.checkTheEnd(draw, prepared);
  } catch (error) {
    lives.violations.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  return lives.report(seed);
}

/** A disk of its own for every fifth flow, where the machine lets us. */
function drawDisk(draw: Draw, only: KillKind | null): DiskKind | null {
  const isDrawn = chance(draw, 0.2);
  const kind = oneOf(draw, ['ext4', 'ext4', 'xfs'] as const);
  if (only === 'power' ? false : !isDrawn || only !== null) return null;
  return [kind, 'ext4' as const].find((each) => canCutPower(each)) ?? null;
}

/** What is known before anything is killed. */
interface Prepared {
  readonly reference: Reference;
  /** Runs that are there from the start. */
  readonly others: ReadonlySet<string>;
}

/** Runs the flow undisturbed: in a project of its own, or where its results may be reused. */
async function prepare(subject: Subject, bin: string | null): Promise<Prepared> {
  const { flow, graceMs } = subject;
  if (flow.isWarm) {
    const reference = await subject.undisturbed();
    return { reference, others: new Set([reference.run]) };
  }
  const apart = new Subject({ flow, graceMs, bin, disk: null });
  const reference = await apart.undisturbed();
  await apart.remove();
  return { reference, others: new Set() };
}

/** The lives of one run. */
class Lives {
  readonly subject: Subject;
  readonly violations: string[] = [];
  private readonly kinds = { time: 0, call: 0, power: 0 };
  private missed = 0;
  /** What was done, for whoever has to understand a violation. */
  private readonly done: string[] = [];
  /** How often each step was asked for by name. */
  private readonly asked = new Map<string, number>();
  private row: RunRow | null = null;
  private tree: readonly RecordedRun[] = [];
  private isTidy = false;

  constructor(subject: Subject) {
    this.subject = subject;
  }

  /** One life for each kill. */
  async dieBy(kills: readonly Kill[], { reference, others }: Prepared): Promise<void> {
    let known: string | null = null;
    for (const [index, kill] of kills.entries()) {
      if (this.row?.state === 'succeeded' || this.violations.length > 0) return;
      const argv = await this.next();
      const life = await this.subject.liveAndDie(argv, kill, reference);
      const missed = life.killedBy === null ? `, ended with ${life.ended.code} before` : '';
      this.done.push(`${argv.slice(0, 4).join(' ')}: ${describeKill(kill)}${missed}`);
      if (life.killedBy === null) this.missed += 1;
      else this.kinds[life.killedBy] += 1;
      known ??= life.run;
      if (life.killedBy === 'power') await this.subject.restart(known);
      const after = await betweenLives(this.subject, { life, known, before: this.tree, others });
      this.row = after.row;
      this.tree = after.tree;
      known ??= after.row?.id ?? null;
      keepJournals(after.tree, this.subject.rig.path('journals', `after-${index + 1}`));
      this.violations.push(...after.violations);
    }
  }

  /** Goes on as a person would. @param inPairs two at a time: of two that resume one is refused, or finds nothing to do any more. */
  async comeToTheEnd(inPairs: boolean, { others }: Prepared): Promise<void> {
    for (let lives = 0; this.row?.state !== 'succeeded' && this.violations.length === 0; lives += 1) {
      const argv = await this.next();
      const first = this.subject.launch(argv);
      const rival = inPairs && argv[0] === 'resume' && argv[2] !== '--from' ? this.subject.launch(argv) : null;
      const ends = await Promise.all([first.ended, ...(rival === null ? [] : [rival.ended])]);
      const allowed = rival === null ? GOOD_ENDS : [...GOOD_ENDS, 75];
      this.done.push(`${argv.slice(0, 4).join(' ')}: ${ends.map(({ code }) => code).join(' and ')}`);
      for (const { code, stderr, stdout } of ends) {
        if (code !== null && allowed.includes(code)) continue;
        this.violations.push(`\`${argv.join(' ')}\` ended with ${code}: ${stderr}${stdout.slice(-2_000)}`);
      }
      this.isTidy = true;
      const rows = await this.subject.rows();
      this.row = rows.find(({ id }) => !others.has(id)) ?? null;
      this.tree = this.row === null ? [] : this.subject.tree(this.row.id);
      if (lives === MOST_LIVES || (this.row?.state === 'failed' && this.lostStep() === null)) {
        const said = ends.map(({ stdout, stderr }) => stderr + stdout.slice(-2_000)).join('\n');
        this.violations.push(`the run does not come to its end: ${this.row?.state}\n${said}`);
      }
    }
  }

  async checkTheEnd(draw: Draw, { reference, others }: Prepared): Promise<void> {
    if (this.violations.length > 0 || this.row === null) return;
    const { asked, isTidy } = this;
    this.violations.push(...(await atTheEnd(this.subject, this.row.id, { reference, asked, draw, others, isTidy })));
  }

  /** Takes everything away, unless there is something to look at. */
  async report(seed: number): Promise<TortureReport> {
    const { violations, kinds, missed, subject } = this;
    const steps = subject.flow.steps.length;
    if (violations.length === 0) await subject.remove();
    else await subject.keep();
    const where = `  again: npm run torture -- --flow ${seed}\n  kept in ${subject.rig.folder}, lives:\n    ${this.done.join('\n    ')}`;
    return { seed, kinds, missed, steps, violations: violations.length === 0 ? [] : [...violations, where] };
  }

  /** What a person would type next. */
  private async next(): Promise<readonly string[]> {
    const lost = this.lostStep();
    if (lost !== null) this.asked.set(lost, (this.asked.get(lost) ?? 0) + 1);
    return this.subject.nextArguments(this.row, lost);
  }

  /** A step that waits for a person's word, for it was lost and is never to be started twice without one. */
  private lostStep(): string | null {
    if (this.row?.state !== 'failed') return null;
    for (const { key, isOnce } of this.subject.flow.steps) {
      const ends = this.tree[0]?.events.filter(({ type, step }) => type === 'attempt.finished' && step === key) ?? [];
      if (isOnce && ends.at(-1)?.outcome === 'lost') return key;
    }
    return null;
  }
}

/** Succeeded, left waiting, or failed: for a step that was lost waits for a word. */
const GOOD_ENDS: readonly number[] = [0, 6, 1];
