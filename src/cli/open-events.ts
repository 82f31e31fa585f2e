/** The inbox of events, with the disk, the feed of ends and the watchers that say when to look. */

import { stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { EventInbox } from '../events/inbox.ts';
import type { EventPorts } from '../events/ports.ts';
import { sourceText } from '../events/drafts.ts';
import type { FoundFile } from '../events/file-news.ts';
import type { ProjectDocument } from '../model/deployment.ts';
import { watchedBy } from '../model/trigger.ts';
import { findFiles } from '../process/glob.ts';
import type { EventPort } from '../scheduler/pass.ts';
import type { StateLayout } from '../store/layout.ts';
import { mintRunId } from '../store/mint.ts';
import { describeProblem, StateError, unwrap } from '../store/problem.ts';
import { outputsAtEnd, RunFeed } from '../store/run-feed.ts';
import { forgetEvents, readMemory, writeEventFacts, writeMemory } from '../store/trigger-memory.ts';
import { FileHints } from './file-hints.ts';
import { HookSecrets } from './hook-secrets.ts';
import type { Session } from './session.ts';

/** The events of a project, for one process that holds the lock of the schedules. */
export interface OpenEvents {
  readonly inbox: EventInbox;
  readonly port: EventPort;
  /** Changes when somebody should look; cheap to ask. */
  mark(): Promise<string>;
  close(): Promise<void>;
}

/** What is due later is seen anyway. */
const SLEEP_MS = 1_000;
/** What waits for room is no reason to look without a pause. */
const SHORTEST_MS = 100;

/** What changes with a file. */
export async function markOf(path: string): Promise<string> {
  const { ino, mtimeMs, size } = await stat(path).catch(() => ({ ino: 0, mtimeMs: 0, size: 0 }));
  return `${ino} ${mtimeMs} ${size}`;
}

/** The files that globs mean, as they are now. */
async function filesOf(directory: string, globs: readonly string[]): Promise<readonly FoundFile[]> {
  const found = await findFiles(directory, globs);
  if (!found.ok) throw new Error(found.error);
  const files: FoundFile[] = [];
  for (const name of found.value.files) {
    const path = isAbsolute(name) ? name : resolve(directory, name);
    // A link counts as what it leads to; what went away meanwhile is not there.
    const stats = await stat(path).catch(() => null);
    if (stats?.isFile() !== true) continue;
    files.push({ path, mtime_ms: stats.mtimeMs, ctime_ms: stats.ctimeMs, size: stats.size, ino: stats.ino });
  }
  return files;
}

/** Opens them. @param isOnce for one look, without watchers. @param wake makes who looks again and again do so now. */
export function openEvents(session: Session, state: StateLayout, isOnce: boolean, wake: () => void): OpenEvents {
  const began = Date.now();
  const feed = new RunFeed(state);
  const secrets = new HookSecrets(session, state);
  const troubles = new Map<string, string>();
  const ports: EventPorts = {
    now: () => Date.now(),
    mint: () => mintRunId(),
    read: async (trigger) => unwrap(await readMemory(state, trigger)),
    write: async (trigger, memory) => unwrap(await writeMemory(state, trigger, memory)),
    keepFacts: async (event, facts) => unwrap(await writeEventFacts(state, event, facts)),
    files: filesOf,
    endings: async (since, limit) => unwrap(await feed.after(since, limit)),
    // What is gone has no outputs any more.
    outputs: async (run) => outputsAtEnd(state, run).then((read) => (read.ok ? read.value : null)),
    secret: (deployment, name) => secrets.value(deployment, name),
    forget: async (known) => unwrap(await forgetEvents(state, known, { now: Date.now(), began })),
    trouble: (deployment, trigger, error) => {
      const said = error === null ? '' : messageOf(error);
      if (said !== '' && troubles.get(trigger.id) !== said)
        session.complain(`${deployment}: ${sourceText(trigger.definition.source)}: ${said}`);
      troubles.set(trigger.id, said);
    },
    wake,
  };
  const inbox = new EventInbox(ports, isOnce);
  const hints = isOnce
    ? null
    : new FileHints(
        () => {
          inbox.hear('file');
          wake();
        },
        (message) => session.mention(message),
      );
  let waitsForRuns = false;
  let indexSeen = '';
  let asked = 0;
  let rousing: NodeJS.Timeout | undefined;
  // Who looks again and again sleeps for a second otherwise.
  const rouse = (): void => {
    clearTimeout(rousing);
    const left = inbox.dueAt() - Date.now();
    if (!isOnce && left <= SLEEP_MS) rousing = setTimeout(wake, Math.max(left, SHORTEST_MS));
  };
  const look = async (document: ProjectDocument): Promise<void> => {
    const sources = Object.values(document.deployments).flatMap(({ triggers = [] }) =>
      triggers.flatMap(({ definition, directory }) =>
        definition.active ? [{ directory, watched: watchedBy(definition) }] : [],
      ),
    );
    waitsForRuns = sources.some(({ watched }) => watched.kind === 'flow');
    if (waitsForRuns) indexSeen = await markOf(state.index);
    // Before the look: what happens after it is heard.
    await hints?.watch(
      sources.flatMap(({ directory, watched }) =>
        watched.kind === 'file' ? [{ directory, globs: watched.paths }] : [],
      ),
    );
    await inbox.look(document);
    rouse();
  };
  return {
    inbox,
    port: {
      look,
      waiting: (deployment) => inbox.waiting(deployment),
      settle: async (document) => {
        await inbox.settle(document);
        rouse();
      },
    },
    mark: async () => {
      if (waitsForRuns && (await markOf(state.index)) !== indexSeen) inbox.hear('flow');
      // As long as nobody looked it changes each time.
      if (inbox.isDue()) asked += 1;
      return String(asked);
    },
    close: async () => {
      clearTimeout(rousing);
      await hints?.close();
      await inbox.close();
    },
  };
}

const messageOf = (error: unknown): string => {
  if (error instanceof StateError) return describeProblem(error.problem);
  return error instanceof Error ? error.message : String(error);
};
