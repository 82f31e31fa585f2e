/** What a step and a flow are where nothing is said: the defaults of the language, in its normal form. */

import type { FlowDefinition, RetryPolicy, StepDefinition } from './flow.ts';
import { DEFINITION_FORMAT } from './flow.ts';
import { NO_HANDLERS } from './policies.ts';

/** No extra attempts. */
export const NO_RETRY: RetryPolicy = {
  max: 0,
  delay_ms: 0,
  backoff: 'none',
  max_delay_ms: null,
  jitter: 'none',
  on: ['failed', 'timed_out'],
  on_exit_codes: null,
};

/** A step, but for its name and its work. */
export const STEP_DEFAULTS: Omit<StepDefinition, 'id' | 'action'> = {
  description: null,
  needs: [],
  inferred_needs: [],
  if: null,
  env: {},
  with: null,
  workdir: null,
  stdin: null,
  output: 'file',
  outputs_schema: null,
  success_codes: [0],
  skip_codes: [],
  timeout_ms: null,
  grace_ms: null,
  retry: NO_RETRY,
  continue_on_error: false,
  if_lost: 'run_again',
  map: null,
  max_parallel: null,
  repeat: null,
  handlers: NO_HANDLERS,
  reuse: null,
  resources: {},
  priority: 0,
  secrets: [],
  artifacts: [],
  logs: null,
  interactive: false,
  isolate: 'thread',
};

/** What handlers have in all, unless `cleanup_timeout` says otherwise. */
export const CLEANUP_TIMEOUT_MS = 30_000;

/** A flow, but for its name, its place and its steps. */
export const FLOW_DEFAULTS: Omit<FlowDefinition, 'name' | 'file' | 'directory' | 'steps'> = {
  format: DEFINITION_FORMAT,
  description: null,
  tags: [],
  params: [],
  dotenv: [],
  max_parallel: null,
  fail_fast: false,
  outputs: {},
  run_name: null,
  secrets: [],
  profile: null,
  vars: {},
  concurrency: null,
  timeout_ms: null,
  cleanup_timeout_ms: CLEANUP_TIMEOUT_MS,
  retry: NO_RETRY,
  handlers: NO_HANDLERS,
  flows: {},
};
