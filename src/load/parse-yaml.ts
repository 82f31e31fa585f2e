/** YAML 1.2 (core schema) to a document with places. Merge keys, custom tags and duplicate keys are refused. */

import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  Scalar,
  type YAMLError,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { isUnsafeKey } from '../base/ids.ts';
import { diagnose, type Diagnostic } from '../diagnostics/diagnostic.ts';
import type { YamlFault } from '../diagnostics/facts.ts';
import type { SourceText } from '../diagnostics/source.ts';
import type { DocumentNode, MapEntry, Span } from './document.ts';
import { findUnclosed, LIMITS, parseGuarded } from './guard.ts';
import { findBareExpressions, type Slip, slipBehind } from './yaml-slips.ts';

/** A parsed document; null when what was found leaves nothing to go on with. */
export interface ParsedDocument {
  readonly root: DocumentNode | null;
  readonly diagnostics: readonly Diagnostic[];
}

const MAX_SYNTAX_ERRORS = 10;

function faultOf(error: YAMLError): YamlFault {
  switch (error.code) {
    case 'BAD_INDENT':
      return error.message.startsWith('Flow') ? 'unclosed' : 'indentation';
    case 'MULTILINE_IMPLICIT_KEY':
      return 'missing_colon';
    case 'BAD_DQ_ESCAPE':
      return 'bad_escape';
    case 'BAD_SCALAR_START':
      return 'needs_quotes';
    case 'KEY_OVER_1024_CHARS':
      return 'long_key';
    case 'BLOCK_IN_FLOW':
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'block_in_flow';
    case 'MISSING_CHAR':
      if (/implicit map key|implicit keys/i.test(error.message)) return 'missing_colon';
      return /quote|must end with|closing|expected flow/i.test(error.message) ? 'unclosed' : 'unexpected';
    default:
      return 'unexpected';
  }
}

/** What lies behind one syntax error, and where. */
function explained(error: YAMLError, unclosed: number | null, source: SourceText): Slip {
  const fault = faultOf(error);
  // Where something should have been closed, the parser only knows the end; what was opened is of more use.
  if (fault === 'unclosed' && unclosed !== null) {
    const span = { start: unclosed, end: unclosed + 1 };
    return { span, facts: { fault, detail: source.text.charAt(unclosed), written: null } };
  }
  const slip = slipBehind(error, source);
  if (slip !== null) return slip;
  const detail = error.message.replace(/^[A-Z](?![A-Z])/, (letter) => letter.toLowerCase()).replace(/\.$/, '');
  const isClosed = fault === 'unclosed' && error.code === 'BAD_INDENT';
  return {
    span: { start: error.pos[0], end: error.pos[1] },
    facts: { fault: isClosed ? 'indentation' : fault, detail, written: null },
  };
}

/** Syntax errors, one per line, so that one slip does not print a page; what follows from an open bracket is left out. */
function syntaxDiagnostics(
  errors: readonly YAMLError[],
  unclosed: number | null,
  bare: readonly Slip[],
  source: SourceText,
): Diagnostic[] {
  const seenLines = new Set<number>();
  const diagnostics: Diagnostic[] = [];
  const add = ({ span, facts }: Slip, isTab: boolean): void => {
    const place = source.place(span.start, span.end);
    if (seenLines.has(place.start.line) || diagnostics.length === MAX_SYNTAX_ERRORS) return;
    seenLines.add(place.start.line);
    diagnostics.push(isTab ? diagnose('tab_indentation', {}, place) : diagnose('yaml_syntax', facts, place));
  };
  const mapsInText = new Set(errors.flatMap(({ code, pos }) => (code === 'BLOCK_AS_IMPLICIT_KEY' ? [pos[0]] : [])));
  const end = bare[0]?.span.start ?? Number.POSITIVE_INFINITY;
  for (const error of [...errors].sort((a, b) => a.pos[0] - b.pos[0])) {
    if (error.pos[0] >= end || diagnostics.length === MAX_SYNTAX_ERRORS) break;
    if (seenLines.has(source.positionAt(error.pos[0]).line)) continue;
    // Of one slip the parser says both that a map begins here and that its key is too long.
    if (error.code === 'MULTILINE_IMPLICIT_KEY' && mapsInText.has(error.pos[0])) continue;
    const slip = explained(error, unclosed, source);
    if (slip.span.start >= end) break;
    add(slip, error.code === 'TAB_AS_INDENT');
    if (slip.facts.fault === 'unclosed') return diagnostics;
  }
  for (const slip of bare) add(slip, false);
  return diagnostics;
}

/** What a node costs where an alias stands for it. */
interface Size {
  readonly nodes: number;
  readonly depth: number;
}

/** Turns composed YAML into our own tree. Recursion is safe here: the guard has bounded the depth. */
class TreeBuilder {
  readonly diagnostics: Diagnostic[] = [];
  readonly #source: SourceText;
  readonly #anchors = new Map<string, DocumentNode>();
  readonly #sizes = new Map<DocumentNode, Size>();
  #isTooLarge = false;

  constructor(source: SourceText) {
    this.#source = source;
  }

  build(node: Node | null, at: number): DocumentNode {
    const built = this.#buildUnnamed(node, at);
    // An anchor holds from its end on: a node cannot contain itself.
    if (node !== null && !isAlias(node) && node.anchor !== undefined) this.#anchors.set(node.anchor, built);
    return built;
  }

  #buildUnnamed(node: Node | null, at: number): DocumentNode {
    const [start, end] = node?.range ?? [at, at];
    const span = { start, end: this.#trimmedEnd(start, end) };
    if (isAlias(node)) return this.#alias(node.source, span);
    if (isMap(node)) return this.#map(node, span);
    if (isSeq(node)) return this.#list(node, span);
    if (isScalar(node)) return this.#scalar(node, span);
    return this.#sized({ kind: 'scalar', value: null, written: '', ...span }, []);
  }

  #alias(name: string, span: Span): DocumentNode {
    const target = this.#anchors.get(name);
    if (target !== undefined) return target;
    this.diagnostics.push(diagnose('unknown_alias', { name }, this.#source.place(span.start, span.end)));
    return { kind: 'scalar', value: null, written: '', ...span };
  }

  #scalar(node: Scalar, span: Span): DocumentNode {
    const { value } = node;
    const written = node.type === Scalar.PLAIN ? this.#source.text.slice(span.start, span.end) : String(value);
    if (typeof value === 'number' && !Number.isFinite(value)) {
      this.diagnostics.push(diagnose('not_finite', { text: written }, this.#source.place(span.start, span.end)));
      return this.#sized({ kind: 'scalar', value: 0, written, ...span }, []);
    }
    const plain = value === null || typeof value === 'boolean' || typeof value === 'number' ? value : String(value);
    return this.#sized({ kind: 'scalar', value: plain, written, ...span }, []);
  }

  #list(node: YAMLSeq, span: Span): DocumentNode {
    const items = node.items.map((item) => this.build(item as Node | null, span.start));
    return this.#sized({ kind: 'list', items, ...span }, items);
  }

  #map(node: YAMLMap, span: Span): DocumentNode {
    const entries = new Map<string, MapEntry>();
    const values: DocumentNode[] = [];
    for (const pair of node.items) {
      const key = pair.key as Scalar | null;
      const [start, end] = key?.range ?? [span.start, span.start];
      const keySpan = { start, end };
      const value = this.build(pair.value as Node | null, end);
      const name = this.#keyName(key, keySpan, entries);
      if (name === null) continue;
      values.push(value);
      entries.set(name, { key: name, keySpan, value });
    }
    return this.#sized({ kind: 'map', entries, ...span }, values);
  }

  /** The name of a key; null when the key is refused. */
  #keyName(key: Scalar | null, span: Span, entries: ReadonlyMap<string, MapEntry>): string | null {
    const isPlain = key?.type === Scalar.PLAIN;
    const name = isPlain ? this.#source.text.slice(span.start, span.end) : String(key?.value ?? '');
    const place = this.#source.place(span.start, span.end);
    if (isPlain && name === '<<') {
      this.diagnostics.push(diagnose('merge_key', {}, place));
      return null;
    }
    if (isUnsafeKey(name)) {
      this.diagnostics.push(diagnose('unsafe_key', { key: name }, place));
      return null;
    }
    const first = entries.get(name);
    if (first === undefined) return name;
    const earlier = this.#source.place(first.keySpan.start, first.keySpan.end, 'first written here');
    this.diagnostics.push(diagnose('duplicate_key', { key: name }, place, [earlier]));
    return null;
  }

  /** Records what a node costs with aliases expanded, and refuses the document once at its first node beyond a limit. */
  #sized<Kind extends DocumentNode>(node: Kind, children: readonly DocumentNode[]): Kind {
    let nodes = 1;
    let depth = 1;
    for (const child of children) {
      const size = this.#sizes.get(child);
      nodes += size?.nodes ?? 1;
      depth = Math.max(depth, 1 + (size?.depth ?? 1));
    }
    if (children.length > 0) this.#sizes.set(node, { nodes, depth });
    if (!this.#isTooLarge && (nodes > LIMITS.nodes || depth > LIMITS.depth + 1)) {
      this.#isTooLarge = true;
      const place = this.#source.place(node.start, node.end);
      const diagnostic =
        nodes > LIMITS.nodes
          ? diagnose('too_many_nodes', { limit: LIMITS.nodes }, place)
          : diagnose('too_deep', { limit: LIMITS.depth }, place);
      this.diagnostics.push(diagnostic);
    }
    return node;
  }

  get isTooLarge(): boolean {
    return this.#isTooLarge;
  }

  /** Block collections end after their last line break; a place should not. */
  #trimmedEnd(start: number, end: number): number {
    let trimmed = end;
    while (trimmed > start && /\s/.test(this.#source.text[trimmed - 1] ?? '')) trimmed -= 1;
    return trimmed;
  }
}

/** Parses a flow's text. Syntax errors end it there; other problems leave a tree to go on with, so that all can be told at once. */
export function parseYaml(source: SourceText): ParsedDocument {
  const guarded = parseGuarded(source);
  if (guarded.kind === 'refused') {
    const bare = guarded.diagnostic.code === 'complex_key' ? findBareExpressions(source) : [];
    const found = bare.length === 0 ? [guarded.diagnostic] : syntaxDiagnostics([], null, bare, source);
    return { root: null, diagnostics: found };
  }
  const options = { version: '1.2', schema: 'core', uniqueKeys: false, merge: false, prettyErrors: false } as const;
  const [document] = [...new Composer(options).compose(guarded.tokens, true, source.text.length)];
  if (document === undefined) return { root: null, diagnostics: [] };
  if (document.errors.length > 0) {
    const bare = findBareExpressions(source);
    return { root: null, diagnostics: syntaxDiagnostics(document.errors, findUnclosed(guarded.tokens), bare, source) };
  }
  if (document.contents === null) return { root: null, diagnostics: [diagnose('empty_flow', {}, source.place(0, 0))] };
  const builder = new TreeBuilder(source);
  const root = builder.build(document.contents as Node, 0);
  return { root: builder.isTooLarge ? null : root, diagnostics: builder.diagnostics };
}
