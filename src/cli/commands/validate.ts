/** `flowctl validate`. */

import type { Command } from 'commander';
import { printDiagnostics, toJson } from '../../diagnostics/report.ts';
import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import { loadFlow } from '../../load/load.ts';
import { EXIT } from '../exit-codes.ts';
import { type GlobalOptions, openSession, withGlobalOptions } from '../session.ts';

interface ValidateOptions extends GlobalOptions {
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  $ flowctl validate etl.yaml
  $ flowctl validate flows/*.yaml --json | jq -r '.[] | "\\(.file):\\(.line): \\(.message)"'`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('validate'))
    .argument('<flow...>', 'flow files')
    .summary('say everything that is wrong with flows')
    .description('Checks flows and prints every problem with its place. Runs nothing, loads no code, writes nothing.')
    .option('--json', 'print an array of {file, line, column, severity, code, message, help}')
    .addHelpText('after', EXAMPLES)
    .action(validate);
}

async function validate(files: readonly string[], options: ValidateOptions): Promise<void> {
  const session = openSession(options);
  const found: Diagnostic[] = [];
  let code: number = EXIT.ok;
  for (const file of files) {
    const result = await loadFlow(file);
    if (result.kind === 'not_found') {
      session.complain(`no flow file \`${file}\``);
      code = Math.max(code, EXIT.not_found);
      continue;
    }
    const diagnostics = result.kind === 'loaded' ? result.warnings : result.diagnostics;
    found.push(...diagnostics);
    if (result.kind === 'invalid' && code === EXIT.ok) code = EXIT.invalid_flow;
    if (options.json === true) continue;
    await session.stdout.writeAll(printDiagnostics(diagnostics, result.sources, session.style.diagnostics));
    if (result.kind === 'loaded' && options.quiet !== true) {
      const { steps } = result.definition;
      session.stdout.write(`${file}: ok, ${steps.length} step${steps.length === 1 ? '' : 's'}\n`);
    }
  }
  if (options.json === true) await session.stdout.writeAll(`${JSON.stringify(found.map(toJson), null, 2)}\n`);
  session.exit(code);
}
