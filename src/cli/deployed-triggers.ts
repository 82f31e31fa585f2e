/** The triggers of a deployment when another version of its flow is to run: what is watched as before is remembered as before. */

import { isDeepStrictEqual } from 'node:util';
import type { Deployment } from '../model/deployment.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { FeedCursor } from '../model/run-ending.ts';
import { type DeployedTrigger, watchedBy } from '../model/trigger.ts';
import type { StateLayout } from '../store/layout.ts';
import { mintRunId } from '../store/mint.ts';
import { unwrap } from '../store/problem.ts';
import { RunFeed } from '../store/run-feed.ts';

/** From where on triggers that are new watch. */
export interface WatchedFrom {
  /** RFC 3339. */
  readonly now: string;
  /** In the feed of ends; null where no trigger of the flow waits for any. */
  readonly cursor: FeedCursor | null;
}

/** Where the triggers of a flow begin to watch, asked before the deployment is written down. */
export async function watchedFromHere(
  state: StateLayout,
  { triggers = [] }: Pick<FlowDefinition, 'triggers'>,
  now: string,
): Promise<WatchedFrom> {
  const isFed = triggers.some((trigger) => watchedBy(trigger).kind === 'flow');
  return { now, cursor: isFed ? unwrap(await new RunFeed(state).here()) : null };
}

/**
 * The triggers of a flow for a deployment.
 * @param old the deployment as it was; absent: it is a new one.
 */
export function deployedTriggers(
  old: Deployment | undefined,
  { triggers = [], directory }: Pick<FlowDefinition, 'triggers' | 'directory'>,
  from: WatchedFrom,
): readonly DeployedTrigger[] {
  const left = [...(old?.triggers ?? [])];
  return triggers.map((definition) => {
    const place = left.findIndex(
      (each) =>
        each.directory === directory &&
        isDeepStrictEqual(each.definition.source, definition.source) &&
        // What happened while nobody was meant to look is no event.
        each.definition.active === definition.active,
    );
    const [same] = place < 0 ? [] : left.splice(place, 1);
    if (same !== undefined) return { ...same, definition };
    const cursor = watchedBy(definition).kind === 'flow' ? from.cursor : null;
    return { id: mintRunId(), since: from.now, cursor, directory, definition };
  });
}
