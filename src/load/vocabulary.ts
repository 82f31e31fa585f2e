/** The keys of the flow language: those of this version (as in the schema, which a test compares), and those reserved. */

import { foreignWord, type KeyOwner } from '../diagnostics/foreign.ts';
import { suggest } from '../diagnostics/suggest.ts';
import type { DocumentNode, Span } from './document.ts';
import type { Problems } from './problems.ts';

const words = (text: string): readonly string[] => text.split(' ');

/** The maps whose keys are fixed. */
export type KeyContext =
  | 'flow'
  | 'step'
  | 'named_step'
  | 'retry'
  | 'defaults'
  | 'outputs'
  | 'schema'
  | 'handler'
  | 'notify'
  | 'concurrency'
  | 'schedule'
  | 'trigger'
  | 'absence'
  | 'watched'
  | 'cache'
  | 'secret'
  | 'config'
  | 'profile'
  | 'capacity'
  | 'automation'
  | 'automation_when'
  | 'automation_run'
  | 'automation_schedule'
  | 'automation_then'
  | 'retention'
  | 'wait'
  | 'wait_for'
  | 'http'
  | 'approve'
  | 'repeat';

/** What a step can do: it has exactly one of these keys. */
export const ACTION_KEYS: readonly string[] = words('run call flow steps wait approve');

const STEP_KEYS = words(
  'description run call flow steps wait approve needs if foreach key matrix max_parallel tolerate repeat env with workdir shell ' +
    'stdin output outputs success_codes skip_codes timeout grace retry continue_on_error if_lost sources generates cache resources priority artifacts secrets logs interactive isolate warm ' +
    'on_success on_failure on_cancel finally',
);

/** The keys of this version. */
export const KEYS: { readonly [Context in KeyContext]: readonly string[] } = {
  flow: words(
    'name run_name description tags params env dotenv secrets schedules triggers max_parallel fail_fast concurrency timeout cleanup_timeout retry ' +
      'defaults steps outputs on_success on_failure on_cancel finally',
  ),
  step: STEP_KEYS,
  named_step: ['name', ...STEP_KEYS],
  retry: words('max delay backoff max_delay jitter on on_exit_codes'),
  defaults: words('retry timeout shell workdir env max_parallel if_lost logs warm'),
  outputs: ['schema'],
  handler: words(
    'description run call notify if with env workdir shell stdin timeout grace retry continue_on_error secrets',
  ),
  notify: words(
    'slack discord teams ntfy webhook email command text title priority tags method headers body smtp from env',
  ),
  schedule: words(
    'cron interval rrule at timezone anchor start end params jitter active overlap catch_up catch_up_window',
  ),
  trigger: words('file on flow states webhook secret absence debounce params active overlap'),
  absence: words('of within'),
  watched: words('file on flow states webhook secret debounce'),
  concurrency: words('group limit on_conflict queue_limit queue_timeout'),
  cache: words('key ttl'),
  secret: words('env file command'),
  config: words(
    'include resources durability grace retention allow_private_addresses env dotenv secrets vars defaults profiles automations',
  ),
  retention: words('older_than keep'),
  profile: words('params env dotenv secrets vars defaults'),
  capacity: words('per max'),
  automation: words('name active when then chain at_most'),
  automation_when: words('run longer_than schedule'),
  automation_run: words('flow deployment tag states'),
  automation_schedule: words('deployment outcome'),
  automation_then: words('run params cancel pause notify'),
  schema: words(
    'type title description default examples enum const format pattern minLength maxLength minimum maximum exclusiveMinimum ' +
      'exclusiveMaximum multipleOf items minItems maxItems uniqueItems properties required additionalProperties minProperties ' +
      'maxProperties anyOf oneOf allOf',
  ),
  wait: words('until for every timeout'),
  wait_for: words('file http command'),
  http: words('url status method headers'),
  approve: words('message params timeout on_timeout'),
  repeat: words('until while every max'),
};

const RESERVED: ReadonlySet<string> = new Set(words('services background ready container uses labels'));

const FOREIGN_OWNERS: { readonly [Context in KeyContext]?: KeyOwner } = {
  flow: 'flow',
  step: 'step',
  named_step: 'step',
  retry: 'retry',
  defaults: 'step',
  handler: 'step',
  concurrency: 'concurrency',
  wait: 'wait',
  wait_for: 'wait',
  repeat: 'repeat',
  approve: 'approve',
};

/** Reports a key that this version does not know: reserved, another tool's word, or a slip. */
export function reportUnknownKey(
  problems: Problems,
  unknown: {
    readonly name: string;
    readonly span: Span;
    readonly context: KeyContext;
    readonly owner: string;
    readonly value: DocumentNode;
  },
): void {
  const { name, span, context, owner, value } = unknown;
  const hasReserved = context === 'flow' || context === 'step' || context === 'named_step';
  if (hasReserved && RESERVED.has(name)) problems.at('reserved_key', span, { key: name });
  else {
    const known = KEYS[context];
    const foreign = foreignWord(
      name,
      FOREIGN_OWNERS[context] ?? 'other',
      value.kind === 'scalar' ? value.written : null,
    );
    const suggestion = foreign === null && problems.hasRoom ? suggest(name, known) : null;
    problems.at('unknown_key', span, { name, owner, foreign, suggestion, known });
  }
}
