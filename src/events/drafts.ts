/** What is known of an event: its facts, which expressions see, and a few words for people. */

import { formatDuration } from '../base/duration.ts';
import type { Json, JsonObject } from '../base/json.ts';
import { assertNever } from '../base/result.ts';
import type { RunEnding } from '../model/run-ending.ts';
import type { EventKind, EventSource, TriggerDefinition } from '../model/trigger.ts';
import type { FileEvent } from './file-news.ts';
import type { Silence } from './waiting.ts';

/** An event that has no id yet. */
export interface EventDraft {
  readonly kind: EventKind;
  /** RFC 3339. */
  readonly at: string;
  readonly what: string;
  /** Beside `kind` and `at`. */
  readonly facts: JsonObject;
}

const textOf = (instant: number): string => new Date(instant).toISOString();

/** Words that lists show stay on one line, and not too long. */
function shown(text: string): string {
  const plain = text.replace(/\p{C}/gu, '?');
  return plain.length > 120 ? `...${plain.slice(-117)}` : plain;
}

/** A file that appeared or changed. @param directory the flow's folder, which people think of. */
export function fileEvent({ file, change, at_ms }: FileEvent, directory: string): EventDraft {
  const { path, size } = file;
  const slash = path.lastIndexOf('/');
  const [folder, name] = [path.slice(0, slash) || '/', path.slice(slash + 1)];
  const near = path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : path;
  const facts = { path, name, folder, change, size };
  return { kind: 'file', at: textOf(at_ms), what: `${shown(near)} ${change}`, facts };
}

/** A run that ended. */
export function endingEvent(ending: RunEnding, outputs: Json): EventDraft {
  const { run: id, flow, deployment, version, state, exit_code, scheduled_for, started_at, finished_at } = ending;
  const run = { id, flow, deployment, version, state, exit_code, scheduled_for, started_at, finished_at };
  const what = `${deployment ?? flow} ${state} (run ${id})`;
  return { kind: 'flow', at: finished_at ?? ending.noticed_at, what, facts: { run, outputs } };
}

/** A request that was accepted. */
export function hookEvent(
  name: string,
  request: { readonly id: string; readonly headers: JsonObject; readonly body: Json },
  now: number,
): EventDraft {
  return {
    kind: 'webhook',
    at: textOf(now),
    what: `webhook ${name} ${shown(request.id)}`,
    facts: { name, ...request },
  };
}

/** Something that did not happen in time. */
export function absenceEvent(
  { of, within_ms }: Extract<TriggerDefinition['source'], { readonly kind: 'absence' }>,
  { since, due_ms }: Silence,
): EventDraft {
  const within = formatDuration(within_ms);
  const name = sourceText(of);
  const facts = { of: name, since, within };
  return { kind: 'absence', at: textOf(due_ms), what: `nothing of ${shown(name)} within ${within}`, facts };
}

/** What is watched, in a few words. */
export function sourceText(source: TriggerDefinition['source'] | EventSource): string {
  switch (source.kind) {
    case 'file':
      return source.paths.join(', ');
    case 'flow':
      return `flow ${source.flow}`;
    case 'webhook':
      return `webhook ${source.name}`;
    case 'absence':
      return `absence of ${sourceText(source.of)}`;
    default:
      return assertNever(source, 'source of events');
  }
}
