/** Time that a machine with other work does not make longer. */

/** Milliseconds for which processors have worked for this process so far; how much a deed took is the difference of two. */
export function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
