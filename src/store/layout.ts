/**
 * Where everything of a run lies in a state directory. This file joins every path below `runs/`; nothing else does, and it is handed parsed
 * ids and keys only. It touches no disk. What else lies there is named by the one file that reads and writes it. Next: `open.ts` prepares the
 * directory, `create.ts` fills a run's.
 */

import { createHash } from 'node:crypto';
import { dirname, join, sep } from 'node:path';
import { type ContentHash, parseRunId, type RunId, type StepKey } from '../base/ids.ts';
import type { RunPaths } from '../model/view.ts';

/** The name of a project's state directory. */
export const STATE_DIRECTORY = '.flowctl';

/** Paths of a state directory, absolute when `root` is. */
export interface StateLayout {
  readonly root: string;
  /** One line per finished run: a cache. */
  readonly index: string;
  /** Empty markers, named by id, of the runs that the index does not know yet. */
  readonly open: string;
  readonly runs: string;
  /** Compiled modules, and results of steps that may be reused. */
  readonly cache: string;
  /** Who deleted which run, and when: one line each. */
  readonly removals: string;
  /** Its time says when old runs were last looked for, see `retention.ts`. */
  readonly retained: string;
}

/** The state directory of a run's private folder, which steps know as FLOWCTL_RUN_DIR; null for another folder. */
export function stateOfRunDirectory(folder: string): string | null {
  return /^(\/.+)\/runs\/[0-9a-z]{26}\/(?:children\/[0-9a-z]{26}\/)?dir$/.exec(folder)?.[1] ?? null;
}

/** A run's place: `root` is the top-level run whose folder it lies in, equal to `id` for a top-level run. */
export interface RunPlace {
  readonly id: RunId;
  readonly root: RunId;
}

/** Paths of one run. */
export interface RunLayout {
  readonly place: RunPlace;
  readonly directory: string;
  /** The lock of the whole tree: that of the root run. */
  readonly lock: string;
  readonly journal: string;
  /** The folded run as people and scripts read it: a cache. */
  readonly snapshot: string;
  /** The run's private folder, FLOWCTL_RUN_DIR. */
  readonly private: string;
  readonly logs: string;
  readonly outputs: string;
  readonly artifacts: string;
  readonly inbox: string;
  /** Sub-runs at any depth, flat. */
  readonly children: string;
  /** Marker in the state's `open/`. */
  readonly marker: string;
}

/** Lays out a state directory. */
export function stateLayout(root: string): StateLayout {
  return {
    root,
    index: join(root, 'index.ndjson'),
    open: join(root, 'open'),
    runs: join(root, 'runs'),
    cache: join(root, 'cache'),
    removals: join(root, 'removals.ndjson'),
    retained: join(root, 'retained'),
  };
}

/** Lays out a run; a sub-run lies in `runs/<root>/children/<id>`, however deep it is. */
export const runLayout = (state: StateLayout, place: RunPlace): RunLayout =>
  layoutIn(join(state.runs, place.root), state.open, place);

/** Lays out a sub-run of the same tree. */
export const subRunLayout = (run: RunLayout, id: RunId): RunLayout =>
  layoutIn(dirname(run.lock), dirname(run.marker), { id, root: run.place.root });

function layoutIn(top: string, open: string, place: RunPlace): RunLayout {
  // By hand: `join` also makes a path normal, which these are, and a listing lays out many runs.
  const below = (folder: string, name: string): string => `${folder}${sep}${name}`;
  const directory = place.id === place.root ? top : below(below(top, 'children'), place.id);
  return {
    place,
    directory,
    lock: below(top, 'lock'),
    journal: below(directory, 'journal.ndjson'),
    snapshot: below(directory, 'run.json'),
    private: below(directory, 'dir'),
    logs: below(directory, 'logs'),
    outputs: below(directory, 'outputs'),
    artifacts: below(directory, 'artifacts'),
    inbox: below(directory, 'inbox'),
    children: below(top, 'children'),
    marker: below(open, place.id),
  };
}

/** The folders of a run's own that it has from its beginning. */
export const foldersOf = (run: RunLayout): readonly string[] => [
  run.private,
  run.logs,
  run.outputs,
  run.artifacts,
  run.inbox,
];

/** What a run that nobody watches says: the output of the flowctl that lives it. */
export const detachedPath = (run: RunLayout): string => join(run.directory, 'detached.log');

/** The same, before there is a run whose folder it could lie in. @param mark of whoever starts: another one may have died of the same run. */
export const detachedDraftPath = (state: StateLayout, id: RunId, mark: string): string =>
  join(state.root, `detached-${id}-${mark}.tmp`);

/** The path of a definition: `flow.json` is revision 1, `flow.2.json` revision 2. */
export const definitionPath = (run: RunLayout, revision: number): string =>
  join(run.directory, revision === 1 ? 'flow.json' : `flow.${revision}.json`);

/** The path of stored outputs. */
export const outputsPath = (run: RunLayout, hash: ContentHash): string => join(run.outputs, hash);

/** The path of an attempt's log. */
export const logPath = (run: RunLayout, key: StepKey, attempt: number): string => join(run.logs, logName(key, attempt));

/** Where the files of a run lie, for its readers. */
export const runPaths = (run: RunLayout): RunPaths => ({
  log: (key, attempt) => logPath(run, key, attempt),
  artifact: (file) => join(run.artifacts, file),
});

/** Where a run lies that is being deleted: it is gone from the moment at which it has this name. */
export const trashPath = (state: StateLayout, id: RunId): string => join(state.runs, `${TRASH}${id}`);

/** The run that an entry of `runs/` is the rest of; null for any other name. */
export function trashedRun(name: string): RunId | null {
  const id = parseRunId(name.slice(TRASH.length));
  return id !== null && name === `${TRASH}${id}` ? id : null;
}

const TRASH = '.trash-';

/** Where an attempt keeps its files while it runs, and its log afterwards. Quick ones look at few of these paths: each is made when it is asked for. */
export function attemptPlaces(run: RunLayout, key: StepKey, attempt: number) {
  return new AttemptFiles(run, logName(key, attempt));
}

class AttemptFiles {
  readonly #run: RunLayout;
  readonly #name: string;

  constructor(run: RunLayout, log: string) {
    this.#run = run;
    this.#name = log.slice(0, -'.log'.length);
  }

  get log(): string {
    return `${this.#run.logs}${sep}${this.#name}.log`;
  }

  get output(): string {
    return `${this.#run.outputs}${sep}${this.#name}.output`;
  }

  get artifacts(): string {
    return `${this.#run.artifacts}${sep}${this.#name}`;
  }

  get runDirectory(): string {
    return this.#run.private;
  }

  get script(): string {
    return `${this.#run.outputs}${sep}${this.#name}.script`;
  }

  get input(): string {
    return `${this.#run.outputs}${sep}${this.#name}.input`;
  }
}

/** The path of what is noted of a step's files when an attempt begins; the same for all attempts. */
export const notePath = (run: RunLayout, key: StepKey): string =>
  join(run.outputs, logName(key, 0).replace(/\.0\.log$/, '.generates'));

const LONGEST_PLAIN_NAME = 150;

/**
 * The file name of an attempt's log: the key percent-encoded (RFC 3986 with only `[A-Za-z0-9_-]` kept), a dot, the attempt.
 * Names of steps never differ in case alone, but keys of items may, and macOS folds case: a key with upper case inside its
 * brackets gets `~` and 8 hex digits of its SHA-256. A name above 150 bytes is cut and gets 32 digits.
 */
export function logName(key: StepKey, attempt: number): string {
  const encoded = percentEncode(key);
  // UTF-16, since UTF-8 would turn every lone surrogate into the same three bytes.
  const digest = () => createHash('sha256').update(Buffer.from(key, 'utf16le')).digest('hex');
  if (encoded.length > LONGEST_PLAIN_NAME) return `${encoded.slice(0, 100)}~${digest().slice(0, 32)}.${attempt}.log`;
  const ambiguous = /\[.*[A-Z].*\]/su.test(key) || /\p{Surrogate}/u.test(key);
  return `${encoded}${ambiguous ? `~${digest().slice(0, 8)}` : ''}.${attempt}.log`;
}

function percentEncode(text: string): string {
  return text.replace(OTHERS, (others) => {
    const known = BRACKETS[others];
    if (known !== undefined) return known;
    let encoded = '';
    for (const byte of Buffer.from(others, 'utf8')) encoded += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    return encoded;
  });
}

/** What nearly every key of an item or a member has in it. */
const BRACKETS: { readonly [text: string]: string | undefined } = { '[': '%5B', ']': '%5D', '/': '%2F' };

/** What has to be encoded; as long as it goes, for one character may need two of JavaScript's. */
const OTHERS = /[^A-Za-z0-9_-]+/g;
