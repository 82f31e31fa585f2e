/** Time that passes, whatever anybody does to the time of day. */

/**
 * Milliseconds since a moment in the past that only differences mean anything against. As `performance.now()`, without the modules of
 * Node's that the first use of it loads.
 */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
}
