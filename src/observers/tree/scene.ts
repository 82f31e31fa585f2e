/** What one frame of the live view is made from. */

import type { StepKey } from '../../base/ids.ts';
import { formatDuration } from '../../base/duration.ts';
import type { StepState } from '../../model/view.ts';
import type { RunProgress } from './progress.ts';
import type { Tone } from './row.ts';

/** The sign and the tone of a state; the same in every view. */
export type Look = (state: StepState) => { readonly sign: string; readonly tone: Tone };

/** What one frame shows, to whom, and when. */
export interface Scene {
  readonly progress: RunProgress;
  readonly look: Look;
  /** The clock of `RunProgress`. */
  readonly nowMs: number;
  /** Counts the frames, for what moves. */
  readonly frame: number;
  /** The size of the terminal. */
  readonly columns: number;
  readonly rows: number;
  /** True when nothing follows: nothing moves, and the run's whole id is shown. */
  readonly isFinal: boolean;
  /** What an attempt printed last, fit for a terminal; null when it printed nothing. Asked for visible rows only. */
  lastLine(step: StepKey, attempt: number): string | null;
}

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/** The sign of something that goes on; `still` where nothing moves. */
export const movingSign = ({ frame, isFinal }: Scene, still: string): string =>
  isFinal ? still : (SPINNER[frame % SPINNER.length] ?? still);

/** Time that goes on, in whole seconds, so that a line changes once a second; empty below one. */
export const elapsed = (durationMs: number): string =>
  durationMs < 1_000 ? '' : durationMs < 60_000 ? `${Math.floor(durationMs / 1_000)}s` : formatDuration(durationMs);

/** What is left of a delay, in seconds that are not over yet. */
export const remaining = (durationMs: number): string =>
  durationMs > 59_000 ? formatDuration(durationMs) : `${Math.max(0, Math.ceil(durationMs / 1_000))}s`;
