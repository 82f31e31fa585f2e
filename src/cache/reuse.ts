/**
 * Decides whether a recorded result stands for running a step, and says why. This room knows fingerprints, files and what is kept of
 * results; it knows nothing of attempts, retries or journals. Next: `fingerprint.ts` (what counts), `records.ts` (what is kept),
 * `keeper.ts` (what happens around an attempt).
 *
 * With `sources` or `generates` alone a step behaves as a rule of make does, but for content in place of times: the last success stands
 * as long as nothing changed. With `cache` any earlier success with the same fingerprint stands, and missing files are restored.
 */

import { isAbsolute, join } from 'node:path';
import { formatDuration } from '../base/duration.ts';
import { literalPath, parseGlob } from '../base/glob-pattern.ts';
import { type ContentHash, recordedStepKey, type RunId, type StepKey } from '../base/ids.ts';
import type { Json } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { Clock, OutputStore, Reuse, ReuseAnswer, ReuseRequest, Work } from '../engine/ports.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { OutputsRef } from '../model/outcome.ts';
import { findFiles } from '../process/glob.ts';
import { describeChanges } from './changes.ts';
import { Contents, hashOf } from './content.ts';
import { contentOfFlow, fingerprintOf, type Parts, partsOf, type Place, type WorkContent } from './fingerprint.ts';
import { areKept, describeDeviations, type Deviation, findDeviations, manifestOf, restoreFiles } from './generated.ts';
import { isPartOf, noteUse } from './housekeeping.ts';
import { FORMAT, type KeptResult, type KeptSource, Records, type StepMemory } from './records.ts';
import { Turns } from '../base/turns.ts';

/** What reuse in one run works with. */
export interface ReuseOptions extends Place {
  /** `.flowctl/cache`; absolute. */
  readonly folder: string;
  /** The flow of the root run, as `scope` names it, and the key of its step that this run belongs to; null for the root itself. */
  readonly root: string;
  readonly prefix: StepKey | null;
  readonly run: RunId;
  readonly clock: Pick<Clock, 'wall'>;
  readonly outputs: OutputStore;
  /** The hash of a module with all that it imports from the project, or why it cannot be known. @param module absolute. */
  codeOf(module: string): Promise<Result<string, string>>;
  /** The definitions of sub-flows, by the absolute paths of their files. */
  readonly flows: FlowDefinition['flows'];
  /** True: nothing is reused; what is made is kept all the same. */
  readonly noCache: boolean;
  /** Steps that run whatever is recorded, with all that is in them: those of `--force`, and those that a resume is to run again. */
  readonly force: readonly string[];
  readonly again?: readonly string[];
}

/** A step as it is before an attempt: under what a success will be kept. */
export interface Before {
  readonly fingerprint: ContentHash;
  readonly parts: Parts;
  readonly sources: readonly KeptSource[];
  readonly patterns: readonly string[];
  readonly cached: boolean;
  /** What was known of the step until now. */
  readonly memory: StepMemory | null;
}

/** What was found out without changing anything. */
export type Finding =
  | Extract<ReuseAnswer, { readonly kind: 'run' }>
  | {
      readonly kind: 'reuse';
      readonly fingerprint: ContentHash;
      readonly why: string;
      readonly result: KeptResult;
      readonly outputs: Json | null;
      /** Files that have to be put back first. */
      readonly restore: readonly Deviation[];
    };

/** Questions that are looked into at once: more would only wait for each other, with files open. */
const AT_ONCE = 8;

/** Earlier results, as one run sees them. */
export class EarlierResults implements Reuse {
  readonly options: ReuseOptions;
  readonly records: Records;
  readonly contents: Contents;
  private readonly before = new Map<StepKey, Before>();
  private readonly turns = new Turns(AT_ONCE);

  constructor(options: ReuseOptions) {
    this.options = options;
    this.records = new Records(options.folder);
    this.contents = new Contents(() => options.clock.wall());
  }

  lookup(request: ReuseRequest): Promise<ReuseAnswer> {
    return this.turns.take(() => this.answer(request));
  }

  private async answer(request: ReuseRequest): Promise<ReuseAnswer> {
    const finding = await this.explain(request);
    if (finding.kind === 'run') return finding;
    const { fingerprint, result, restore } = finding;
    const failed = await restoreFiles(
      this.records,
      this.contents,
      this.options.directory,
      restore.map(({ file }) => file),
    );
    if (failed !== null) return { kind: 'run', fingerprint, why: `${failed} could not be restored` };
    await this.remember(request, result);
    if (request.cache !== null) await noteUse(this.records.resultPath(fingerprint), this.options.clock.wall());
    this.before.delete(request.step);
    const why = restore.length === 0 ? finding.why : `${finding.why}; restored: ${describeDeviations(restore)}`;
    const from = { run: result.run, step: result.step };
    const outputs = await this.storeOutputs(finding.outputs);
    if (result.generated.length === 0) return { kind: 'reuse', from, fingerprint, why, outputs };
    const generated = await this.options.outputs.store(manifestOf(result.generated));
    return { kind: 'reuse', from, fingerprint, why, outputs, generated };
  }

  /** As `lookup`, but nothing is restored or written. */
  async explain(request: ReuseRequest): Promise<Finding> {
    const { step, cache } = request;
    // As a step that only says what it makes: nobody knows on what that depends.
    if (cache === null && request.sources.length === 0) {
      return { kind: 'run', fingerprint: null, why: 'it has neither `sources` nor `cache`' };
    }
    const memory = await this.records.memory(this.options.root, this.placed(step));
    this.learn(memory, request.workdir);
    const now = await this.look(request, memory);
    if (!now.ok) {
      this.before.delete(step);
      return { kind: 'run', fingerprint: null, why: now.error };
    }
    const { fingerprint } = now.value;
    this.before.set(step, now.value);
    const run = (why: string): Finding => ({ kind: 'run', fingerprint, why });
    if (this.options.noCache) return run('--no-cache');
    const isNamed = (name: string): boolean => isPartOf(this.placed(step), name);
    const forced = this.options.force.find(isNamed);
    if (forced !== undefined) return run(`--force ${forced}`);
    if (this.options.again?.some(isNamed)) return run('the resume asked for it again');
    const result = await this.resultFor(now.value);
    if (result === null) return run(whyNot(now.value, cache?.key ?? null));
    const age = this.options.clock.wall() - Date.parse(result.created_at);
    const ttl = cache?.ttl_ms ?? null;
    if (ttl !== null && !(age < ttl)) return run(`the result is older than ${formatDuration(ttl)}`);
    return this.judge(fingerprint, result, cache !== null);
  }

  /** The step as the root sees it: the same step of a sub-flow has another memory for each step that the sub-flow stands in. */
  placed(step: StepKey): StepKey {
    const { prefix } = this.options;
    return prefix === null ? step : recordedStepKey(`${prefix}/${step}`);
  }

  /** What a success of this attempt is to be kept under; null when it is not to be kept. Forgotten by the question. */
  takeBefore(step: StepKey, fingerprint: ContentHash): Before | null {
    const before = this.before.get(step) ?? null;
    this.before.delete(step);
    return before?.fingerprint === fingerprint ? before : null;
  }

  private async judge(fingerprint: ContentHash, result: KeptResult, cached: boolean): Promise<Finding> {
    const restore = await findDeviations(this.contents, this.options.directory, result.generated);
    if (restore.length > 0 && !(cached && (await areKept(this.records, restore)))) {
      return { kind: 'run', fingerprint, why: describeDeviations(restore) };
    }
    const outputs = await this.readOutputs(result);
    if (!outputs.ok) return { kind: 'run', fingerprint, why: outputs.error };
    const why = `nothing changed since run ${result.run}`;
    return { kind: 'reuse', fingerprint, why, result, outputs: outputs.value, restore };
  }

  /** True when the sources are still those that the fingerprint was made of: else nobody knows which of them the step has seen. */
  async areSame({ sources, patterns }: Before, workdir: string): Promise<boolean> {
    if (patterns.length === 0) return true;
    const now = await this.hashSources(workdir, patterns);
    const text = (list: readonly KeptSource[]) => list.map(([path, hash]) => `${hash} ${path}`).join('\n');
    return now.ok && text(now.value) === text(sources);
  }

  private async resultFor({ memory, ...now }: Before): Promise<KeptResult | null> {
    const found = now.cached ? await this.records.result(now.fingerprint) : null;
    return found ?? (memory?.fingerprint === now.fingerprint ? memory.result : null);
  }

  private async look(request: ReuseRequest, memory: StepMemory | null): Promise<Result<Before, string>> {
    const { workdir, cache } = request;
    // A key decides alone: nothing else is looked at.
    const keyed = cache !== null && cache.key !== null;
    const patterns = keyed ? [] : withoutOwn(request);
    const sources = keyed ? ok([]) : await this.hashSources(workdir, patterns);
    if (!sources.ok) return sources;
    const content: Result<WorkContent, string> = keyed ? ok(null) : await this.contentOf(request.work);
    if (!content.ok) return content;
    const parts = partsOf(request, content.value, this.options);
    const hashes = sources.value.map(([path, hash]) => [path, hash] as const);
    const fingerprint = fingerprintOf(request, parts, hashes, this.options);
    return ok({ fingerprint, parts, sources: sources.value, patterns, cached: cache !== null, memory });
  }

  private async hashSources(workdir: string, patterns: readonly string[]): Promise<Result<KeptSource[], string>> {
    const found = await findFiles(workdir, patterns);
    if (!found.ok) return err(found.error);
    const sources: KeptSource[] = [];
    for (const path of found.value.files) {
      try {
        const content = await this.contents.of(isAbsolute(path) ? path : join(workdir, path), this.options.directory);
        if (content !== null) sources.push([path, content.hash, content.stamp]);
      } catch (error) {
        return err(`the source ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
      }
    }
    return ok(sources);
  }

  private async contentOf(work: Work): Promise<Result<WorkContent, string>> {
    if (work.kind === 'call') return this.options.codeOf(work.module);
    if (work.kind === 'flow') return contentOfFlow(work.flow, this.options);
    return ok(null);
  }

  private learn(memory: StepMemory | null, workdir: string): void {
    if (memory === null) return;
    for (const [path, hash, stamp] of memory.sources) {
      if (stamp !== null) this.contents.learn(isAbsolute(path) ? path : join(workdir, path), stamp, hash);
    }
    for (const { path, hash } of memory.result.generated) {
      const stamp = memory.stamps[path];
      if (stamp !== undefined) this.contents.learn(join(this.options.directory, path), stamp, hash);
    }
  }

  /** A result that was reused is the step's last success: what changes after this is told against it, and its files are known again. */
  private async remember(request: ReuseRequest, result: KeptResult): Promise<void> {
    const { root: flow, directory } = this.options;
    const step = this.placed(request.step);
    const now = this.before.get(request.step);
    if (now === undefined) return;
    const stamps: { [path: string]: string } = {};
    for (const { path } of result.generated) {
      const content = await this.contents.of(join(directory, path), directory).catch(() => null);
      if (content !== null && content.stamp !== null) stamps[path] = content.stamp;
    }
    const { fingerprint, parts, sources, memory: old } = now;
    const memory: StepMemory = {
      format: FORMAT,
      flow,
      step,
      fingerprint,
      parts,
      sources,
      result,
      stamps,
    };
    if (old !== null && isAsGood(old, memory)) {
      await noteUse(this.records.memoryPath(flow, step), this.options.clock.wall());
      return;
    }
    // It only makes the next look faster.
    await this.records.keepMemory(memory).catch(() => undefined);
  }

  private async readOutputs({ outputs }: KeptResult): Promise<Result<Json | null, string>> {
    if (outputs === null) return ok(null);
    if (outputs.kind === 'inline') return ok(outputs.value);
    const value = (await this.records.keptJson(outputs.hash)) as Json;
    if (value === null || hashOf(JSON.stringify(value)) !== outputs.hash) return err('its outputs are no longer kept');
    return ok(value);
  }

  private async storeOutputs(value: Json | null): Promise<OutputsRef | null> {
    return value === null ? null : this.options.outputs.store(value);
  }
}

/** A file that the step makes is none of its sources, as make drops a target that depends on itself; where it is named, not where it may be. */
function withoutOwn({ sources, generates }: ReuseRequest): readonly string[] {
  const own = generates.filter((pattern) => {
    const globs = parseGlob(pattern);
    return globs.ok && globs.value.every((glob) => !glob.negated && literalPath(glob) !== null);
  });
  return [...sources, ...own.map((pattern) => `!${pattern}`)];
}

/** True when the older one knows all that the newer one knows. */
function isAsGood(old: StepMemory, { fingerprint, sources, result, stamps }: StepMemory): boolean {
  return (
    old.fingerprint === fingerprint &&
    old.result.created_at === result.created_at &&
    sources.every(([, , stamp], index) => stamp === null || old.sources[index]?.[2] === stamp) &&
    Object.entries(stamps).every(([path, stamp]) => old.stamps[path] === stamp)
  );
}

function whyNot({ memory, ...now }: Before, key: string | null): string {
  if (memory === null) return 'no result of it is kept';
  if (memory.fingerprint === now.fingerprint) return 'its result is no longer kept';
  if (key !== null) return `nothing is kept under the key \`${key}\``;
  const before = memory.sources.map(([path, hash]) => [path, hash] as const);
  const current = now.sources.map(([path, hash]) => [path, hash] as const);
  const changes = describeChanges({ parts: memory.parts, sources: before }, { parts: now.parts, sources: current });
  return changes ?? 'what it is given changed';
}
