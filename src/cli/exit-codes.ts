/** The exit codes: stable, for scripts depend on them. `flowctl help exit-codes` prints this table. */

/** Every code with its name and when it is given. Codes of signals are given by dying of the signal. */
export const EXIT_CODES = [
  { code: 0, name: 'ok', when: 'the run succeeded; the query was answered' },
  { code: 1, name: 'failed', when: 'the flow ran and at least one step failed, or its fate is unknown' },
  { code: 2, name: 'usage', when: 'a bad flag, argument or id; a missing or invalid param; an ambiguous prefix' },
  { code: 3, name: 'invalid-flow', when: 'the definition is rejected; nothing was started, no run was created' },
  { code: 4, name: 'not-found', when: 'no such flow file, run or step; a run that cannot be resumed' },
  { code: 5, name: 'cancelled', when: 'the run was ended by somebody, not by a signal to this process' },
  { code: 6, name: 'waiting', when: 'the run is parked at an approval or a wait' },
  {
    code: 65,
    name: 'state-corrupt',
    when: 'recorded state is damaged or missing; file and offset are named, nothing is touched',
  },
  { code: 70, name: 'internal', when: 'a bug in flowctl' },
  { code: 74, name: 'state-io', when: 'state cannot be written: disk full, I/O error, read-only' },
  {
    code: 75,
    name: 'busy',
    when: 'another live process owns the run, processes of its earlier life refuse to end, or the concurrency policy said not now',
  },
  { code: 77, name: 'permission', when: 'the state directory is not ours, or others may write to it' },
  { code: 124, name: 'timeout', when: "the run's own timeout" },
  { code: 129, name: 'SIGHUP', when: 'the terminal was closed; the run is settled and recorded first' },
  { code: 130, name: 'SIGINT', when: 'Ctrl-C; the run is settled and recorded first' },
  { code: 143, name: 'SIGTERM', when: 'asked to end; the run is settled and recorded first' },
] as const;

/** A code by its name. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  invalid_flow: 3,
  not_found: 4,
  cancelled: 5,
  waiting: 6,
  state_corrupt: 65,
  internal: 70,
  state_io: 74,
  busy: 75,
  permission: 77,
} as const;

/** The table as text. */
export function exitCodeTable(): string {
  const rows = EXIT_CODES.map(({ code, name, when }) => `${String(code).padStart(4)}  ${name.padEnd(14)} ${when}`);
  return [
    'Exit codes of flowctl',
    '',
    ...rows,
    '',
    'When several apply: a signal, then 74, 65, 70, 124, 5, 1. A step has its own code in `flowctl show`; it is never',
    "flowctl's. `flowctl doctor` gives 1 where warnings are left, 65 where something is damaged, 0 where there are only notes.",
    '',
  ].join('\n');
}
