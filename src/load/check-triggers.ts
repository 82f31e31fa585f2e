/** Triggers: that each watches one thing that can happen, and that its runs have a value for every param. */

import { parseGlob } from '../base/glob-pattern.ts';
import { isFlowName } from '../base/ids.ts';
import { suggest } from '../diagnostics/suggest.ts';
import { hasExpression } from '../expressions/expressions.ts';
import { EVENT_KINDS } from '../model/trigger.ts';
import { checkGivenParams } from './check-given-params.ts';
import { checkDuration } from './check-values.ts';
import { checkOneOf } from './check-waits.ts';
import { type DocumentNode, entriesOf, entryOf, textOf } from './document.ts';
import { durationOf, itemsOf } from './node-values.ts';
import type { FlowOutline } from './outline.ts';
import type { Problems } from './problems.ts';
import { secretNames } from './secret-sources.ts';

/** Keys that say more about another one. */
const COMPANIONS: readonly (readonly [key: string, owners: readonly string[]])[] = [
  ['on', ['file']],
  ['states', ['flow']],
  ['secret', ['webhook']],
  ['debounce', ['file', 'flow', 'webhook']],
];
const WATCHED = EVENT_KINDS.filter((kind) => kind !== 'absence');
/** Texts that say what to watch: they are read before there is any event. */
const PLAIN = ['on', 'flow', 'states', 'webhook', 'secret', 'debounce'];
/** A silence is looked for about once a second. */
const SHORTEST_SILENCE_MS = 1_000;

/** Checks all triggers of a flow. @param name the flow's. */
export async function checkTriggers(flow: FlowOutline, name: string, problems: Problems): Promise<void> {
  for (const trigger of itemsOf(entryOf(flow.root, 'triggers')?.value)) {
    if (trigger.kind !== 'map') continue;
    checkOneKind(trigger, EVENT_KINDS, 'a trigger', problems);
    checkWatched(trigger, flow, name, problems);
    const absence = entryOf(trigger, 'absence')?.value;
    if (absence !== undefined) checkAbsence(absence, flow, name, problems);
    await checkGivenParams(trigger, flow, problems);
  }
}

function checkOneKind(node: DocumentNode, kinds: readonly string[], what: string, problems: Problems): void {
  const first = entriesOf(node)[0];
  checkOneOf({ key: 'triggers', keySpan: first?.keySpan ?? node, value: node }, kinds, what, problems);
}

function checkAbsence(absence: DocumentNode, flow: FlowOutline, name: string, problems: Problems): void {
  const within = entryOf(absence, 'within')?.value;
  checkDuration(within, problems);
  const ms = durationOf(within);
  if (within !== undefined && ms !== null && ms < SHORTEST_SILENCE_MS) {
    const problem = 'a silence of less than a second is none';
    problems.at('invalid_trigger', within, { key: 'within', problem, remedy: 'write `1s` or more' });
  }
  const of = entryOf(absence, 'of')?.value;
  if (of?.kind !== 'map') return;
  checkOneKind(of, WATCHED, 'what is missed', problems);
  checkWatched(of, flow, name, problems);
}

function checkWatched(node: DocumentNode, flow: FlowOutline, name: string, problems: Problems): void {
  for (const key of PLAIN) {
    const value = entryOf(node, key)?.value;
    if (value !== undefined && hasExpression(textOf(value) ?? ''))
      problems.at('expression_not_allowed', value, { what: `\`${key}\` of a trigger` });
  }
  for (const [key, owners] of COMPANIONS) {
    const entry = entryOf(node, key);
    if (entry === undefined || owners.some((owner) => entryOf(node, owner) !== undefined)) continue;
    const problem = `it belongs to ${owners.map((owner) => `\`${owner}\``).join(', ')}, and there is none`;
    problems.at('invalid_trigger', entry.keySpan, { key, problem, remedy: null });
  }
  checkDuration(entryOf(node, 'debounce')?.value, problems);
  checkPaths(entryOf(node, 'file')?.value, problems);
  checkFlowName(entryOf(node, 'flow')?.value, name, problems);
  checkWebhook(node, flow, problems);
}

function checkPaths(file: DocumentNode | undefined, problems: Problems): void {
  for (const item of file?.kind === 'list' ? file.items : [file]) {
    const text = textOf(item);
    if (item === undefined || text === undefined || text === '') continue;
    if (hasExpression(text)) {
      problems.at('expression_not_allowed', item, { what: '`file` of a trigger' });
      continue;
    }
    const read = parseGlob(text);
    if (!read.ok) problems.at('invalid_glob', item, { glob: text, problem: read.error });
  }
}

function checkFlowName(node: DocumentNode | undefined, name: string, problems: Problems): void {
  const text = textOf(node);
  if (node === undefined || text === undefined || text === '' || hasExpression(text)) return;
  if (text === name) {
    const problem = 'a flow that is begun by its own end never comes to one';
    problems.at('invalid_trigger', node, { key: 'flow', problem, remedy: 'name another flow or deployment' });
  } else if (!isFlowName(text)) {
    const problem = `\`${text}\` is not the name of a flow or deployment`;
    const remedy = 'write the name that `flowctl deployments` or `flowctl runs` show, not a file';
    problems.at('invalid_trigger', node, { key: 'flow', problem, remedy });
  }
}

function checkWebhook(node: DocumentNode, flow: FlowOutline, problems: Problems): void {
  const webhook = entryOf(node, 'webhook');
  const name = textOf(webhook?.value);
  if (webhook === undefined || name === undefined || name === '') return;
  if (!hasExpression(name) && !isFlowName(name)) {
    const problem = `\`${name}\` is no name that a path can end with`;
    const remedy = 'letters, digits, `_`, `.` and `-`, up to 100';
    problems.at('invalid_trigger', webhook.value, { key: 'webhook', problem, remedy });
  }
  const secret = entryOf(node, 'secret')?.value;
  const text = textOf(secret);
  if (secret === undefined) {
    const problem = 'anybody could send requests that are not signed';
    const remedy = "name one of the flow's secrets: `secret: ORDERS_SECRET`";
    problems.at('invalid_trigger', webhook.keySpan, { key: 'webhook', problem, remedy });
  } else if (text !== undefined && text !== '' && !hasExpression(text)) {
    const known = secretNames(flow);
    if (known !== null && !known.includes(text))
      problems.at('unknown_secret', secret, { name: text, known, suggestion: suggest(text, known) });
  }
}
