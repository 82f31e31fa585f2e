/** What a call throws that failed. */

import type { CallFailure } from './conductor.ts';

/** Why a call failed, thrown where it was awaited. An ordinary error: a flow may catch it and go on. */
export class TaskError extends Error {
  override readonly name = 'TaskError';
  /** The step's key, such as `save#2`. */
  readonly step: string;
  /** How many attempts it had; 0 when none was started. */
  readonly attempts: number;
  /** Why, for programs: `thrown`, `timed_out`, `exit_code`, `outputs`, `rejected` ... */
  readonly code: CallFailure['code'];
  /** The name of what the task threw, such as `TypeError`; null where nothing was thrown. */
  readonly thrown: string | null;
  /** The stack of what the task threw, with the places in the source; null where there is none. */
  readonly detail: string | null;

  constructor(step: string, attempts: number, failure: CallFailure) {
    super(`${step}: ${failure.message}`);
    this.step = step;
    this.attempts = attempts;
    this.code = failure.code;
    this.thrown = failure.thrown;
    this.detail = failure.detail;
  }
}

/** A transaction failed, and so did the undoing of some of what had succeeded. `cause` is why it failed, `errors` are the rest. */
export class RollbackError extends AggregateError {
  override readonly name = 'RollbackError';

  constructor(cause: unknown, errors: readonly unknown[]) {
    const said = (error: unknown): string => (error instanceof Error ? error.message : String(error));
    super(
      [...errors],
      `${said(cause)}; and what had succeeded could not all be undone: ${errors.map(said).join('; ')}`,
      {
        cause,
      },
    );
  }
}
