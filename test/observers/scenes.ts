/** Runs as their events tell them, and what a view needs to show them: a clock by hand, a terminal that keeps what it is sent. */

import type { ContentHash, RunId, StepId, StepKey } from '../../src/base/ids.ts';
import type { EventBody, RunEvent } from '../../src/model/event.ts';
import type { StepState } from '../../src/model/view.ts';
import { layout } from '../../src/observers/tree/layout.ts';
import type { TreeClock, TreeTerminal } from '../../src/observers/tree/live-view.ts';
import { RunProgress } from '../../src/observers/tree/progress.ts';
import { rowText } from '../../src/observers/tree/row.ts';
import type { Look, Scene } from '../../src/observers/tree/scene.ts';
import { stepSign, stepToneName } from '../../src/cli/states.ts';

export const RUN = '01m802n0skpgfc6fn8d2e08kd5' as RunId;
export const look: Look = (state: StepState) => ({ sign: stepSign(state), tone: stepToneName(state) });

/** Makes the events of a run, one after the other. */
export class Story {
  #seq = 0;
  readonly events: RunEvent[] = [];

  constructor(steps: readonly string[], flow = 'etl') {
    this.add({
      type: 'run.started',
      flow,
      version: null,
      flow_hash: '0'.repeat(64) as ContentHash,
      params: {},
      tags: [],
      trigger: 'manual',
      parent: null,
      scheduled_for: '2026-03-01T06:00:00.000Z',
      settings: { max_parallel: 4, fail_fast: false, grace_ms: 5_000, durability: 'full' },
      steps: steps.map((id) => ({ id: id as StepId, needs: [] })),
    } as EventBody);
  }

  add(...bodies: readonly EventBody[]): this {
    for (const body of bodies) {
      this.#seq += 1;
      this.events.push({ ...body, seq: this.#seq, time: '2026-03-01T06:00:00.000Z' } as RunEvent);
    }
    return this;
  }

  start(step: string, attempt = 1): this {
    return this.add({ type: 'attempt.started', step: step as StepKey, attempt, iteration: 0 });
  }

  end(step: string, outcome: 'succeeded' | 'failed' | 'cancelled', attempt = 1, message = 'exited with code 3'): this {
    return this.add({
      type: 'attempt.finished',
      step: step as StepKey,
      attempt,
      outcome,
      exit_code: outcome === 'succeeded' ? 0 : 3,
      signal: null,
      error: outcome === 'failed' ? { code: 'exit_code', message } : null,
      outputs: null,
      duration_ms: 1_234,
    });
  }

  retry(step: string, attempt: number, delay_ms: number): this {
    const due = '2026-03-01T06:00:09.000Z';
    return this.add({ type: 'retry.scheduled', step: step as StepKey, attempt, delay_ms, due });
  }

  settle(step: string, state: 'failed' | 'cancelled', tolerated = false, message = 'exited with code 3'): this {
    const error = state === 'failed' ? ({ code: 'exit_code', message } as const) : null;
    return this.add({ type: 'step.settled', step: step as StepKey, state, tolerated, error, outputs: null });
  }

  fail(step: string, message?: string): this {
    return this.start(step).end(step, 'failed', 1, message).settle(step, 'failed', false, message);
  }

  succeed(step: string): this {
    return this.start(step).end(step, 'succeeded');
  }

  skip(step: string): this {
    return this.add({ type: 'step.skipped', step: step as StepKey, reason: 'upstream_failed' });
  }

  finish(state: 'succeeded' | 'failed' | 'cancelled'): this {
    const exit_code = state === 'succeeded' ? 0 : 1;
    return this.add({
      type: 'run.finished',
      state,
      exit_code,
      outputs: null,
      timed_out: false,
      error: null,
      duration_ms: 5_000,
    });
  }
}

/** What a story's run looks like, as text. Every event is heard at 0; the frame is drawn at `nowMs`. */
export function drawn(story: Story, scene: Partial<Scene> = {}): string {
  const progress = new RunProgress(RUN, null, 0);
  for (const event of story.events) progress.observe(event, 0);
  const rows = layout({
    progress,
    look,
    nowMs: 3_400,
    frame: 0,
    columns: 80,
    rows: 24,
    isFinal: false,
    lastLine: () => null,
    ...scene,
  });
  return rows.map((row) => `${rowText(row).trimEnd()}\n`).join('');
}

/** Time that passes when the test says so. */
export class HandClock implements TreeClock {
  #now = 0;
  readonly #repeating = new Set<{ readonly intervalMs: number; readonly callback: () => void; due: number }>();

  monotonic(): number {
    return this.#now;
  }

  get timers(): number {
    return this.#repeating.size;
  }

  every(intervalMs: number, callback: () => void): () => void {
    const timer = { intervalMs, callback, due: this.#now + intervalMs };
    this.#repeating.add(timer);
    return () => this.#repeating.delete(timer);
  }

  /** Lets time pass in steps of a millisecond. */
  pass(durationMs: number): void {
    for (let left = durationMs; left > 0; left -= 1) {
      this.#now += 1;
      for (const timer of [...this.#repeating]) {
        if (timer.due > this.#now) continue;
        timer.due += timer.intervalMs;
        timer.callback();
      }
    }
  }
}

/** A terminal that keeps every write, and is as ready as the test says. */
export class PaperTerminal implements TreeTerminal {
  columns: number;
  rows: number;
  readiness: TreeTerminal['readiness'] = 'ready';
  readonly writes: string[] = [];
  /** Resolves with the first write. */
  readonly drawn: Promise<void>;
  #returned: (() => void) | null = null;
  #wasDrawn = (): void => {};

  constructor(columns = 80, rows = 24) {
    this.columns = columns;
    this.rows = rows;
    this.drawn = new Promise((resolve) => {
      this.#wasDrawn = resolve;
    });
  }

  write(text: string): void {
    this.writes.push(text);
    this.#wasDrawn();
  }

  onReturn(callback: () => void): () => void {
    this.#returned = callback;
    return () => {
      this.#returned = null;
    };
  }

  /** Somebody else may have written to it. */
  comeBack(): void {
    this.#returned?.();
  }

  get isWatched(): boolean {
    return this.#returned !== null;
  }
}
