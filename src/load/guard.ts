/**
 * What is refused before YAML is composed, because composing it could take minutes or gigabytes: the `yaml` library composes
 * recursively, and a kilobyte of `? ` keeps it busy for over a minute. First the tokens are counted without keeping any, then the
 * concrete syntax tree is walked with a stack of our own.
 */

import { CST, Lexer, Parser } from 'yaml';
import { diagnose, type Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/source.ts';

/** Limits on a flow file. */
export const LIMITS = { bytes: 8 * 1_048_576, depth: 64, nodes: 1_000_000, aliases: 100 } as const;

const CORE_TAGS: ReadonlySet<string> = new Set(['!!str', '!!int', '!!float', '!!bool', '!!null', '!!map', '!!seq']);

/** Counts tokens as the lexer yields them; stops at the first limit. */
function checkTokens(source: SourceText): Diagnostic | null {
  let offset = 0;
  let nodes = 0;
  let aliases = 0;
  let flowDepth = 0;
  let indicatorsInLine = 0;
  let isScalar = false;
  const over = (code: 'too_deep' | 'too_many_nodes' | 'too_many_aliases', limit: number): Diagnostic =>
    diagnose(code, { limit }, source.place(offset, offset + 1));
  for (const lexeme of new Lexer().lex(source.text)) {
    const type: CST.TokenType | null = isScalar ? 'scalar' : CST.tokenType(lexeme);
    const isMark: boolean = !isScalar && (type === 'scalar' || type === 'doc-mode' || type === 'flow-error-end');
    isScalar = !isScalar && type === 'scalar';
    if (isMark) continue;
    switch (type) {
      case 'scalar':
      case 'single-quoted-scalar':
      case 'double-quoted-scalar':
      case 'comma':
        nodes += 1;
        break;
      case 'alias':
        nodes += 1;
        aliases += 1;
        if (aliases > LIMITS.aliases) return over('too_many_aliases', LIMITS.aliases);
        break;
      case 'flow-map-start':
      case 'flow-seq-start':
        nodes += 1;
        flowDepth += 1;
        if (flowDepth > LIMITS.depth) return over('too_deep', LIMITS.depth);
        break;
      case 'flow-map-end':
      case 'flow-seq-end':
        flowDepth -= 1;
        break;
      case 'seq-item-ind':
      case 'map-value-ind':
        nodes += 1;
        indicatorsInLine += 1;
        if (flowDepth === 0 && indicatorsInLine > LIMITS.depth) return over('too_deep', LIMITS.depth);
        break;
      case 'explicit-key-ind':
        return diagnose('complex_key', {}, source.place(offset, offset + 1));
      case 'anchor':
        nodes += 1;
        break;
      case 'tag':
        if (!CORE_TAGS.has(lexeme))
          return diagnose('custom_tag', { tag: lexeme }, source.place(offset, offset + lexeme.length));
        break;
      case 'directive-line':
        return diagnose('yaml_directive', { directive: lexeme.trim() }, source.place(offset, offset + lexeme.length));
      case 'newline':
        indicatorsInLine = 0;
        break;
      case 'byte-order-mark':
      case 'space':
      case 'comment':
      case 'doc-start':
      case 'doc-end':
      case 'block-scalar-header':
      case 'doc-mode':
      case 'flow-error-end':
      case null:
        break;
    }
    if (nodes > LIMITS.nodes) return over('too_many_nodes', LIMITS.nodes);
    offset += lexeme.length;
  }
  return null;
}

interface Open {
  readonly token: CST.Token;
  readonly depth: number;
}

function childrenOf(token: CST.Token): readonly CST.CollectionItem[] {
  switch (token.type) {
    case 'block-map':
    case 'block-seq':
    case 'flow-collection':
      return token.items;
    default:
      return [];
  }
}

/** Walks the syntax tree for depth, keys that are no plain texts, and a second document. */
function checkTree(tokens: readonly CST.Token[], source: SourceText): Diagnostic | null {
  const documents = tokens.filter((token) => token.type === 'document');
  const second = documents[1];
  if (second !== undefined) {
    return diagnose(
      'several_documents',
      {},
      source.place(second.offset, second.offset + (second.start[0]?.source.length ?? 0)),
    );
  }
  const open: Open[] = [];
  for (const document of documents) if (document.value !== undefined) open.push({ token: document.value, depth: 1 });
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth > LIMITS.depth && CST.isCollection(token)) {
      return diagnose('too_deep', { limit: LIMITS.depth }, source.place(token.offset, token.offset + 1));
    }
    for (const item of childrenOf(token)) {
      const { key } = item;
      if (
        key !== undefined &&
        key !== null &&
        (CST.isCollection(key) || key.type === 'alias' || key.type === 'block-scalar')
      ) {
        return diagnose('complex_key', {}, source.place(key.offset, key.offset + 1));
      }
      if (item.value !== undefined) open.push({ token: item.value, depth: depth + 1 });
    }
  }
  return null;
}

/**
 * Parses a source into the tokens of its one document.
 * @returns the tokens, safe to compose; or the first thing that is refused.
 */
export function parseGuarded(
  source: SourceText,
):
  | { readonly kind: 'tokens'; readonly tokens: readonly CST.Token[] }
  | { readonly kind: 'refused'; readonly diagnostic: Diagnostic } {
  const early = checkTokens(source);
  if (early !== null) return { kind: 'refused', diagnostic: early };
  const tokens = [...new Parser().parse(source.text)];
  const late = checkTree(tokens, source);
  return late === null ? { kind: 'tokens', tokens } : { kind: 'refused', diagnostic: late };
}
