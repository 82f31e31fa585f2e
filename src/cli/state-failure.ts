/** What a problem with recorded state means for the caller: a sentence, what to do, and the exit code. */

import { listed } from '../diagnostics/phrase.ts';
import { describeProblem, exitCodeOf, StateError, type StateProblem } from '../store/problem.ts';

/** A problem as the command line tells it. */
export interface StateFailure {
  readonly message: string;
  readonly help: string | null;
  readonly code: number;
}

/** The failure behind an error that was thrown, or null when it is something else. */
export const stateFailure = (error: unknown): StateFailure | null =>
  error instanceof StateError ? failureOf(error.problem) : null;

/** A problem in words. */
export const failureOf = (problem: StateProblem): StateFailure => ({
  message: describeProblem(problem),
  help: helpFor(problem),
  code: exitCodeOf(problem),
});

function helpFor(problem: StateProblem): string | null {
  switch (problem.kind) {
    case 'permission':
      return problem.help;
    case 'ambiguous':
      return `give more of the id; candidates: ${listed(problem.candidates, 'and')}`;
    case 'busy':
      return `wait for it, or end it: flowctl cancel ${problem.run}`;
    case 'io':
      return problem.code === 'ENOSPC' || problem.code === 'EDQUOT' ? 'free some space, then `flowctl resume`' : null;
    case 'damaged':
      return 'nothing was changed';
    case 'invalid_id':
      return '`flowctl runs` lists the runs; an id, any unique beginning of one, or `last`';
    case 'not_found':
      return '`flowctl runs` lists the runs';
    case 'not_resumable':
      return null;
  }
}
