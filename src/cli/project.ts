/** The project around a flow: its config is found and read for every command that loads a flow to run or to judge it. */

import { dirname, relative, resolve } from 'node:path';
import { printDiagnostics } from '../diagnostics/report.ts';
import { listedNames } from '../diagnostics/phrase.ts';
import { suggest } from '../diagnostics/suggest.ts';
import type { ProjectResult } from '../load/load-project.ts';
import { NO_PROJECT, type ProjectLayer } from '../load/project-layer.ts';
import { NO_CONFIG, type ProjectConfig } from '../model/project.ts';
import { discoverConfig, discoverState } from '../store/discover.ts';
import { stateLayout } from '../store/layout.ts';
import { readVars } from '../store/vars.ts';
import { fileOf } from './flow-reference.ts';
import { EXIT } from './exit-codes.ts';
import { type Session, UsageError } from './session.ts';

/** A project whose config is valid, or that has none. */
export interface Project {
  readonly config: ProjectConfig;
  /** What it says about flows. */
  readonly layer: ProjectLayer;
}

const NONE: Project = { config: NO_CONFIG, layer: NO_PROJECT };

/** The path of the config of the project around a flow file; null when there is none. */
export const configPath = (flowFile: string): string | null => discoverConfig(dirname(resolve(fileOf(flowFile))));

/**
 * Reads a config. @param profile see `--profile`.
 * @throws {UsageError} when it has no such profile.
 */
export async function readProject(
  session: Session,
  path: string | null,
  profile: string | null,
): Promise<Exclude<ProjectResult, { kind: 'unknown_profile' }>> {
  if (path === null) {
    if (profile !== null)
      throw new UsageError(`no profile \`${profile}\`: the project has no flowctl.config.yaml`, 'profiles stand in it');
    return { kind: 'loaded', ...NONE };
  }
  // Only a project with a config pays for the code that reads it.
  const { loadProject } = await import('../load/load-project.ts');
  const shown = shownPath(session, path);
  const result = await loadProject(path, shown, profile);
  if (result.kind !== 'unknown_profile') return result;
  const { known } = result;
  const near = suggest(profile ?? '', known);
  const list = known.length === 0 ? 'it has no profiles' : `its profiles are ${listedNames(known, 'and')}`;
  throw new UsageError(`no profile \`${profile}\` in ${shown}`, near === null ? list : `did you mean \`${near}\`?`);
}

/** A path as a person would type it from where they stand. */
function shownPath(session: Session, path: string): string {
  const near = relative(session.workingDirectory, path);
  return near.length < path.length ? near : path;
}

/** A project with the names of the values that are kept across its runs. What cannot be read is said by whoever needs the values. */
export async function withKeptVars(session: Session, flowFile: string, layer: ProjectLayer): Promise<ProjectLayer> {
  const root = discoverState({
    start: dirname(resolve(fileOf(flowFile))),
    currentFolder: session.workingDirectory,
    option: session.stateDirectory,
    environment: session.environment['FLOWCTL_STATE_DIR'],
  });
  const read = await readVars(stateLayout(root));
  return { ...layer, kept_vars: read.ok ? Object.keys(read.value) : [] };
}

/** The project around a flow file. @returns null when its config is invalid: all is said, and the exit code is set (3). */
export async function projectOrComplain(
  session: Session,
  flowFile: string,
  profile: string | null,
): Promise<Project | null> {
  const result = await readProject(session, configPath(flowFile), profile);
  if (result.kind === 'loaded') return { ...result, layer: await withKeptVars(session, flowFile, result.layer) };
  session.stderr.write(printDiagnostics(result.diagnostics, result.sources, session.errorStyle.diagnostics));
  session.exit(EXIT.invalid_flow);
  return null;
}
