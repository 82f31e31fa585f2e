/**
 * A flow that a program runs for real: by a flowctl of its own, so that the run is recorded, locked, resumed and shown as every other, by the
 * same engine. The program's thread stays free, and what it does to its folder, signals or environment reaches no run.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { type RegisteredFlow, registry } from '../flows/conductor.ts';
import { OptionError, refuse } from '../flows/options.ts';
import { asJson } from '../flows/values.ts';
import type { RunDetail } from '../model/view.ts';
import { type ProgramEnd, startOwnProgram } from '../process/own-program.ts';

/** A run on disk that has ended, or is left waiting. */
export interface RecordedRun<R> {
  readonly id: string;
  readonly state: RunDetail['state'];
  /** As of `flowctl run`: 0, 1 where a step failed, 124 where its time was over ... */
  readonly exitCode: number;
  /** What the flow returned; null where it did not succeed. */
  readonly outputs: R | null;
  readonly error: RunDetail['error'];
  /** What `flowctl show --json` says. */
  readonly run: RunDetail;
}

/** Options of such a run, see `RunFlowOptions`. */
export interface RecordedOptions {
  readonly params?: unknown;
  readonly stateDir: string;
  readonly resume?: string;
  readonly maxParallel?: number;
  readonly signal?: AbortSignal;
}

const SCRIPT = fileURLToPath(new URL('../bin/flowctl.js', import.meta.url));

/** The module that made a flow, from the place where it was made. */
function moduleOf({ place }: RegisteredFlow): string {
  const file = place.replace(/:\d+:\d+$/, '');
  return file.startsWith('file:') ? fileURLToPath(file) : file;
}

/** Runs a flow, or goes on with a run of it; see `runFlow`. */
export async function runRecorded(flow: RegisteredFlow, options: RecordedOptions): Promise<RecordedRun<unknown>> {
  if (registry().loading !== null) {
    throw new Error(
      `runFlow() is called while ${moduleOf(flow)} is loaded to run its flow: put the flow into a module of its own, which the program imports`,
    );
  }
  const folder = await mkdtemp(join(tmpdir(), 'flowctl-params-'));
  try {
    const params = asJson('params', options.params ?? {});
    if (!isJsonObject(params)) refuse('runFlow()', '`params` has to be an object');
    const id = await live(flow, options, await paramsFile(folder, params));
    const run = await shown(id, options.stateDir);
    const { state, exit_code, error } = run;
    const outputs = state === 'succeeded' ? run.outputs : null;
    return { id, state, exitCode: exit_code ?? WAITING, outputs, error, run };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** `flowctl help exit-codes`: the run is left waiting. */
const WAITING = 6;

async function paramsFile(folder: string, params: JsonObject): Promise<string> {
  const file = join(folder, 'params.json');
  await writeFile(file, JSON.stringify(params), { mode: 0o600 });
  return file;
}

/** Lives one life of a run. @returns its id. @throws {OptionError} where none began. */
async function live(
  flow: RegisteredFlow,
  { stateDir, resume, maxParallel, signal }: RecordedOptions,
  params: string,
): Promise<string> {
  const what =
    resume === undefined ? ['run', `${moduleOf(flow)}#${flow.name}`, '--params-file', params] : ['resume', resume];
  const parallel = maxParallel === undefined ? [] : ['--max-parallel', String(maxParallel)];
  const argv = [...what, ...parallel, '--state-dir', stateDir, '--output', 'json'];
  let id: string | null = null;
  const program = startOwnProgram(SCRIPT, argv, (line) => {
    id ??= runIn(line);
  });
  const stop = (): void => program.stop();
  signal?.addEventListener('abort', stop);
  if (signal?.aborted === true) stop();
  const end = await program.ended.finally(() => signal?.removeEventListener('abort', stop));
  // A run that had succeeded already is gone on with by saying so.
  const isOver = resume !== undefined && end.code === 0;
  if ((id === null && !isOver) || isBroken(end)) throw new OptionError(saidBy(end));
  return id ?? resume ?? '';
}

/** Damage, a bug, or a state that cannot be written or is not ours: what became of the run is what flowctl said. */
const isBroken = ({ code }: ProgramEnd): boolean => code !== null && [65, 70, 74, 77].includes(code);

function saidBy({ stderr, code, signal }: ProgramEnd): string {
  const text = stderr.trim();
  return text === '' ? `flowctl ended with ${code ?? signal} and said nothing` : text;
}

function runIn(line: string): string | null {
  const event = parse(line);
  return isJsonObject(event) && typeof event['run'] === 'string' ? event['run'] : null;
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

async function shown(id: string, stateDir: string): Promise<RunDetail> {
  const lines: string[] = [];
  const program = startOwnProgram(SCRIPT, ['show', id, '--json', '--state-dir', stateDir], (line) => {
    lines.push(line);
  });
  const end = await program.ended;
  const detail = parse(lines.join('\n'));
  if (!isJsonObject(detail)) throw new Error(saidBy(end));
  return detail as unknown as RunDetail;
}
