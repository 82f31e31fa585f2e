/** What a flow and its steps ask for beside their work: that names exist, that amounts can be had, that keys make sense together. */

import { suggest } from '../diagnostics/suggest.ts';
import { hasExpression } from '../expressions/expressions.ts';
import type { Capacity } from '../model/project.ts';
import { type DocumentNode, entriesOf, entryOf, type MapEntry, textOf } from './document.ts';
import { bodiesOf } from './handlers.ts';
import { type FlowOutline, inheritedValue, type StepOutline, stepValue } from './outline.ts';
import type { Problems } from './problems.ts';
import { secretNames, secretsIn } from './secret-sources.ts';

const SECRET_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const RESOURCE_NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** Checks the declarations of secrets in a flow or a config. */
export function checkSecretSources(root: DocumentNode, problems: Problems): void {
  const seen = new Map<string, DocumentNode | { readonly start: number; readonly end: number }>();
  for (const { name, nameSpan, source } of secretsIn(root)) {
    const earlier = seen.get(name);
    if (!SECRET_NAME.test(name) || name.startsWith('FLOWCTL_')) problems.at('invalid_secret_name', nameSpan, { name });
    else if (earlier !== undefined)
      problems.at('duplicate_key', nameSpan, { key: name }, [problems.place(earlier, 'first written here')]);
    seen.set(name, nameSpan);
    const [first, second] = entriesOf(source);
    if (first !== undefined && second !== undefined) {
      const place = problems.place(first.keySpan, `and \`${first.key}\` here`);
      problems.at('several_sources', second.keySpan, { secret: name, keys: [first.key, second.key] }, [place]);
    }
    for (const { key, value } of entriesOf(source))
      if (hasExpression(textOf(value) ?? ''))
        problems.at('expression_not_allowed', value, { what: `\`${key}\` of a secret` });
  }
}

function checkNamedSecrets(step: StepOutline, names: ReadonlySet<string>, problems: Problems): void {
  const list = stepValue(step, 'secrets');
  for (const item of list?.kind === 'list' ? list.items : []) {
    const name = textOf(item);
    if (name === undefined || names.has(name)) continue;
    const known = problems.hasRoom ? [...names] : [];
    problems.at('unknown_secret', item, { name, known, suggestion: suggest(name, known) });
  }
}

/** What a step can have of a capacity, in words; null where the amount can be had. */
function bound(capacity: Capacity, amount: number): string | null {
  switch (capacity.kind) {
    case 'amount':
      return amount > capacity.units ? `there are ${capacity.units}` : null;
    case 'named':
      return amount > capacity.names.length ? `there are ${capacity.names.length}: ${capacity.names.join(', ')}` : null;
    case 'rate':
      return amount > capacity.max ? `at most ${capacity.max} start within its time` : null;
  }
}

function checkResource(
  step: StepOutline,
  { key, keySpan, value }: MapEntry,
  flow: FlowOutline,
  problems: Problems,
): void {
  const { resources, shownAs: config } = flow.project;
  const amount = value.kind === 'scalar' && typeof value.value === 'number' ? value.value : null;
  if (!RESOURCE_NAME.test(key)) {
    problems.at('invalid_resource_name', keySpan, { name: key });
    return;
  }
  if (resources === null) return;
  const capacity = Object.hasOwn(resources, key) ? resources[key] : undefined;
  if (capacity === undefined) {
    const known = problems.hasRoom ? Object.keys(resources) : [];
    problems.at('unknown_resource', keySpan, {
      step: step.name,
      name: key,
      known,
      suggestion: suggest(key, known),
      config,
    });
    return;
  }
  if (amount === null) return;
  const available = bound(capacity, amount);
  if (available !== null)
    problems.at('too_much_resource', value, { step: step.name, name: key, amount, available, config });
  else if (capacity.kind !== 'amount' && !Number.isInteger(amount))
    problems.at('partial_resource', value, { step: step.name, name: key, amount });
}

/** Pairs of keys of which one leaves the other without a sense. */
const CONFLICTS: readonly (readonly [key: string, other: string, why: string])[] = [
  ['interactive', 'output', 'what is printed goes to the terminal, and cannot be read'],
  ['interactive', 'stdin', 'its standard input is the terminal'],
  ['interactive', 'logs', 'what is printed goes to the terminal, and is not recorded'],
  ['interactive', 'foreach', 'one terminal cannot serve many items at once'],
  ['interactive', 'matrix', 'one terminal cannot serve many items at once'],
  ['interactive', 'cache', 'what a person answers cannot be known from an earlier run'],
];
/** Keys that mean nothing but for these actions. */
const HOMES: readonly (readonly [key: string, actions: readonly string[], home: string])[] = [
  ['interactive', ['run'], '`run`'],
  ['isolate', ['call'], '`call`'],
  ['logs', ['run', 'call', 'wait'], '`run` and `call`'],
  ['secrets', ['run', 'call'], '`run` and `call`'],
  ['artifacts', ['run', 'call'], '`run` and `call`'],
  ['sources', ['run', 'call', 'flow'], '`run`, `call` and `flow`'],
  ['generates', ['run', 'call', 'flow'], '`run`, `call` and `flow`'],
  ['cache', ['run', 'call', 'flow'], '`run`, `call` and `flow`'],
  ['resources', ['run', 'call', 'flow', 'steps'], '`run`, `call`, `flow` and `steps`'],
];
const ACTIONS = ['run', 'call', 'flow', 'steps', 'wait', 'approve'];

const isOff = (node: DocumentNode): boolean => node.kind === 'scalar' && node.value === false;

function checkKeys(step: StepOutline, problems: Problems): void {
  const actions = ACTIONS.filter((key) => stepValue(step, key) !== undefined);
  for (const [key, homes, home] of HOMES) {
    const entry = entryOf(step.body, key);
    // A step that does nothing, or more than one thing, is told that first.
    if (entry !== undefined && actions.length === 1 && !homes.some((each) => actions.includes(each)))
      problems.at('misplaced_key', entry.keySpan, { key, step: step.name, home });
  }
  for (const [key, other, why] of CONFLICTS) {
    const [entry, second] = [entryOf(step.body, key), entryOf(step.body, other)];
    if (entry === undefined || second === undefined || isOff(entry.value)) continue;
    const earlier = problems.place(entry.keySpan, `and \`${key}\` here`);
    problems.at('conflicting_keys', second.keySpan, { step: step.name, keys: [key, other], why }, [earlier]);
  }
}

/** Of the interpreters only Python can be had warm; a Node that is up is what a `call` has. */
function checkWarm(step: StepOutline, flow: FlowOutline, problems: Problems): void {
  const entry = entryOf(step.body, 'warm');
  const actions = ACTIONS.filter((key) => stepValue(step, key) !== undefined);
  if (entry === undefined || isOff(entry.value) || actions.length !== 1) return;
  const shell = textOf(inheritedValue(flow, step, 'shell')) ?? 'sh';
  if (textOf(stepValue(step, 'run')) !== undefined && shell === 'python') return;
  const remedy = shell === 'node' ? 'write a function in place of the text: a `call` starts no Node' : null;
  const home = '`run` with a text for `shell: python`';
  problems.at('misplaced_key', entry.keySpan, { key: 'warm', step: step.name, home, remedy });
}

/** Checks secrets, resources and the keys around them, of the flow and of every step and handler. */
export function checkPolicies(flow: FlowOutline, problems: Problems): void {
  checkSecretSources(flow.root, problems);
  const known = secretNames(flow);
  if (known !== null) {
    const names = new Set(known);
    for (const { step } of bodiesOf(flow)) checkNamedSecrets(step, names, problems);
  }
  for (const step of flow.steps) {
    checkKeys(step, problems);
    checkWarm(step, flow, problems);
    for (const entry of entriesOf(stepValue(step, 'resources'))) checkResource(step, entry, flow, problems);
  }
}
