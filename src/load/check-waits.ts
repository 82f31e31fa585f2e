/** What a step waits for, whom it asks, and how long it is repeated: forms of their own, and keys that go together. */

import { parseDuration } from '../base/duration.ts';
import { hasExpression } from '../expressions/expressions.ts';
import { checkParam } from './check-params.ts';
import { type DocumentNode, entriesOf, entryOf, type MapEntry, textOf } from './document.ts';
import { type StepOutline, stepValue } from './outline.ts';
import type { Problems } from './problems.ts';

/** RFC 3339, section 5.6; a space for the `T` is the note there. */
const INSTANT = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** The written text, where it is one without an expression: only a run can tell what the others yield. */
function literalOf(node: DocumentNode | undefined): string | null {
  const text = textOf(node)?.trim();
  return text === undefined || text === '' || hasExpression(text) ? null : text;
}

/** Exactly one of some keys has to be there. */
export function checkOneOf(entry: MapEntry, keys: readonly string[], what: string, problems: Problems): void {
  if (entry.value.kind !== 'map' || entry.value.entries.size === 0) return;
  const found = keys.flatMap((key) => entryOf(entry.value, key) ?? []);
  const [first, ...others] = found;
  const last = others.at(-1);
  if (first !== undefined && last === undefined) return;
  // An unknown key may be what stands for one of them.
  if (first === undefined && problems.isBlamedWithin(entry.value)) return;
  const earlier =
    last === undefined ? [] : [problems.place(found[0]?.keySpan ?? entry.keySpan, `and \`${first?.key ?? ''}\` here`)];
  problems.at(
    'one_key_of',
    last?.keySpan ?? entry.keySpan,
    { what, keys, found: found.map(({ key }) => key) },
    earlier,
  );
}

function checkUrl(http: DocumentNode | undefined, problems: Problems): void {
  const node = http?.kind === 'map' ? entryOf(http, 'url')?.value : http;
  const text = literalOf(node);
  if (node === undefined || text === null) return;
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) problems.at('invalid_url', node, { text });
}

function checkWait(step: StepOutline, wait: MapEntry, problems: Problems): void {
  const duration = literalOf(wait.value);
  if (duration !== null) {
    const read = parseDuration(duration);
    if (!read.ok) problems.at('invalid_duration', wait.value, { text: duration, reason: read.error });
  }
  checkOneOf(wait, ['until', 'for'], `\`wait\` of step \`${step.name}\``, problems);
  const until = entryOf(wait.value, 'until')?.value;
  const instant = literalOf(until);
  if (until !== undefined && instant !== null && !(INSTANT.test(instant) && Number.isFinite(Date.parse(instant))))
    problems.at('invalid_instant', until, { text: instant });
  const probe = entryOf(wait.value, 'for');
  if (probe !== undefined) {
    checkOneOf(probe, ['file', 'http', 'command'], `\`wait.for\` of step \`${step.name}\``, problems);
    checkUrl(entryOf(probe.value, 'http')?.value, problems);
  } else if (until !== undefined) {
    for (const key of ['every', 'timeout']) refuse(step, 'wait', key, '`wait.for`', problems);
  }
}

/** A key inside of an action that has no effect there. */
function refuse(step: StepOutline, action: string, key: string, home: string, problems: Problems): void {
  const entry = entryOf(stepValue(step, action), key);
  const facts = { key: `${action}.${key}`, step: step.name, home, remedy: null };
  if (entry !== undefined) problems.at('misplaced_key', entry.keySpan, facts);
}

/** Checks every `wait`, `approve` and `repeat`, but for expressions. */
export async function checkWaits(steps: readonly StepOutline[], problems: Problems): Promise<void> {
  for (const step of steps) {
    const [wait, approve, repeat] = ['wait', 'approve', 'repeat'].map((key) => entryOf(step.body, key));
    if (wait !== undefined) checkWait(step, wait, problems);
    if (repeat !== undefined) checkOneOf(repeat, ['until', 'while'], `\`repeat\` of step \`${step.name}\``, problems);
    if (entryOf(approve?.value, 'timeout') === undefined)
      refuse(step, 'approve', 'on_timeout', '`approve.timeout`', problems);
    for (const { key, keySpan, value } of entriesOf(entryOf(approve?.value, 'params')?.value))
      await checkParam({ name: key, nameSpan: keySpan, node: value }, problems);
  }
}
