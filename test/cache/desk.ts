/** Reuse without an engine: a step is asked about, does what the test says, and is kept. */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { RunId, StepKey } from '../../src/base/ids.ts';
import type { Json } from '../../src/base/json.ts';
import { ok } from '../../src/base/result.ts';
import { type ResultKeeper, resultKeeper } from '../../src/cache/keeper.ts';
import { EarlierResults, type ReuseOptions } from '../../src/cache/reuse.ts';
import type { AttemptRequest, ReuseAnswer, ReuseRequest } from '../../src/engine/ports.ts';
import type { OutputsRef } from '../../src/model/outcome.ts';
import { REQUEST_DEFAULTS } from '../kit/request.ts';

export const runId = (number: number): RunId => `01jd${String(number).padStart(22, '0')}` as RunId;

export type Asked = Partial<Omit<ReuseRequest, 'step'>> & { readonly step?: string };

/** What became of a step. */
export interface Performed {
  readonly ran: boolean;
  readonly why: string;
  readonly outputs: Json;
  readonly answer: ReuseAnswer;
  readonly failure: string | null;
}

export class Desk {
  readonly folder = mkdtempSync(join(tmpdir(), 'flowctl-reuse-'));
  /** Far ahead of all files, so that none is racy; the test may say otherwise. */
  now = Date.now() + 3_600_000;
  readonly warnings: string[] = [];
  code = 'code 1';
  private runs = 1;
  earlier = this.open({});
  keeper: ResultKeeper = resultKeeper(this.earlier);

  /** As another process: nothing is remembered but on disk. */
  newRun(options: Partial<ReuseOptions> = {}): this {
    this.runs += 1;
    this.earlier = this.open(options);
    this.keeper = resultKeeper(this.earlier);
    return this;
  }

  private open(options: Partial<ReuseOptions>): EarlierResults {
    return new EarlierResults({
      folder: this.path('.flowctl/cache'),
      scope: 'flow.yaml',
      root: 'flow.yaml',
      prefix: null,
      directory: this.folder,
      run: runId(this.runs),
      clock: { wall: () => this.now },
      outputs: {
        store: (value) => Promise.resolve({ kind: 'inline', value }),
        read: (ref: OutputsRef) => Promise.resolve(ref.kind === 'inline' ? ref.value : null),
      },
      codeOf: () => Promise.resolve(ok(this.code)),
      flows: {},
      noCache: false,
      force: [],
      ...options,
    });
  }

  path(file: string): string {
    return join(this.folder, file);
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(this.path(file)), { recursive: true });
    writeFileSync(this.path(file), text);
  }

  read(file: string): string | null {
    return existsSync(this.path(file)) ? readFileSync(this.path(file), 'utf8') : null;
  }

  touch(file: string): void {
    const soon = new Date(Date.now() + 5_000);
    utimesSync(this.path(file), soon, soon);
  }

  makeExecutable(file: string): void {
    chmodSync(this.path(file), 0o755);
  }

  request({ step = 'only', ...asked }: Asked = {}): ReuseRequest {
    const { stdin, output, outputs_schema, env, values, secret_variables, generates } = REQUEST_DEFAULTS;
    return {
      step: step as StepKey,
      work: { kind: 'shell', text: 'make it', shell: 'sh' },
      stdin,
      output,
      outputs_schema,
      env,
      values,
      secret_variables,
      generates,
      workdir: this.folder,
      sources: [],
      cache: null,
      ...asked,
    };
  }

  /** The attempt that a question is about. */
  attempt(request: ReuseRequest, answer: ReuseAnswer, more: Partial<AttemptRequest> = {}): AttemptRequest {
    return {
      ...REQUEST_DEFAULTS,
      ...request,
      run: runId(this.runs),
      grace_ms: 0,
      idempotency_key: 'x',
      reuse: answer.fingerprint === null ? null : { fingerprint: answer.fingerprint, ttl_ms: null },
      ...more,
    };
  }

  note(step: string): string {
    return this.path(`.flowctl/notes/${step}`);
  }

  /** Asks, and runs the step when the answer says so. @param work makes files, and yields the outputs. */
  async perform(
    asked: Asked = {},
    work: () => Json = () => null,
    more: Partial<AttemptRequest> = {},
  ): Promise<Performed> {
    const request = this.request(asked);
    const answer = await this.earlier.lookup(request);
    const { why } = answer;
    if (answer.kind === 'reuse') {
      const outputs = answer.outputs?.kind === 'inline' ? answer.outputs.value : null;
      return { ran: false, why, outputs, answer, failure: null };
    }
    const attempt = this.attempt(request, answer, more);
    const note = this.note(request.step);
    await this.keeper.begin(attempt, note);
    const value = work();
    const outputs: OutputsRef | null = value === null ? null : { kind: 'inline', value };
    const success = { kind: 'succeeded', exit_code: 0, outputs } as const;
    const end = await this.keeper.conclude(attempt, note, success, (message) => this.warnings.push(message));
    return { ran: true, why, outputs: value, answer, failure: end.kind === 'failed' ? end.failure.message : null };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
