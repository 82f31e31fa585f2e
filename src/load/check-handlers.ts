/** Handlers: that each does one thing, and a message has one address. What they share with steps is checked where steps are. */

import { type DocumentNode, entriesOf, entryOf } from './document.ts';
import type { HandlerOutline } from './handlers.ts';
import type { FlowOutline } from './outline.ts';
import type { Problems } from './problems.ts';

const ACTIONS = ['run', 'call', 'notify'];
/** Keys that only a command has, and those that only `run` and `call` have. */
const HOMES: readonly (readonly [key: string, actions: readonly string[], home: string])[] = [
  ['stdin', ['run'], '`run`'],
  ['with', ['call'], '`call`'],
  ...['env', 'workdir', 'secrets', 'grace', 'continue_on_error'].map(
    (key): readonly [string, readonly string[], string] => [key, ['run', 'call'], '`run` and `call`'],
  ),
];

/** The keys of a message that name a channel. */
export const NOTIFY_CHANNELS: readonly string[] = ['slack', 'discord', 'teams', 'ntfy', 'webhook', 'email', 'command'];
/** Options that only some channels have. */
const OPTION_CHANNELS: ReadonlyMap<string, readonly string[]> = new Map([
  ['priority', ['ntfy']],
  ['tags', ['ntfy']],
  ['method', ['webhook']],
  ['body', ['webhook']],
  ['headers', ['webhook', 'ntfy']],
  ['smtp', ['email']],
  ['from', ['email']],
  ['env', ['command']],
]);

/** Checks a message. @param name of whoever sends it. */
export function checkMessage(name: string, node: DocumentNode, problems: Problems): void {
  const entries = entriesOf(node);
  const [first, second] = entries.filter(({ key }) => NOTIFY_CHANNELS.includes(key));
  const [any] = entries;
  if (first === undefined) {
    // What is no map, or an empty one, has been reported by its shape; so has a channel that there is not.
    if (any !== undefined && entries.every(({ key }) => key === 'text' || key === 'title' || OPTION_CHANNELS.has(key)))
      problems.at('missing_channel', any.keySpan, { handler: name, channels: NOTIFY_CHANNELS });
    return;
  }
  if (second !== undefined) {
    const earlier = problems.place(first.keySpan, `and \`${first.key}\` here`);
    problems.at('several_actions', second.keySpan, { step: name, keys: [first.key, second.key] }, [earlier]);
  }
  if (first.key === 'email' && entryOf(node, 'smtp') === undefined)
    problems.at('missing_key', first.keySpan, { key: 'smtp', owner: `\`email\` of ${name}` });
  for (const { key, keySpan } of entries) {
    const homes = OPTION_CHANNELS.get(key);
    if (homes !== undefined && !homes.includes(first.key))
      problems.at('misplaced_key', keySpan, {
        key,
        step: name,
        home: homes.map((home) => `\`${home}\``).join(' and '),
      });
  }
}

function checkAction(handler: HandlerOutline, problems: Problems): void {
  const { body, name } = handler;
  if (body.kind !== 'map') return;
  const actions = ACTIONS.flatMap((key) => entryOf(body, key) ?? []);
  const [action, other] = actions;
  if (action === undefined) {
    problems.at('empty_handler', handler.nameSpan, { handler: name });
    return;
  }
  if (other !== undefined) {
    const earlier = problems.place(action.keySpan, `and \`${action.key}\` here`);
    problems.at('several_actions', other.keySpan, { step: name, keys: [action.key, other.key] }, [earlier]);
    return;
  }
  for (const [key, homes, home] of HOMES) {
    const entry = entryOf(body, key);
    if (entry !== undefined && !homes.includes(action.key))
      problems.at('misplaced_key', entry.keySpan, { key, step: name, home });
  }
  const shell = entryOf(body, 'shell');
  if (shell !== undefined && (action.key !== 'run' || action.value.kind !== 'scalar'))
    problems.at('misplaced_key', shell.keySpan, { key: 'shell', step: name, home: '`run` with a text' });
  if (action.key === 'notify') checkMessage(name, action.value, problems);
}

/** Checks the handlers of a flow and of its steps. */
export function checkHandlers(flow: FlowOutline, problems: Problems): void {
  for (const handler of flow.handlers) checkAction(handler, problems);
}
