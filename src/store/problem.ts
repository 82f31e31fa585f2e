/** What can go wrong with recorded state, as facts. Sentences for people are made at the edge; here is only the shortest one. */

import type { RunId } from '../base/ids.ts';
import { assertNever, err, ok, type Result } from '../base/result.ts';
import type { LockOwner } from './owner.ts';

/** Why state could not be read or written; each kind has one exit code (see `exitCodeOf`). */
export type StateProblem =
  /** A file is damaged or missing. `offset`: bytes from its beginning, null when the whole file is meant. */
  | { readonly kind: 'damaged'; readonly file: string; readonly offset: number | null; readonly message: string }
  /** The system refused; `code` is its name for the reason, for example ENOSPC. */
  | { readonly kind: 'io'; readonly file: string; readonly code: string; readonly message: string }
  /** Another live process owns the run. */
  | { readonly kind: 'busy'; readonly run: RunId; readonly owner: LockOwner | null }
  /** Not ours, or others may write to it; `help` is the command that mends it. */
  | { readonly kind: 'permission'; readonly file: string; readonly message: string; readonly help: string | null }
  | { readonly kind: 'not_found'; readonly text: string; readonly message: string }
  /** The run never started, or another major version of flowctl wrote it. */
  | { readonly kind: 'not_resumable'; readonly run: RunId; readonly message: string }
  | { readonly kind: 'ambiguous'; readonly text: string; readonly candidates: readonly RunId[] }
  | { readonly kind: 'invalid_id'; readonly text: string };

/** The exit code of a problem, as PRODUCT's table of exit codes has it. */
export function exitCodeOf(problem: StateProblem): 2 | 4 | 65 | 74 | 75 | 77 {
  switch (problem.kind) {
    case 'damaged':
      return 65;
    case 'io':
      return 74;
    case 'busy':
      return 75;
    case 'permission':
      return 77;
    case 'not_found':
    case 'not_resumable':
      return 4;
    case 'ambiguous':
    case 'invalid_id':
      return 2;
    default:
      return assertNever(problem, 'state problem');
  }
}

/** One line for people: lower case, no final period. */
export function describeProblem(problem: StateProblem): string {
  switch (problem.kind) {
    case 'damaged': {
      const place = problem.offset === null ? '' : ` at byte ${problem.offset}`;
      return `${problem.file}${place}: ${problem.message}`;
    }
    case 'io':
      // Node's own messages begin with the code.
      return problem.message.includes(problem.code)
        ? `${problem.file}: ${problem.message}`
        : `${problem.file}: ${problem.message} (${problem.code})`;
    case 'busy': {
      const { owner } = problem;
      const who = owner === null ? 'another process' : `process ${owner.pid} on ${owner.host} since ${owner.since}`;
      return `run ${problem.run} is owned by ${who}`;
    }
    case 'permission':
      return `${problem.file}: ${problem.message}`;
    case 'not_found':
      return problem.message;
    case 'not_resumable':
      return `run ${problem.run}: ${problem.message}`;
    case 'ambiguous':
      return `\`${problem.text}\` is the beginning of ${problem.candidates.length} runs`;
    case 'invalid_id':
      return `\`${problem.text.slice(0, 64)}\` is no run id`;
    default:
      return assertNever(problem, 'state problem');
  }
}

/** A state problem on its way up: where a port promises a value, its promise rejects with this. */
export class StateError extends Error {
  override readonly name = 'StateError';
  readonly problem: StateProblem;
  /** @param cause the system's own error, kept whole. */
  constructor(problem: StateProblem, cause?: unknown) {
    super(describeProblem(problem), cause === undefined ? undefined : { cause });
    this.problem = problem;
  }
  /** See `exitCodeOf`. */
  get exitCode(): number {
    return exitCodeOf(this.problem);
  }
}

/** The system's name for what went wrong (`ENOENT`), or null for an error that did not come from a system call. */
export function systemCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return 'syscall' in error ? error.code : null;
}

/** Turns a failed system call into a problem of `file`; anything else is thrown on, for it is a bug. */
export function problemFrom(error: unknown, file: string): StateProblem {
  if (error instanceof StateError) return error.problem;
  const code = systemCode(error);
  if (code === null) throw error;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return { kind: 'permission', file, message: `permission denied (${code})`, help: null };
    case 'ELOOP':
      return { kind: 'damaged', file, offset: null, message: 'is a symbolic link' };
    case 'EISDIR':
      return { kind: 'damaged', file, offset: null, message: 'is a directory' };
    case 'ENOTDIR':
      return { kind: 'damaged', file, offset: null, message: 'has a file where a directory belongs' };
    default:
      return { kind: 'io', file, code, message: (error as Error).message };
  }
}

/** Runs what may meet the system's refusal and gives its end as a value. */
export async function guarded<T>(file: string, work: () => Promise<T>): Promise<Result<T, StateProblem>> {
  try {
    return ok(await work());
  } catch (error) {
    return err(problemFrom(error, file));
  }
}

/** The value of a result, or its problem thrown as a `StateError`: for use below `guarded`. */
export function unwrap<T>(result: Result<T, StateProblem>): T {
  if (result.ok) return result.value;
  throw new StateError(result.error);
}
