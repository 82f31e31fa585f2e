/** `flowctl run`. */

import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { positiveInteger } from '../arguments.ts';
import { loadOrComplain } from '../flow-file.ts';
import { collect, type ParamOptions, paramsFor } from '../params.ts';
import { readOutputMode } from '../run-view.ts';
import { openSession, withGlobalOptions } from '../session.ts';
import { type RunToStart, type StartOptions, startRun } from '../start-run.ts';
import { statePath } from '../state-directory.ts';

interface RunOptions extends StartOptions, ParamOptions {}

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
  const flow = await loadOrComplain(session, file);
  if (flow === null) return;
  const start: RunToStart = {
    flow,
    stateDirectory: statePath(session, options, dirname(resolve(file))),
    trigger: 'manual',
    params: (context) => paramsFor(session, flow.definition, options, context),
  };
  await startRun(session, start, options);
}
