/** What waits for people and for automations: messages that were given up, and the files by which ends of runs are told once. */

import { join } from 'node:path';
import { readAutomations } from '../automation-memory.ts';
import type { StateLayout } from '../layout.ts';
import { messageFiles, outboxPath } from '../outbox-folder.ts';
import { messagesIn } from '../outbox.ts';
import { guarded } from '../problem.ts';
import { feedPath, readFeed } from '../run-feed-file.ts';
import { type Finding, finding } from './finding.ts';

/** Looks at them. */
export async function checkMessages(state: StateLayout): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const messages = await messagesIn(state);
  for (const { run, step, channel, given_up_at, last } of messages) {
    if (given_up_at === null) continue;
    const message = `a message of ${step} by ${channel} was given up at ${given_up_at}: ${last ?? 'nobody lived to tell why'}`;
    const help = `see to its receiver, then remove what lies in ${outboxPath(state)} of run ${run}; it goes by itself after 30 days`;
    findings.push(finding('warning', 'message_given_up', message, { file: outboxPath(state), help }));
  }
  const unread = (await messageFiles(state)).length - messages.length;
  if (unread > 0) {
    const message = `${unread === 1 ? 'a message' : `${unread} messages`} that did not arrive cannot be read`;
    const help = 'what is no JSON object there can be removed';
    findings.push(finding('warning', 'damaged_message', message, { file: outboxPath(state), help }));
  }
  const feed = await guarded(feedPath(state), () => readFeed(feedPath(state)));
  if (!feed.ok && feed.error.kind === 'damaged') {
    const { file, offset, message } = feed.error;
    const help = `ends of runs begin nothing until it is removed: rm ${file}; what ended until then is told to nobody`;
    findings.push(finding('damage', 'damaged_feed', message, { file, offset, help }));
  }
  const memory = await readAutomations(state);
  if (!memory.ok && memory.error.kind === 'damaged') {
    const file = join(state.root, 'automations.json');
    const help = `automations do nothing until it is removed: rm ${file}; they begin anew then`;
    findings.push(finding('damage', 'damaged_automations', memory.error.message, { file, help }));
  }
  return findings;
}
