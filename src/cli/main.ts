/**
 * The command line: finds the command, loads it and nothing else, and turns whatever happens into an exit code. Each command is a
 * file of `commands/`; what it needs it imports when it is called. Codes are in `exit-codes.ts`.
 */

import { Command, CommanderError } from 'commander';
import { COMMANDS } from './command-table.ts';
import { EXIT } from './exit-codes.ts';
import { hidden, openSession, streams, UsageError, withGlobalOptions } from './session.ts';

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

/** Runs the program. Never throws; sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    // What the shells' scripts ask at every TAB; no command of its own, for its words are somebody else's.
    if (argv[0] === '__complete')
      return (await import('./completion/answer.ts')).answer(argv.slice(argv[1] === '--' ? 2 : 1));
    const program = createProgram();
    const wanted = COMMANDS.find(({ name }) => name === commandName(argv));
    for (const { load } of wanted === undefined ? COMMANDS : [wanted]) (await load()).define(program);
    if (argv.length === 0) {
      streams.stderr.write(`${program.helpInformation()}${EXAMPLES}\n`);
      process.exitCode = EXIT.usage;
      return;
    }
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    await fail(error);
  }
  await reportLostOutput(commandName(argv));
}

function createProgram(): Command {
  const program = withGlobalOptions(new Command('flowctl'))
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
    .configureOutput({ writeOut: (text) => streams.stdout.write(text), writeErr: (text) => streams.stderr.write(text) })
    .exitOverride();
  return program;
}

/** Commands whose exit code tells of a run, whatever became of what they printed. */
const RUNNING: readonly (string | undefined)[] = ['run', 'resume', 'rerun', 'cancel'];

/** A query whose answer could not be written did not answer. */
async function reportLostOutput(command: string | undefined): Promise<void> {
  const { stdout, complain } = openSession({});
  // An error of the stream is told a turn later.
  await new Promise((resolve) => setImmediate(resolve));
  if (stdout.failure === null) return;
  complain(`what was to be printed could not be written: ${stdout.failure}`);
  if (!RUNNING.includes(command)) process.exitCode = EXIT.state_io;
}

/** The first word that is no option; options with a value take the next word along. */
function commandName(argv: readonly string[]): string | undefined {
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? '';
    if (word === '--state-dir' || word === '--log-level') index += 1;
    else if (!word.startsWith('-')) return word;
  }
  return undefined;
}

async function fail(error: unknown): Promise<void> {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return;
  }
  const session = openSession({});
  if (error instanceof UsageError) {
    session.complain(error.message, error.help);
    process.exitCode = EXIT.usage;
    return;
  }
  const { stateFailure } = await import('./state-failure.ts');
  const known = stateFailure(error);
  if (known !== null) {
    session.complain(known.message, known.help);
    process.exitCode = known.code;
    return;
  }
  session.complain(
    `internal: ${error instanceof Error ? error.message : String(error)} (flowctl ${FLOWCTL_VERSION}, Node ${process.versions.node})`,
    'this is a bug in flowctl; please report it with the lines below',
  );
  if (error instanceof Error && error.stack !== undefined) session.stderr.write(`${hidden(error.stack)}\n`);
  process.exitCode = EXIT.internal;
}
