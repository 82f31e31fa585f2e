/**
 * A look over everything that is recorded: what is wrong with it, and what could be done. This folder must not know what is printed, nor
 * how processes are found. Looking neither locks nor writes; a mend does, only what loses nothing, and it looks again before it does.
 * Next: `state.ts` (all of it), `folders.ts` (the directory), `run.ts` (one run), `listing.ts` (markers and index).
 */

import type { RunId } from '../../base/ids.ts';

/**
 * How bad it is. `damage`: something recorded is lost, and nothing brings it back. `permission`: the state is not ours alone. `warning`:
 * somebody should know, or do something. `note`: nothing comes of it.
 */
export type Severity = 'damage' | 'permission' | 'warning' | 'note';

/** What can be done about it without losing anything. */
export interface Mend {
  /** In the words of `it would ...`. */
  readonly what: string;
  /**
   * Does it.
   * @returns false when it could not be done now, for somebody else is at it.
   * @throws the system's error.
   */
  apply(): Promise<boolean>;
}

/** Something that was found. */
export interface Finding {
  readonly severity: Severity;
  /** For programs; stable. */
  readonly code: string;
  readonly message: string;
  /** Absolute path. */
  readonly file: string | null;
  /** Bytes from the file's beginning. */
  readonly offset: number | null;
  readonly run: RunId | null;
  /** What a person may do. */
  readonly help: string | null;
  readonly mend: Mend | null;
}

/** What is said of a finding beyond the sentence. */
export type Details = Partial<Omit<Finding, 'severity' | 'code' | 'message'>>;

/** Makes a finding. */
export const finding = (severity: Severity, code: string, message: string, details: Details = {}): Finding => ({
  ...{ severity, code, message, file: null, offset: null, run: null, help: null, mend: null },
  ...details,
});
