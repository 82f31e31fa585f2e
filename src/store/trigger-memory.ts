/**
 * `events/`: what is remembered of each trigger, `<trigger>.json`, and what is known of events that `db.json` has no room for,
 * `facts-<event>.json`. Written by the holder of `schedule.lock` alone.
 */

import { mkdir, readdir, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { parseRunId, type RunId } from '../base/ids.ts';
import { isJsonObject, type JsonObject } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import { EMPTY_TRIGGER_MEMORY, readTriggerMemory, type TriggerMemory } from '../model/trigger-memory.ts';
import { DurableFile } from './documents.ts';
import { DIRECTORY_MODE, isTemporaryName } from './durable-files.ts';
import type { StateLayout } from './layout.ts';
import { secureDirectory } from './permissions.ts';
import { guarded, StateError, type StateProblem, systemCode, unwrap } from './problem.ts';

/** What is younger may belong to something that is just being written. */
const YOUNG_MS = 600_000;

const folderOf = (state: StateLayout): string => join(state.root, 'events');

const memoryFile = (state: StateLayout, trigger: RunId): DurableFile<TriggerMemory> =>
  new DurableFile(memoryPath(state, trigger), readTriggerMemory);

const factsFile = (state: StateLayout, event: RunId): DurableFile<JsonObject> =>
  new DurableFile(join(folderOf(state), `facts-${event}.json`), (value) => (isJsonObject(value) ? value : null));

async function secureFolder(state: StateLayout): Promise<void> {
  await mkdir(folderOf(state), { recursive: true, mode: DIRECTORY_MODE });
  unwrap(await secureDirectory(folderOf(state), 'refused'));
}

/** Reads what is remembered of a trigger; of one that is new, nothing is. */
export function readMemory(state: StateLayout, trigger: RunId): Promise<Result<TriggerMemory, StateProblem>> {
  return guarded(folderOf(state), async () => (await memoryFile(state, trigger).read()) ?? EMPTY_TRIGGER_MEMORY);
}

/** Writes it, durably. */
export function writeMemory(
  state: StateLayout,
  trigger: RunId,
  memory: TriggerMemory,
): Promise<Result<void, StateProblem>> {
  return guarded(folderOf(state), async () => {
    await secureFolder(state);
    await memoryFile(state, trigger).write(memory);
  });
}

/** Keeps what is known of an event. */
export function writeEventFacts(
  state: StateLayout,
  event: RunId,
  facts: JsonObject,
): Promise<Result<void, StateProblem>> {
  return guarded(folderOf(state), async () => {
    await secureFolder(state);
    await factsFile(state, event).write(facts);
  });
}

/** Reads it; `damaged` (65) where it is lost. */
export function readEventFacts(state: StateLayout, event: RunId): Promise<Result<JsonObject, StateProblem>> {
  return guarded(folderOf(state), async () => {
    const facts = await factsFile(state, event).read();
    if (facts !== null) return facts;
    const file = join(folderOf(state), `facts-${event}.json`);
    throw new StateError({ kind: 'damaged', file, offset: null, message: 'what is known of the event is missing' });
  });
}

/** Where what is remembered of a trigger lies. */
export const memoryPath = (state: StateLayout, trigger: RunId): string => join(folderOf(state), `${trigger}.json`);

/**
 * Removes what belongs to triggers and events that nobody knows any more, and what was never finished.
 * @param known ids of triggers and of events. @param began when this process became the only one that writes here.
 */
export function forgetEvents(
  state: StateLayout,
  known: ReadonlySet<string>,
  { now, began }: { readonly now: number; readonly began: number },
): Promise<Result<void, StateProblem>> {
  return guarded(folderOf(state), async () => {
    const names = await readdir(folderOf(state)).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return [];
      throw error;
    });
    for (const name of names) {
      const [, id = ''] = /^(?:facts-)?([0-9a-z]+)\.json$/.exec(name) ?? [];
      const isStray = isTemporaryName(name);
      if (!isStray && (parseRunId(id) === null || known.has(id))) continue;
      const path = join(folderOf(state), name);
      const changed = (await stat(path).catch(() => null))?.mtimeMs ?? now;
      if (isStray ? changed < began : now - changed > YOUNG_MS) await unlink(path).catch(() => undefined);
    }
  });
}
