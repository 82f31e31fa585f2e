/** Which definition a resumed run goes on with: the one it had, or the flow as it is written now. */

import type { ContentHash, StepId } from '../base/ids.ts';
import { compareRevisions } from '../engine/recover.ts';
import { stepFingerprint } from '../load/fingerprint.ts';
import { loadFlow } from '../load/load.ts';
import { printDiagnostics } from '../diagnostics/report.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { writeDefinition } from '../store/definitions.ts';
import type { ResumableRun } from '../store/resume.ts';
import { EXIT } from './exit-codes.ts';
import type { Session } from './session.ts';

/** The definition that holds from now on. */
export interface Revision {
  readonly definition: FlowDefinition;
  readonly revision: number;
  readonly flow_hash: ContentHash;
  /** Steps that had succeeded and are to run again, for they were edited. */
  readonly again: readonly StepId[];
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
  const kept: Revision = {
    definition: frozen.definition,
    revision: record.revision,
    flow_hash: frozen.flow_hash,
    again: [],
  };
  if (options.frozen === true) return kept;
  const loaded = await loadFlow(frozen.definition.file);
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
  if (hash === record.flow_hash) return { ...kept, definition };
  const { contradicting } = compareRevisions(record, fingerprints(frozen.definition), fingerprints(definition));
  if (contradicting.length > 0 && options.acceptChanges !== true) {
    session.complain(
      `steps of run ${record.id} that had succeeded were edited since: ${contradicting.join(', ')}`,
      'run them again, and what follows them: --accept-changes; or go on with the flow as it was: --frozen',
    );
    session.exit(EXIT.not_found);
    return null;
  }
  const unknown = definition.params.find(({ name }) => !Object.hasOwn(record.params, name));
  if (unknown !== undefined) {
    session.complain(
      `the flow has a new param \`${unknown.name}\`, for which run ${record.id} has no value`,
      'start a new run, or go on with the flow as it was: --frozen',
    );
    session.exit(EXIT.not_found);
    return null;
  }
  const revision = record.revision + 1;
  await writeDefinition(layout, { revision, flow_hash: hash, definition });
  session.mention(`the flow was edited since: going on with definition ${revision}`);
  return { definition, revision, flow_hash: hash, again: contradicting };
}

const fingerprints = ({ steps, directory }: FlowDefinition): ReadonlyMap<StepId, ContentHash> =>
  new Map(steps.map((step) => [step.id, stepFingerprint(step, directory)]));
