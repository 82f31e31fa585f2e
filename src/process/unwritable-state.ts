/** The disk refuses a file that an attempt needs beneath its run: no failure of the step, but one of the state. */

/** What a disk says that is full, broken, or not to be written: the same for whatever is tried next. */
const DISK_FAULTS: ReadonlySet<string> = new Set(['EDQUOT', 'EIO', 'ENOSPC', 'EROFS', 'ESTALE', 'EUCLEAN']);

/** Thrown through runners in place of an end: nothing of the attempt has begun, and nothing more is to be started. */
export class UnwritableState extends Error {
  override readonly name = 'UnwritableState';
  readonly file: string;
  /** The system's name for the reason, such as ENOSPC. */
  readonly code: string;
  /** @param file what could not be made; absolute. */
  constructor(file: string, code: string, cause: Error) {
    super(cause.message, { cause });
    this.file = file;
    this.code = code;
  }
}

/**
 * Tells a disk that refuses from everything else that can be wrong with a file of an attempt.
 * @param file used where the error names none. @throws {UnwritableState} for the former.
 */
export function refuseUnwritable(error: unknown, file: string): void {
  if (!(error instanceof Error)) return;
  const { code, path } = error as NodeJS.ErrnoException;
  if (code !== undefined && DISK_FAULTS.has(code)) throw new UnwritableState(path ?? file, code, error);
}
