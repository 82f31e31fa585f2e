/**
 * The command line: finds the command, loads it and nothing else, and turns whatever happens into an exit code. Each command is a
 * file of `commands/`; what it needs it imports when it is called. Sentences are in `text.ts`, codes in `exit-codes.ts`.
 */

import { Command, CommanderError } from 'commander';
import { EXIT } from './exit-codes.ts';
import { openSession, UsageError, withGlobalOptions } from './session.ts';

declare const FLOWCTL_VERSION: string;

/** A file of `commands/`. */
interface CommandModule {
  /** Adds the command, with its options and its help. */
  define(program: Command): void;
}

const COMMANDS: readonly { readonly name: string; load(): Promise<CommandModule> }[] = [
  { name: 'run', load: () => import('./commands/run.ts') },
  { name: 'resume', load: () => import('./commands/resume.ts') },
  { name: 'rerun', load: () => import('./commands/rerun.ts') },
  { name: 'validate', load: () => import('./commands/validate.ts') },
  { name: 'runs', load: () => import('./commands/runs.ts') },
  { name: 'show', load: () => import('./commands/show.ts') },
  { name: 'logs', load: () => import('./commands/logs.ts') },
  { name: 'graph', load: () => import('./commands/graph.ts') },
  { name: 'cancel', load: () => import('./commands/cancel.ts') },
  { name: 'help', load: () => import('./commands/help.ts') },
];

const EXAMPLES = `
Examples:
  $ flowctl run etl.yaml                 run a flow
  $ flowctl run etl.yaml -p date=2026-03-01
  $ flowctl validate flows/*.yaml        say everything that is wrong, run nothing
  $ flowctl runs                         what ran
  $ flowctl show                         the last run, step by step
  $ flowctl logs load                    what step load of the last run printed
  $ flowctl resume                       go on where a run failed, was cancelled or crashed

Exit codes: flowctl help exit-codes`;

/** Runs the program. Never throws; sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    const program = createProgram();
    const wanted = COMMANDS.find(({ name }) => name === commandName(argv));
    for (const { load } of wanted === undefined ? COMMANDS : [wanted]) (await load()).define(program);
    if (argv.length === 0) {
      process.stderr.write(`${program.helpInformation()}${EXAMPLES}\n`);
      process.exitCode = EXIT.usage;
      return;
    }
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    await fail(error);
  }
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
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'error: ')) });
  return program;
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
  if (error instanceof Error && error.stack !== undefined) session.stderr.write(`${error.stack}\n`);
  process.exitCode = EXIT.internal;
}
