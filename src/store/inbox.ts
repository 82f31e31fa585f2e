/**
 * The inbox of a run: requests from other processes to whoever owns the run, one file each, since a journal has one writer. They
 * are written beside and renamed into place, so that a reader never sees half of one. The owner takes a request, records it, and
 * only then removes its file: an owner that dies in between has lost nothing that was asked of it.
 *
 *     dropped --> taken --> recorded in the journal --> file removed
 *        '--> refused (not understood): renamed, and said
 */

import { randomBytes } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import { openForReading, writeDurably } from './durable-files.ts';
import type { RunLayout } from './layout.ts';
import { problemFrom, type StateProblem, systemCode } from './problem.ts';

/** Asks for the end of a run. */
export interface CancelRequest {
  readonly kind: 'cancel';
  /** Who asks, as they say of themselves: whoever may write here may also write the journal. */
  readonly by: { readonly name: string; readonly host: string; readonly pid: number };
  /** Present where no person asks, but a newer run of the same concurrency group. */
  readonly policy?: 'cancel_running';
  /** RFC 3339, wall clock of the one who asks. */
  readonly at: string;
  readonly reason: string | null;
}

/** Answers an approval. */
export interface ApproveRequest {
  readonly kind: 'approve';
  readonly by: CancelRequest['by'];
  readonly at: string;
  /** The step's key as the root sees it, such as `report/gate`. */
  readonly step: string;
  readonly approved: boolean;
  readonly params: JsonObject;
  readonly comment: string | null;
}

/** Everything that can be asked of an owner. */
export type RunRequest = CancelRequest | ApproveRequest;

/** `<kind>-<16 hex digits>.json`. */
const REQUEST_NAME = /^(cancel|approve)-[0-9a-f]{16}\.json$/;
const LARGEST_REQUEST_BYTES = 65_536;
/** fs.watch misses events, and is missing on some file systems: the folder is looked into this often all the same. */
const POLL_MS = 1_000;

/** Drops a request, durably. @returns `not_found` (4) when the run was deleted, or why nothing can be written there. */
export async function dropRequest(run: RunLayout, request: RunRequest): Promise<Result<null, StateProblem>> {
  const file = join(run.inbox, `${request.kind}-${randomBytes(8).toString('hex')}.json`);
  try {
    await writeDurably(file, `${JSON.stringify(request)}\n`);
    return ok(null);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') return err(problemFrom(error, run.inbox));
    const { id } = run.place;
    return err({ kind: 'not_found', text: id, message: `run ${id} does not exist any more` });
  }
}

/** The names of the requests that wait, of one kind or of all; none where there is no inbox. */
export async function waitingRequests(run: RunLayout, kind?: RunRequest['kind']): Promise<readonly string[]> {
  const names = await readdir(run.inbox).catch((): string[] => []);
  return names.filter((name) => REQUEST_NAME.test(name) && (kind === undefined || name.startsWith(`${kind}-`))).sort();
}

/** Removes requests that nobody has to take any more. */
export async function discardRequests(run: RunLayout, names: readonly string[]): Promise<void> {
  for (const name of names) await unlink(join(run.inbox, name)).catch(ignoreMissing);
}

/** What happens with what is found. */
export interface InboxReader {
  take(request: RunRequest): void;
  /** Told once for each file that cannot be understood. */
  refuse(file: string, why: string): void;
}

/** The owner's side of an inbox. */
export class RunInbox {
  readonly #run: RunLayout;
  /** What was taken and is not recorded yet, in that order. */
  readonly #taken: { readonly name: string; readonly request: RunRequest }[] = [];
  readonly #seen = new Set<string>();
  #watcher: FSWatcher | null = null;
  #poll: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #lookAgain = false;

  constructor(run: RunLayout) {
    this.#run = run;
  }

  /**
   * Hands over what waits, and from now on whatever comes. Keeps no program alive.
   * @returns a promise that is fulfilled when what waits was handed over. Never rejects.
   */
  deliverTo(reader: InboxReader): Promise<void> {
    const look = (): void => this.#look(reader);
    try {
      this.#watcher = watch(this.#run.inbox, { persistent: false }, look).on('error', () => this.#watcher?.close());
    } catch {
      // Out of inotify watches, or none on this file system: the poll is enough.
    }
    this.#poll = setInterval(look, POLL_MS).unref();
    look();
    return Promise.resolve(this.#looking).then(() => undefined);
  }

  /** Resolves when what waited as delivery began has been handed over. */
  async delivered(): Promise<void> {
    await this.#looking;
  }

  /** The oldest request of these that was taken is in the journal now: its file goes. */
  acknowledge(isMeant: (request: RunRequest) => boolean): void {
    const index = this.#taken.findIndex(({ request }) => isMeant(request));
    const name = index === -1 ? undefined : this.#taken.splice(index, 1)[0]?.name;
    // A file that cannot be removed is passed over, and discarded when the run ends or is resumed.
    if (name !== undefined) discardRequests(this.#run, [name]).catch(() => undefined);
  }

  /** Takes nothing more. @param ended true when the run is recorded as ended: requests that came too late are removed. */
  async close(ended: boolean): Promise<void> {
    this.#watcher?.close();
    if (this.#poll !== null) clearInterval(this.#poll);
    await this.#looking;
    // A cache of wishes: the run is none the worse for one that stays.
    if (ended) await discardRequests(this.#run, await waitingRequests(this.#run)).catch(() => undefined);
  }

  #look(reader: InboxReader): void {
    this.#lookAgain = true;
    this.#looking ??= this.#lookUntilQuiet(reader).finally(() => {
      this.#looking = null;
    });
  }

  async #lookUntilQuiet(reader: InboxReader): Promise<void> {
    while (this.#lookAgain) {
      this.#lookAgain = false;
      for (const name of await waitingRequests(this.#run)) {
        if (!this.#seen.has(name)) await this.#open(name, reader);
      }
    }
  }

  async #open(name: string, reader: InboxReader): Promise<void> {
    this.#seen.add(name);
    const file = join(this.#run.inbox, name);
    const request = await readRequest(file);
    if (request.ok) {
      this.#taken.push({ name, request: request.value });
      reader.take(request.value);
    } else if (request.error !== null) {
      const kept = join(this.#run.inbox, `refused-${name}`);
      await rename(file, kept).catch(() => undefined);
      reader.refuse(kept, request.error);
    }
  }
}

/** Reads a request; the error is why it is none, or null when it is gone again. */
async function readRequest(file: string): Promise<Result<RunRequest, string | null>> {
  try {
    const handle = await openForReading(file);
    try {
      if ((await handle.stat()).size > LARGEST_REQUEST_BYTES) return err('it is too large');
      const request = parseRequest(JSON.parse(await handle.readFile('utf8')) as Json);
      return request === null ? err('it is no request of this version of flowctl') : ok(request);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return err(null);
    return err(error instanceof SyntaxError ? 'it is no JSON' : (error as Error).message);
  }
}

function parseRequest(document: Json): RunRequest | null {
  if (!isJsonObject(document)) return null;
  const { kind, by, at } = document;
  if (!isJsonObject(by ?? null) || typeof at !== 'string') return null;
  const { name, host, pid } = by as { readonly [key: string]: Json | undefined };
  if (typeof name !== 'string' || typeof host !== 'string' || typeof pid !== 'number') return null;
  const asked = { by: { name, host, pid }, at };
  if (kind === 'cancel') return parseCancel(document, asked);
  return kind === 'approve' ? parseApprove(document, asked) : null;
}

type Asked = Pick<CancelRequest, 'by' | 'at'>;

function parseCancel({ reason, policy }: JsonObject, asked: Asked): CancelRequest | null {
  if (reason !== null && typeof reason !== 'string') return null;
  const request: CancelRequest = { kind: 'cancel', ...asked, reason };
  return policy === 'cancel_running' ? { ...request, policy } : request;
}

function parseApprove({ step, approved, params, comment }: JsonObject, asked: Asked): ApproveRequest | null {
  if (typeof step !== 'string' || typeof approved !== 'boolean' || !isJsonObject(params)) return null;
  if (comment !== null && typeof comment !== 'string') return null;
  return { kind: 'approve', ...asked, step, approved, params, comment };
}

function ignoreMissing(error: unknown): void {
  if (systemCode(error) !== 'ENOENT') throw error;
}
