/** The words for the parts of a project's config, and its schema. Loaded only where there is a config. */

import { quoted } from '../diagnostics/phrase.ts';
import { validate } from './generated/config-validator.js';
import { dotted } from './pointer.ts';
import type { DocumentKind } from './shape.ts';
import type { KeyContext } from './vocabulary.ts';

/** The path inside of a profile; the same path outside of profiles. */
const withoutProfile = (path: readonly string[]): readonly string[] =>
  path[0] === 'profiles' && path.length > 2 ? path.slice(2) : path;

function describe(path: readonly string[]): string {
  if (path.length === 0) return 'the project';
  const [first, profile, ...rest] = path;
  if (first !== 'profiles' || profile === undefined) return quoted(dotted(path));
  const owner = `profile ${quoted(profile)}`;
  return rest.length === 0 ? owner : `${quoted(dotted(rest))} of ${owner}`;
}

/** @param path behind the place of the automation. */
function automationContext([part, ...rest]: readonly string[]): KeyContext | null {
  if (part === undefined) return 'automation';
  if (part === 'when') {
    if (rest.length === 0) return 'automation_when';
    return rest[0] === 'run' ? 'automation_run' : 'automation_schedule';
  }
  return part === 'then' ? (rest[1] === 'notify' ? 'notify' : 'automation_then') : null;
}

function contextOf(path: readonly string[]): KeyContext | null {
  if (path.length === 0) return 'config';
  if (path[0] === 'profiles' && path.length === 2) return 'profile';
  const [key, ...rest] = withoutProfile(path);
  if (key === 'automations') return automationContext(rest.slice(1));
  if (key === 'defaults') return rest.length === 0 ? 'defaults' : rest[0] === 'retry' ? 'retry' : null;
  if (key === 'secrets') return 'secret';
  if (key === 'retention') return rest.length === 0 ? 'retention' : null;
  return key === 'resources' ? 'capacity' : null;
}

/** `flowctl.config.yaml`. */
export const CONFIG_DOCUMENT: DocumentKind = {
  validate,
  contextOf: (_, path) => contextOf(path),
  describe: (_, path) => describe(path),
  asInFlow: withoutProfile,
};
