/** `flowctl rerun`. */

import type { Command } from 'commander';
import type { FrozenDefinition } from '../../store/definitions.ts';
import { StateError } from '../../store/problem.ts';
import { type LoadedFlow, loadOrComplain } from '../flow-file.ts';
import { referenceTo } from '../flow-reference.ts';
import { recordedParams } from '../params.ts';
import { readNamedRun } from '../read-run.ts';
import { withRunOptions } from '../run-options.ts';
import { openSession, type Session, withGlobalOptions } from '../session.ts';
import { storedVars, withVars } from '../stored-vars.ts';
import { type StartOptions, startRun } from '../start-run.ts';
import { stateToRead } from '../state-directory.ts';

const EXAMPLES = `
Examples:
  $ flowctl rerun                the last run once more
  $ flowctl rerun 01kdbq         the run whose id begins so
  $ flowctl rerun --max-parallel 1`;

/** Adds the command. */
export function define(program: Command): void {
  withRunOptions(withGlobalOptions(program.command('rerun')))
    .argument('[run]', 'an id, the unique beginning of one, or `last`', 'last')
    .summary('start a new run with the flow and the params of an earlier one')
    .description(
      'Starts a new run of the same flow file, as it is written now, with the params that the earlier run had; of a deployment, of the version ' +
        'that ran. Every step runs; to go on with what is unfinished, use `flowctl resume`.',
    )
    .addHelpText('after', EXAMPLES)
    .action(rerun);
}

async function rerun(text: string, options: StartOptions): Promise<void> {
  const session = openSession(options);
  const state = stateToRead(session, options);
  const { record, frozen, layout, problem } = await readNamedRun(state, text);
  if (record === null) {
    throw new StateError(
      problem ?? { kind: 'damaged', file: layout.journal, offset: null, message: 'nothing in it can be read' },
    );
  }
  // Where the flow lies stands in the definition alone.
  if (!frozen.ok) throw new StateError(frozen.error);
  const flow = await flowOf(session, frozen.value);
  if (flow === null) return;
  session.mention(`running ${record.flow} again with the params of run ${record.id}`);
  const vars = await storedVars(state.root);
  await startRun(
    session,
    {
      flow,
      vars,
      stateDirectory: state.root,
      trigger: 'rerun',
      params: (context) => recordedParams(session, withVars(flow.definition, vars), record.params, context),
    },
    options,
  );
}

/** The flow as it is now; of a deployment the version that ran, whatever the file says by now. */
async function flowOf(session: Session, { definition, flow_hash }: FrozenDefinition): Promise<LoadedFlow | null> {
  if (definition.deployed === undefined) {
    return loadOrComplain(session, referenceTo(definition), definition.profile);
  }
  const { inProject } = await import('../deployed-run.ts');
  return inProject(session, definition, flow_hash);
}
