/** Sends one message once, by whatever its channel is. No sentence that leaves this file holds an address or a secret. */

import { type JsonObject, mapTexts } from '../base/json.ts';
import { markedSecrets } from '../base/secret-mark.ts';
import type { Clock } from '../engine/ports.ts';
import type { PrivateHosts } from '../model/project.ts';
import type { Notification } from './notification.ts';
import type { Answer, ResolveName } from './outgoing-request.ts';

/** A message, marks in the place of secrets. */
export interface MessageToSend extends Notification {
  /** The flow's folder, absolute. */
  readonly directory: string;
}

/** How it is sent. */
export interface SendingSettings {
  /** Puts the values of secrets where their marks are. */
  readonly reveal: (text: string) => string;
  readonly clock: Clock;
  /** Ends it at once. */
  readonly signal: AbortSignal;
  /** How long it may take. */
  readonly limitMs: number;
  /** Default: the system's. */
  readonly resolveName?: ResolveName;
  /** As for waits; besides these a secret may hold the host. Default: none. */
  readonly privateHosts?: () => PrivateHosts;
  /** What programs that are told inherit. Default: nothing. */
  readonly environment?: { readonly [name: string]: string | undefined };
}

/** What came of it. */
export type Sent =
  | { readonly kind: 'sent'; readonly how: string }
  /** Another try may do better. */
  | { readonly kind: 'momentary'; readonly why: string; readonly retryAfterMs: number }
  /** It can never be sent like this. */
  | { readonly kind: 'refused'; readonly why: string };

/** Sends a message. Never rejects. */
export async function sendMessage(message: MessageToSend, settings: SendingSettings): Promise<Sent> {
  const { reveal, clock, signal, limitMs, resolveName, privateHosts = () => [] } = settings;
  if (message.channel === 'command') return tell(message, settings);
  const options = mapTexts(message.options, reveal) as typeof message.options;
  const known = { ...message, options, text: reveal(message.text) };
  if (message.channel === 'email') return (await import('./email.ts')).sendEmail(known, settings);
  // Loaded with the first message: most runs send none.
  const [{ notificationRequest }, { sendRequest }, { allowing }] = await Promise.all([
    import('./notification.ts'),
    import('./outgoing-request.ts'),
    import('./named-hosts.ts'),
  ]);
  const made = notificationRequest(known);
  if (!made.ok) return { kind: 'refused', why: made.error };
  const names = resolveName === undefined ? {} : { resolveName };
  const { url = '' } = message.options;
  const inside = { privateHosts: allowing(privateHosts, String(url), reveal) };
  return judged(await sendRequest(made.value, { clock, signal, limitMs, ...names, ...inside }));
}

/** A program is told by its standard input. Its words are seen by every process of the machine: no secret stands in them. */
async function tell(message: MessageToSend, settings: SendingSettings): Promise<Sent> {
  const { reveal, clock, signal, limitMs, environment = {} } = settings;
  const { url: command, env = {} } = message.options;
  const argv = Array.isArray(command) ? command.map(String) : [String(command)];
  const [secret] = argv.flatMap(markedSecrets);
  if (secret !== undefined) {
    const why = `the secret \`${secret}\` must not be in a command's own words, which every process can see; hand it over by \`env\``;
    return { kind: 'refused', why };
  }
  const [{ webhookBody }, { tellProgram }] = await Promise.all([
    import('./notification.ts'),
    import('../process/message-program.ts'),
  ]);
  const given = mapTexts(env, reveal) as JsonObject;
  const variables = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, String(value)]));
  const facts = { FLOWCTL_RUN_ID: message.run, FLOWCTL_FLOW: message.flow, FLOWCTL_STEP: message.step };
  const limit = new AbortController();
  const takeBack = clock.after(limitMs, () => limit.abort());
  const input = `${JSON.stringify({ ...webhookBody({ ...message, text: reveal(message.text) }), idempotency_key: message.idempotencyKey })}\n`;
  const told = { argv, directory: message.directory, environment: { ...environment, ...facts, ...variables }, input };
  const end = await tellProgram(told, AbortSignal.any([signal, limit.signal])).finally(takeBack);
  if (end.kind === 'none') return { kind: 'refused', why: `cannot be started (${end.code})` };
  if (end.code === 0) return { kind: 'sent', how: 'ended with 0' };
  const why = limit.signal.aborted ? `not ended within ${limitMs / 1_000} s` : `ended with ${end.code ?? end.signal}`;
  return { kind: 'momentary', why, retryAfterMs: 0 };
}

function judged(answer: Answer): Sent {
  if (answer.kind !== 'answered') {
    const why = answer.message;
    return answer.kind === 'refused' ? { kind: 'refused', why } : { kind: 'momentary', why, retryAfterMs: 0 };
  }
  const { status, retryAfterMs } = answer;
  const why = `answered ${status}`;
  if (status >= 200 && status <= 299) return { kind: 'sent', how: why };
  const isMomentary = status >= 500 || [408, 425, 429].includes(status);
  return isMomentary ? { kind: 'momentary', why, retryAfterMs: retryAfterMs ?? 0 } : { kind: 'refused', why };
}
