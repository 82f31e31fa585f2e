/** The words of other tools, and what flowctl calls them. Looked up where a key is unknown. */

import type { ForeignWord } from './facts.ts';
import { yamlScalar } from './phrase.ts';

/** Where a key stands: at the top of a flow, in a step, or in a map inside of one of them. */
export type KeyOwner = 'flow' | 'step' | 'retry' | 'concurrency' | 'wait' | 'repeat' | 'approve' | 'other';

const GITHUB = 'GitHub Actions';
const PREFECT = 'Prefect';
const DAGU = 'Dagu';
const ARGO = 'Argo Workflows';
const AIRFLOW = 'Airflow';
const MAKE = 'other tools';

/** In a line to write, `<...>` is an example of the value; the value that was written takes its place where there is one. */
type Row = readonly [word: string, tool: string, write: string];

const FOREACH_OUTPUTS = 'foreach: "${{ steps.other-step.outputs.list }}"';
const REPEAT = 'repeat: { until: outputs.done, every: 30s, max: 100 }';

const IN_STEPS: readonly Row[] = [
  ['depends_on', MAKE, 'needs: <other-step>'],
  ['dependsOn', MAKE, 'needs: <other-step>'],
  ['depends', DAGU, 'needs: <other-step>'],
  ['dependencies', MAKE, 'needs: <other-step>'],
  ['after', MAKE, 'needs: <other-step>'],
  ['wait_for', PREFECT, 'needs: <other-step>'],
  ['retries', PREFECT, 'retry: <2>'],
  ['max_retries', PREFECT, 'retry: <2>'],
  ['retry_delay_seconds', PREFECT, 'retry: { max: 2, delay: 10s }'],
  ['retry_delay', MAKE, 'retry: { max: 2, delay: 10s }'],
  ['retryPolicy', DAGU, 'retry: { max: 2, delay: 10s }'],
  ['retry_policy', DAGU, 'retry: { max: 2, delay: 10s }'],
  ['timeout-minutes', GITHUB, 'timeout: <10>m'],
  ['timeout_minutes', GITHUB, 'timeout: <10>m'],
  ['timeout_seconds', PREFECT, 'timeout: <10>s'],
  ['timeoutSec', DAGU, 'timeout: <10>s'],
  ['continue-on-error', GITHUB, 'continue_on_error: <true>'],
  ['continueOn', DAGU, 'continue_on_error: <true>'],
  ['continue_on', DAGU, 'continue_on_error: <true>'],
  ['allow_failure', MAKE, 'continue_on_error: <true>'],
  ['ignore_errors', MAKE, 'continue_on_error: <true>'],
  ['working-directory', GITHUB, 'workdir: <path/to/folder>'],
  ['working_directory', GITHUB, 'workdir: <path/to/folder>'],
  ['working_dir', DAGU, 'workdir: <path/to/folder>'],
  ['workingDir', DAGU, 'workdir: <path/to/folder>'],
  ['dir', DAGU, 'workdir: <path/to/folder>'],
  ['cwd', MAKE, 'workdir: <path/to/folder>'],
  ['command', DAGU, 'run: <your command>'],
  ['cmd', MAKE, 'run: <your command>'],
  ['cmds', MAKE, 'run: <your command>'],
  ['commands', MAKE, 'run: <your command>'],
  ['script', DAGU, 'run: <your command>'],
  ['exec', MAKE, 'run: <your command>'],
  ['args', MAKE, 'run: [program, first argument]'],
  ['uses', GITHUB, 'run: your command'],
  ['entrypoint', PREFECT, 'call: ./tasks.ts#name'],
  ['function', MAKE, 'call: ./tasks.ts#name'],
  ['environment', MAKE, 'env: { NAME: value }'],
  ['parameters', PREFECT, 'with: { name: value }'],
  ['inputs', GITHUB, 'with: { name: value }'],
  ['preconditions', DAGU, "if: steps.other-step.outputs.ready == 'yes'"],
  ['precondition', DAGU, "if: steps.other-step.outputs.ready == 'yes'"],
  ['condition', MAKE, 'if: <params.day == 1>'],
  ['when', MAKE, 'if: <params.day == 1>'],
  ['only_if', MAKE, 'if: <params.day == 1>'],
  ['trigger_rule', MAKE, 'if: always()'],
  ['input', MAKE, 'stdin: <text>'],
  ['success_exit_codes', MAKE, 'success_codes: [0]'],
  ['skip_exit_codes', MAKE, 'skip_codes: [99]'],
  ['skip_on_exit_code', MAKE, 'skip_codes: [<99>]'],
  ['signalOnStop', DAGU, 'grace: 10s'],
  ['name', GITHUB, 'description: <what the step does>'],
  ['cache_key_fn', PREFECT, 'cache: { key: your expression }'],
  ['cache_expiration', PREFECT, 'cache: { ttl: 1d }'],
  ['cache_policy', PREFECT, 'cache: true'],
  ['persist_result', PREFECT, 'cache: true'],
  ['priority_weight', MAKE, 'priority: <10>'],
  ['pool', MAKE, 'resources: { name: 1 }'],
  ['on_completion', PREFECT, 'finally: [{ run: your command }]'],
  ['strategy', GITHUB, 'matrix: { name: [first, second] }'],
  ['with_items', ARGO, 'foreach: [first, second]'],
  ['withItems', ARGO, 'foreach: [first, second]'],
  ['with_param', ARGO, FOREACH_OUTPUTS],
  ['withParam', ARGO, FOREACH_OUTPUTS],
  ['loop', MAKE, 'foreach: [first, second]'],
  ['for_each', MAKE, 'foreach: [first, second]'],
  ['forEach', MAKE, 'foreach: [first, second]'],
  ['for', MAKE, 'foreach: [first, second]'],
  ['items', MAKE, 'foreach: [first, second]'],
  ['map', PREFECT, FOREACH_OUTPUTS],
  ['expand', AIRFLOW, FOREACH_OUTPUTS],
  ['parallel', DAGU, 'foreach: [first, second]'],
  ['map_index_template', AIRFLOW, 'key: "${{ item.id }}"'],
  ['max-parallel', GITHUB, 'max_parallel: <4>'],
  ['max_concurrent', DAGU, 'max_parallel: <4>'],
  ['maxConcurrent', DAGU, 'max_parallel: <4>'],
  ['parallelism', ARGO, 'max_parallel: <4>'],
  ['max_active_tis_per_dag', AIRFLOW, 'max_parallel: <4>'],
  ['max_failures', MAKE, 'tolerate: <3>'],
  ['repeatPolicy', DAGU, REPEAT],
  ['repeat_policy', DAGU, REPEAT],
  ['until', MAKE, REPEAT],
  ['while', MAKE, 'repeat: { while: outputs.more, max: 100 }'],
  ['sleep', MAKE, 'wait: <10m>'],
  ['wait_until', MAKE, 'wait: { until: <2026-12-24T18:00:00Z> }'],
  ['sensor', AIRFLOW, 'wait: { for: { file: path/to/file }, every: 30s }'],
  ['suspend', ARGO, 'approve: Go on?'],
  ['approval', MAKE, 'approve: <Go on?>'],
  ['manual', MAKE, 'approve: Go on?'],
  ['workflow', MAKE, 'flow: <./other.yaml>'],
  ['subflow', MAKE, 'flow: <./other.yaml>'],
  ['sub_flow', MAKE, 'flow: <./other.yaml>'],
  ['dag', MAKE, 'flow: ./other.yaml'],
  ['template', ARGO, 'flow: ./other.yaml'],
  ['tasks', MAKE, 'steps:'],
  ['group', MAKE, 'steps:'],
  ['block', MAKE, 'steps:'],
];

const IN_REPEATS: readonly Row[] = [
  ['limit', DAGU, 'max: <100>'],
  ['interval', MAKE, 'every: <30s>'],
  ['intervalSec', DAGU, 'every: <30>s'],
  ['interval_sec', DAGU, 'every: <30>s'],
  ['delay', MAKE, 'every: <30s>'],
  ['condition', DAGU, 'until: <outputs.done>'],
  ['exitCode', DAGU, 'until: exit_code == 0'],
  ['retries', MAKE, 'max: <100>'],
];

const IN_WAITS: readonly Row[] = [
  ['interval', MAKE, 'every: <30s>'],
  ['poke_interval', AIRFLOW, 'every: <30>s'],
  ['path', MAKE, 'file: <path/to/file>'],
  ['filepath', AIRFLOW, 'file: <path/to/file>'],
  ['url', MAKE, 'http: <https://example.org/>'],
  ['run', MAKE, 'command: <your command>'],
  ['duration', ARGO, 'wait: <10m>'],
];

const IN_APPROVALS: readonly Row[] = [
  ['prompt', MAKE, 'message: <Go on?>'],
  ['text', MAKE, 'message: <Go on?>'],
  ['inputs', GITHUB, 'params: { name: default }'],
  ['input', DAGU, 'params: { name: default }'],
];

const IN_FLOWS: readonly Row[] = [
  ['jobs', GITHUB, 'steps:'],
  ['tasks', MAKE, 'steps:'],
  ['stages', MAKE, 'steps:'],
  ['inputs', GITHUB, 'params: { name: default }'],
  ['parameters', PREFECT, 'params: { name: default }'],
  ['vars', MAKE, 'params: { name: default }'],
  ['variables', MAKE, 'params: { name: default }'],
  ['environment', MAKE, 'env: { NAME: value }'],
  ['env_file', MAKE, 'dotenv: <.env>'],
  ['env_files', MAKE, 'dotenv: <.env>'],
  ['parallel', DAGU, 'max_parallel: <4>'],
  ['maxActiveSteps', DAGU, 'max_parallel: <4>'],
  ['max_active_steps', DAGU, 'max_parallel: <4>'],
  ['max-parallel', GITHUB, 'max_parallel: <4>'],
  ['max_workers', PREFECT, 'max_parallel: <4>'],
  ['task_runner', PREFECT, 'max_parallel: <4>'],
  ['fail-fast', GITHUB, 'fail_fast: <true>'],
  ['retries', PREFECT, 'defaults: { retry: <2> }'],
  ['timeout-minutes', GITHUB, 'defaults: { timeout: <10>m }'],
  ['timeout_minutes', GITHUB, 'defaults: { timeout: <10>m }'],
  ['timeout_seconds', PREFECT, 'defaults: { timeout: <10>s }'],
  ['timeoutSec', DAGU, 'defaults: { timeout: <10>s }'],
  ['workingDir', DAGU, 'defaults: { workdir: <path/to/folder> }'],
  ['working_dir', DAGU, 'defaults: { workdir: <path/to/folder> }'],
  ['maxActiveRuns', DAGU, 'concurrency: { limit: <1> }'],
  ['max_active_runs', DAGU, 'concurrency: { limit: <1> }'],
  ['overlapPolicy', DAGU, 'concurrency: { on_conflict: skip }'],
  ['handlerOn', DAGU, 'on_failure: [{ run: your command }]'],
  ['handler_on', DAGU, 'on_failure: [{ run: your command }]'],
  ['on_completion', PREFECT, 'finally: [{ run: your command }]'],
  ['on_exit', MAKE, 'finally: [{ run: your command }]'],
  ['on_cancellation', PREFECT, 'on_cancel: [{ run: your command }]'],
  ['flow_run_name', PREFECT, 'run_name: <${{ flow.name }} of ${{ params.date }}>'],
  ['run-name', GITHUB, 'run_name: <${{ flow.name }} of ${{ params.date }}>'],
  ['mailOn', DAGU, 'on_failure: [{ run: your command }]'],
  ['on', GITHUB, 'schedules: [{ cron: 0 6 * * * }]   # or triggers: [{ file: inbox/*.csv }]'],
  ['schedule', DAGU, 'schedules: [{ cron: <0 6 * * *> }]'],
  ['cron', PREFECT, 'schedules: [{ cron: <0 6 * * *> }]'],
  ['interval', PREFECT, 'schedules: [{ interval: <1h> }]'],
  ['rrule', PREFECT, 'schedules: [{ rrule: <FREQ=DAILY> }]'],
  ['trigger', MAKE, 'triggers: [{ file: inbox/*.csv }]'],
  ['automations', PREFECT, 'triggers: [{ flow: other-flow }]'],
];

const IN_CONCURRENCY: readonly Row[] = [
  ['cancel-in-progress', GITHUB, 'on_conflict: cancel_running'],
  ['cancel_in_progress', GITHUB, 'on_conflict: cancel_running'],
  ['max', MAKE, 'limit: <1>'],
  ['slots', PREFECT, 'limit: <1>'],
  ['name', PREFECT, 'group: <name>'],
];

const IN_RETRIES: readonly Row[] = [
  ['limit', DAGU, 'max: <2>'],
  ['attempts', MAKE, 'max: <2>'],
  ['max_attempts', MAKE, 'max: <2>'],
  ['count', MAKE, 'max: <2>'],
  ['retries', PREFECT, 'max: <2>'],
  ['intervalSec', DAGU, 'delay: <10>s'],
  ['interval_sec', DAGU, 'delay: <10>s'],
  ['interval', MAKE, 'delay: <10>s'],
  ['delay_seconds', PREFECT, 'delay: <10>s'],
  ['exitCode', DAGU, 'on_exit_codes: [75]'],
  ['exit_codes', DAGU, 'on_exit_codes: [75]'],
  ['maxIntervalSec', DAGU, 'max_delay: <60>s'],
];

type NeedlessRow = readonly [word: string, tool: string, because: string];

const ON_THIS_MACHINE = 'steps run on this machine';
const NO_CONTAINERS = 'steps run on this machine, and containers are reserved for later';
const NEEDLESS: readonly NeedlessRow[] = [
  ['runs-on', GITHUB, ON_THIS_MACHINE],
  ['runs_on', GITHUB, ON_THIS_MACHINE],
  ['image', MAKE, NO_CONTAINERS],
  ['permissions', GITHUB, 'steps have your own permissions'],
];
const NEEDLESS_IN_STEPS: readonly NeedlessRow[] = [
  ['id', GITHUB, "a step's name is its key under `steps`, or its `name` in a list"],
];

type Entries = readonly (readonly [word: string, meaning: ForeignWord])[];

const known = (rows: readonly Row[]): Entries =>
  rows.map(([word, tool, write]) => [word, { kind: 'known', tool, write }]);
const needless = (rows: readonly NeedlessRow[]): Entries =>
  rows.map(([word, tool, because]) => [word, { kind: 'needless', tool, because }]);

const EVERYWHERE: ReadonlyMap<string, ForeignWord> = new Map(needless(NEEDLESS));
const BY_OWNER: { readonly [Owner in KeyOwner]: ReadonlyMap<string, ForeignWord> } = {
  flow: new Map(known(IN_FLOWS)),
  step: new Map([...known(IN_STEPS), ...needless(NEEDLESS_IN_STEPS)]),
  retry: new Map(known(IN_RETRIES)),
  concurrency: new Map(known(IN_CONCURRENCY)),
  wait: new Map(known(IN_WAITS)),
  repeat: new Map(known(IN_REPEATS)),
  approve: new Map(known(IN_APPROVALS)),
  other: new Map(),
};

/**
 * What flowctl writes for a word of GitHub Actions, Prefect, Dagu and others; null when the word is not one of theirs.
 * @param value what was written for it, where that is a single value that may be shown.
 */
export function foreignWord(word: string, owner: KeyOwner, value: string | null): ForeignWord | null {
  const found = BY_OWNER[owner].get(word) ?? EVERYWHERE.get(word);
  if (found === undefined) return null;
  if (found.kind !== 'known') return found;
  const isUsable = value !== null && value.length <= 60 && /^[^\n]+$/.test(value);
  const write = found.write.replace(/<([^>]*)>/, (_, sample: string) => (isUsable ? yamlScalar(value) : sample));
  return { ...found, write };
}
