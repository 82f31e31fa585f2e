/** When a frame is drawn and when not: a clock by hand, a terminal that counts, and five thousand steps. */

import { describe, expect, it } from 'vitest';
import type { StepKey } from '../../src/base/ids.ts';
import { plainLines } from '../../src/observers/plain.ts';
import { LiveView } from '../../src/observers/tree/live-view.ts';
import { LogEnds, lastLineOf } from '../../src/observers/tree/log-ends.ts';
import { RunProgress } from '../../src/observers/tree/progress.ts';
import { createTree } from '../../src/observers/tree/tree.ts';
import { Emulator } from './emulator.ts';
import { HandClock, look, PaperTerminal, RUN, Story } from './scenes.ts';

function stage(story: Story, { columns = 80, rows = 24 } = {}) {
  const clock = new HandClock();
  const terminal = new PaperTerminal(columns, rows);
  const progress = new RunProgress(RUN, null, 0);
  for (const event of story.events) progress.observe(event, 0);
  const errors: unknown[] = [];
  let reads = 0;
  const logEnds = new LogEnds((step) => {
    reads += 1;
    return `line ${reads} of ${step}\n`;
  });
  const broken = (error: unknown): void => void errors.push(error);
  const view = new LiveView({ progress, logEnds, terminal, clock, paint: plainLines, look, broken });
  return { clock, terminal, progress, view, errors, reads: () => reads };
}

const crowd = (count: number): Story => {
  const names = Array.from({ length: count }, (_, index) => `step_${index}`);
  const story = new Story(names);
  for (const name of names) story.start(name);
  return story;
};

describe('frames', () => {
  it('are at most ten a second and a screenful each, with 5,000 steps that run and change', () => {
    const { clock, terminal, progress, view, reads } = stage(crowd(5_000));
    view.begin();
    const seconds = 5;
    let seq = progress.record?.seq ?? 0;
    for (let millisecond = 0; millisecond < seconds * 1_000; millisecond += 1) {
      seq += 1;
      const step = `step_${millisecond}` as StepKey;
      const ended = new Story([]).end(step, 'succeeded').events.at(-1);
      if (ended !== undefined) progress.observe({ ...ended, seq }, clock.monotonic());
      clock.pass(1);
    }
    expect(progress.count('succeeded')).toBe(seconds * 1_000);
    expect(terminal.writes.length).toBeGreaterThan(seconds * 5);
    expect(terminal.writes.length).toBeLessThanOrEqual(seconds * 10 + 1);
    const screenful = 80 * 24 * 4;
    for (const frame of terminal.writes) expect(frame.length).toBeLessThan(screenful);
    expect(reads()).toBeLessThanOrEqual(terminal.writes.length * 12);
  });

  it('are few bytes when little changes: 5,000 steps that only run', () => {
    const { clock, terminal, view } = stage(crowd(5_000));
    view.begin();
    clock.pass(2_000);
    terminal.writes.length = 0;
    clock.pass(5_000);
    const bytes = terminal.writes.reduce((sum, frame) => sum + Buffer.byteLength(frame), 0);
    expect(bytes / 5).toBeLessThan(20_000);
    expect(bytes).toBeGreaterThan(1_000);
  });

  it('are dropped while the terminal takes nothing, and the newest state is shown when it does', () => {
    const { clock, terminal, progress, view } = stage(new Story(['a', 'b']).start('a'));
    view.begin();
    expect(terminal.writes).toHaveLength(1);
    terminal.readiness = 'busy';
    clock.pass(10_000);
    expect(terminal.writes).toHaveLength(1);
    const ended = new Story([]).end('a', 'succeeded').events.at(-1);
    if (ended !== undefined) progress.observe({ ...ended, seq: 3 }, clock.monotonic());
    terminal.readiness = 'ready';
    clock.pass(100);
    const screen = new Emulator(80, 24);
    for (const frame of terminal.writes) screen.write(frame);
    expect(screen.text).toEqual(['⠙ etl  01m802n0sk  1/2  10s', '  ✓ a    1.2s', '  · b']);
  });

  it('are not drawn in the background, and begin anew below what others wrote', () => {
    const { clock, terminal, view } = stage(new Story(['a']).start('a'));
    view.begin();
    terminal.readiness = 'away';
    clock.pass(1_000);
    expect(terminal.writes).toHaveLength(1);
    terminal.readiness = 'ready';
    clock.pass(100);
    expect(terminal.writes.at(-1)).toContain('etl');
    expect(terminal.writes.at(-1)).not.toMatch(/\u001b\[\d+A/);
  });

  it('begin anew when the program was stopped and goes on', () => {
    const { clock, terminal, view } = stage(new Story(['a']).start('a'));
    view.begin();
    terminal.comeBack();
    clock.pass(100);
    expect(terminal.writes.at(-1)).toContain('etl');
    expect(terminal.writes.at(-1)).not.toMatch(/\u001b\[\d+A/);
  });

  it('follow the size of the terminal', () => {
    const { clock, terminal, view } = stage(crowd(100));
    view.begin();
    terminal.columns = 20;
    terminal.rows = 6;
    clock.pass(100);
    expect(terminal.writes.at(-1)?.match(/\r\n/g)).toHaveLength(5);
  });
});

describe('messages', () => {
  it('stand above the view, whole, in order, and also when they came while nobody read', () => {
    const { clock, terminal, view } = stage(new Story(['a']));
    view.above('before the first frame\n');
    view.begin();
    view.above('one\n');
    view.above('two\n');
    clock.pass(100);
    terminal.readiness = 'busy';
    view.above('three\n');
    clock.pass(1_000);
    view.end();
    view.above('after the end\n');
    const screen = new Emulator(80, 24);
    for (const text of terminal.writes) screen.write(text.replace(/(?<!\r)\n/g, '\r\n'));
    expect(screen.text).toEqual([
      'before the first frame',
      'one',
      'two',
      'three',
      `▸ etl  ${RUN}`,
      '  · a',
      'after the end',
    ]);
  });

  it('are counted, not kept, when there are too many', () => {
    const { terminal, view } = stage(new Story(['a']));
    terminal.readiness = 'busy';
    for (let index = 0; index < 3_000; index += 1) view.above(`message ${index}\n`);
    view.end();
    expect(terminal.writes.join('')).toContain('message 999\r\n(2000 messages were left out: nobody read them)');
  });
});

describe('the end', () => {
  it('leaves the last state, a sane terminal, and nothing that goes on', () => {
    const { clock, terminal, view } = stage(new Story(['a']).succeed('a').finish('succeeded'));
    view.begin();
    view.end();
    view.end();
    expect([clock.timers, terminal.isWatched]).toEqual([0, false]);
    const screen = new Emulator(80, 24);
    for (const frame of terminal.writes) {
      screen.write(frame);
      expect(screen.isSane).toBe(true);
    }
    expect(screen.text).toEqual([`✓ etl  ${RUN}`, '  ✓ a    1.2s']);
  });

  it('comes by itself when drawing goes wrong: told once, nothing thrown, what was to be said is said', () => {
    const { clock, terminal, view, errors } = stage(new Story(['a']).start('a'));
    view.begin();
    view.above('important\n');
    Object.defineProperty(terminal, 'columns', {
      get: () => {
        throw new Error('no size');
      },
    });
    clock.pass(500);
    view.end();
    expect(errors).toEqual([new Error('no size')]);
    expect(clock.timers).toBe(0);
    expect(terminal.writes.at(-1)).toBe('important\n');
  });
});

describe('the tree', () => {
  it('is shown by listr2 from the first event to the last, and says warnings above', async () => {
    const clock = new HandClock();
    const terminal = new PaperTerminal();
    const errors: unknown[] = [];
    const opening = new Story(['a']).start('a').events;
    const listeners = process.listenerCount('SIGINT');
    const tree = createTree({
      run: RUN,
      before: null,
      terminal,
      clock,
      paint: plainLines,
      look,
      logEnd: () => null,
      broken: (error) => errors.push(error),
    });
    for (const event of opening) tree.observer.observe(event);
    // Drawn though no run has ended: by listr2, which was asked to.
    await terminal.drawn;
    // Its own answer to SIGINT would end the program with 127.
    expect(process.listenerCount('SIGINT')).toBe(listeners);
    const story = new Story(['a']).succeed('a');
    story.add({
      type: 'warning.raised',
      step: 'a' as StepKey,
      attempt: 1,
      code: 'log_truncated',
      message: 'odd \u001b[2Jlog',
    });
    for (const event of story.finish('succeeded').events.slice(opening.length)) tree.observer.observe(event);
    await tree.close();
    expect(errors).toEqual([]);
    const screen = new Emulator(80, 24);
    for (const frame of terminal.writes) screen.write(frame);
    expect(screen.text).toEqual(['2026-03-01T06:00:00.000Z a warning: odd log', `✓ etl  ${RUN}`, '  ✓ a    1.2s']);
  });
});

describe('the last line of a log', () => {
  it('is the last that is not blank, as a terminal would have left it', () => {
    expect(lastLineOf('one\ntwo\n\n  \n')).toBe('two');
    expect(lastLineOf('10%\r20%\r30%\r')).toBe('30%');
    expect(lastLineOf('\u001b[31mred\u001b[0m \u001b]0;title\u0007\u202eabc\n')).toBe('red abc');
    expect(lastLineOf('\u001b[2K\n')).toBeNull();
    expect(lastLineOf('')).toBeNull();
  });

  it('is read a few times a second, and only a few logs a frame', () => {
    const reads: string[] = [];
    const ends = new LogEnds((step, attempt) => {
      reads.push(`${step} ${attempt}`);
      return `${reads.length}`;
    });
    const steps = Array.from({ length: 20 }, (_, index) => `s${index}` as StepKey);
    const frame = (nowMs: number): readonly (string | null)[] => {
      ends.begin();
      return steps.map((step) => ends.lastLine(step, 1, nowMs));
    };
    expect(frame(0).filter((line) => line !== null)).toHaveLength(12);
    expect(frame(100).filter((line) => line !== null)).toHaveLength(20);
    expect(reads).toHaveLength(20);
    frame(200);
    expect(reads).toHaveLength(20);
    frame(300);
    expect(reads).toHaveLength(32);
  });
});
