/**
 * What is kept of results, on disk. Each file is replaced as a whole, without a sync: whatever is missing or damaged only means that a
 * step runs. Any number of processes may write; the last one wins, and every version is true.
 *
 *     steps/<hash>.json       the last success of one step: what it depended on, and its result
 *     results/<hash>.json     results by fingerprint, for steps with `cache`
 *     files/<aa>/<hash>       contents of files and large outputs, by their SHA-256
 */

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, rename, unlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ContentHash, RunId, StepKey } from '../base/ids.ts';
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import {
  hasMembers,
  isCount,
  isFlag,
  isHash,
  isInstant,
  isListOf,
  isMapOf,
  isPresent,
  isText,
  type MemberCheck,
  type MemberChecks,
  orNull,
  wrongMember,
} from '../model/member-checks.ts';
import { hashOf } from './content.ts';
import type { Parts } from './fingerprint.ts';

/** A file that a step made. Its path is relative to the folder of the flow, and may lead out of it. */
export interface GeneratedFile {
  readonly path: string;
  readonly hash: ContentHash;
  readonly bytes: number;
  readonly mode: number;
  /** True for a link, which is compared but not restored. */
  readonly link: boolean;
}

/** A result that may stand for running a step. */
export interface KeptResult {
  readonly run: RunId;
  readonly step: StepKey;
  /** RFC 3339. */
  readonly created_at: string;
  /** The outputs, or the hash of their JSON among the files. */
  readonly outputs:
    | { readonly kind: 'inline'; readonly value: Json }
    | { readonly kind: 'file'; readonly hash: ContentHash }
    | null;
  readonly generated: readonly GeneratedFile[];
}

/** A source at a step's last success; `stamp` as in `FileContent`. */
export type KeptSource = readonly [path: string, hash: ContentHash, stamp: string | null];

/** The last success of a step. */
export interface StepMemory {
  readonly format: typeof FORMAT;
  readonly flow: string;
  readonly step: StepKey;
  readonly fingerprint: ContentHash;
  readonly parts: Parts;
  readonly sources: readonly KeptSource[];
  readonly result: KeptResult;
  /** Stamps of generated files, by path. */
  readonly stamps: { readonly [path: string]: string };
}

/** A result by its fingerprint. */
export interface ResultFile {
  readonly format: typeof FORMAT;
  readonly flow: string;
  readonly step: StepKey;
  readonly fingerprint: ContentHash;
  readonly result: KeptResult;
}

/** The version of both files; another one is as good as none. */
export const FORMAT = 1;

/** Where what is kept lies. */
export class Records {
  readonly folder: string;

  /** @param folder absolute; made when it is missing. */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** @param scope the flow, relative to the project. */
  memoryPath(scope: string, step: StepKey): string {
    return join(this.folder, 'steps', `${hashOf(`${scope}\0${step}`)}.json`);
  }

  resultPath(fingerprint: ContentHash): string {
    return join(this.folder, 'results', `${fingerprint}.json`);
  }

  filePath(hash: ContentHash): string {
    return join(this.folder, 'files', hash.slice(0, 2), hash);
  }

  /**
   * The place of a content that is to be kept, in a folder that is made when it is missing.
   * @throws where the folder is none: a link there could lead to somebody else's files.
   */
  async placeFor(hash: ContentHash): Promise<string> {
    const path = this.filePath(hash);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    if (!(await isFolder(dirname(path)))) throw new Error(`${dirname(path)} is no folder`);
    return path;
  }

  /** The place of a content that may be kept; null when its folder is none. */
  async keptAt(hash: ContentHash): Promise<string | null> {
    const path = this.filePath(hash);
    return (await isFolder(dirname(path))) ? path : null;
  }

  /** A JSON text that is kept as a content; null when there is none that can be read. */
  async keptJson(hash: ContentHash): Promise<unknown> {
    const place = await this.keptAt(hash);
    return place === null ? null : readJson(place);
  }

  /** The last success of a step; null when there is none that can be read. */
  async memory(scope: string, step: StepKey): Promise<StepMemory | null> {
    const found = await readJson(this.memoryPath(scope, step));
    return isMemory(found) && found.flow === scope && found.step === step ? found : null;
  }

  /** The result under a fingerprint; null when there is none that can be read. */
  async result(fingerprint: ContentHash): Promise<KeptResult | null> {
    const found = await readJson(this.resultPath(fingerprint));
    return isResultFile(found) && found.fingerprint === fingerprint ? found.result : null;
  }

  /** Keeps the last success of a step. */
  async keepMemory(memory: StepMemory): Promise<void> {
    await writeWhole(this.memoryPath(memory.flow, memory.step), `${JSON.stringify(memory)}\n`);
  }

  /** Keeps a result under its fingerprint. */
  async keepResult(file: ResultFile): Promise<void> {
    await writeWhole(this.resultPath(file.fingerprint), `${JSON.stringify(file)}\n`);
  }
}

/**
 * True for what was read from `steps/`. The folder may have come with somebody's archive, so all that is relied on is looked at; hashes
 * above all, for they become paths.
 */
export const isMemory = (value: unknown): value is StepMemory => isKept(value) && wrongMember(value, MEMORY) === null;

/** True for what was read from `results/`. */
export const isResultFile = (value: unknown): value is ResultFile => isKept(value);

const isKept = (value: unknown): value is JsonObject =>
  isJsonObject(value) && value['format'] === FORMAT && wrongMember(value, KEPT) === null;

const isKeptOutputs: MemberCheck = (value) =>
  isJsonObject(value) &&
  (value['kind'] === 'inline' ? isPresent(value['value']) : value['kind'] === 'file' && isHash(value['hash']));

const isGenerated = hasMembers({ path: isText, hash: isHash, bytes: isCount, mode: isCount, link: isFlag });

const KEPT: MemberChecks = {
  flow: isText,
  step: isText,
  fingerprint: isText,
  result: hasMembers({
    run: isText,
    step: isText,
    created_at: isInstant,
    outputs: orNull(isKeptOutputs),
    generated: isListOf(isGenerated),
  }),
};

const isSource: MemberCheck = (value) =>
  Array.isArray(value) && isText(value[0]) && isText(value[1]) && orNull(isText)(value[2]);

const MEMORY: MemberChecks = { parts: isMapOf(isText), sources: isListOf(isSource), stamps: isMapOf(isText) };

/** Also false for a link to one. */
const isFolder = (path: string): Promise<boolean> =>
  lstat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );

/** A file's JSON; null for one that is missing, unreadable or damaged, and for what is no regular file, links included. */
export async function readJson(path: string): Promise<unknown> {
  let file: FileHandle | null = null;
  try {
    // The folder may have come with somebody's archive: a link could lead to a device without end, a FIFO would make us wait.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    return (await file.stat()).isFile() ? JSON.parse(await file.readFile('utf8')) : null;
  } catch {
    return null;
  } finally {
    await file?.close();
  }
}

/** A name beside a file, for a version of it that is not finished. */
export const temporaryBeside = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`);

/** Replaces a file, mode 0600, as a whole; its folder is made when it is missing. */
export async function writeWhole(path: string, contents: string): Promise<void> {
  const temporary = temporaryBeside(path);
  const write = () => writeFile(temporary, contents, { flag: 'wx', mode: 0o600 });
  try {
    await write().catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await write();
    });
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}
