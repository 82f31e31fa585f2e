/** `flowctl show`. */

import type { Command } from 'commander';
import { hasMessages } from '../../store/outbox-folder.ts';
import { StateError } from '../../store/problem.ts';
import type { RunPlace, StateLayout } from '../../store/layout.ts';
import { detailOf, readNamedRun } from '../read-run.ts';
import { type GlobalOptions, openSession, type Session, withGlobalOptions } from '../session.ts';
import { showText } from '../show-text.ts';
import { stateToRead } from '../state-directory.ts';
import type { Undelivered } from '../undelivered.ts';

interface ShowOptions extends GlobalOptions {
  readonly json?: boolean;
  readonly all?: boolean;
}

const EXAMPLES = `
Examples:
  $ flowctl show                the last run
  $ flowctl show 01kdbq         the run whose id begins so
  $ flowctl show --json | jq '.steps[] | select(.state == "failed") | .key'`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('show'))
    .argument('[run]', 'an id, the unique beginning of one, or `last`', 'last')
    .summary('show a run, step by step')
    .description('Shows one run: its steps with their states, attempts and times, what failed, and its outputs.')
    .option('--json', 'print a JSON object')
    .option('--all', 'every item of large maps, also those that went well')
    .addHelpText('after', EXAMPLES)
    .action(show);
}

async function show(text: string, options: ShowOptions): Promise<void> {
  const session = openSession(options);
  const state = stateToRead(session, options);
  const run = await readNamedRun(state, text);
  const detail = await detailOf(run, Date.now());
  if (detail === null) {
    throw new StateError(
      run.problem ?? { kind: 'damaged', file: run.layout.journal, offset: null, message: 'nothing in it can be read' },
    );
  }
  const { messages, text: undelivered } = await undeliveredIn(session, state, run.layout.place);
  await session.stdout.writeAll(
    options.json === true
      ? `${JSON.stringify(messages.length === 0 ? detail : { ...detail, messages }, null, 2)}\n`
      : `${showText(detail, session.style, options.all === true)}${undelivered}`,
  );
}

/** What has not arrived of the run's messages. Loaded where there is something. */
async function undeliveredIn(
  { style }: Session,
  state: StateLayout,
  place: RunPlace,
): Promise<{ readonly messages: readonly Undelivered[]; readonly text: string }> {
  if (!(await hasMessages(state))) return { messages: [], text: '' };
  const { undeliveredOf, undeliveredText } = await import('../undelivered.ts');
  const messages = await undeliveredOf(state, place);
  return { messages, text: undeliveredText(messages, style) };
}
