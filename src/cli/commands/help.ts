/** `flowctl help [topic]`. */

import type { Command } from 'commander';
import { COMMANDS } from '../command-table.ts';
import { exitCodeTable } from '../exit-codes.ts';
import { openSession, UsageError } from '../session.ts';

/** Adds the command. */
export function define(program: Command): void {
  program
    .command('help')
    .argument('[topic]', 'a command, or `exit-codes`')
    .summary('print help about a topic')
    .description('Prints help about a command, or the table of exit codes.')
    .action((topic: string | undefined) => {
      const session = openSession({});
      if (topic === 'exit-codes') session.stdout.write(exitCodeTable());
      else if (topic === undefined) return import('../main.ts').then(({ main }) => main(['--help']));
      else if (COMMANDS.some(({ name }) => name === topic))
        return import('../main.ts').then(({ main }) => main([topic, '--help']));
      else
        throw new UsageError(
          `no help about \`${topic}\``,
          'try `flowctl help exit-codes`, or `flowctl help` and a command',
        );
      return undefined;
    });
}
