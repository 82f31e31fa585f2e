/** `flowctl vars`: values that are kept across runs. */

import type { Command } from 'commander';
import type { Json } from '../../base/json.ts';
import { nearestWord } from '../../base/suggestion.ts';
import { withoutControls } from '../../observers/terminal-filter.ts';
import { stateLayout, type StateLayout, stateOfRunDirectory } from '../../store/layout.ts';
import { openState } from '../../store/open.ts';
import { unwrap } from '../../store/problem.ts';
import { changeVars, isVarName, MOST_CHARACTERS, readVars } from '../../store/vars.ts';
import { EXIT } from '../exit-codes.ts';
import { type GlobalOptions, openSession, type Session, UsageError, withGlobalOptions } from '../session.ts';
import { statePath } from '../state-directory.ts';

/** What can be done with values. */
export const VARS_ACTIONS = ['list', 'get', 'set', 'delete'] as const;

interface VarsOptions extends GlobalOptions {
  readonly json?: boolean;
  readonly text?: boolean;
}

const EXAMPLES = `
Examples:
  $ flowctl vars set watermark 2026-03-01     expressions see it as \${{ vars.watermark }}
  $ flowctl vars set limits '{"rows": 1000}'  JSON is kept as JSON
  $ flowctl vars set code 007 --text
  $ flowctl vars get watermark
  $ flowctl vars list --json
  $ flowctl vars delete watermark`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('vars'))
    .argument('[action]', VARS_ACTIONS.join(', '), 'list')
    .argument('[name]', 'of the value: letters, digits, `_` and `-`')
    .argument('[value]', 'of `set`: JSON is read as JSON, everything else is a text')
    .summary('values that are kept across runs')
    .description(
      'Keeps values across runs, in the state directory of the project; also from inside a step. Expressions see them as `vars.<name>`, ' +
        'above those of flowctl.config.yaml. A run sees them as they were when it began, also after a resume. Not for secrets: they are ' +
        'not masked.',
    )
    .option('--text', 'of `set`: the value is a text, whatever it looks like')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(vars);
}

async function vars(
  action: string,
  name: string | undefined,
  value: string | undefined,
  options: VarsOptions,
): Promise<void> {
  const session = openSession(options);
  const state = stateLayout(stateOf(session, options));
  const known = VARS_ACTIONS.find((each) => each === action);
  switch (known) {
    case undefined: {
      const near = nearestWord(action, VARS_ACTIONS);
      const help = near === null ? `one of ${VARS_ACTIONS.join(', ')}` : `did you mean \`${near}\`?`;
      throw new UsageError(`\`flowctl vars ${action}\`: there is no such action`, help);
    }
    case 'list':
      tooMany(name, 'list');
      return list(session, state, options.json === true);
    case 'get':
      tooMany(value, 'get <name>');
      return get(session, state, named(name, 'get <name>'), options.json === true);
    case 'set':
      return set(state, named(name, 'set <name> <value>'), value, options.text === true);
    case 'delete':
      tooMany(value, 'delete <name>');
      return remove(session, state, named(name, 'delete <name>'));
  }
}

/** Inside a step the project is that of its run, wherever the step stands. */
function stateOf(session: Session, options: VarsOptions): string {
  const isSaid = options.stateDir !== undefined || (session.environment['FLOWCTL_STATE_DIR'] ?? '') !== '';
  const folder = session.environment['FLOWCTL_RUN_DIR'] ?? '';
  const root = stateOfRunDirectory(folder);
  return isSaid || root === null ? statePath(session, options) : root;
}

function tooMany(argument: string | undefined, form: string): void {
  if (argument !== undefined) throw new UsageError(`\`${argument}\` is one argument too many`, `flowctl vars ${form}`);
}

function named(name: string | undefined, form: string): string {
  if (name === undefined) throw new UsageError('the name is missing', `flowctl vars ${form}`);
  if (isVarName(name)) return name;
  throw new UsageError(
    `\`${name}\` is no name of a value`,
    'it begins with a letter or `_`, and is made of letters, digits, `_` and `-`, at most 64',
  );
}

/** A text as it is, everything else as JSON. */
const shown = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

async function list(session: Session, state: StateLayout, isJson: boolean): Promise<void> {
  const all = unwrap(await readVars(state));
  const names = Object.keys(all).sort();
  if (isJson) {
    const sorted = Object.fromEntries(names.map((name) => [name, all[name] ?? null]));
    return session.stdout.writeAll(`${JSON.stringify(sorted, null, 2)}\n`);
  }
  if (names.length === 0) session.mention('no values are kept: flowctl vars set <name> <value>');
  const lines = names.map((name) => `${name}=${withoutControls(shown(all[name] ?? null))}\n`);
  await session.stdout.writeAll(lines.join(''));
}

async function get(session: Session, state: StateLayout, name: string, isJson: boolean): Promise<void> {
  const all = unwrap(await readVars(state));
  if (!Object.hasOwn(all, name)) return missing(session, name, Object.keys(all));
  const value = all[name] ?? null;
  await session.stdout.writeAll(`${isJson ? JSON.stringify(value) : shown(value)}\n`);
}

async function set(state: StateLayout, name: string, text: string | undefined, isText: boolean): Promise<void> {
  if (text === undefined) throw new UsageError(`\`${name}\`: the value is missing`, `flowctl vars set ${name} <value>`);
  const value = isText ? text : readValue(text);
  unwrap(await openState(state.root));
  let all = 0;
  unwrap(
    await changeVars(state, (before) => {
      const after = { ...before, [name]: value };
      all = JSON.stringify(after).length;
      return all > MOST_CHARACTERS ? before : after;
    }),
  );
  if (all > MOST_CHARACTERS)
    throw new UsageError(
      `with \`${name}\` the values would be ${all} characters; at most ${MOST_CHARACTERS} are kept`,
      'keep large things in a file, and its name here',
    );
}

function readValue(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

async function remove(session: Session, state: StateLayout, name: string): Promise<void> {
  const before = unwrap(await readVars(state));
  if (!Object.hasOwn(before, name)) return missing(session, name, Object.keys(before));
  unwrap(await openState(state.root));
  unwrap(await changeVars(state, (all) => Object.fromEntries(Object.entries(all).filter(([each]) => each !== name))));
}

function missing(session: Session, name: string, known: readonly string[]): void {
  const near = nearestWord(name, known);
  session.complain(`no value \`${name}\` is kept`, near === null ? null : `did you mean \`${near}\`?`);
  session.exit(EXIT.not_found);
}
