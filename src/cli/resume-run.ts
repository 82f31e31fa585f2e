/** Going on with a run: opened under its lock, compared with its flow as it is now, and lived to its end. */

import { relinked } from '../children/family.ts';
import type { EndingSignal } from '../model/outcome.ts';
import { makePlan } from '../engine/plan.ts';
import { recover } from '../engine/recover.ts';
import type { EventBody } from '../model/event.ts';
import type { RunRecord } from '../model/run.ts';
import { openState } from '../store/open.ts';
import { openForResume } from '../store/resume.ts';
import { StateError } from '../store/problem.ts';
import { thisUser } from './actor.ts';
import { endEarlierLife, tornWarning } from './earlier-life.ts';
import { environmentOrComplain } from './dotenv.ts';
import { EXIT } from './exit-codes.ts';
import type { ResumeTarget } from './resume-target.ts';
import { chooseRevision } from './revision.ts';
import { runToEnd } from './run-life.ts';
import type { OutputMode } from './run-view.ts';
import { secretsOrComplain } from './secrets.ts';
import type { GlobalOptions, Session } from './session.ts';
import { dieOf, type SignalHandlers, takeSignals } from './signals.ts';
import { settingsOrUsage } from './start-run.ts';
import { warnOfNetwork } from './state-directory.ts';
import { verifyFiles } from './verify-files.ts';
import { stepsAsked, together } from './steps-asked.ts';

/** What the flags of a command say about the life that it begins. */
export interface ResumeOptions extends GlobalOptions {
  readonly from?: readonly string[];
  readonly acceptChanges?: boolean;
  readonly frozen?: boolean;
  readonly maxParallel?: number;
  readonly failFast?: boolean;
  readonly output: OutputMode;
  /** False: where nothing is left but to wait for a person or an instant, nobody stays. */
  readonly wait?: boolean;
}

/**
 * Goes on with a run, and stays with it to its end. Sets the exit code, or dies of the signal that ended the run.
 * @param isWanted asked when the run is owned, for meanwhile somebody else may have gone on with it. Default: it is.
 * @returns false when it was not wanted; nothing has happened then.
 */
export async function resumeRun(
  session: Session,
  target: ResumeTarget,
  options: ResumeOptions,
  isWanted: (record: RunRecord) => boolean = () => true,
): Promise<boolean> {
  const signals = takeSignals(session.environment);
  const state = await openState(target.state.root);
  if (!state.ok) throw new StateError(state.error);
  warnOfNetwork(session, state.value);
  const opened = await openForResume(state.value, target.place);
  if (!opened.ok) throw new StateError(opened.error);
  const owned = opened.value;
  const { record } = owned;
  if (!isWanted(record)) {
    await owned.close(record.ending === null ? null : record);
    signals.remove();
    return false;
  }
  const choice = await chooseRevision(session, owned, options);
  const known = new Set<string>(choice?.definition.steps.map(({ id }) => id));
  const asked = await stepsAsked(owned.layout, record, known, choice === null ? [] : (options.from ?? []));
  const { unknown } = asked;
  if (unknown !== null) {
    session.complain(`run ${record.id} has no step \`${unknown}\``, `its steps: ${[...known].join(', ')}`);
    session.exit(EXIT.not_found);
  }
  const environment = choice === null || unknown !== null ? null : environmentOrComplain(session, choice.definition);
  const interrupted = interruptions(signals);
  const secrets =
    choice === null || environment === null
      ? null
      : await secretsOrComplain(session, choice.definition, environment, signals.asked);
  const reaped = secrets === null ? null : await endEarlierLife(session, owned, interrupted.hurry);
  const signal = interrupted.first();
  if (choice === null || environment === null || secrets === null || reaped === null || signal !== null) {
    // A run that had ended stays as it was, marker and all.
    await owned.close(record.ending === null ? null : record);
    signals.remove();
    if (signal !== null) dieOf(signal);
    return true;
  }
  const { definition, revision, flow_hash, params, project } = choice;
  const again = together(asked.again, choice.again);
  const own = again.get(record.id) ?? { steps: [], links: [] };
  const recovered = recover(record, makePlan(definition), {
    by: thisUser(),
    settings: settingsOrUsage(definition, { ...options, project }, session, {
      settings: record.settings,
      definition: owned.frozen.definition,
    }),
    params,
    revision,
    flow_hash,
    again: own.steps,
    before: owned.frozen.definition,
    reaped,
  });
  const reset = recovered.flatMap((event) => (event.type === 'run.resumed' ? event.reset : []));
  const files = {
    state: state.value,
    layout: owned.layout,
    record,
    definition,
    again: [...reset, ...(options.from ?? [])],
  };
  // Who asks for a step by name wants it to run, whatever result of it is kept.
  const isAsked = again.size > 0 || options.from !== undefined;
  const fresh = { noCache: false, force: [], again: isAsked ? files.again : [] };
  if (!(await verifyFiles(session, files))) {
    await owned.close(record.ending === null ? null : record);
    signals.remove();
    return true;
  }
  const opening: readonly EventBody[] = [...recovered, ...relinked(own), ...tornWarning(owned)];
  const { resources, retention, private_hosts } = project;
  await runToEnd(
    session,
    {
      ...{ state: state.value, owned, record, definition, environment, secrets, resources, retention, private_hosts },
      ...{ told: [], opening, before: record, again, fresh, waits: options.wait === false ? 'park' : 'stay' },
    },
    options,
    signals,
  );
  return true;
}

/** Signals that come before the new life begins: after the first none begins, a second one spares the orphans nothing. */
function interruptions(signals: SignalHandlers): { readonly hurry: AbortSignal; first(): EndingSignal | null } {
  const hurry = new AbortController();
  let first: EndingSignal | null = null;
  signals.deliverTo((signal) => {
    if (first !== null) hurry.abort();
    first ??= signal;
  });
  return { hurry: hurry.signal, first: () => first };
}
