/**
 * One short check for each safeguard: it finds nothing wrong with the program, and something with a program that lacks the safeguard
 * (see `controls.ts`). Each makes a project of its own and takes it away.
 */

import { readFileSync } from 'node:fs';
import type { RunDetail } from '../../src/model/view.ts';
import { canTrace, type DiskKind } from '../kit/abilities.ts';
import { eventually } from '../kit/rig.ts';
import type { DrawnFlow } from './flow-parts.ts';
import { betweenLives, damageIsSeen, logsComplete, type Violations } from './promises.ts';
import { type LifeEnd, Subject, toldIn } from './subject.ts';
import { dyingAt, watching } from './tracing.ts';

const GRACE_MS = 300;

/** A flow by its steps' texts, each of which needs the one before. @param late those whose effect takes its time. */
function flowOf(
  steps: { readonly [name: string]: readonly string[] },
  loud: readonly string[] = [],
  late: readonly string[] = [],
): DrawnFlow {
  const names = Object.keys(steps);
  const lines = names.flatMap((name, index) => [
    `  ${name}:`,
    ...(index === 0 ? [] : [`    needs: ${names[index - 1]}`]),
    '    run: |',
    ...(late.includes(name) ? ['      sleep 0.5'] : []),
    `      echo "$FLOWCTL_RUN_ID ${name}" >> "$EFFECTS"`,
    ...(steps[name] ?? []).map((line) => `      ${line}`),
  ]);
  const files = new Map([['flow.yaml', `name: directed\nsteps:\n${lines.join('\n')}\n`]]);
  return { kind: 'yaml', entry: 'flow.yaml', files, steps: [], gate: null, generated: [], loud, isWarm: false };
}

const RUN = ['run', 'flow.yaml', '--output', 'json'] as const;

/** Lets a check have a project, and takes that away. */
async function within(
  bin: string | null,
  flow: DrawnFlow,
  check: (subject: Subject) => Promise<Violations>,
  disk: DiskKind | null = null,
): Promise<Violations> {
  const subject = new Subject({ flow, graceMs: GRACE_MS, bin, disk });
  try {
    return await check(subject);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  } finally {
    await subject.restart(null);
    await subject.remove();
  }
}

/** The lines of a trace of `watching`, as a step's course through it. */
function course(trace: string, step: string): { readonly [moment: string]: number } {
  const lines = trace.split('\n');
  const synced = (after: number): number =>
    lines.findIndex((line, index) => index > after && /fdatasync(?: resumed>|\()[^=]*= 0/.test(line));
  // Several records may be written at once: the step has to stand in the record of that type.
  const writes = (fd: RegExp, type: string): number => {
    const record = new RegExp(`type\\\\":\\\\"${type}\\\\"(?:(?!type\\\\":).)*?step\\\\":\\\\"${step}\\\\"`);
    return lines.findIndex((line) => fd.test(line) && record.test(line));
  };
  const journal = /write\((?!1,)\d+,/;
  const started = writes(journal, 'attempt.started');
  const finished = writes(journal, 'attempt.finished');
  return {
    started,
    startDurable: synced(started),
    effect: lines.findIndex((line) => line.includes(`write(1, "`) && line.includes(` ${step}\\n"`)),
    finished,
    finishDurable: synced(finished),
    told: writes(/write\(1,/, 'attempt.finished'),
  };
}

/** Write, then act: what a step does, and what is told of it, come after the sync of the record; its success after its effect. */
// What begins too early is seen where the effect comes at once; a success that is recorded too early, where it takes its time.
export const writesBeforeItActs = (bin: string | null): Promise<Violations> =>
  within(bin, flowOf({ a: [], b: [] }, [], ['b']), async (subject) => {
    const trace = subject.rig.path('trace');
    const { code, stderr } = await subject.launch(RUN, { prefix: watching(trace) }).ended;
    if (code !== 0) return [`the run ended with ${code}: ${stderr}`];
    const text = readFileSync(trace, 'latin1');
    return ['a', 'b'].flatMap((step) => {
      const moments = course(text, step);
      const order = ['started', 'startDurable', 'effect', 'finished', 'finishDurable', 'told'];
      const places = order.map((moment) => moments[moment] ?? -1);
      const isRight = places.every((place, index) => place > (index === 0 ? -1 : (places[index - 1] ?? -1)));
      return isRight ? [] : [`${step}: ${order.map((moment, index) => `${moment} ${places[index]}`).join(', ')}`];
    });
  });

/** (I1) What was told before a power cut is on record after it. */
export const survivesPowerCut = (bin: string | null, disk: DiskKind = 'ext4'): Promise<Violations> =>
  within(
    bin,
    flowOf({ a: [], b: [], c: ['sleep 20'] }),
    async (subject) => {
      const life = subject.launch(RUN);
      await life.prints(/"attempt\.finished".*"step":"b"/);
      subject.cutPower();
      life.process.kill('SIGKILL');
      const { stdout } = await life.ended;
      const told = toldIn(stdout);
      const run = told[0]?.run ?? null;
      await subject.restart(run);
      return afterTheEnd(subject, { ended: await life.ended, killedBy: 'power', told, run });
    },
    disk,
  );

/** (I1) What a reader told of a run whose flowctl died before a sync is on record after a power cut that follows. */
export const readersTellNothingLost = (bin: string | null, disk: DiskKind = 'ext4'): Promise<Violations> =>
  within(
    bin,
    flowOf({ a: [], b: [], c: [] }),
    async (subject) => {
      // Of the syncs of a run's life: the fourth comes after an end that is written.
      const life = await subject.launch(RUN, { prefix: dyingAt('fdatasync', 3), threads: 1 }).ended;
      const run = toldIn(life.stdout)[0]?.run ?? 'last';
      const before = await subject.shown(run);
      subject.cutPower();
      await subject.restart(run);
      const after = await subject.shown(run);
      const known = ({ steps }: RunDetail): string => JSON.stringify(steps.map(({ key, attempts }) => [key, attempts]));
      if (life.signal !== 'SIGKILL' || before.steps.length === 0) return ['nothing was killed, or nothing was shown'];
      return known(before) === known(after) ? [] : [`I1: shown was ${known(before)}, and then ${known(after)}`];
    },
    disk,
  );

const afterTheEnd = async (subject: Subject, life: LifeEnd): Promise<Violations> =>
  (await betweenLives(subject, { life, known: life.run, before: [], others: new Set() })).violations;

/** (I5) What a killed flowctl leaves behind ends within the grace time and a second. */
export const leavesNoOrphans = (bin: string | null): Promise<Violations> =>
  within(bin, flowOf({ a: ['sleep 60 & setsid sleep 60 & echo ready >> "$EFFECTS"', 'sleep 60'] }), async (subject) => {
    const life = subject.launch(RUN);
    await eventually('the step runs', 20_000, () => subject.rig.effects().includes('ready'));
    life.process.kill('SIGKILL');
    const ended = await life.ended;
    const told = toldIn(ended.stdout);
    return afterTheEnd(subject, { ended, killedBy: 'time', told, run: told[0]?.run ?? null });
  });

/** (I8) Of two that resume a run at the same time one is refused, and nothing happens twice. */
export const hasOneOwner = (bin: string | null): Promise<Violations> =>
  within(
    bin,
    flowOf({ a: ['if [ -n "$TORTURE_NAP" ]; then sleep "$TORTURE_NAP"; fi'], b: ['sleep 3'] }),
    async (subject) => {
      const life = subject.launch(RUN, { naps: true });
      await eventually('the step runs', 20_000, () => subject.rig.effects().length === 1);
      life.process.kill('SIGKILL');
      await life.ended;
      const resumes = [subject.launch(['resume', 'last']), subject.launch(['resume', 'last'])];
      const ends = await Promise.all(resumes.map(({ ended }) => ended));
      const codes = ends.map(({ code }) => code).sort();
      const times = subject.rig.effects().filter((effect) => effect.endsWith(' b')).length;
      // One that comes so late that the other has ended finds nothing to do.
      const isRight = times === 1 && (codes[1] === 75 || codes[1] === 0) && codes[0] === 0;
      return isRight ? [] : [`two resumes ended with ${codes.join(' and ')}, and b happened ${times} times`];
    },
  );

/** (I7) A bit that is flipped in a record is noticed. */
export const noticesDamage = (bin: string | null): Promise<Violations> =>
  within(bin, flowOf({ a: [], b: [] }), async (subject) => {
    const { stdout } = await subject.launch(RUN).ended;
    const run = toldIn(stdout)[0]?.run ?? '';
    const [root] = subject.tree(run);
    const text = root?.lines.join('\n') ?? '';
    // Of a digit of a time another digit: nothing but the checksum tells.
    const place = { offset: text.indexOf('"time":"', text.length / 2) + 20, bit: 0 };
    return damageIsSeen(subject, run, place);
  });

/** Case 61: a log that its step opens a second time, by name, is complete. */
export const keepsLoudLogs = (bin: string | null): Promise<Violations> => {
  const texts = ["echo 'first to stdout'", "echo 'second to /dev/stderr' > /dev/stderr", "echo 'third to stdout'"];
  return within(bin, flowOf({ a: texts }, ['a']), async (subject) => {
    await subject.launch(RUN).ended;
    const shown = await subject.shown('last');
    return logsComplete(shown, ['a'], subject.state);
  });
};

/** True where `writesBeforeItActs` can be asked. */
export const canWatch = canTrace;
