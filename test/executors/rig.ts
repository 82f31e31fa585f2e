import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseRunId, parseStepId, type RunId, type StepKey, stepKeyOf } from '../../src/base/ids.ts';
import type { Json } from '../../src/base/json.ts';
import type { AttemptListener, AttemptRequest, RunningAttempt, Work } from '../../src/engine/ports.ts';
import { createLocalExecutor, type LocalExecutor } from '../../src/executors/local.ts';
import { findMismatch } from '../../src/load/param-schema.ts';
import type { ProcessIdentity } from '../../src/model/event.ts';
import type { Outcome, OutputsRef } from '../../src/model/outcome.ts';
import type { PrivateHosts } from '../../src/model/project.ts';
import { systemClock } from '../../src/process/clock.ts';
import { directLauncher } from '../../src/process/launcher.ts';
import { startWatchdog, type Watchdog } from '../../src/process/watchdog.ts';
import { REQUEST_DEFAULTS } from '../kit/request.ts';
import { commandRunner } from '../../src/runners/command.ts';
import { keepingArtifacts } from '../../src/runners/keeping-artifacts.ts';
import type { RunNews } from '../../src/runners/notification.ts';
import { notifyRunner } from '../../src/runners/notify.ts';
import type { ResolveName } from '../../src/runners/outgoing-request.ts';
import type { AttemptPlaces, Runner } from '../../src/runners/runner.ts';
import { waitRunner } from '../../src/runners/wait.ts';

let minted = 0;

/** A run id that no other test of this process, or of another, has. */
export function freshRunId(): RunId {
  minted += 1;
  const digits = `${process.pid.toString().padStart(9, '0')}${minted.toString().padStart(6, '0')}`;
  const id = parseRunId(`01jd${Date.now().toString().slice(-7)}${digits}`);
  if (id === null) throw new Error('not a run id');
  return id;
}

export function stepKey(name: string): StepKey {
  const id = parseStepId(name);
  if (id === null) throw new Error(`no step name: ${name}`);
  return stepKeyOf(id);
}

export interface Heard {
  readonly spawned: ProcessIdentity[];
  readonly reaped: number[];
  readonly warned: string[];
}

/** A local executor in a temporary folder, and one call per attempt. */
export interface Rig {
  readonly run: RunId;
  readonly folder: string;
  readonly executor: LocalExecutor;
  readonly watchdog: Watchdog;
  readonly heard: Heard;
  request(work: Work, changes?: Partial<AttemptRequest>): AttemptRequest;
  start(request: AttemptRequest, listener?: Partial<AttemptListener>): RunningAttempt;
  /** Shell text, from start to outcome. */
  sh(text: string, changes?: Partial<AttemptRequest>): Promise<Outcome>;
  argv(argv: readonly string[], changes?: Partial<AttemptRequest>): Promise<Outcome>;
  places(step: StepKey, attempt: number): AttemptPlaces;
  log(step?: string, attempt?: number): Buffer;
  close(): Promise<void>;
}

export interface RigOptions {
  readonly run?: RunId;
  readonly inherited?: { readonly [name: string]: string };
  readonly functionRunner?: (rig: { readonly run: RunId }) => Runner;
  readonly storeOutputs?: (value: Json) => Promise<OutputsRef>;
  /** Default: marks stay what they are. */
  readonly reveal?: (text: string) => string;
  readonly resolveName?: ResolveName;
  /** Default: all, for servers of tests are on loopback. */
  readonly privateHosts?: PrivateHosts;
  readonly news?: () => RunNews;
  /** From TERM to KILL for what a run leaves. Default: a second. */
  readonly graceMs?: number;
  /** Laid around every runner. Default: nothing. */
  readonly wrap?: (runner: Runner) => Runner;
}

export function createRig(options: RigOptions = {}): Rig {
  const run = options.run ?? freshRunId();
  const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-'));
  const clock = systemClock();
  const watchdog = startWatchdog({ run, graceMs: 1_000 });
  const places = (step: StepKey, attempt: number): AttemptPlaces => ({
    log: path.join(folder, 'logs', `${step}.${attempt}.log`),
    output: path.join(folder, 'private', `${step}.${attempt}.out`),
    artifacts: path.join(folder, 'artifacts', `${step}.${attempt}`),
    runDirectory: folder,
    script: path.join(folder, 'private', `${step}.${attempt}.sh`),
    input: path.join(folder, 'private', `${step}.${attempt}.in`),
  });
  const command = commandRunner({
    launcher: directLauncher(),
    watchdog,
    inherited: options.inherited ?? { PATH: process.env['PATH'] ?? '' },
    storeOutputs: options.storeOutputs ?? (async (value) => ({ kind: 'inline', value })),
    checkOutputs: findMismatch,
  });
  const revealing = {
    reveal: options.reveal ?? ((text: string) => text),
    privateHosts: (): PrivateHosts => options.privateHosts ?? 'all',
    ...(options.resolveName === undefined ? {} : { resolveName: options.resolveName }),
  };
  const wrap = options.wrap ?? ((runner: Runner) => runner);
  const executor = createLocalExecutor({
    run,
    clock,
    runners: {
      command: wrap(keepingArtifacts(command)),
      function: wrap(options.functionRunner?.({ run }) ?? command),
      wait: wrap(waitRunner({ command, ...revealing })),
      notify: wrap(notifyRunner({ news: options.news ?? (() => ({ state: 'running', failed: [] })), ...revealing })),
    },
    watchdog,
    places,
    graceMs: options.graceMs ?? 1_000,
    stateLost: () => {},
  });
  const heard: Heard = { spawned: [], reaped: [], warned: [] };
  const request: Rig['request'] = (work, changes = {}) => ({
    ...REQUEST_DEFAULTS,
    run,
    step: stepKey('a'),
    work,
    workdir: folder,
    grace_ms: 1_000,
    idempotency_key: `${run}/a`,
    ...changes,
  });
  const start: Rig['start'] = (attempt, listener = {}) =>
    executor.start(attempt, {
      spawned: async (identity) => {
        heard.spawned.push(identity);
      },
      reaped: (pids) => heard.reaped.push(...pids),
      warned: (code) => heard.warned.push(code),
      childStarted: async () => {},
      published: () => {},
      ...listener,
    });
  return {
    run,
    folder,
    executor,
    watchdog,
    heard,
    request,
    start,
    sh: (text, changes) => start(request({ kind: 'shell', shell: 'sh', text }, changes)).done,
    argv: (argv, changes) => start(request({ kind: 'argv', argv }, changes)).done,
    places,
    log: (step = 'a', attempt = 1) => readFileSync(places(stepKey(step), attempt).log),
    close: async () => {
      await executor.reapRun();
      await executor.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
