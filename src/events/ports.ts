/** What the inbox of events reaches the world by. */

import type { RunId } from '../base/ids.ts';
import type { Json, JsonObject } from '../base/json.ts';
import type { Deployment } from '../model/deployment.ts';
import type { FeedCursor, RunEnding } from '../model/run-ending.ts';
import type { DeployedTrigger } from '../model/trigger.ts';
import type { TriggerMemory } from '../model/trigger-memory.ts';
import type { FoundFile } from './file-news.ts';

/** Those of one state directory. Each throws where the disk does. */
export interface EventPorts {
  /** Milliseconds since the epoch. */
  now(): number;
  mint(): RunId;
  read(trigger: RunId): Promise<TriggerMemory>;
  /** On disk when it resolves. */
  write(trigger: RunId, memory: TriggerMemory): Promise<void>;
  /** Keeps what is known of an event where the documents have no room for it; on disk when it resolves. */
  keepFacts(event: RunId, facts: JsonObject): Promise<void>;
  /** The files that globs mean. @throws where a folder cannot be read. */
  files(directory: string, globs: readonly string[]): Promise<readonly FoundFile[]>;
  /** What ended since, oldest first. */
  endings(
    since: FeedCursor | null,
    limit: number,
  ): Promise<{ readonly endings: readonly RunEnding[]; readonly cursor: FeedCursor }>;
  /** What a run yielded; null where that is gone. */
  outputs(run: RunId): Promise<Json>;
  /** The value of a secret of the flow that is deployed; null where it cannot be had, which is told. */
  secret(deployment: Deployment, name: string): Promise<string | null>;
  /** Removes what is remembered of all triggers and events but these. */
  forget(known: ReadonlySet<string>): Promise<void>;
  /** Told how a look at a trigger went; null: well. */
  trouble(deployment: string, trigger: DeployedTrigger, error: unknown): void;
  /** Makes who looks again and again do so now. */
  wake(): void;
}
