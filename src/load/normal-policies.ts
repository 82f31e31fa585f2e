/** What a flow and a step ask for beside their work, in the normal form: secrets, concurrency, reuse, limits. */

import type { FlowDefinition, StepDefinition } from '../model/flow.ts';
import { CLEANUP_TIMEOUT_MS } from '../model/defaults.ts';
import type { ConcurrencyPolicy, ReusePolicy, SecretDefinition } from '../model/policies.ts';
import { entriesOf, entryOf, textOf } from './document.ts';
import { durationOf, isTrue, type Node, numberOf, oneOrMoreTexts, retryOf, textsOf } from './node-values.ts';
import type { FlowOutline } from './outline.ts';
import { secretsIn, sourceOf } from './secret-sources.ts';

/** The policies of a flow, without its handlers. */
export type FlowPolicies = Pick<
  FlowDefinition,
  'run_name' | 'secrets' | 'concurrency' | 'timeout_ms' | 'cleanup_timeout_ms' | 'retry' | 'vars' | 'profile'
>;

/** The policies of a step, without its handlers. */
export type StepPolicies = Pick<
  StepDefinition,
  'reuse' | 'resources' | 'priority' | 'secrets' | 'artifacts' | 'logs' | 'interactive' | 'isolate'
>;

function concurrencyOf(node: Node, flowName: string): ConcurrencyPolicy | null {
  if (node === undefined) return null;
  const value = (key: string): Node => entryOf(node, key)?.value;
  return {
    group: textOf(node) ?? textOf(value('group')) ?? flowName,
    limit: numberOf(value('limit')) ?? 1,
    on_conflict: (textOf(value('on_conflict')) as ConcurrencyPolicy['on_conflict'] | undefined) ?? 'queue',
    queue_limit: numberOf(value('queue_limit')),
    queue_timeout_ms: durationOf(value('queue_timeout')),
  };
}

/**
 * The secrets that a flow declares, and of the project's those that it uses.
 * @param used names that anything in the flow refers to.
 */
export function secretsOf(
  flow: FlowOutline,
  directory: string,
  used: ReadonlySet<string>,
): readonly SecretDefinition[] {
  const shared = new Map((flow.project.secrets ?? []).map((secret) => [secret.name, secret]));
  const own = secretsIn(flow.root).map((secret): SecretDefinition => {
    const { name } = secret;
    const others = shared.get(name);
    const written = sourceOf(secret, directory);
    if (others !== undefined && (others.isForced || written === null)) return { name, source: others.source };
    return { name, source: written ?? { kind: 'env', variable: name } };
  });
  const declared = new Set(own.map(({ name }) => name));
  const borrowed = [...shared.values()].filter(({ name }) => used.has(name) && !declared.has(name));
  return [...own, ...borrowed.map(({ name, source }) => ({ name, source }))];
}

/** The policies of a flow. @param used see `secretsOf`. */
export function flowPolicies(
  flow: FlowOutline,
  facts: { readonly name: string; readonly directory: string },
  used: ReadonlySet<string>,
): FlowPolicies {
  const value = (key: string): Node => entryOf(flow.root, key)?.value;
  return {
    run_name: textOf(value('run_name')) ?? null,
    secrets: secretsOf(flow, facts.directory, used),
    concurrency: concurrencyOf(value('concurrency'), facts.name),
    timeout_ms: durationOf(value('timeout')),
    cleanup_timeout_ms: durationOf(value('cleanup_timeout')) ?? CLEANUP_TIMEOUT_MS,
    retry: retryOf(value('retry')),
    profile: flow.project.profile,
    vars: flow.project.vars ?? {},
  };
}

/** `cache`: `true`, or a map. */
function cacheOf(node: Node): ReusePolicy['cache'] {
  if (node?.kind !== 'map') return isTrue(node) ? { key: null, ttl_ms: null } : null;
  return { key: textOf(entryOf(node, 'key')?.value) ?? null, ttl_ms: durationOf(entryOf(node, 'ttl')?.value) };
}

function reuseOf(own: (key: string) => Node): ReusePolicy | null {
  const cache = cacheOf(own('cache'));
  const sources = oneOrMoreTexts(own('sources'));
  const generates = oneOrMoreTexts(own('generates'));
  return cache === null && sources.length === 0 && generates.length === 0 ? null : { sources, generates, cache };
}

/** The policies of a step. @param own the value of a key. @param either the same, else that of `defaults`. */
export function stepPolicies(own: (key: string) => Node, either: (key: string) => Node): StepPolicies {
  const amounts = entriesOf(own('resources')).map(({ key, value }) => [key, numberOf(value) ?? 0] as const);
  return {
    reuse: reuseOf(own),
    resources: Object.fromEntries(amounts),
    priority: numberOf(own('priority')) ?? 0,
    secrets: [...new Set(textsOf(own('secrets')))],
    artifacts: oneOrMoreTexts(own('artifacts')),
    logs: (textOf(either('logs')) as StepDefinition['logs'] | undefined) ?? null,
    interactive: isTrue(own('interactive')),
    isolate: (textOf(own('isolate')) as StepDefinition['isolate'] | undefined) ?? 'thread',
  };
}
