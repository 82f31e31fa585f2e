/** The program as commander knows it: every call that is not plain, all help, and what is wrong with a call. */

import { Command, CommanderError } from 'commander';
import { linesWithoutControls } from '../observers/terminal-filter.ts';
import { COMMANDS, type CommandModule } from './command-table.ts';
import { EXIT } from './exit-codes.ts';
import { streams, UsageError, withGlobalOptions } from './session.ts';

declare const FLOWCTL_VERSION: string;

const EXAMPLES = `
Examples:
  $ flowctl run etl.yaml                 run a flow
  $ flowctl run etl.yaml -p date=2026-03-01
  $ flowctl validate flows/*.yaml        say everything that is wrong, run nothing
  $ flowctl runs                         what ran
  $ flowctl show                         the last run, step by step
  $ flowctl logs load                    what step load of the last run printed
  $ flowctl resume                       go on where a run failed, was cancelled or crashed
  $ flowctl init                         write a small flow to begin with

Exit codes: flowctl help exit-codes`;

/**
 * Answers a call. Sets the exit code for what commander itself has to say.
 * @param wanted the only command that is defined; null: all of them.
 */
export async function answerCall(argv: readonly string[], wanted: CommandModule | null): Promise<void> {
  const program = createProgram();
  const modules = wanted === null ? await Promise.all(COMMANDS.map(({ load }) => load())) : [wanted];
  for (const module of modules) module.define(program);
  if (argv.length === 0) {
    streams.stderr.write(`${program.helpInformation()}${EXAMPLES}\n`);
    process.exitCode = EXIT.usage;
    return;
  }
  const [first = ''] = argv;
  if (wanted === null && /\.(ya?ml|json)$/i.test(first))
    throw new UsageError(`\`${first}\` is no command`, `to run a flow: flowctl run ${first}`);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

/** The program without its commands. */
export function createProgram(): Command {
  return (
    withGlobalOptions(new Command('flowctl'))
      .description('A command-line workflow orchestrator: flows in YAML, crash-safe on local files.')
      .version(FLOWCTL_VERSION, '-V, --version', 'print the version')
      .helpOption('-h, --help', 'print help')
      .helpCommand(false)
      .showSuggestionAfterError(true)
      .addHelpText('after', EXAMPLES)
      // An option before the command's name is the program's, one behind it the command's; the command gets both.
      .enablePositionalOptions()
      .hook('preAction', (outer, command) => {
        for (const [name, value] of Object.entries(outer.opts())) {
          if (outer.getOptionValueSource(name) === 'cli') command.setOptionValue(name, value);
        }
      })
      .configureOutput({
        writeOut: (text) => streams.stdout.write(text),
        writeErr: (text) => streams.stderr.write(linesWithoutControls(text)),
      })
      .exitOverride()
  );
}
