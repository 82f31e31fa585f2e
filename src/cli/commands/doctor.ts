/** `flowctl doctor`. */

import type { Command } from 'commander';
import { type GlobalOptions, openSession, withGlobalOptions } from '../session.ts';
import { stateToRead } from '../state-directory.ts';

interface DoctorOptions extends GlobalOptions {
  readonly fix?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ flowctl doctor                look at everything, change nothing
  $ flowctl doctor --fix          and mend what can be mended without losing anything
  $ flowctl doctor --json | jq '.findings[] | select(.severity == "damage")'

Exit codes: 0 nothing but notes, 1 warnings are left, 65 something recorded is damaged, 74 a mend failed, 77 the state is not ours
alone. With --fix what was mended does not count.`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('doctor'))
    .summary('look over the machine and all that is recorded')
    .description(
      'Looks for what flowctl needs of the machine, and at everything it recorded: owners and modes, each journal with what it names, runs that ' +
        'crashed and what they left running, the index, limits across runs, caches, and what deletions and crashes left lying. Runs may go on ' +
        'meanwhile. Nothing is changed without --fix; with it, no run and no record is lost either.',
    )
    .option('--fix', 'mend what can be mended')
    .option('--json', 'print a JSON object')
    .addHelpText('after', EXAMPLES)
    .action(doctor);
}

async function doctor(options: DoctorOptions): Promise<void> {
  const session = openSession(options);
  const state = stateToRead(session, options);
  const fixing = options.fix === true;
  // Most of flowctl's rooms are looked at; no other call pays for that.
  const [{ checkUp, codeOf }, { checkupJson, checkupText }] = await Promise.all([
    import('../doctor/checkup.ts'),
    import('../doctor/report.ts'),
  ]);
  const checkup = await checkUp(session, state, fixing);
  session.exit(codeOf(checkup));
  await session.stdout.writeAll(
    options.json === true ? checkupJson(state, checkup) : checkupText(state, checkup, fixing, session.style),
  );
}
