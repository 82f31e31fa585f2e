/**
 * The shape of a flow: which keys, which types, which values. The schema decides; this file turns what its validator reports into
 * diagnostics with places. Patterns are left to the meaning check, which says the same with more words.
 */

import type { Json } from '../base/json.ts';
import { suggest } from '../diagnostics/suggest.ts';
import { type DocumentNode, entryOf, toJsonValue } from './document.ts';
import { type SchemaError, validate as validateFlow } from './generated/flow-validator.js';
import { contextOf, describe, locate, type Located } from './pointer.ts';
import type { Problems } from './problems.ts';
import { type KeyContext, reportUnknownKey } from './vocabulary.ts';
import { reportWrongType } from './wrong-type.ts';

/** A kind of document that users write: its schema, and the words for its parts. */
export interface DocumentKind {
  readonly validate: typeof validateFlow;
  /** See `contextOf` of `pointer`. */
  contextOf(root: DocumentNode, path: readonly string[]): KeyContext | null;
  /** See `describe` of `pointer`. */
  describe(root: DocumentNode, path: readonly string[]): string;
  /** The path of what means the same in a flow. */
  asInFlow(path: readonly string[]): readonly string[];
}

const FLOW: DocumentKind = { validate: validateFlow, contextOf, describe, asInFlow: (path) => path };

/** Checks a document against its schema, and reports everything that does not fit. @param kind a flow, when absent. */
export function checkShape(root: DocumentNode, problems: Problems, kind: DocumentKind = FLOW): void {
  const { validate } = kind;
  if (validate(toJsonValue(root))) return;
  const errors = validate.errors ?? [];
  const withValues = new Set(
    errors.filter(({ keyword }) => keyword === 'enum').map(({ instancePath }) => instancePath),
  );
  for (const error of errors) {
    // The branches of `anyOf` and `oneOf` fail one by one; their keyword speaks for all of them.
    if (/\/(anyOf|oneOf)\/\d+\//.test(error.schemaPath)) continue;
    const located = locate(root, error.instancePath);
    // Of a wrong value both its type and the list of values may complain: the list says more, except to a map or list.
    const isListed = withValues.has(error.instancePath) && located.node.kind === 'scalar';
    if (error.keyword === 'type' ? !isListed : error.keyword !== 'enum' || isListed)
      report(error, located, root, problems, kind);
  }
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);

function shown(node: DocumentNode): string {
  return node.kind === 'scalar' ? node.written : `a ${node.kind}`;
}

function report(
  error: SchemaError,
  located: Located,
  root: DocumentNode,
  problems: Problems,
  kind: DocumentKind,
): void {
  const { path, span, node } = located;
  const what = kind.describe(root, path);
  switch (error.keyword) {
    case 'additionalProperties': {
      const name = String(error.params['additionalProperty']);
      const context = kind.contextOf(root, path);
      const entry = entryOf(node, name);
      if (context !== null && entry !== undefined) {
        reportUnknownKey(problems, { name, span: entry.keySpan, context, owner: what, value: entry.value });
      }
      return;
    }
    case 'required':
      problems.at('missing_key', missingSpan(located), { key: String(error.params['missingProperty']), owner: what });
      return;
    case 'type':
    case 'anyOf':
      // An alias or number that could not be read has no type of its own.
      if (problems.isBlamed(span)) return;
      reportWrongType({ ...located, path: kind.asInFlow(path) }, what, error.params['type'], problems);
      return;
    case 'enum':
      reportNotAllowed(located, what, error.params['allowedValues'], problems);
      return;
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum': {
      const limit = numberOf(error.params['limit']);
      const relation = error.keyword === 'minimum' ? 'at least' : error.keyword === 'maximum' ? 'at most' : 'more than';
      problems.at('out_of_range', span, { what, found: shown(node), bound: `${relation} ${limit}` });
      return;
    }
    case 'minLength':
    case 'minItems':
    case 'minProperties':
      problems.at('empty_value', span, { what });
      return;
    case 'maxLength':
      // Names have a diagnostic of their own, which speaks of their length.
      if (path.at(-1) !== 'name') problems.at('too_long', span, { what, limit: numberOf(error.params['limit']) });
      return;
    default:
      // `if`, `pattern`, `propertyNames`, `oneOf`: said better elsewhere.
      return;
  }
}

/** A map that lacks a key is shown by its own key, else by its first line. */
function missingSpan({ path, keySpan, node }: Located): { start: number; end: number } {
  const first = node.kind === 'map' ? [...node.entries.values()][0] : undefined;
  return path.length > 0 && keySpan !== node ? keySpan : (first?.keySpan ?? node);
}

function reportNotAllowed(located: Located, what: string, values: unknown, problems: Problems): void {
  const known = Array.isArray(values) ? values.map((value: Json) => String(value)) : [];
  const name = shown(located.node);
  problems.at('not_allowed', located.span, { what, name, known, suggestion: suggest(name, known) });
}
