/** The calls behind an error: what the library throws for a failed call names its step. */

const MOST = 100;

/** The keys of the failed calls that an error stands for: its own, those of its causes, and those that it gathers. */
export function stepsBehind(error: unknown): readonly string[] {
  const found = new Set<string>();
  const seen = new Set<unknown>();
  const open: unknown[] = [error];
  for (let at = open.pop(); at !== undefined && seen.size < MOST; at = open.pop()) {
    if (typeof at !== 'object' || at === null || seen.has(at)) continue;
    seen.add(at);
    try {
      const { step, cause, errors } = at as {
        readonly step?: unknown;
        readonly cause?: unknown;
        readonly errors?: unknown;
      };
      if (at instanceof Error && typeof step === 'string') found.add(step);
      open.push(cause, ...(Array.isArray(errors) ? (errors as readonly unknown[]) : []));
    } catch {
      // An error whose members cannot be read stands for nothing.
    }
  }
  return [...found];
}
