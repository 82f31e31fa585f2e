/** The options of every command that stays with a run to its end. */

import type { Command } from 'commander';
import { positiveInteger } from './arguments.ts';
import { OUTPUT_HELP, readOutputMode } from './run-view.ts';

/** Adds them. */
export const withRunOptions = (command: Command): Command =>
  command
    .option('--max-parallel <n>', 'at most so many steps at once', positiveInteger('--max-parallel'))
    .option('--fail-fast', 'after a failure start nothing new')
    .option('--skip-ok', 'exit with 0, not 75, where the concurrency policy of the flow says not now')
    .option(
      '--no-wait',
      'where nothing is left but to wait for a person or an instant, leave the run (6) to be continued',
    )
    .option('--output <mode>', OUTPUT_HELP, readOutputMode, 'auto');
