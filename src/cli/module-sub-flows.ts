/** Flows of modules that steps run: their code is loaded when a step comes to it, for validation runs no code of users. */

import { err, type Result } from '../base/result.ts';
import { listedNames } from '../diagnostics/phrase.ts';
import { printDiagnostics, toJson } from '../diagnostics/report.ts';
import type { FlowDefinition } from '../model/flow.ts';
import type { Failure } from '../model/outcome.ts';
import type { RunSecrets } from '../secrets/run-secrets.ts';
import { moduleReference } from './flow-reference.ts';
import { configPath, readProject, withKeptVars } from './project.ts';
import { flowsOf } from './secrets.ts';
import type { Session } from './session.ts';

/** Loads a flow by its key, an absolute path and a name: `/work/report.ts#weekly`. */
export type LoadModuleFlow = (key: string) => Promise<Result<FlowDefinition, Failure>>;

/**
 * Loads flows of modules for one run. Each is loaded once; what could not be loaded is tried again, for it may be mended meanwhile.
 * @param root the run's own flow, in whose project they are. @param secrets those that were read for the run. Null: not looked at.
 */
export function moduleSubFlows(session: Session, root: FlowDefinition, secrets: RunSecrets | null): LoadModuleFlow {
  const loading = new Map<string, Promise<Result<FlowDefinition, Failure>>>();
  return (key) => {
    const known = loading.get(key);
    if (known !== undefined) return known;
    const loaded = load(session, root, key, secrets).then((result) => {
      if (!result.ok) loading.delete(key);
      return result;
    });
    loading.set(key, loaded);
    return loaded;
  };
}

async function load(
  session: Session,
  root: FlowDefinition,
  key: string,
  secrets: RunSecrets | null,
): Promise<Result<FlowDefinition, Failure>> {
  const refused = (message: string, detail?: string): Result<never, Failure> =>
    err({ code: 'sub_flow', message, ...(detail === undefined ? {} : { detail }) });
  const reference = moduleReference(key);
  if (reference === null) return refused(`the definition of ${key} is not part of this run`);
  const project = await readProject(session, configPath(root.file), root.profile);
  if (project.kind === 'invalid') return refused('the config of the project is invalid now');
  const { loadModuleFlow } = await import('./module-flow.ts');
  // What a profile says of params is meant for the flow that was started.
  const result = await loadModuleFlow(session, reference, {
    ...(await withKeptVars(session, root.file, project.layer)),
    params: {},
  });
  if (result.kind === 'not_found') return refused(`there is no file ${reference.module} any more`);
  if (result.kind === 'invalid') {
    const [first] = result.diagnostics.filter(({ severity }) => severity === 'error').map(toJson);
    const place = first === undefined ? reference.module : `${first.file}:${first.line}:${first.column}`;
    const shown = printDiagnostics(result.diagnostics, result.sources);
    return refused(`${place}: ${first?.message ?? 'it cannot be loaded'}`, shown);
  }
  const { definition } = result;
  const missing = secrets === null ? [] : unread(definition, secrets);
  if (missing.length > 0) {
    const names = listedNames(missing, 'and');
    return refused(
      `flow ${definition.name} uses the secret${missing.length === 1 ? '' : 's'} ${names}, which the run has not read: ` +
        `secrets are read before a run begins, so name ${missing.length === 1 ? 'it' : 'them'} under \`secrets\` of ${root.name}, too`,
    );
  }
  return { ok: true, value: definition };
}

/** The secrets of a flow that nobody read. */
function unread(definition: FlowDefinition, secrets: RunSecrets): readonly string[] {
  const names = flowsOf(definition).flatMap((flow) => flow.secrets.map(({ name }) => name));
  const { find } = secrets.of(definition.file);
  return [...new Set(names)].filter((name) => find(name) === null);
}
