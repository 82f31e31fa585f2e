/**
 * Sends what runs have left behind: messages whose receivers did not answer, or whose run died while it sent them. Whoever comes next does
 * it: `serve` and `tick`, and a run that has ended. Secrets are read now, as the flow says, from the environment of whoever sends.
 */

import { constants } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { assertNever } from '../base/result.ts';
import { systemClock } from '../process/clock.ts';
import { afterFailure, isDue, type MessageSecret, type OutgoingMessage } from '../model/message.ts';
import { sendMessage, type Sent } from '../runners/send-message.ts';
import { readSecrets, type RunSecrets } from '../secrets/run-secrets.ts';
import { dropMessage, forgetGivenUp, keepMessage, messagesIn, whileAlone } from '../store/outbox.ts';
import { hasMessages } from '../store/outbox-folder.ts';
import type { StateLayout } from '../store/layout.ts';
import { environmentOfRun } from './dotenv.ts';
import type { Session } from './session.ts';

/** From one look at what is kept to the next. */
const PAUSE_MS = 2_000;
/** After this a look begins anew. */
const ROUND_MS = 60_000;
/** How long one message may take. */
const MESSAGE_LIMIT_MS = 10_000;

/** What became of a message that was tried. */
export type Delivery = (message: OutgoingMessage, end: 'delivered' | 'later' | 'given_up' | 'refused') => void;

/** How much is done at once. */
export interface DeliveryLimits {
  /** Nothing more is begun after this time, and what is under way is given up, milliseconds. */
  readonly budgetMs: number;
  /** Ends it at once. */
  readonly signal?: AbortSignal;
  /** Told of every message that was tried. Default: nobody. */
  readonly tell?: Delivery;
}

/** What became of a message, in words. */
export function deliveryText(
  { run, step, channel, tries, last }: OutgoingMessage,
  end: Parameters<Delivery>[1],
): string {
  const what = `${step} of run ${run}: ${channel}`;
  switch (end) {
    case 'delivered':
      return `${what}: delivered late`;
    case 'later':
      return `${what}: not delivered (${last ?? 'nobody answered'}), tried again later`;
    case 'given_up':
      return `${what}: given up after ${tries} tries (${last ?? 'nobody answered'})`;
    case 'refused':
      return `${what}: given up (${last ?? 'refused'})`;
    default:
      return assertNever(end, 'end of a delivery');
  }
}

/** Sends again and again until it is stopped, beside whatever else its process does. */
export async function keepDelivering(
  session: Session,
  state: StateLayout,
  sleep: (ms: number) => Promise<void>,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<void> {
  while (!signal.aborted) {
    if (await hasMessages(state)) {
      const tell: Delivery = (message, end) => say(deliveryText(message, end));
      await deliverMessages(session, state, { budgetMs: ROUND_MS, signal, tell });
    }
    await sleep(PAUSE_MS);
  }
}

/** Sends whatever is due. Never rejects: what cannot be sent stays, and is shown by `show`. */
export async function deliverMessages(session: Session, state: StateLayout, limits: DeliveryLimits): Promise<void> {
  const { budgetMs, tell = () => undefined } = limits;
  const over = AbortSignal.timeout(budgetMs);
  const signal = limits.signal === undefined ? over : AbortSignal.any([limits.signal, over]);
  try {
    await whileAlone(state, async () => {
      const messages = await messagesIn(state);
      await forgetGivenUp(state, messages, Date.now());
      for (const message of messages) {
        if (signal.aborted) return;
        if (isDue(message, Date.now()))
          await deliver(session, state, message, signal).then(({ kept, end }) => tell(kept, end));
      }
    });
  } catch {
    // No folder, no lock, a full disk: it was said where it mattered, and nothing is lost.
  }
}

async function deliver(
  session: Session,
  state: StateLayout,
  message: OutgoingMessage,
  signal: AbortSignal,
): Promise<{ readonly kept: OutgoingMessage; readonly end: Parameters<Delivery>[1] }> {
  const secrets = await secretsFor(session, message.secrets, signal);
  const sent: Sent =
    typeof secrets === 'string'
      ? { kind: 'momentary', why: secrets, retryAfterMs: 0 }
      : await sendMessage(
          { ...message, idempotencyKey: message.idempotency_key, directory: dirname(message.file) },
          {
            ...{ clock: systemClock(), signal, limitMs: MESSAGE_LIMIT_MS },
            reveal: secrets.of(message.file).reveal,
            environment: secrets.visible(session.environment),
            privateHosts: () => message.private_hosts ?? [],
          },
        );
  const note = (text: string): Promise<void> => noteInLog(message, text);
  if (sent.kind === 'sent') {
    await dropMessage(state, message);
    await note(`sent, ${sent.how}`);
    return { kept: message, end: 'delivered' };
  }
  const why = typeof secrets === 'string' ? sent.why : secrets.mask.text(sent.why);
  const after = afterFailure(message, why, sent.kind === 'momentary' ? sent.retryAfterMs : 0, Date.now());
  // What the handler could still send, and its receiver refuses now, may be mended by a person: an address that was withdrawn.
  const kept = sent.kind === 'refused' ? { ...after, given_up_at: new Date().toISOString() } : after;
  await keepMessage(state, kept);
  if (kept.given_up_at === null) return { kept, end: 'later' };
  await note(`${why}; given up`);
  return { kept, end: sent.kind === 'refused' ? 'refused' : 'given_up' };
}

/** The secrets of a message, or why they cannot be had. */
async function secretsFor(
  session: Session,
  named: readonly MessageSecret[],
  signal: AbortSignal,
): Promise<RunSecrets | string> {
  const environments = new Map<string, ReturnType<typeof environmentOfRun>>();
  for (const { file, dotenv } of named) environments.set(file, environmentOfRun(session, { dotenv }));
  for (const environment of environments.values()) if (!environment.ok) return environment.error;
  const flows = named.map(({ file, directory, definition }) => ({ file, directory, secrets: [definition] }));
  const environmentOf = ({ file }: { readonly file: string }) => {
    const environment = environments.get(file);
    return environment?.ok === true ? environment.value : session.environment;
  };
  const { secrets, missing } = await readSecrets(flows, environmentOf, signal);
  const [first] = missing;
  return first === undefined ? secrets : `the secret \`${first.name}\`: ${first.reason}`;
}

/** The log of the handler says what became of its message; where the run is gone, nobody misses it. */
async function noteInLog({ log, channel }: OutgoingMessage, text: string): Promise<void> {
  if (log === null) return;
  const line = `flowctl: ${channel}: ${new Date().toISOString()}: ${text}\n`;
  await appendFile(log, line, { flag: constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW }).catch(
    () => undefined,
  );
}
