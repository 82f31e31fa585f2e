/** Loading the flow that a command names, and saying what is wrong with it. */

import { existsSync } from 'node:fs';
import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { printDiagnostics } from '../diagnostics/report.ts';
import type { Sources } from '../diagnostics/source.ts';
import { type LoadResult, loadFlow } from '../load/load.ts';
import { EXIT } from './exit-codes.ts';
import { projectOrComplain } from './project.ts';
import type { ProjectLayer } from '../load/project-layer.ts';
import { moduleReference } from './flow-reference.ts';
import { optimizeLater } from './optimize-later.ts';
import type { ProjectConfig } from '../model/project.ts';
import type { Session } from './session.ts';

/** A flow that may be run, with the config of its project. */
export type LoadedFlow = Extract<LoadResult, { kind: 'loaded' }> & { readonly project: ProjectConfig };

/**
 * Loads a flow in its project; prints every problem, and the warnings, to stderr. Null: the exit code is set (3 or 4).
 * @param profile see `--profile`; null: none.
 */
export async function loadOrComplain(
  session: Session,
  file: string,
  profile: string | null = null,
): Promise<LoadedFlow | null> {
  const project = await projectOrComplain(session, file, profile);
  if (project === null) return null;
  const result = await loadAnyFlow(session, file, project.layer);
  const printed = (diagnostics: readonly Diagnostic[], sources: Sources): string =>
    printDiagnostics(diagnostics, sources, session.errorStyle.diagnostics);
  switch (result.kind) {
    case 'loaded':
      if (result.warnings.length > 0) session.mention(printed(result.warnings, result.sources).trimEnd());
      return { ...result, project: project.config };
    case 'invalid':
      session.stderr.write(printed(result.diagnostics, result.sources));
      session.exit(EXIT.invalid_flow);
      return null;
    case 'not_found':
      session.complain(`no flow file \`${result.file}\``, likelyFile(result.file));
      session.exit(EXIT.not_found);
      return null;
  }
}

/** Loads a flow from a file, or from a module (`file.ts`, `file.ts#name`). */
export async function loadAnyFlow(session: Session, text: string, project: ProjectLayer): Promise<LoadResult> {
  const reference = moduleReference(text);
  if (reference === null) {
    await optimizeLater(text);
    return loadFlow(text, project);
  }
  const { loadModuleFlow } = await import('./module-flow.ts');
  return loadModuleFlow(session, reference, project);
}

/** What to say of a file that is not there: which one was probably meant, with an ending or with the other one. Null: nothing is like it. */
export function likelyFile(file: string): string | null {
  const stem = file.replace(/\.ya?ml$/, '');
  const found = [`${stem}.yaml`, `${stem}.yml`].find((name) => name !== file && existsSync(name));
  return found === undefined ? null : `did you mean \`${found}\`?`;
}
