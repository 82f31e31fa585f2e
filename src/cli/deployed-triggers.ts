/** The triggers of a deployment when another version of its flow is to run: what is watched as before is remembered as before. */

import { isDeepStrictEqual } from 'node:util';
import type { Deployment } from '../model/deployment.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { DeployedTrigger } from '../model/trigger.ts';
import { mintRunId } from '../store/mint.ts';

/**
 * The triggers of a flow for a deployment.
 * @param old the deployment as it was; absent: it is a new one. @param now RFC 3339: what is new is watched from here on.
 */
export function deployedTriggers(
  old: Deployment | undefined,
  { triggers = [], directory }: Pick<FlowDefinition, 'triggers' | 'directory'>,
  now: string,
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
    return same === undefined ? { id: mintRunId(), since: now, directory, definition } : { ...same, definition };
  });
}
