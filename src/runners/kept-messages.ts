/** From what a handler wants to be sent to what is kept of it until it has arrived. */

import { mapTexts } from '../base/json.ts';
import { markedSecrets } from '../base/secret-mark.ts';
import type { Clock } from '../engine/ports.ts';
import type { FlowDefinition } from '../model/flow.ts';
import {
  afterFailure,
  LEFT_BEHIND_MS,
  MESSAGE_FORMAT,
  type MessageSecret,
  type OutgoingMessage,
} from '../model/message.ts';
import type { PrivateHosts } from '../model/project.ts';
import type { KeptMessage, Outbox } from './notify.ts';

/** What of a flow says where its secrets are. */
type SecretPlaces = Pick<FlowDefinition, 'file' | 'directory' | 'dotenv' | 'secrets'>;

/** What an outbox works with. */
export interface OutboxOptions {
  /** Whose handlers send. */
  readonly flow: SecretPlaces;
  /** All flows of the run: their secrets may have been handed over in params. */
  readonly flows: { readonly [key: string]: SecretPlaces };
  readonly clock: Pick<Clock, 'wall'>;
  /** As for the runner of messages; whoever sends one later is told. */
  readonly privateHosts: () => PrivateHosts;
  /** Writes a message down, durably. @returns false when that is not possible. */
  readonly write: (message: OutgoingMessage) => Promise<boolean>;
  readonly drop: (message: OutgoingMessage) => Promise<void>;
}

/** The outbox of a run's handlers. */
export function outboxOf(options: OutboxOptions): Outbox {
  const { clock, write, drop } = options;
  return {
    keep: async (kept) => {
      const message = messageOf(kept, options);
      if (!(await write(message))) return null;
      return {
        drop: () => drop(message),
        failed: async (why, retryAfterMs) => {
          await write(afterFailure(message, why, retryAfterMs, clock.wall()));
        },
      };
    },
  };
}

function messageOf({ request, channel, options, text, news, log }: KeptMessage, from: OutboxOptions): OutgoingMessage {
  const { run, flow, step, idempotency_key } = request;
  const now = from.clock.wall();
  const names = new Set<string>();
  mapTexts({ options, text }, (each) => {
    for (const name of markedSecrets(each)) names.add(name);
    return each;
  });
  return {
    format: MESSAGE_FORMAT,
    ...{ run, flow, file: from.flow.file, step, channel, options, text },
    news: { state: news.state, failed: [...news.failed] },
    idempotency_key,
    secrets: [...names].flatMap((name) => placesOf(name, from)),
    private_hosts: from.privateHosts(),
    log,
    created_at: new Date(now).toISOString(),
    tries: 0,
    last: null,
    next_at: new Date(now + LEFT_BEHIND_MS).toISOString(),
    given_up_at: null,
  };
}

/** Where a secret of this name is read: as the flow itself says, else as any flow of the run does. */
function placesOf(name: string, { flow, flows }: OutboxOptions): readonly MessageSecret[] {
  for (const { file, directory, dotenv, secrets } of [flow, ...Object.values(flows)]) {
    const definition = secrets.find((each) => each.name === name);
    if (definition !== undefined) return [{ file, directory, dotenv, definition }];
  }
  return [];
}
