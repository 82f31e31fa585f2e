/** `flowctl completion`. */

import type { Command } from 'commander';
import { completionScript, SHELLS } from '../completion/scripts.ts';
import { type GlobalOptions, openSession, UsageError, withGlobalOptions } from '../session.ts';

const EXAMPLES = `
Examples:
  $ source <(flowctl completion bash)            in ~/.bashrc
  $ source <(flowctl completion zsh)             in ~/.zshrc, after compinit
  $ flowctl completion fish | source             in ~/.config/fish/config.fish`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('completion'))
    .argument('<shell>', SHELLS.join(', '))
    .summary('print a script that teaches a shell to complete flowctl')
    .description('Prints a script; sourced by the shell, it completes commands, options, runs, flows and steps.')
    .addHelpText('after', EXAMPLES)
    .action(completion);
}

async function completion(text: string, options: GlobalOptions): Promise<void> {
  const session = openSession(options);
  const shell = SHELLS.find((known) => known === text);
  if (shell === undefined) throw new UsageError(`no completion for \`${text}\`: expected one of ${SHELLS.join(', ')}`);
  await session.stdout.writeAll(completionScript(shell));
}
