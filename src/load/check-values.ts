/** Texts with a form of their own: the flow's name, durations, paths, names of environment variables. */

import { basename } from 'node:path';
import { parseDuration } from '../base/duration.ts';
import { isFlowName } from '../base/ids.ts';
import { suggest } from '../diagnostics/suggest.ts';
import { hasExpression } from '../expressions/expressions.ts';
import { entriesOf, entryOf, textOf, type DocumentNode } from './document.ts';
import { bodiesOf } from './handlers.ts';
import { type FlowOutline, stepValue } from './outline.ts';
import type { Problems } from './problems.ts';

/** The flow's name: written, or made of the file's name without its ending. */
export function flowNameOf(root: DocumentNode, file: string): string {
  return textOf(entryOf(root, 'name')?.value) ?? basename(file).replace(/\.(ya?ml|json)$/i, '');
}

function checkName(root: DocumentNode, file: string, problems: Problems): void {
  const entry = entryOf(root, 'name');
  const name = flowNameOf(root, file);
  if (entry !== undefined && textOf(entry.value) === undefined) return;
  if (isFlowName(name)) return;
  const span = entry?.value ?? { start: 0, end: 0 };
  problems.at('invalid_flow_name', span.end > span.start ? span : (entry?.keySpan ?? span), {
    name,
    isFileName: entry === undefined,
  });
}

/** Checks a duration, where one is written. */
export function checkDuration(node: DocumentNode | undefined, problems: Problems): void {
  const text = textOf(node);
  if (node === undefined || text === undefined) return;
  const read = parseDuration(text);
  if (read.ok) return;
  problems.at('invalid_duration', node, { text, reason: hasExpression(text) ? 'expression' : read.error });
}

/** Checks the durations under `retry`. */
export function checkRetry(node: DocumentNode | undefined, problems: Problems): void {
  checkDuration(entryOf(node, 'delay')?.value, problems);
  checkDuration(entryOf(node, 'max_delay')?.value, problems);
}

/** What a step may set of our own: settings of a flowctl that it runs. The rest tells steps where they stand. */
const SETTINGS = ['FLOWCTL_STATE_DIR', 'FLOWCTL_GRACE', 'FLOWCTL_DURABILITY', 'FLOWCTL_LAUNCHER'];

/** Checks the names under `env`. */
export function checkEnvNames(node: DocumentNode | undefined, problems: Problems): void {
  for (const { key, keySpan } of entriesOf(node)) {
    if (key.startsWith('FLOWCTL_') && !SETTINGS.includes(key)) {
      const suggestion = problems.hasRoom ? suggest(key, SETTINGS) : null;
      problems.at('reserved_env_name', keySpan, { name: key, known: SETTINGS, suggestion });
    }
    if (key === '' || key.includes('=') || key.includes('\0')) problems.at('invalid_env_name', keySpan, { name: key });
  }
}

/** Checks the paths under `dotenv` or `include`. @param what the key, in backticks. */
export function checkPaths(node: DocumentNode | undefined, what: string, problems: Problems): void {
  for (const path of node?.kind === 'list' ? node.items : [node]) {
    if (path !== undefined && hasExpression(textOf(path) ?? '')) problems.at('expression_not_allowed', path, { what });
  }
}

/** No argument and no path of a system has a NUL byte, which a text in double quotes may hold (`"\\0"`). */
function checkNul(node: DocumentNode | undefined, what: string, problems: Problems): void {
  for (const each of node?.kind === 'list' ? node.items : [node]) {
    if (each !== undefined && textOf(each)?.includes('\0') === true) problems.at('nul_byte', each, { what });
  }
}

/** Durations inside of other keys of a step. */
const INSIDE: readonly (readonly [owner: string, key: string])[] = [
  ['cache', 'ttl'],
  ['wait', 'every'],
  ['wait', 'timeout'],
  ['approve', 'timeout'],
  ['repeat', 'every'],
];

/** Checks the flow's name, paths of `dotenv`, texts without NUL bytes, and every duration and name of an environment variable. */
export function checkValues(flow: FlowOutline, file: string, problems: Problems): void {
  checkName(flow.root, file, problems);
  checkEnvNames(entryOf(flow.root, 'env')?.value, problems);
  const defaults = entryOf(flow.root, 'defaults')?.value;
  checkNul(entryOf(defaults, 'workdir')?.value, '`workdir`', problems);
  checkEnvNames(entryOf(defaults, 'env')?.value, problems);
  checkPaths(entryOf(flow.root, 'dotenv')?.value, '`dotenv`', problems);
  checkDuration(entryOf(defaults, 'timeout')?.value, problems);
  checkRetry(entryOf(defaults, 'retry')?.value, problems);
  const value = (key: string): DocumentNode | undefined => entryOf(flow.root, key)?.value;
  checkDuration(value('timeout'), problems);
  checkDuration(value('cleanup_timeout'), problems);
  checkRetry(value('retry'), problems);
  checkDuration(entryOf(value('concurrency'), 'queue_timeout')?.value, problems);
  for (const { step } of bodiesOf(flow)) {
    checkEnvNames(stepValue(step, 'env'), problems);
    for (const key of ['run', 'flow', 'workdir']) checkNul(stepValue(step, key), `\`${key}\``, problems);
    checkDuration(stepValue(step, 'timeout'), problems);
    checkDuration(stepValue(step, 'grace'), problems);
    checkRetry(stepValue(step, 'retry'), problems);
    for (const [owner, key] of INSIDE) checkDuration(entryOf(stepValue(step, owner), key)?.value, problems);
  }
}
