/** What a notification is, for each channel: the request that carries it. Nothing is sent here. */

import type { Json, JsonObject } from '../base/json.ts';
import { err, ok, type Result } from '../base/result.ts';
import type { OutgoingRequest } from './outgoing-request.ts';

/** What a notification says of its run. */
export interface RunNews {
  readonly state: string;
  /** Keys of the steps that failed. */
  readonly failed: readonly string[];
}

/** A notification, its secrets revealed. */
export interface Notification {
  readonly channel: string;
  readonly options: JsonObject;
  readonly text: string;
  readonly run: string;
  readonly flow: string;
  /** The handler that sends it. */
  readonly step: string;
  readonly news: RunNews;
  /** The same for every try, so that a receiver can tell a repetition. */
  readonly idempotencyKey: string;
}

/** Makes the request of one channel. */
type Channel = (notification: Notification, url: string) => OutgoingRequest;

/** Slack cuts a text at 40,000 characters (https://docs.slack.dev/reference/methods/chat.postMessage). */
const SLACK_LONGEST = 40_000;
/** https://discord.com/developers/docs/resources/webhook#execute-webhook */
const DISCORD_LONGEST = 2_000;
/** Teams takes 28 KB in all (https://learn.microsoft.com/microsoftteams/limits-specifications-teams). */
const TEAMS_LONGEST = 6_000;
/** A longer message would become a file (https://docs.ntfy.sh/publish/#limitations). */
const NTFY_LONGEST_BYTES = 4_096;

const CHANNELS: { readonly [channel: string]: Channel } = {
  slack: ({ options, text }, url) => posted(url, { text: cut(withTitle(options, '*', text), SLACK_LONGEST) }),
  discord: ({ options, text }, url) =>
    posted(url, {
      content: cut(withTitle(options, '**', text), DISCORD_LONGEST),
      // Values in a text must not call everybody.
      allowed_mentions: { parse: [] },
    }),
  // An Adaptive Card, which the workflows of Teams take (https://adaptivecards.io/explorer/AdaptiveCard.html).
  teams: ({ options, text }, url) => {
    const title = textOf(options, 'title');
    const heading = { type: 'TextBlock', text: title, weight: 'bolder', size: 'medium', wrap: true };
    const body = { type: 'TextBlock', text: cut(text, TEAMS_LONGEST), wrap: true };
    const content = { type: 'AdaptiveCard', version: '1.4', body: title === null ? [body] : [heading, body] };
    return posted(url, {
      type: 'message',
      attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', content }],
    });
  },
  // https://docs.ntfy.sh/publish
  ntfy: ({ options, text }, url) => {
    const { priority, tags } = options;
    const title = textOf(options, 'title');
    const labels = Array.isArray(tags) ? tags.filter((tag) => typeof tag === 'string').join(',') : '';
    const headers = {
      'content-type': 'text/plain; charset=utf-8',
      ...(title === null ? {} : { title: headerText(title) }),
      ...(typeof priority === 'number' ? { priority: String(priority) } : {}),
      ...(labels === '' ? {} : { tags: headerText(labels) }),
      ...headersOf(options),
    };
    return { url, method: 'POST', headers, body: cutBytes(text, NTFY_LONGEST_BYTES) };
  },
  webhook: (notification, url) => {
    const { options, idempotencyKey } = notification;
    const method = textOf(options, 'method') ?? 'POST';
    const { body } = options;
    const isText = typeof body === 'string';
    const headers = {
      'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
      'idempotency-key': idempotencyKey,
      ...headersOf(options),
    };
    if (method === 'GET') return { url, method, headers: { ...headersOf(options) }, body: null };
    return { url, method, headers, body: isText ? body : JSON.stringify(body ?? webhookBody(notification)) };
  },
};

/** The channels that are sent requests. */
export const CHANNEL_NAMES: readonly string[] = Object.keys(CHANNELS);
/** Those that are not: mails and programs. */
const OTHER_CHANNELS: readonly string[] = ['email', 'command'];

/**
 * What a webhook is sent unless the flow says otherwise; members may be added to it.
 *
 *     {"run": "01k...", "flow": "etl", "state": "failed", "failed": ["load"], "step": "on_failure[0]", "title": null, "text": "..."}
 */
export const webhookBody = ({ run, flow, news, step, options, text }: Notification): JsonObject => ({
  run,
  flow,
  state: news.state,
  failed: news.failed,
  step,
  title: textOf(options, 'title'),
  text,
});

/** The request that carries a notification, or why there can be none. */
export function notificationRequest(notification: Notification): Result<OutgoingRequest, string> {
  const { channel, options } = notification;
  const make = Object.hasOwn(CHANNELS, channel) ? CHANNELS[channel] : undefined;
  if (make === undefined)
    return err(`there is no channel \`${channel}\`; there are ${[...CHANNEL_NAMES, ...OTHER_CHANNELS].join(', ')}`);
  const url = textOf(options, 'url');
  return url === null ? err(`\`${channel}\` needs an address`) : ok(make(notification, url.trim()));
}

const posted = (url: string, body: Json): OutgoingRequest => ({
  url,
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

function textOf(options: JsonObject, name: string): string | null {
  const value = options[name];
  return typeof value === 'string' && value !== '' ? value : null;
}

function withTitle(options: JsonObject, mark: string, text: string): string {
  const title = textOf(options, 'title');
  return title === null ? text : `${mark}${title}${mark}\n${text}`;
}

/** Header names in small letters, so that those of the user take the place of ours. */
function headersOf({ headers }: JsonObject): { readonly [name: string]: string } {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) return {};
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]));
}

/** A header holds ASCII; anything else is an encoded word (RFC 2047, 2), which ntfy reads. */
const headerText = (text: string): string =>
  /^[\x20-\x7e]*$/.test(text) ? text : `=?UTF-8?B?${Buffer.from(text).toString('base64')}?=`;

function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  return `${text.slice(0, longest - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

function cutBytes(text: string, longest: number): string {
  if (Buffer.byteLength(text) <= longest) return text;
  const room = longest - Buffer.byteLength('…');
  // `stream` keeps back the beginning of a character that was cut.
  return `${new TextDecoder().decode(Buffer.from(text).subarray(0, room), { stream: true })}…`;
}
