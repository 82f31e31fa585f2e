import type { AttemptRequest } from '../../src/engine/ports.ts';

/** What an attempt's request says where a test says nothing of it. */
export const REQUEST_DEFAULTS: Omit<
  AttemptRequest,
  'run' | 'step' | 'work' | 'workdir' | 'idempotency_key' | 'grace_ms'
> = {
  flow: 'test',
  attempt: 1,
  iteration: 0,
  stdin: null,
  output: 'file',
  outputs_schema: null,
  success_codes: [0],
  skip_codes: [],
  env: {},
  values: {},
  timeout_ms: null,
  secrets: [],
  secret_variables: [],
  artifacts: [],
  generates: [],
  reuse: null,
  units: {},
  logs: null,
  interactive: false,
  isolate: 'thread',
};
