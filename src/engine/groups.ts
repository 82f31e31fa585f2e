/** Groups as attempts of their own: their failure, another try of them, and the end of their time. */

import { formatDuration } from '../base/duration.ts';
import type { EventBody } from '../model/event.ts';
import type { Failure } from '../model/outcome.ts';
import { isStopping, type Situation } from './decide.ts';
import { isMap, type Node } from './node.ts';
import { verdictOn } from './verdict.ts';

const NAMED = 5;

/** Why a map or a group whose children are settled has failed; null when it has not. */
export function failureOfGroup({ record, children }: Node): Failure | null {
  if (record.timed_out_after_ms !== null) {
    return { code: 'timed_out', message: `timed out after ${formatDuration(record.timed_out_after_ms)}` };
  }
  if (children === null || children.failures === 0) return null;
  const failed = children.nodes.filter(({ record: { phase } }) => phase.kind === 'failed' && !phase.tolerated);
  if (failed.length === 0) return { code: 'members_failed', message: 'a handler of one of its steps failed' };
  const names = failed.slice(0, NAMED).map((child) => child.record.key);
  const more = failed.length > NAMED ? ` and ${failed.length - NAMED} more` : '';
  const what = children.kind === 'map' ? 'items' : 'steps';
  const message = `${failed.length} of ${children.nodes.length} ${what} failed: ${names.join(', ')}${more}`;
  return { code: 'members_failed', message };
}

/** Another try of a group that failed, in which what succeeded is kept; null when there is none. The items of a map are tried each. */
export function groupAgain(situation: Situation, node: Node, error: Failure): EventBody | null {
  const { record, definition } = node;
  if (isMap(node) || isCutOff(node, record.timed_out_after_ms === null)) return null;
  if (isStopping(situation) && !node.isCleanup) return null;
  const outcome = error.code === 'timed_out' ? 'timed_out' : 'failed';
  const verdict = verdictOn(definition.retry, { outcome, exit_code: null }, record.failures + 1, situation.random());
  if (verdict.kind === 'give_up') return null;
  return {
    type: 'retry.scheduled',
    step: record.key,
    attempt: record.failures + 2,
    delay_ms: verdict.delay_ms,
    due: new Date(situation.now + verdict.delay_ms).toISOString(),
  };
}

/** True inside of a group whose time is over. @param withItself default: true; false leaves the node itself out. */
export function isCutOff(node: Node, withItself = true): boolean {
  for (let at: Node | null = withItself ? node : node.container.owner; at !== null; at = at.container.owner) {
    if (at.record.timed_out_after_ms !== null) return true;
  }
  return false;
}

/** Everything that is open inside of a group, at any depth; handlers, which are there for afterwards, left out. */
export function* nodesWithin(group: Node): Generator<Node> {
  for (const node of group.children?.nodes ?? []) {
    yield node;
    yield* nodesWithin(node);
  }
}
