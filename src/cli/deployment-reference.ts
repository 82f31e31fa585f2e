/** How people name a deployment: `nightly`, or `nightly@3` for one of its versions. */

import { existsSync, statSync } from 'node:fs';
import { isFlowName } from '../base/ids.ts';

/** A deployment, and the version that is meant; null: the one that runs. */
export interface DeploymentReference {
  readonly name: string;
  readonly version: number | null;
}

/** Reads a name; null for what cannot be one, and for the path of a file that exists. A folder of that name is in nobody's way. */
export function deploymentReference(text: string): DeploymentReference | null {
  const [, name = '', version] = /^([^@]+)(?:@(\d{1,9}))?$/.exec(text) ?? [];
  if (!isFlowName(name) || (existsSync(text) && !statSync(text).isDirectory())) return null;
  return { name, version: version === undefined ? null : Number(version) };
}
