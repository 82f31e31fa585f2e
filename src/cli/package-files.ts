/** The files that are installed with the program: schemas and templates. */

import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package. The program is built into `dist/`, which lies beside what is looked for here. */
const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

/** The path of an installed file. */
export const packageFile = (...parts: readonly string[]): string => [PACKAGE.replace(/[/\\]$/, ''), ...parts].join(sep);

/**
 * How a flow in a folder names the schema of flows, in the line that editors read: by a relative path where flowctl is installed in
 * the project around that folder, so that it holds on every machine, else by the path of this installation.
 */
export function schemaReference(folder: string): string {
  const schema = packageFile('schemas', 'flow.schema.json');
  const around = dirname(packageFile());
  const project = basename(around) === 'node_modules' ? dirname(around) : packageFile();
  const path = relative(project, folder);
  const isInside = existsSync(project) && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
  if (!isInside) return schema;
  const fromFolder = relative(folder, schema).split(sep).join('/');
  return fromFolder.startsWith('.') ? fromFolder : `./${fromFolder}`;
}
