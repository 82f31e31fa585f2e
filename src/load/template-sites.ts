/** Where expressions may stand in a flow: every text with one, and who evaluates it. Conditions and shell text have checks of their own. */

import { assertNever } from '../base/result.ts';
import { hasExpression } from '../expressions/expressions.ts';
import { entriesOf, entryOf, textOf, type DocumentNode, type ScalarNode } from './document.ts';
import { EVENT_KINDS, type EventKind } from '../model/trigger.ts';
import { bodiesOf } from './handlers.ts';
import { itemsOf } from './node-values.ts';
import { type FlowOutline, stepValue } from './outline.ts';

/** Who evaluates a text. */
export type SiteOwner =
  /**
   * A step, by its number. `sight`: what it sees that is its own; absent, the item when the step is a map. `around`: nothing, since it is
   * evaluated once for a whole map. `repeat`: the results of the last time as well.
   */
  | { readonly kind: 'step'; readonly step: number; readonly sight?: 'around' | 'repeat' }
  /** A handler of the flow, or of the step with this number. */
  | { readonly kind: 'handler'; readonly of: number | null }
  /** The run before it starts: its name, its concurrency group. */
  | { readonly kind: 'start'; readonly where: string }
  /** Every step, so no particular one: the flow's `env`, and `defaults`. */
  | { readonly kind: 'all_steps'; readonly where: string }
  /** The default of a param, by its number. */
  | { readonly kind: 'param'; readonly param: number }
  /** The params of a schedule: they are read when it is due, before any param has its value. */
  | { readonly kind: 'schedule' }
  /** The params of a trigger: as those of a schedule, with the event. */
  | { readonly kind: 'trigger'; readonly of: EventKind }
  /** The flow's outputs, after all steps. */
  | { readonly kind: 'outputs' };

/** The place of an expression in words. */
export const whereOf = (owner: SiteOwner): string => {
  switch (owner.kind) {
    case 'step':
      return 'a step';
    case 'handler':
      return 'a handler';
    case 'all_steps':
    case 'start':
      return owner.where;
    case 'param':
      return 'the default of a param';
    case 'schedule':
      return 'the params of a schedule';
    case 'trigger':
      return 'the params of a trigger';
    case 'outputs':
      return '`outputs`';
    default:
      return assertNever(owner, 'owner of a template');
  }
};

/** One text with an expression in it. */
export interface TemplateSite {
  readonly node: ScalarNode;
  readonly text: string;
  readonly owner: SiteOwner;
  /** Where it stands, in words, when secrets are refused there; null where they may be used. */
  readonly refusesSecrets: string | null;
}

/** Keys of steps whose texts are templates. */
const STEP_TEXTS = [...['env', 'with', 'workdir', 'stdin', 'sources', 'generates', 'artifacts', 'key', 'approve']];
/** Those in which a secret may stand: what it becomes there is seen by the step alone. */
const SECRET_TEXTS: ReadonlySet<string> = new Set(['env', 'stdin']);

/** What a sub-flow is given is recorded as its params. */
const WITH_OF_SUB_FLOW = '`with` of a sub-flow';

class Sites {
  readonly found: TemplateSite[] = [];

  /** Adds every text in a value. @param where in words, for secrets that are refused; null: they are not. */
  add(root: DocumentNode | undefined, owner: SiteOwner, where: string | null): void {
    const seen = new Set<DocumentNode>();
    const open: DocumentNode[] = root === undefined ? [] : [root];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      // A shared node stands in several places, but its text is the same.
      if (seen.has(node)) continue;
      seen.add(node);
      if (node.kind === 'list') for (const item of node.items.toReversed()) open.push(item);
      else if (node.kind === 'map') for (const { value } of entriesOf(node).toReversed()) open.push(value);
      else {
        const text = textOf(node);
        if (text !== undefined && hasExpression(text)) this.found.push({ node, text, owner, refusesSecrets: where });
      }
    }
  }
}

/** The default of a param: the `default` of its schema, or the bare value itself. */
export function paramDefault(node: DocumentNode): DocumentNode | undefined {
  return node.kind === 'map' ? entryOf(node, 'default')?.value : node;
}

/** What a `wait` is made of, without the texts for a shell. */
function waitTexts(wait: DocumentNode | undefined): readonly (DocumentNode | undefined)[] {
  if (wait?.kind !== 'map') return [wait];
  const probe = entryOf(wait, 'for')?.value;
  const command = entryOf(probe, 'command')?.value;
  const parts = [entryOf(wait, 'until'), entryOf(probe, 'file'), entryOf(probe, 'http')].map((entry) => entry?.value);
  return [...parts, command?.kind === 'list' ? command : undefined];
}

/** Lists all texts with expressions, except conditions and shell text. */
export function templateSites(flow: FlowOutline): readonly TemplateSite[] {
  const sites = new Sites();
  const value = (key: string): DocumentNode | undefined => entryOf(flow.root, key)?.value;
  for (const [param, { node }] of flow.params.entries())
    sites.add(paramDefault(node), { kind: 'param', param }, 'the default of a param');
  sites.add(value('run_name'), { kind: 'start', where: '`run_name`' }, '`run_name`');
  const schedules = value('schedules');
  for (const schedule of schedules?.kind === 'list' ? schedules.items : [])
    sites.add(entryOf(schedule, 'params')?.value, { kind: 'schedule' }, 'the params of a schedule');
  for (const trigger of itemsOf(value('triggers'))) {
    const of = EVENT_KINDS.find((kind) => entryOf(trigger, kind) !== undefined);
    if (of !== undefined)
      sites.add(entryOf(trigger, 'params')?.value, { kind: 'trigger', of }, 'the params of a trigger');
  }
  const concurrency = value('concurrency');
  const group = concurrency?.kind === 'map' ? entryOf(concurrency, 'group')?.value : concurrency;
  sites.add(group, { kind: 'start', where: '`concurrency`' }, '`concurrency`');
  sites.add(value('env'), { kind: 'all_steps', where: "the flow's `env`" }, null);
  for (const key of ['env', 'workdir'])
    sites.add(
      entryOf(value('defaults'), key)?.value,
      { kind: 'all_steps', where: '`defaults`' },
      key === 'env' ? null : '`workdir`',
    );
  for (const { step, owner } of bodiesOf(flow)) {
    const run = stepValue(step, 'run');
    if (run?.kind === 'list') sites.add(run, owner, '`run`');
    sites.add(entryOf(stepValue(step, 'cache'), 'key')?.value, owner, '`cache`');
    const takesInput = stepValue(step, 'call') !== undefined;
    for (const key of STEP_TEXTS) {
      const takes = SECRET_TEXTS.has(key) || (key === 'with' && takesInput);
      const where = key === 'with' ? WITH_OF_SUB_FLOW : `\`${key}\``;
      sites.add(stepValue(step, key), owner, takes ? null : where);
    }
    for (const { key, value: text } of entriesOf(stepValue(step, 'notify')))
      sites.add(text, owner, key === 'command' ? '`command`' : null);
    for (const node of waitTexts(stepValue(step, 'wait'))) sites.add(node, owner, '`wait`');
    const around: SiteOwner = owner.kind === 'step' ? { ...owner, sight: 'around' } : owner;
    for (const key of ['foreach', 'matrix']) sites.add(stepValue(step, key), around, `\`${key}\``);
  }
  sites.add(value('outputs'), { kind: 'outputs' }, '`outputs`');
  return sites.found;
}
