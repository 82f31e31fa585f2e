/**
 * Sends messages to people. A message that cannot be delivered is a failed attempt with code `notify`, which changes nothing about the
 * run. It is tried three times, in case the network or the receiver is out of order for a moment; a receiver may therefore
 * get one twice. What is said of a failure names the channel only: an address may be a secret itself.
 */

import { Bug, err, ok, type Result } from '../base/result.ts';
import type { Json } from '../base/json.ts';
import type { AttemptRequest, Work } from '../engine/ports.ts';
import { pause } from '../process/clock.ts';
import { appendToLog, openLog } from '../process/log.ts';
import type { RunNews } from './notification.ts';
import type { Answer, ResolveName } from './outgoing-request.ts';
import { failedToStart, type Runner, type RunnerContext, type WorkEnd } from './runner.ts';

/** What the runner of notifications works with. */
export interface NotifyRunnerOptions {
  /** What is known of the run when the message is sent. */
  readonly news: () => RunNews;
  /** Puts the values of secrets where their marks are. */
  readonly reveal: (text: string) => string;
  /** Default: the system's. */
  readonly resolveName?: ResolveName;
}

type NotifyWork = Extract<Work, { readonly kind: 'notify' }>;

/** From one try to the next. */
const PAUSES_MS = [500, 1_500];
/** A receiver that asks for more patience gets this much. */
const LONGEST_PAUSE_MS = 5_000;

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
  const sent = await deliver(options, request, work, context, stopping);
  if (stopping.aborted && !sent.ok) return { kind: 'stopped', exit_code: null, signal: null };
  appendToLog(log, `flowctl: ${work.channel}: ${sent.ok ? sent.value : sent.error}\n`);
  return sent.ok
    ? { kind: 'succeeded', exit_code: null, outputs: null }
    : failedToStart('notify', `${work.channel}: ${sent.error}`);
}

async function deliver(
  { reveal, news, resolveName }: NotifyRunnerOptions,
  request: AttemptRequest,
  { channel, options, text }: NotifyWork,
  { clock, places }: RunnerContext,
  signal: AbortSignal,
): Promise<Result<string, string>> {
  // Loaded with the first message: most runs send none.
  const [{ notificationRequest }, { sendRequest }] = await Promise.all([
    import('./notification.ts'),
    import('./outgoing-request.ts'),
  ]);
  const made = notificationRequest({
    channel,
    options: revealAll(options, reveal) as typeof options,
    text: reveal(text),
    run: request.run,
    flow: request.flow,
    step: request.step,
    news: news(),
    idempotencyKey: request.idempotency_key,
  });
  if (!made.ok) return made;
  for (let tries = 1; ; tries += 1) {
    const answer = await sendRequest(made.value, {
      clock,
      signal,
      ...(resolveName === undefined ? {} : { resolveName }),
    });
    const what = sentenceOf(answer);
    if (answer.kind === 'answered' && answer.status >= 200 && answer.status <= 299) return ok(`sent, ${what}`);
    const pauseMs = PAUSES_MS[tries - 1];
    if (pauseMs === undefined || signal.aborted || !isMomentary(answer)) {
      return err(tries === 1 ? what : `${what}, ${tries} times tried`);
    }
    appendToLog(places.log, `flowctl: ${channel}: ${what}; it is tried again\n`);
    const asked = answer.kind === 'answered' ? (answer.retryAfterMs ?? 0) : 0;
    await pause(clock, Math.max(pauseMs, Math.min(asked, LONGEST_PAUSE_MS)), signal);
  }
}

const sentenceOf = (answer: Answer): string =>
  answer.kind === 'answered' ? `answered ${answer.status}` : answer.message;

/** True for what another try may do better. */
const isMomentary = (answer: Answer): boolean =>
  answer.kind === 'answered'
    ? answer.status >= 500 || [408, 425, 429].includes(answer.status)
    : answer.kind === 'unreachable';

function revealAll(value: Json, reveal: (text: string) => string): Json {
  if (typeof value === 'string') return reveal(value);
  if (Array.isArray(value)) return value.map((item: Json) => revealAll(item, reveal));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, revealAll(item, reveal)]));
}
