/** The settings of a run: what flags, the flow, the environment and the machine say, in this order. */

import { LAUNCHERS } from '../process/choose-launcher.ts';
import { availableParallelism } from 'node:os';
import { parseDuration } from '../base/duration.ts';
import type { Environment } from '../compose.ts';
import type { RunSettings } from '../model/event.ts';
import type { ProjectConfig } from '../model/project.ts';
import type { FlowDefinition } from '../model/flow.ts';

const DEFAULT_GRACE_MS = 5_000;
const LEAST_PARALLEL = 4;

/** What a caller may change about the settings of a run. */
export interface SettingsRequest {
  readonly maxParallel?: number | undefined;
  readonly failFast?: boolean | undefined;
  /** What the project says about all its runs. */
  readonly project: ProjectConfig;
}

/** What a resume takes its settings over from. */
export interface EarlierLife {
  readonly settings: RunSettings;
  readonly definition: FlowDefinition;
}

/** A setting of the environment that cannot be understood. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

/**
 * The settings of a run: flags first, then the flow, then the project, then the machine. FLOWCTL_GRACE is the time from asking to killing,
 * FLOWCTL_DURABILITY `full` or `process`. A resumed run keeps what it had, but for flags, FLOWCTL_GRACE and what was edited in the
 * flow; its durability never changes.
 * @param before the run as it was, when it is resumed.
 * @throws {SettingError} when one of the two variables is not understood, or FLOWCTL_LAUNCHER, which is no setting of the run.
 */
export function settingsFor(
  flow: FlowDefinition,
  request: SettingsRequest,
  environment: Environment,
  before: EarlierLife | null,
): RunSettings {
  const grace = environment['FLOWCTL_GRACE'] ?? '';
  const parsed = parseDuration(grace);
  if (grace !== '' && !parsed.ok) throw new SettingError(`FLOWCTL_GRACE: \`${grace}\` is no duration, such as 5s`);
  const durability = environment['FLOWCTL_DURABILITY'] ?? '';
  if (!['', 'full', 'process'].includes(durability)) {
    throw new SettingError(`FLOWCTL_DURABILITY: \`${durability}\` is neither full nor process`);
  }
  const launcher = environment['FLOWCTL_LAUNCHER'] ?? '';
  if (!['', ...LAUNCHERS].includes(launcher)) {
    throw new SettingError(`FLOWCTL_LAUNCHER: \`${launcher}\` is none of ${LAUNCHERS.join(', ')}`);
  }
  const keepsParallel = before !== null && before.definition.max_parallel === flow.max_parallel;
  const keepsFailFast = before !== null && before.definition.fail_fast === flow.fail_fast;
  const parallel = keepsParallel ? before.settings.max_parallel : flow.max_parallel;
  return {
    max_parallel: request.maxParallel ?? parallel ?? Math.max(LEAST_PARALLEL, availableParallelism()),
    fail_fast: request.failFast ?? (keepsFailFast ? before.settings.fail_fast : flow.fail_fast),
    grace_ms:
      grace !== '' && parsed.ok
        ? parsed.value
        : (before?.settings.grace_ms ?? request.project.grace_ms ?? DEFAULT_GRACE_MS),
    durability: before?.settings.durability ?? chosenDurability(durability, request.project),
  };
}

const chosenDurability = (variable: string, project: ProjectConfig): RunSettings['durability'] =>
  variable === 'process' || variable === 'full' ? variable : project.durability;
