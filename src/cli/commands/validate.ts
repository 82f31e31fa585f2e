/** `flowctl validate`. */

import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { printDiagnostics, toJson } from '../../diagnostics/report.ts';
import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import { loadAnyFlow } from '../flow-file.ts';
import { type ProjectLayer, UNKNOWN_PROJECT } from '../../load/project-layer.ts';
import type { Sources } from '../../diagnostics/source.ts';
import { EXIT } from '../exit-codes.ts';
import { configPath, readProject, withKeptVars } from '../project.ts';
import { type GlobalOptions, openSession, withGlobalOptions } from '../session.ts';

interface ValidateOptions extends GlobalOptions {
  readonly profile?: string;
  readonly json?: boolean;
}

const CONFIG_FILE = /^flowctl\.config\.(yaml|ts)$/;

const EXAMPLES = `
Examples:
  $ flowctl validate etl.yaml
  $ flowctl validate flows/*.yaml --json | jq -r '.[] | "\\(.file):\\(.line): \\(.message)"'`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('validate'))
    .argument('<flow...>', 'flow files, or flowctl.config.yaml')
    .summary('say everything that is wrong with flows')
    .description(
      'Checks flows and prints every problem with its place. Runs nothing, writes nothing, and loads no code for a flow in YAML: what it calls ' +
        'is parsed. A flow that is a module itself is made by its code, so to name one here is to run its top level, as importing it does.',
    )
    .option('--profile <name>', 'lay a profile of flowctl.config.yaml over the flows')
    .option('--json', 'print an array of {file, line, column, severity, code, message, help}')
    .addHelpText('after', EXAMPLES)
    .action(validate);
}

async function validate(files: readonly string[], options: ValidateOptions): Promise<void> {
  const session = openSession(options);
  const found: Diagnostic[] = [];
  let code: number = EXIT.ok;
  // A sub-flow may be named by several of the flows, and among them itself: what is wrong with it is said once.
  const said = new Set<string>();
  const print = async (all: readonly Diagnostic[], sources: Sources): Promise<void> => {
    const diagnostics = all.filter((each) => {
      const text = JSON.stringify(toJson(each));
      return !said.has(text) && said.add(text);
    });
    found.push(...diagnostics);
    if (options.json !== true)
      await session.stdout.writeAll(printDiagnostics(diagnostics, sources, session.style.diagnostics));
  };
  const praise = (text: string): void => {
    if (options.json !== true && options.quiet !== true) session.stdout.write(`${text}\n`);
  };
  const invalid = (): void => {
    if (code === EXIT.ok) code = EXIT.invalid_flow;
  };
  /** By the path of its config: what is wrong with it is said once. Null: it is invalid. */
  const projects = new Map<string | null, ProjectLayer | null>();
  const projectOf = async (path: string | null): Promise<ProjectLayer | null> => {
    const known = projects.get(path);
    if (known !== undefined) return known;
    const result = await readProject(session, path, options.profile ?? null);
    const layer = result.kind === 'loaded' ? result.layer : null;
    projects.set(path, layer);
    if (result.kind === 'invalid') {
      invalid();
      await print(result.diagnostics, result.sources);
    }
    return layer;
  };
  for (const file of files) {
    if (CONFIG_FILE.test(basename(file)) && existsSync(file)) {
      if ((await projectOf(resolve(file))) !== null) praise(`${file}: ok`);
      continue;
    }
    // A flow is judged even where its project is not valid: nothing is known of vars and resources then.
    const layer = await projectOf(configPath(file));
    const result = await loadAnyFlow(
      session,
      file,
      layer === null ? UNKNOWN_PROJECT : await withKeptVars(session, file, layer),
    );
    if (result.kind === 'not_found') {
      session.complain(`no flow file \`${file}\``);
      code = Math.max(code, EXIT.not_found);
      continue;
    }
    if (result.kind === 'invalid') invalid();
    await print(result.kind === 'loaded' ? result.warnings : result.diagnostics, result.sources);
    if (result.kind === 'loaded') {
      const { steps } = result.definition;
      // The steps of a flow function are known when it runs.
      const count = steps.length === 0 ? '' : `, ${steps.length} step${steps.length === 1 ? '' : 's'}`;
      praise(`${file}: ok${count}`);
    }
  }
  if (options.json === true) await session.stdout.writeAll(`${JSON.stringify(found.map(toJson), null, 2)}\n`);
  session.exit(code);
}
