/** `flowctl run`. */

import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { ulid } from 'ulid';
import { parseRunId, type RunId } from '../../base/ids.ts';
import { Bug } from '../../base/result.ts';
import { settingsFor } from '../../compose.ts';
import type { RunEvent } from '../../model/event.ts';
import { beginRun } from '../../model/fold.ts';
import { createRun, type NewRun } from '../../store/create.ts';
import type { StateLayout } from '../../store/layout.ts';
import { openState } from '../../store/open.ts';
import type { OwnedRun } from '../../store/owned-run.ts';
import { StateError } from '../../store/problem.ts';
import { loadOrComplain } from '../flow-file.ts';
import { collect, type ParamOptions, paramsFor } from '../params.ts';
import { positiveInteger } from '../arguments.ts';
import { runToEnd } from '../run-life.ts';
import { type OutputMode, readOutputMode } from '../run-view.ts';
import { type GlobalOptions, openSession, withGlobalOptions } from '../session.ts';
import { takeSignals } from '../signals.ts';
import { statePath } from '../state-directory.ts';

declare const FLOWCTL_VERSION: string;

interface RunOptions extends GlobalOptions, ParamOptions {
  readonly maxParallel?: number;
  readonly failFast?: boolean;
  readonly output: OutputMode;
}

const EXAMPLES = `
Examples:
  $ flowctl run etl.yaml
  $ flowctl run etl.yaml -p date=2026-03-01 -p limit=100
  $ flowctl run etl.yaml --params-file nightly.json --max-parallel 8
  $ flowctl run etl.yaml --output json | jq -r 'select(.type == "attempt.finished") | .step'`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('run'))
    .argument('<flow>', 'a flow file')
    .summary('start a run of a flow')
    .description('Runs a flow: every step as soon as what it needs has succeeded. The run is recorded step by step.')
    .option('-p, --param <name=value>', 'value of a param, read as its type says; repeatable', collect)
    .option('--params-file <file>', 'values of params from a JSON object')
    .option('--max-parallel <n>', 'at most so many steps at once', positiveInteger)
    .option('--fail-fast', 'after a failure start nothing new')
    .option('--output <mode>', 'auto, plain (one line per event) or json (one event per line)', readOutputMode, 'auto')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run(file: string, options: RunOptions): Promise<void> {
  const session = openSession(options);
  const loaded = await loadOrComplain(session, file);
  if (loaded === null) return;
  const { definition, hash } = loaded;
  const id = mintRunId();
  const now = new Date().toISOString();
  const params = await paramsFor(session, definition, options, {
    id,
    started_at: now,
    scheduled_for: now,
    previous_scheduled_for: null,
    attempt: 1,
  });
  if (params === null) return;
  const started: NewRun['started'] = {
    type: 'run.started',
    flow: definition.name,
    version: null,
    flow_hash: hash,
    params,
    tags: definition.tags,
    trigger: 'manual',
    parent: null,
    scheduled_for: now,
    settings: settingsFor(definition, options, session.environment),
    steps: definition.steps.map(({ id: step, needs }) => ({ id: step, needs })),
    seq: 1,
    time: now,
  };
  const signals = takeSignals(session.environment);
  const state = valueOrThrow(await openState(statePath(session, options, dirname(resolve(file)))));
  const owned = await create(state, { id, definition, started, version: FLOWCTL_VERSION });
  const record = beginRun(owned.layout.place.id, started);
  const told: readonly RunEvent[] = [started];
  await runToEnd(session, { state, owned, record, definition, told, opening: [], before: null }, options, signals);
}

async function create(state: StateLayout, run: NewRun): Promise<OwnedRun> {
  const created = await createRun(state, run);
  if (created.ok) return created.value;
  if (created.error.kind === 'id_taken') throw new Bug(`run id ${run.id} was minted twice`);
  throw new StateError(created.error);
}

function valueOrThrow(state: Awaited<ReturnType<typeof openState>>): StateLayout {
  if (state.ok) return state.value;
  throw new StateError(state.error);
}

function mintRunId(): RunId {
  const id = parseRunId(ulid());
  if (id === null) throw new Bug('the library minted an id that is none');
  return id;
}
