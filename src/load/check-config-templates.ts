/** Expressions in a project's config. They hold for flows that nobody knows here, so that they see only what every flow has. */

import type { Diagnostic } from '../diagnostics/diagnostic.ts';
import { suggest } from '../diagnostics/suggest.ts';
import { hasExpression, parseTemplate, type Reference, templateReads } from '../expressions/expressions.ts';
import { reportTemplateProblem, withAvailableNames } from './check-templates.ts';
import { automationOf, automationsIn } from './automations.ts';
import { itemsOf } from './node-values.ts';
import { AUTOMATION_MEMBERS } from '../model/automation.ts';
import { type DocumentNode, entriesOf, entryOf, type MapNode, type ScalarNode, textOf } from './document.ts';
import type { WrittenLayer } from './load-project.ts';
import { outlineOf } from './outline.ts';
import { type Part, Problems } from './problems.ts';
import type { ProjectLayer } from './project-layer.ts';
import { ProjectReferences } from './project-references.ts';
import { checkSecretUses } from './secret-uses.ts';

const EMPTY: MapNode = { kind: 'map', entries: new Map(), start: 0, end: 0 };
/** What every flow has. */
const ROOTS: ReadonlySet<string> = new Set(['env', 'run', 'flow']);
/** A message of an automation belongs to no run. */
const MESSAGE_ROOTS: ReadonlySet<string> = new Set(['env']);
const WHERE = "the project's config";

interface Site {
  readonly node: ScalarNode;
  readonly text: string;
  readonly refusesSecrets: string | null;
  /** What it sees beside `secrets` and `vars`. */
  readonly roots: ReadonlySet<string>;
  /** The members of `event`. */
  readonly members?: readonly string[];
}

function sitesIn(
  root: DocumentNode | undefined,
  refusesSecrets: string | null,
  seen: Pick<Site, 'roots' | 'members'> = { roots: ROOTS },
): readonly Site[] {
  if (root === undefined) return [];
  if (root.kind === 'list') return root.items.flatMap((item) => sitesIn(item, refusesSecrets, seen));
  if (root.kind === 'map') return entriesOf(root).flatMap(({ value }) => sitesIn(value, refusesSecrets, seen));
  const text = textOf(root);
  return text !== undefined && hasExpression(text) ? [{ node: root, text, refusesSecrets, ...seen }] : [];
}

function sitesOf(root: DocumentNode): readonly Site[] {
  const defaults = entryOf(root, 'defaults')?.value;
  return [
    ...sitesIn(entryOf(root, 'env')?.value, null),
    ...sitesIn(entryOf(defaults, 'env')?.value, null),
    ...sitesIn(entryOf(defaults, 'workdir')?.value, '`workdir`'),
    ...sitesIn(entryOf(root, 'params')?.value, 'the default of a param'),
    ...automationsIn(root).flatMap(sitesOfAutomation),
  ];
}

/** What they see of what happened depends on what it is. */
function sitesOfAutomation(automation: DocumentNode): readonly Site[] {
  const members = AUTOMATION_MEMBERS[automationOf(automation).when.kind];
  const ofRun = { roots: ROOTS, members };
  const ofMessage = { roots: MESSAGE_ROOTS, members };
  return itemsOf(entryOf(automation, 'then')?.value).flatMap((action) => [
    ...sitesIn(entryOf(action, 'params')?.value, 'the params of an automation', ofRun),
    ...entriesOf(entryOf(action, 'notify')?.value).flatMap(({ key, value }) =>
      sitesIn(value, key === 'command' ? '`command`' : null, ofMessage),
    ),
  ]);
}

function checkMember(name: string | undefined, known: readonly string[], part: Part, problems: Problems): void {
  if (name === undefined || known.includes(name)) return;
  problems.within('unknown_property', part, { owner: 'event', name, known, suggestion: suggest(name, known) });
}

/** Checks the expressions of all layers. @param project what they make together. @returns the problems, in the order of the layers. */
export function checkLayerTemplates(layers: readonly WrittenLayer[], project: ProjectLayer): readonly Diagnostic[] {
  return layers.flatMap(({ root, file }) => {
    const problems = new Problems(file.source);
    const references = new ProjectReferences(outlineOf(EMPTY, project), problems);
    const check = (reference: Reference, { node, refusesSecrets, roots, members }: Site): void => {
      const { root: name, path, offset, length } = reference;
      const part = { node, offset, length };
      if (name === 'secrets') references.secret(path, part, refusesSecrets);
      else if (name === 'vars') references.variable(path, part);
      else if (name === 'event' && members !== undefined) checkMember(path[0], members, part, problems);
      else if (!roots.has(name)) problems.within('name_not_available', part, { name, where: WHERE });
    };
    for (const site of sitesOf(root)) {
      const { node, text, refusesSecrets } = site;
      const parsed = parseTemplate(text);
      if (parsed.ok) {
        for (const reference of templateReads(parsed.value)) check(reference, site);
        if (refusesSecrets === null) checkSecretUses(parsed.value, node, problems);
      } else
        for (const problem of parsed.error) reportTemplateProblem(withAvailableNames(problem, text), node, problems);
    }
    return problems.list();
  });
}
