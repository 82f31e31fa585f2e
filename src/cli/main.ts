/**
 * The command line: finds the command, loads it and nothing else, and turns whatever happens into an exit code. Each command is a
 * file of `commands/`; what it needs it imports when it is called. Codes are in `exit-codes.ts`.
 */

import { writeSync } from 'node:fs';
import { COMMANDS } from './command-table.ts';
import { EXIT } from './exit-codes.ts';
import { readPlainCall } from './plain-call.ts';
import { hidden, openSession, UsageError } from './session.ts';

declare const FLOWCTL_VERSION: string;

/** Runs the program. Never throws; sets the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  process.on('uncaughtException', endForBug);
  try {
    // By a program that embeds flowctl, with a descriptor that ends when that program does.
    if (argv[0] === '__embedded') {
      (await import('./lifeline.ts')).holdLifeline(argv[1] ?? '');
      return await main(argv.slice(2));
    }
    // What the shells' scripts ask at every TAB; no command of its own, for its words are somebody else's.
    if (argv[0] === '__complete')
      return (await import('./completion/answer.ts')).answer(argv.slice(argv[1] === '--' ? 2 : 1));
    const wanted = COMMANDS.find(({ name }) => name === commandName(argv));
    const module = wanted === undefined ? null : await wanted.load();
    const call = module !== null && wanted?.name === argv[0] ? readPlainCall(module, argv.slice(1)) : null;
    if (call !== null) await call.action(...call.operands, call.options);
    else await (await import('./program.ts')).answerCall(argv, module);
  } catch (error) {
    await fail(error);
  }
  await reportLostOutput(commandName(argv));
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

/** A reader that does not read must not keep a flowctl alive that is broken. */
const FLUSH_LIMIT_MS = 300;

/** Something threw where nobody waits for it. Whoever lives a run listens as well, ends its steps, and tells by itself. */
function endForBug(error: unknown): void {
  if (process.listenerCount('uncaughtException') > 1) return;
  // Where nothing can be loaded any more, for want of descriptors, this is all that is said.
  process.exitCode = EXIT.internal;
  void fail(error)
    .catch(() => writeSync(2, `error: internal: ${String(error)}\n`))
    .then(() => openSession({}).stderr.flush(FLUSH_LIMIT_MS))
    .finally(() => process.exit());
}

async function fail(error: unknown): Promise<void> {
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
