/** `flowctl schema`. */

import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { packageFile } from '../package-files.ts';
import { type GlobalOptions, openSession, UsageError, withGlobalOptions } from '../session.ts';

/** The documents that have a schema. */
export const SCHEMAS = ['flow', 'config', 'event', 'run'] as const;

const EXAMPLES = `
Examples:
  $ flowctl schema > flow.schema.json
  $ flowctl schema event | jq '."$defs" | keys'`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('schema'))
    .argument(
      '[document]',
      'flow: what a flow file holds; config: flowctl.config.yaml; event: a line of `--output json`; run: `show --json`',
      'flow',
    )
    .summary('print a JSON schema')
    .description(
      'Prints the JSON schema of a document. Editors that know the YAML language server read it from the first line of a flow: ' +
        '# yaml-language-server: $schema=<path or address>',
    )
    .addHelpText('after', EXAMPLES)
    .action(schema);
}

async function schema(text: string, options: GlobalOptions): Promise<void> {
  const session = openSession(options);
  const document = SCHEMAS.find((known) => known === text);
  if (document === undefined) throw new UsageError(`no schema \`${text}\`: expected one of ${SCHEMAS.join(', ')}`);
  await session.stdout.writeAll(readFileSync(packageFile('schemas', `${document}.schema.json`)));
}
