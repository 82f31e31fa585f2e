/** How people name a deployment: `nightly`, or `nightly@3` for one of its versions. */

import { existsSync } from 'node:fs';
import { isFlowName } from '../base/ids.ts';

/** A deployment, and the version that is meant; null: the one that runs. */
export interface DeploymentReference {
  readonly name: string;
  readonly version: number | null;
}

/** Reads a name; null for what cannot be one, and for the path of a file that exists. */
export function deploymentReference(text: string): DeploymentReference | null {
  const [, name = '', version] = /^([^@]+)(?:@(\d{1,9}))?$/.exec(text) ?? [];
  if (!isFlowName(name) || existsSync(text)) return null;
  return { name, version: version === undefined ? null : Number(version) };
}
