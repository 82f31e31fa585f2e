/** The secrets that a flow declares: their names, and where their values come from. */

import { resolve } from 'node:path';
import { parseTemplate, templateReads } from '../expressions/expressions.ts';
import type { SecretDefinition } from '../model/policies.ts';
import { watchedBy } from '../model/trigger.ts';
import { type DocumentNode, entriesOf, entryOf, type Span, textOf } from './document.ts';
import { bodiesOf } from './handlers.ts';
import { textsOf } from './node-values.ts';
import { triggersOf } from './normal-triggers.ts';
import { type FlowOutline, sharedEnv, stepValue } from './outline.ts';
import { templateSites } from './template-sites.ts';

/** A secret as it is declared; the source is undefined where only its name is written. */
export interface SecretOutline {
  readonly name: string;
  readonly nameSpan: Span;
  readonly source: DocumentNode | undefined;
}

/** Reads what stands under `secrets` of a flow or a config: a map, or a list of names and maps. */
export function secretsIn(root: DocumentNode): readonly SecretOutline[] {
  const node = entryOf(root, 'secrets')?.value;
  if (node?.kind === 'list') {
    return node.items.flatMap((item) => {
      const name = textOf(item);
      return name === undefined ? secretsOfMap(item) : [{ name, nameSpan: item, source: undefined }];
    });
  }
  return secretsOfMap(node);
}

const secretsOfMap = (node: DocumentNode | undefined): readonly SecretOutline[] =>
  entriesOf(node).map(({ key, keySpan, value }) => ({ name: key, nameSpan: keySpan, source: value }));

/** The names of the secrets that the steps of a flow may use: its own, and the project's. Null: those are unknown. */
export function secretNames({ root, project }: FlowOutline): readonly string[] | null {
  if (project.secrets === null) return null;
  return [...new Set([...secretsIn(root), ...project.secrets].map(({ name }) => name))];
}

/** A declared secret in its normal form; null where only its name is written. @param directory what files are relative to. */
export function sourceOf({ source }: SecretOutline, directory: string): SecretDefinition['source'] | null {
  const text = (key: string): string | undefined => textOf(entryOf(source, key)?.value);
  const [variable, path, command] = [text('env'), text('file'), text('command')];
  if (path !== undefined) return { kind: 'file', path: resolve(directory, path) };
  if (command !== undefined) return { kind: 'command', command };
  return variable === undefined ? null : { kind: 'env', variable };
}

/** The names of the secrets that anything in a checked flow refers to. */
export function usedSecrets(flow: FlowOutline): ReadonlySet<string> {
  if ((flow.project.secrets ?? []).length === 0) return new Set();
  const texts = templateSites(flow).map(({ text }) => text);
  for (const env of sharedEnv(flow)) for (const { value } of entriesOf(env)) texts.push(textOf(value) ?? '');
  const referred = texts.flatMap((text) => {
    const parsed = parseTemplate(text);
    return parsed.ok ? templateReads(parsed.value) : [];
  });
  return new Set([
    ...referred.flatMap(({ root, path }) => (root === 'secrets' && path[0] !== undefined ? [path[0]] : [])),
    ...bodiesOf(flow).flatMap(({ step }) => textsOf(stepValue(step, 'secrets'))),
    ...triggersOf(entryOf(flow.root, 'triggers')?.value).flatMap((trigger) => {
      const watched = watchedBy(trigger);
      return watched.kind === 'webhook' ? [watched.secret] : [];
    }),
  ]);
}
