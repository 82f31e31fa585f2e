/** Which definition a resumed run goes on with: the one it had, or the flow as it is written now. */

import type { ContentHash } from '../base/ids.ts';
import { compareRevisions } from '../engine/revisions.ts';
import type { JsonObject } from '../base/json.ts';
import type { RunRecord } from '../model/run.ts';
import type { ProjectConfig } from '../model/project.ts';
import { loadAnyFlow } from './flow-file.ts';
import { moduleReference, referenceTo } from './flow-reference.ts';
import { moduleSubFlows } from './module-sub-flows.ts';
import { recordedParams } from './params.ts';
import { projectOrComplain } from './project.ts';
import { stepFingerprints } from '../load/fingerprint.ts';
import { printDiagnostics } from '../diagnostics/report.ts';
import type { Action, FlowDefinition } from '../model/flow.ts';
import { writeDefinition } from '../store/definitions.ts';
import type { ResumableRun } from '../store/resume.ts';
import { EXIT } from './exit-codes.ts';
import { flowsOf } from './secrets.ts';
import { withVars } from './stored-vars.ts';
import type { Session } from './session.ts';
import { type Again, together } from './steps-asked.ts';
import { editsOfSubRuns } from './sub-run-edits.ts';

/** The definition that holds from now on. */
export interface Revision {
  readonly definition: FlowDefinition;
  readonly revision: number;
  readonly flow_hash: ContentHash;
  /** Those of the run, and the defaults of params that were added. */
  readonly params: JsonObject;
  /** Steps that had succeeded and are to run again, for they were edited: its own, and those of its sub-runs. */
  readonly again: Again;
  /** What the project says about all its runs, as it is now. */
  readonly project: ProjectConfig;
}

/** What the user says about edits. */
export interface RevisionOptions {
  readonly acceptChanges?: boolean;
  readonly frozen?: boolean;
}

/**
 * Compares the flow as it is written now with the one the run knows, and freezes it when it is taken over.
 * @returns null when the run cannot go on with it: all is said and the exit code is set.
 */
export async function chooseRevision(
  session: Session,
  run: ResumableRun,
  options: RevisionOptions,
): Promise<Revision | null> {
  const { record, frozen, layout } = run;
  const { file, profile } = frozen.definition;
  const project = await projectOrComplain(session, file, profile);
  if (project === null) return null;
  const kept: Revision = {
    project: project.config,
    definition: frozen.definition,
    revision: record.revision,
    flow_hash: frozen.flow_hash,
    params: record.params,
    again: new Map(),
  };
  if (options.frozen === true || frozen.definition.deployed !== undefined) return kept;
  const loaded = await loadAnyFlow(session, referenceTo(frozen.definition), project.layer);
  if (loaded.kind === 'not_found') {
    session.mention(`warning: ${loaded.file} is gone; going on with the definition as it was recorded`);
    return kept;
  }
  if (loaded.kind === 'invalid') {
    session.stderr.write(printDiagnostics(loaded.diagnostics, loaded.sources, session.errorStyle.diagnostics));
    session.complain(
      'the flow was edited and is invalid now',
      'mend it, or go on with it as it was: flowctl resume --frozen',
    );
    session.exit(EXIT.invalid_flow);
    return null;
  }
  const { definition, hash } = loaded;
  const isSame = hash === record.flow_hash;
  // What modules make is no part of the hash, for their code is loaded when a step comes to it.
  if (isSame && !runsModules(definition)) return { ...kept, definition };
  const { contradicting } = compareRevisions(record, stepFingerprints(frozen.definition), stepFingerprints(definition));
  const inside = await editsOfSubRuns(layout, record, definition, moduleSubFlows(session, definition, null));
  const edited = [...contradicting, ...inside.contradicting];
  if (edited.length > 0 && options.acceptChanges !== true) {
    session.complain(
      `steps of run ${record.id} that had succeeded were edited since: ${edited.join(', ')}`,
      'run them again, and what follows them: --accept-changes; or go on with the flow as it was: --frozen',
    );
    session.exit(EXIT.not_found);
    return null;
  }
  const again = together(inside.again, new Map([[record.id, { steps: contradicting, links: [] }]]));
  if (isSame) return { ...kept, definition, again };
  const params = await paramsAgain(session, record, definition);
  if (params === null) return null;
  const revision = record.revision + 1;
  await writeDefinition(layout, { revision, flow_hash: hash, definition });
  session.mention(`the flow was edited since: going on with definition ${revision}`);
  return { definition, revision, flow_hash: hash, params, again, project: project.config };
}

/** True when a step runs a flow that a module makes. */
const runsModules = (definition: FlowDefinition): boolean =>
  flowsOf(definition).some(({ steps }) => steps.some(({ action }) => isModuleFlow(action)));

const isModuleFlow = (action: Action): boolean =>
  action.kind === 'group'
    ? action.steps.some((step) => isModuleFlow(step.action))
    : action.kind === 'flow' && moduleReference(action.flow) !== null;

/** The recorded params under the schemas of a new definition, and the defaults of those that it adds. */
async function paramsAgain(
  session: Session,
  { id, params, started_at, scheduled_for, vars }: RunRecord,
  definition: FlowDefinition,
): Promise<JsonObject | null> {
  const kept = definition.params.flatMap(({ name }) =>
    Object.hasOwn(params, name) ? [[name, params[name] ?? null]] : [],
  );
  const run = { id, started_at, scheduled_for, previous_scheduled_for: null };
  const again = await recordedParams(session, withVars(definition, vars), Object.fromEntries(kept) as JsonObject, run);
  if (again === null) {
    session.complain(
      `the params of run ${id} do not fit the flow as it is now`,
      'start a new run, or go on with the flow as it was: --frozen',
    );
  }
  return again;
}
