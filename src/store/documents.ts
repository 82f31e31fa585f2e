/**
 * Small JSON documents through lowdb, with an adapter of our own. lowdb's file adapters are not used: they neither sync nor keep
 * 0600, share one temporary name between writers, follow links, take damaged contents for defaults, and its presets write
 * nothing under NODE_ENV=test.
 */

import { type Adapter, Low } from 'lowdb';
import type { Result } from '../base/result.ts';
import { readText, writeDurably } from './durable-files.ts';
import { guarded, StateError, type StateProblem, systemCode } from './problem.ts';

/** Takes parsed JSON for a document, or says null: it is none. */
export type Validate<T> = (value: unknown) => T | null;

/** lowdb's adapter for one file: atomic, durable, private writes; reads that tell missing from damaged. */
export class DurableFile<T> implements Adapter<T> {
  readonly #path: string;
  readonly #validate: Validate<T>;
  #bytesWritten = 0;

  constructor(path: string, validate: Validate<T>) {
    this.#path = path;
    this.#validate = validate;
  }

  /** The size of what was last written, 0 before that. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /**
   * @returns the document, or null when there is no file.
   * @throws {StateError} (65) when there is one and it is not such a document.
   */
  async read(): Promise<T | null> {
    let text: string;
    try {
      text = await readText(this.#path);
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null;
      throw error;
    }
    const document = this.#validate(parse(text, this.#path));
    if (document === null) throw damaged(this.#path, 'is not the document that belongs here');
    return document;
  }

  async write(document: T): Promise<void> {
    const text = `${JSON.stringify(document)}\n`;
    await writeDurably(this.#path, text);
    this.#bytesWritten = Buffer.byteLength(text);
  }
}

/**
 * Opens a document.
 * @param defaults stands in only when there is no file; it is not written.
 * @returns lowdb's handle with the document read, or why it cannot be read.
 */
export function openDocument<T>(
  path: string,
  validate: Validate<T>,
  defaults: T,
): Promise<Result<Low<T>, StateProblem>> {
  return guarded(path, async () => {
    const document = new Low<T>(new DurableFile(path, validate), defaults);
    await document.read();
    return document;
  });
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw damaged(path, text === '' ? 'is empty' : 'is no JSON');
  }
}

const damaged = (file: string, message: string): StateError =>
  new StateError({ kind: 'damaged', file, offset: null, message });
