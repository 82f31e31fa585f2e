/**
 * The frames of the live view: when one is drawn, and when not. At most ten a second; none while the terminal has not taken the last
 * one, or while the program is in the background. Nothing here waits for the terminal, and nothing that goes wrong leaves this file.
 */

import type { LinePaint } from '../plain.ts';
import { layout } from './layout.ts';
import type { LogEnds } from './log-ends.ts';
import type { RunProgress } from './progress.ts';
import type { Look, Scene } from './scene.ts';
import { Screen } from './screen.ts';

/** The shortest time between two frames, milliseconds. */
export const FRAME_MS = 100;
/** More messages than this waiting for a terminal that takes nothing are left out, and counted. */
const MOST_MESSAGES = 1_000;

/** A terminal to draw on. */
export interface TreeTerminal {
  readonly columns: number;
  readonly rows: number;
  /**
   * Whether it takes a frame: `busy` while it has not taken the last one, `away` while the program is not in its foreground, where
   * it would draw over somebody else's work.
   */
  readonly readiness: 'ready' | 'busy' | 'away';
  write(text: string): void;
  /** Calls back when others may have written to it: the program was stopped and goes on, or somebody borrowed it. The returned function ends that. */
  onReturn(callback: () => void): () => void;
}

/** The time of a view; its timers do not keep the program alive. */
export interface TreeClock {
  /** Milliseconds of a clock that never goes back. */
  monotonic(): number;
  /** Calls back again and again until the returned function is called. */
  every(intervalMs: number, callback: () => void): () => void;
}

/** What a live view draws, and where. */
export interface LiveViewParts {
  readonly progress: RunProgress;
  readonly logEnds: LogEnds;
  readonly terminal: TreeTerminal;
  readonly clock: TreeClock;
  readonly paint: LinePaint;
  readonly look: Look;
  /** Told once, when drawing went wrong; nothing is drawn from then on. */
  readonly broken: (error: unknown) => void;
}

/** Draws until it is ended. */
export class LiveView {
  readonly #parts: LiveViewParts;
  readonly #screen: Screen;
  readonly #messages: string[] = [];
  readonly #stops: (() => void)[] = [];
  #leftOut = 0;
  #frame = 0;
  #wasAway = false;
  #isOver = false;

  constructor(parts: LiveViewParts) {
    this.#parts = parts;
    this.#screen = new Screen(parts.paint);
  }

  /** Draws the first frame, and from now on the next ones. */
  begin(): void {
    if (this.#isOver) return;
    const { clock, terminal } = this.#parts;
    this.#stops.push(
      clock.every(FRAME_MS, () => this.#next()),
      terminal.onReturn(() => this.#screen.forget()),
    );
    this.#next();
  }

  /** Prints whole lines above the view with the next frame; after the end, at once. */
  above(text: string): void {
    if (this.#isOver) this.#parts.terminal.write(text);
    else if (this.#messages.length < MOST_MESSAGES) this.#messages.push(text);
    else this.#leftOut += 1;
  }

  /** Leaves the last state on the screen. Later calls change nothing. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stop();
    this.#guarded(() => {
      if (this.#wasAway || this.#parts.terminal.readiness === 'away') this.#screen.forget();
      this.#draw(true);
    });
  }

  #next(): void {
    this.#guarded(() => {
      const { readiness } = this.#parts.terminal;
      if (readiness === 'away') this.#wasAway = true;
      if (readiness !== 'ready') return;
      if (this.#wasAway) this.#screen.forget();
      this.#wasAway = false;
      this.#draw(false);
    });
  }

  #draw(isFinal: boolean): void {
    const { progress, logEnds, terminal, clock, look } = this.#parts;
    const nowMs = clock.monotonic();
    const { columns, rows } = terminal;
    logEnds.begin();
    const scene: Scene = {
      progress,
      look,
      nowMs,
      frame: this.#frame,
      columns,
      rows,
      isFinal,
      lastLine: (step, attempt) => logEnds.lastLine(step, attempt, nowMs),
    };
    const bytes = this.#screen.frame(layout(scene), { columns, rows }, this.#takeMessages());
    if (bytes !== '') terminal.write(bytes);
    this.#frame += 1;
  }

  #takeMessages(): string {
    const texts = this.#messages.splice(0).map((text) => (text.endsWith('\n') ? text : `${text}\n`));
    if (this.#leftOut > 0) texts.push(`(${this.#leftOut} messages were left out: nobody read them)\n`);
    this.#leftOut = 0;
    return texts.join('');
  }

  /** A timer's error would end the program, so it ends the view. */
  #guarded(draw: () => void): void {
    try {
      draw();
    } catch (error) {
      this.#isOver = true;
      this.#stop();
      this.#parts.terminal.write(this.#takeMessages());
      this.#parts.broken(error);
    }
  }

  #stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }
}
