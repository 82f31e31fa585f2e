/** What a step does: exactly one thing, with keys that mean something for it. */

import { example } from '../diagnostics/phrase.ts';
import { type DocumentNode, entryOf, type MapEntry } from './document.ts';
import { isMapped, type StepOutline } from './outline.ts';
import type { Problems } from './problems.ts';
import { ACTION_KEYS } from './vocabulary.ts';

/** Other tools' words for what a step does: who wrote one is told so already. */
const FOREIGN_ACTIONS = [
  ...['command', 'cmd', 'cmds', 'commands', 'script', 'uses', 'exec', 'entrypoint', 'function'],
  ...['sleep', 'wait_until', 'sensor', 'suspend', 'approval', 'manual'],
  ...['workflow', 'subflow', 'sub_flow', 'dag', 'template', 'tasks', 'group', 'block'],
];

/** The actions that each key means something for; keys that are not here mean something for all of them. */
const HOMES: ReadonlyMap<string, readonly string[]> = new Map([
  ['with', ['call', 'flow']],
  ['env', ['run', 'call', 'steps', 'wait']],
  ['workdir', ['run', 'call', 'steps', 'wait']],
  ['shell', ['run', 'steps', 'wait']],
  ['stdin', ['run']],
  ['output', ['run']],
  ['outputs', ['run', 'call', 'flow']],
  ['success_codes', ['run', 'wait']],
  ['skip_codes', ['run']],
  ['timeout', ['run', 'call', 'flow', 'steps']],
  ['grace', ['run', 'call', 'flow', 'wait']],
  ['retry', ['run', 'call', 'flow', 'steps']],
  ['if_lost', ['run', 'call']],
  ['repeat', ['run', 'call', 'flow']],
]);

/** What to do about some keys of groups, waits and approvals. */
function remedyFor(key: string, action: string): string | null {
  if (action === 'steps' && ['grace', 'if_lost', 'repeat', 'output', 'outputs'].includes(key))
    return 'write it at the steps inside';
  if (action === 'approve' && key === 'timeout')
    return `say how long to wait for an answer:${example('approve: { message: "Go on?", timeout: 8h }')}`;
  if (action === 'wait' && key === 'timeout')
    return `say how long to wait for something:${example('wait: { for: { file: data/ready }, timeout: 2h }')}`;
  return null;
}

const named = (actions: readonly string[]): string => {
  const shown = actions.map((action) => `\`${action}\``);
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1) ?? ''}`;
};

/** Checks that a step does one thing, and that its keys have an effect. */
export function checkAction(step: StepOutline, problems: Problems): void {
  // What is no map has been reported by its shape.
  if (step.body.kind !== 'map') return;
  const actions = ACTION_KEYS.flatMap((key) => entryOf(step.body, key) ?? []);
  const [first, ...others] = actions;
  const last = others.at(-1);
  if (first === undefined) {
    if (!FOREIGN_ACTIONS.some((key) => entryOf(step.body, key) !== undefined))
      problems.at('missing_action', step.nameSpan, { step: step.name });
    return;
  }
  if (last !== undefined) {
    const keys = actions.map(({ key }) => key);
    const earlier = [first, ...others.slice(0, -1)].map(({ key, keySpan }) =>
      problems.place(keySpan, `and \`${key}\` here`),
    );
    problems.at('several_actions', last.keySpan, { step: step.name, keys }, earlier);
    return;
  }
  checkKeys(step, first, problems);
}

function checkKeys(step: StepOutline, action: MapEntry, problems: Problems): void {
  const misplaced = (entry: MapEntry, home: string, remedy: string | null = null): void =>
    problems.at('misplaced_key', entry.keySpan, { key: entry.key, step: step.name, home, remedy });
  for (const [key, homes] of HOMES) {
    const entry = entryOf(step.body, key);
    if (entry === undefined) continue;
    if (!homes.includes(action.key)) misplaced(entry, named(homes), remedyFor(key, action.key));
    else if (action.key === 'wait' && !isOfWait(key, action.value)) misplaced(entry, '`wait: { for: { command } }`');
    else if (key === 'shell' && action.key === 'run' && action.value.kind !== 'scalar')
      misplaced(entry, '`run` with a text');
  }
  const bound = entryOf(step.body, 'max_parallel');
  if (bound !== undefined && !isMapped(step) && step.members === null)
    misplaced(bound, '`foreach`, `matrix` or `steps`');
}

/** True for a key that says something about what a wait looks at: a command has them all, a file only its folder. */
function isOfWait(key: string, wait: DocumentNode): boolean {
  const probe = entryOf(wait, 'for')?.value;
  if (entryOf(probe, 'command') !== undefined) return true;
  return key === 'workdir' && entryOf(probe, 'file') !== undefined;
}
