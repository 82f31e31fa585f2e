/** `flowctl init`. */

import { lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { EXIT } from '../exit-codes.ts';
import { packageFile, schemaReference } from '../package-files.ts';
import { type GlobalOptions, openSession, type Session, UsageError, withGlobalOptions } from '../session.ts';

/** The projects that can be written. */
export const TEMPLATES = ['minimal', 'etl', 'ci'] as const;
type Template = (typeof TEMPLATES)[number];

interface InitOptions extends GlobalOptions {
  readonly template: Template;
}

const EXAMPLES = `
Examples:
  $ flowctl init                        flow.yaml in this folder: two steps
  $ flowctl init --template etl sales   a pipeline with TypeScript functions, in the folder sales
  $ flowctl init --template ci          lint, tests and build, as a CI job runs them`;

/** Adds the command. */
export function define(program: Command): void {
  withGlobalOptions(program.command('init'))
    .argument('[folder]', 'where; made when it is missing', '.')
    .summary('write a small project that runs')
    .description('Writes a flow that runs at once, to begin with. Overwrites nothing.')
    .option('--template <template>', TEMPLATES.join(', '), readTemplate, 'minimal')
    .addHelpText('after', EXAMPLES)
    .action(init);
}

function readTemplate(text: string): Template {
  const template = TEMPLATES.find((known) => known === text);
  if (template === undefined) throw new UsageError(`\`--template ${text}\`: expected one of ${TEMPLATES.join(', ')}`);
  return template;
}

function init(folder: string, { template, ...options }: InitOptions): void {
  const session = openSession(options);
  const source = packageFile('examples', 'templates', template);
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(source.length + 1))
    .sort();
  const target = resolve(folder);
  try {
    const taken = files.filter((file) => lstatSync(join(target, file), { throwIfNoEntry: false }) !== undefined);
    if (taken.length > 0) {
      session.complain(
        `already there, and not overwritten: ${taken.join(', ')}`,
        'name another folder: flowctl init <folder>',
      );
      return session.exit(EXIT.usage);
    }
    writeProject(source, target, files);
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
    session.complain(error.message);
    return session.exit(EXIT.usage);
  }
  tell(session, folder, files);
}

function writeProject(source: string, target: string, files: readonly string[]): void {
  mkdirSync(target, { recursive: true });
  const schema = schemaReference(realpathSync(target));
  for (const file of files) {
    const path = join(target, file);
    mkdirSync(dirname(path), { recursive: true });
    const text = readFileSync(join(source, file), 'utf8');
    // A template names the schema from where it lies itself.
    const own = text.replace(/^(# yaml-language-server: \$schema=).*$/m, (_, start: string) => start + schema);
    writeFileSync(path, own, { flag: 'wx' });
  }
}

function tell(session: Session, folder: string, files: readonly string[]): void {
  const inFolder = (file: string): string => (folder === '.' ? file : join(folder, file));
  session.stdout.write(files.map((file) => `${inFolder(file)}\n`).join(''));
  const flow = inFolder('flow.yaml');
  session.mention(`run it: flowctl run ${/^[\w./-]+$/.test(flow) ? flow : `'${flow.replaceAll("'", "'\\''")}'`}`);
}
