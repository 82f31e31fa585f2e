/** From the end of a command's process to the end of its attempt: what its exit code means, and what its outputs are. */

import { constants } from 'node:os';
import type { Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { AttemptRequest } from '../engine/ports.ts';
import type { Failure } from '../model/outcome.ts';
import type { Captured } from '../process/capture.ts';
import type { ProcessEnd } from '../process/launcher.ts';
import { readOutputFile } from '../process/output-file.ts';
import { readPrinted } from '../process/printed-outputs.ts';
import { reportsSignals } from './interpreters.ts';
import { keepOutputs, type OutputKeeping } from './outputs.ts';
import type { AttemptPlaces, AttemptSecrets, WorkEnd } from './runner.ts';

/** How a command came to its end by itself. */
export interface CommandEnd {
  readonly request: AttemptRequest;
  readonly places: AttemptPlaces;
  readonly end: ProcessEnd;
  /** What came by stdout; null where outputs come from the file. */
  readonly captured: Captured | null;
  /** Its output file is known to be empty. Default: it is read. */
  readonly wroteNothing?: boolean;
  /** Absent where the run has no secrets. */
  readonly secrets?: AttemptSecrets | undefined;
}

/**
 * Says how the attempt ended. Only an exit says that it succeeded or that there was nothing to do; a signal always is a failure.
 * An attempt that failed or skips publishes nothing, so nothing of what it wrote is looked at.
 */
export async function concludeCommand(keeping: OutputKeeping, command: CommandEnd): Promise<WorkEnd> {
  const { request, end } = command;
  const { exitCode } = end;
  if (exitCode !== null && request.skip_codes.includes(exitCode)) {
    return { kind: 'succeeded', exit_code: exitCode, outputs: null, skips: true };
  }
  if (exitCode === null || !request.success_codes.includes(exitCode)) {
    return { kind: 'failed', ...describeEnd(end, request) };
  }
  const value = readOutputs(command);
  const kept = value.ok ? await keepOutputs(keeping, request.outputs_schema, value.value, command.secrets) : value;
  return kept.ok
    ? { kind: 'succeeded', exit_code: exitCode, outputs: kept.value }
    : { kind: 'failed', failure: kept.error, exit_code: exitCode, signal: null };
}

function readOutputs({ request, places, captured, wroteNothing = false }: CommandEnd): Result<Json, Failure> {
  const file = wroteNothing ? ok(null) : readOutputFile(places.output);
  if (request.output === 'file' || captured === null) {
    // Where a schema asks for names, nothing written means: none of them.
    return file.ok && file.value === null && request.outputs_schema !== null ? ok({}) : file;
  }
  // Neither of the two may be dropped without a word.
  if (!file.ok || file.value !== null) {
    const message = `\`output: ${request.output}\` takes the outputs from stdout, but the step also wrote to \`$FLOWCTL_OUTPUT\``;
    return err({ code: 'outputs', message });
  }
  return readPrinted(request.output, captured);
}

const SIGNALS = new Map(Object.entries(constants.signals).map(([name, number]) => [number as number, name]));

/** The signal that an exit code of a shell stands for: 128 plus its number (POSIX.1 XCU, 2.8.2); null where it stands for none. */
export const signalReportedBy = (exitCode: number): string | null => SIGNALS.get(exitCode - 128) ?? null;

/** What of a request decides how an end is told. */
export type EndContext = Pick<AttemptRequest, 'work' | 'success_codes'>;

/**
 * Says how a process ended. A shell reports a command that died by a signal as 128 plus its number (POSIX.1 XCU, 2.8.2); a
 * program's own exit code may look the same, so both readings are recorded.
 */
export function describeEnd(
  end: ProcessEnd,
  { work, success_codes }: EndContext,
): { readonly failure: Failure; readonly exit_code: number | null; readonly signal: string | null } {
  const hint = (signal: string): string => (signal === 'SIGKILL' ? ', possibly out of memory' : '');
  if (end.exitCode === null) {
    const signal = end.signal ?? 'an unknown signal';
    const failure: Failure = { code: 'signal', message: `ended by ${signal}${hint(signal)}` };
    return { failure, exit_code: null, signal: end.signal };
  }
  const isShell = work.kind === 'shell' && reportsSignals(work.shell);
  const reported = isShell ? signalReportedBy(end.exitCode) : null;
  const reading = reported === null ? '' : ` (128+${reported}${hint(reported)})`;
  const why = end.exitCode === 0 ? `, which is not among its success codes (${success_codes.join(', ')})` : '';
  return {
    failure: { code: 'exit_code', message: `exited with code ${end.exitCode}${reading}${why}` },
    exit_code: end.exitCode,
    signal: reported,
  };
}
