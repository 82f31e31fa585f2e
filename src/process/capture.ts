/** Keeps what a step prints for its outputs, up to a limit: the rest is in the log only. */

/** What was kept. `too_large`: more came than the limit, so nothing is kept. */
export type Captured =
  | { readonly kind: 'whole'; readonly bytes: Buffer }
  | { readonly kind: 'too_large' }
  /** Something still printed when the step had ended, so nobody can say what belongs to its outputs. */
  | { readonly kind: 'endless' }
  /** The log could not be written, so what was printed afterwards is lost. */
  | { readonly kind: 'unwritten' };

/** Stdout of which more is printed is no output any more, in bytes. */
export const CAPTURE_LIMIT = 16_777_216;

const FIRST_SIZE = 65_536;

/** A growing buffer. */
export interface Capture {
  add(chunk: Buffer): void;
  end(): Captured;
}

/** One buffer that doubles, not a list of chunks: a program that prints byte by byte would make one of millions. */
export function startCapture(limitBytes: number): Capture {
  let buffer: Buffer | null = Buffer.allocUnsafe(0);
  let length = 0;
  return {
    add: (chunk) => {
      if (buffer === null) return;
      const needed = length + chunk.length;
      if (needed > limitBytes) {
        buffer = null;
        return;
      }
      if (needed > buffer.length) {
        const larger = Buffer.allocUnsafe(Math.min(limitBytes, Math.max(FIRST_SIZE, needed, buffer.length * 2)));
        buffer.copy(larger, 0, 0, length);
        buffer = larger;
      }
      chunk.copy(buffer, length);
      length = needed;
    },
    end: () => (buffer === null ? { kind: 'too_large' } : { kind: 'whole', bytes: buffer.subarray(0, length) }),
  };
}
