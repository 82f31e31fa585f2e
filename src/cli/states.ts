/** States as people see them: a sign, a word, a colour; the same in every view. */

import type { RunState, StepState } from '../model/view.ts';
import type { Style } from './style.ts';

/** How a state is painted: the name of a colour of `Style`. */
export type Tone = 'good' | 'bad' | 'odd' | 'faint' | 'strong';

const RUN_TONES: { readonly [State in RunState]: Tone } = {
  scheduled: 'faint',
  queued: 'faint',
  running: 'strong',
  waiting: 'odd',
  cancelling: 'odd',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'odd',
  skipped: 'faint',
  crashed: 'bad',
};

const STEP_SIGNS: { readonly [State in StepState]: readonly [sign: string, tone: Tone] } = {
  pending: ['·', 'faint'],
  queued: ['·', 'faint'],
  running: ['▸', 'strong'],
  retrying: ['↻', 'odd'],
  waiting: ['…', 'odd'],
  succeeded: ['✓', 'good'],
  failed: ['✗', 'bad'],
  skipped: ['-', 'odd'],
  cancelled: ['×', 'odd'],
};

/** The colour of a run's state. */
export const runTone = (style: Style, state: RunState): ((text: string) => string) => style[RUN_TONES[state]];

/** The colour of a step's state. */
export const stepTone = (style: Style, state: StepState): ((text: string) => string) => style[STEP_SIGNS[state][1]];

/** The one-column sign of a step's state. */
export const stepSign = (state: StepState): string => STEP_SIGNS[state][0];

/** The name of the colour of a step's state, for views that paint later. */
export const stepToneName = (state: StepState): Tone => STEP_SIGNS[state][1];
