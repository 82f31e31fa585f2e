/**
 * Sends messages to people. The run waits for a receiver two seconds at most; what has not arrived by then is kept, and others send it
 * later (`cli/deliver-messages.ts`):
 *
 *     kept (on disk) --> tried, for two seconds --> sent: dropped
 *                                               '-> answered no: dropped, failed
 *                                               '-> no answer, or flowctl died: stays kept, sent later
 *
 * A message that was not delivered is a failed attempt with code `notify`, which changes nothing about the run. A receiver may get one
 * twice. What is said of a failure names the channel only: an address may be a secret itself.
 */

import type { JsonObject } from '../base/json.ts';
import { Bug } from '../base/result.ts';
import type { AttemptRequest, Work } from '../engine/ports.ts';
import { pause } from '../process/clock.ts';
import { appendToLog, openLog } from '../process/log.ts';
import { TOKEN_VARIABLE, tokenOf } from '../process/token.ts';
import type { RunNews } from './notification.ts';
import type { ResolveName } from './outgoing-request.ts';
import { failedToStart, type Runner, type RunnerContext, type WorkEnd } from './runner.ts';
import type { Sent, SendingSettings } from './send-message.ts';

/** What a handler wants to be sent; marks stand for secrets, and no value of one is in it. */
export interface KeptMessage {
  readonly request: AttemptRequest;
  readonly channel: string;
  readonly options: JsonObject;
  readonly text: string;
  readonly news: RunNews;
  readonly log: string;
}

/** Where messages are kept that may not have arrived. */
export interface Outbox {
  /** Keeps a message durably. @returns what to say of it later; null: it cannot be kept, and is only tried now. */
  keep(message: KeptMessage): Promise<{
    /** It has arrived, or never will. */
    drop(): Promise<void>;
    /** It was tried. */
    failed(why: string, retryAfterMs: number): Promise<void>;
  } | null>;
}

/** What the runner of notifications works with. */
export interface NotifyRunnerOptions {
  /** What is known of the run when the message is sent. */
  readonly news: () => RunNews;
  /** Puts the values of secrets where their marks are. */
  readonly reveal: (text: string) => string;
  /** Default: nothing is kept. */
  readonly outbox?: Outbox;
  /** What programs that are told inherit. Default: nothing. */
  readonly environment?: SendingSettings['environment'];
  /** Default: the system's. */
  readonly resolveName?: ResolveName;
  /** As for waits. Default: none. */
  readonly privateHosts?: SendingSettings['privateHosts'];
}

type NotifyWork = Extract<Work, { readonly kind: 'notify' }>;

/** The longest that a run waits for one receiver, tries and pauses together. */
export const HANDLER_LIMIT_MS = 2_000;
/** From one try to the next. */
const PAUSES_MS = [250, 750];

/** Runs work of the kind `notify`. */
export function notifyRunner(options: NotifyRunnerOptions): Runner {
  return {
    start: (request, context) => {
      const { work } = request;
      if (work.kind !== 'notify') throw new Bug(`the runner of notifications was given a ${work.kind}`);
      const stopping = new AbortController();
      return {
        ended: notify(options, request, work, context, stopping.signal),
        stop: () => stopping.abort(),
        kill: () => stopping.abort(),
      };
    },
  };
}

async function notify(
  options: NotifyRunnerOptions,
  request: AttemptRequest,
  work: NotifyWork,
  context: RunnerContext,
  stopping: AbortSignal,
): Promise<WorkEnd> {
  const { log } = context.places;
  try {
    await openLog(log).settle();
  } catch (error) {
    return failedToStart('start_refused', `the log cannot be opened (${(error as Error).message})`);
  }
  context.begun();
  const { channel } = work;
  const hide = (text: string): string => context.secrets?.mask.text(text) ?? text;
  const hidden = hiddenIn(work, hide);
  const kept = (await options.outbox?.keep({ request, ...hidden, channel, news: options.news(), log })) ?? null;
  const { sent, tries } = await deliver(options, request, work, context, stopping);
  if (sent.kind === 'sent') {
    await kept?.drop();
    appendToLog(log, `flowctl: ${channel}: sent, ${sent.how}\n`);
    return { kind: 'succeeded', exit_code: null, outputs: null };
  }
  const what = tries === 1 ? sent.why : `${sent.why}, ${tries} times tried`;
  if (sent.kind === 'refused') await kept?.drop();
  else await kept?.failed(hide(sent.why), sent.retryAfterMs);
  const later = sent.kind === 'momentary' && kept !== null ? '; it is kept, and sent later' : '';
  appendToLog(log, `flowctl: ${channel}: ${what}${later}\n`);
  if (stopping.aborted) return { kind: 'stopped', exit_code: null, signal: null };
  return failedToStart('notify', `${channel}: ${what}${later}`);
}

/** What may be written down: a value that happens to be a secret's is hidden, its mark stays. */
function hiddenIn(
  { options, text }: NotifyWork,
  hide: (text: string) => string,
): Pick<KeptMessage, 'options' | 'text'> {
  const hideAll = (value: JsonObject[string]): JsonObject[string] => {
    if (typeof value === 'string') return hide(value);
    if (Array.isArray(value)) return value.map(hideAll);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, hideAll(item)]));
  };
  return { options: hideAll(options) as JsonObject, text: hide(text) };
}

async function deliver(
  { reveal, news, resolveName, environment, privateHosts }: NotifyRunnerOptions,
  request: AttemptRequest,
  { channel, options, text }: NotifyWork,
  { clock, places }: RunnerContext,
  signal: AbortSignal,
): Promise<{ readonly sent: Sent; readonly tries: number }> {
  const { sendMessage } = await import('./send-message.ts');
  const { run, flow, step, attempt, idempotency_key: idempotencyKey } = request;
  const message = { channel, options, text, run, flow, step, news: news(), idempotencyKey, directory: request.workdir };
  const began = clock.monotonic();
  const left = (): number => HANDLER_LIMIT_MS - (clock.monotonic() - began);
  for (let tries = 1; ; tries += 1) {
    const sent = await sendMessage(message, {
      ...{
        reveal,
        clock,
        signal,
        limitMs: tries === 1 ? HANDLER_LIMIT_MS : Math.max(100, Math.floor(left() / 100) * 100),
      },
      ...(resolveName === undefined ? {} : { resolveName }),
      ...(privateHosts === undefined ? {} : { privateHosts }),
      environment: {
        ...environment,
        [TOKEN_VARIABLE]: tokenOf(environment?.[TOKEN_VARIABLE] ?? '', run, step, attempt),
      },
    });
    const pauseMs = PAUSES_MS[tries - 1];
    if (sent.kind !== 'momentary' || signal.aborted || pauseMs === undefined) return { sent, tries };
    const longer = Math.max(pauseMs, sent.retryAfterMs);
    if (longer >= left()) return { sent, tries };
    appendToLog(places.log, `flowctl: ${channel}: ${sent.why}; it is tried again\n`);
    await pause(clock, longer, signal);
  }
}
