/** Outputs of steps: small ones travel in the journal, larger ones in a file that is named by its hash and synced first. */

import { createHash } from 'node:crypto';
import { type ContentHash, contentHash } from '../base/ids.ts';
import { findNotJson, type Json } from '../base/json.ts';
import { Bug } from '../base/result.ts';
import { Turns } from '../base/turns.ts';
import type { OutputStore } from '../engine/ports.ts';
import { INLINE_OUTPUT_LIMIT, type OutputsRef } from '../model/outcome.ts';
import { readText, writeDurably } from './durable-files.ts';
import { outputsPath, type RunLayout } from './layout.ts';
import { problemFrom, StateError } from './problem.ts';

/** Keeps the outputs of one run. Both promises reject with a `StateError`: 74 when writing fails, 65 when what was kept is not. */
export interface RunOutputs extends OutputStore {
  /**
   * Keeps a value: inline up to 64 KiB of JSON, else durable in a file before the promise resolves.
   * What comes back by `read` is the value as JSON gives it back, the first time too.
   */
  store(value: Json): Promise<OutputsRef>;
}

/** Whoever asks for the outputs of a large map asks for those of all its items at once. */
const FILES_AT_ONCE = 8;
const turns = new Turns(FILES_AT_ONCE);

/** Opens the outputs of a run. */
export function runOutputs(run: RunLayout): RunOutputs {
  const remembered = new RememberedValues();
  return {
    store: (value) => storeOutputs(run, value),
    read: (ref) =>
      ref.kind === 'inline' ? Promise.resolve(ref.value) : remembered.read(ref.hash, () => readOutputs(run, ref)),
  };
}

/** Values of which it is known where they are, if they still are; not more of them than this. */
const MOST_REMEMBERED = 64;

/** Values that were read, as long as memory is not wanted for something else: ten thousand items of a map may all ask for the same ones. */
class RememberedValues {
  readonly #values = new Map<ContentHash, WeakRef<object>>();
  readonly #underWay = new Map<ContentHash, Promise<Json>>();

  read(hash: ContentHash, readAnew: () => Promise<Json>): Promise<Json> {
    const known = this.#values.get(hash)?.deref();
    if (known !== undefined) return Promise.resolve(known as Json);
    const underWay = this.#underWay.get(hash) ?? this.#note(hash, readAnew());
    this.#underWay.set(hash, underWay);
    return underWay;
  }

  async #note(hash: ContentHash, reading: Promise<Json>): Promise<Json> {
    try {
      const value = await reading;
      if (typeof value === 'object' && value !== null) this.#remember(hash, value);
      return value;
    } finally {
      this.#underWay.delete(hash);
    }
  }

  #remember(hash: ContentHash, value: object): void {
    this.#values.delete(hash);
    this.#values.set(hash, new WeakRef(value));
    const [oldest] = this.#values.keys();
    if (this.#values.size > MOST_REMEMBERED && oldest !== undefined) this.#values.delete(oldest);
  }
}

async function storeOutputs(run: RunLayout, value: Json): Promise<OutputsRef> {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new Bug(`outputs are no JSON: ${findNotJson(value)?.found ?? typeof value}`);
  const bytes = Buffer.byteLength(text);
  if (bytes <= INLINE_OUTPUT_LIMIT) return { kind: 'inline', value: JSON.parse(text) as Json };
  const hash = hashOf(text);
  const path = outputsPath(run, hash);
  try {
    await writeDurably(path, text);
  } catch (error) {
    throw new StateError(problemFrom(error, path), error);
  }
  return { kind: 'stored', hash, bytes };
}

async function readOutputs(run: RunLayout, ref: Extract<OutputsRef, { kind: 'stored' }>): Promise<Json> {
  // The hash comes from a record; nothing but a hash may become part of a path.
  const path = /^[0-9a-f]{64}$/.test(ref.hash) ? outputsPath(run, ref.hash) : null;
  if (path === null) throw damaged(run.outputs, `\`${String(ref.hash).slice(0, 80)}\` names no outputs`);
  const text = await turns
    .take(() => readText(path))
    .catch((error: unknown) => {
      const problem = problemFrom(error, path);
      throw problem.kind === 'io' && problem.code === 'ENOENT'
        ? damaged(path, 'stored outputs are missing')
        : new StateError(problem, error);
    });
  if (hashOf(text) !== ref.hash) throw damaged(path, 'stored outputs do not match their hash');
  return JSON.parse(text) as Json;
}

const hashOf = (text: string): ContentHash => contentHash(createHash('sha256').update(text).digest('hex'));

const damaged = (file: string, message: string): StateError =>
  new StateError({ kind: 'damaged', file, offset: null, message });
