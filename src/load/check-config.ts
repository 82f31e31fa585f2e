/** What the parts of a project's config mean: names, durations, secrets. Expressions are checked with the profile that is chosen. */

import { hasExpression } from '../expressions/expressions.ts';
import { checkAutomations } from './automations.ts';
import { checkSecretSources } from './check-policies.ts';
import { checkDuration, checkEnvNames, checkPaths, checkRetry } from './check-values.ts';
import { type DocumentNode, entriesOf, entryOf, textOf } from './document.ts';
import type { Problems } from './problems.ts';

const RESOURCE_NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const UNIT_NAME = /^[A-Za-z0-9_.:/-]+$/;
const PROFILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const VAR_NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** The first text in a value with an expression, which nobody would evaluate. */
function findExpression(root: DocumentNode): DocumentNode | null {
  const open = [root];
  const seen = new Set<DocumentNode>();
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (hasExpression(textOf(node) ?? '')) return node;
    if (node.kind === 'list') open.push(...node.items.toReversed());
    for (const { value } of entriesOf(node).toReversed()) open.push(value);
  }
  return null;
}

/** Checks a config, or one profile of it. */
function checkLayer(root: DocumentNode, problems: Problems): void {
  const defaults = entryOf(root, 'defaults')?.value;
  checkEnvNames(entryOf(root, 'env')?.value, problems);
  checkEnvNames(entryOf(defaults, 'env')?.value, problems);
  checkDuration(entryOf(defaults, 'timeout')?.value, problems);
  checkRetry(entryOf(defaults, 'retry')?.value, problems);
  checkPaths(entryOf(root, 'dotenv')?.value, '`dotenv`', problems);
  checkSecretSources(root, problems);
  for (const { key, keySpan, value } of entriesOf(entryOf(root, 'vars')?.value)) {
    if (!VAR_NAME.test(key)) problems.at('invalid_config_name', keySpan, { name: key, what: 'var' });
    const expression = findExpression(value);
    if (expression !== null) problems.at('expression_not_allowed', expression, { what: '`vars`' });
  }
}

function checkResources(root: DocumentNode, problems: Problems): void {
  for (const { key, keySpan, value } of entriesOf(entryOf(root, 'resources')?.value)) {
    if (!RESOURCE_NAME.test(key)) problems.at('invalid_resource_name', keySpan, { name: key });
    checkDuration(entryOf(value, 'per')?.value, problems);
    const seen = new Set<string>();
    for (const item of value.kind === 'list' ? value.items : []) {
      const name = textOf(item);
      if (name === undefined) continue;
      if (!UNIT_NAME.test(name)) problems.at('invalid_config_name', item, { name, what: 'unit' });
      else if (seen.has(name)) problems.at('duplicate_key', item, { key: name });
      seen.add(name);
    }
  }
}

/** Checks one file of a config whose shape has been checked. */
export function checkConfig(root: DocumentNode, problems: Problems): void {
  checkLayer(root, problems);
  checkPaths(entryOf(root, 'include')?.value, '`include`', problems);
  checkDuration(entryOf(root, 'grace')?.value, problems);
  checkDuration(entryOf(entryOf(root, 'retention')?.value, 'older_than')?.value, problems);
  checkResources(root, problems);
  checkAutomations(root, problems);
  for (const { key, keySpan, value } of entriesOf(entryOf(root, 'profiles')?.value)) {
    if (!PROFILE_NAME.test(key)) problems.at('invalid_config_name', keySpan, { name: key, what: 'profile' });
    checkLayer(value, problems);
  }
}
