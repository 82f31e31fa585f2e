/** Answers of people on their way to the runs that asked: a sub-run may come to live only after somebody answered it. */

import type { StepKey } from '../base/ids.ts';
import type { Engine } from '../engine/engine.ts';
import type { ApprovalGiven } from '../engine/inbox.ts';
import { memberAt } from './family.ts';

/** Keeps answers until the run they are for lives. */
export class Answers {
  readonly #living: ReadonlyMap<StepKey, Engine>;
  readonly #waiting = new Map<StepKey, ApprovalGiven>();

  /** @param living sub-runs by where their steps stand in the root. */
  constructor(living: ReadonlyMap<StepKey, Engine>) {
    this.#living = living;
  }

  /**
   * Hands an answer over, now or when its run lives.
   * @param step as the root sees it. @param root takes what is for none of its sub-runs.
   */
  give(step: StepKey, answer: ApprovalGiven, root: Engine): void {
    const member = memberAt(this.#living, step);
    // Of what is not asked for nothing comes, there or in the root: so the root may hear of all that has no run of its own yet.
    if (member === null) root.answer(step, answer);
    else member.engine.answer(member.step, answer);
    this.#waiting.set(step, answer);
  }

  /** A sub-run lives now. */
  welcome(prefix: StepKey): void {
    for (const [step, answer] of this.#waiting) {
      const member = step.startsWith(`${prefix}/`) ? memberAt(this.#living, step) : null;
      member?.engine.answer(member.step, answer);
    }
  }
}
