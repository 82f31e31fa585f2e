/**
 * What is refused before YAML is composed, because composing it could take minutes or gigabytes: the `yaml` library composes
 * recursively, and a kilobyte of `? ` keeps it busy for over a minute. First the tokens are counted without keeping any, then the
 * concrete syntax tree is walked with a stack of our own.
 */

import { CST, Lexer, Parser } from 'yaml';
import { diagnose, type Diagnostic } from '../diagnostics/diagnostic.ts';
import type { SourceText } from '../diagnostics/source.ts';

/**
 * Limits on a flow file. `nodes` counts aliases as what they stand for; `tokens` counts what is written by what it costs to compose:
 * a line break or comment once, a comma or dash three times, every other sign and value twice. A value takes about a kilobyte.
 */
export const LIMITS = {
  bytes: 8 * 1_048_576,
  textLength: 1_048_576,
  depth: 64,
  nodes: 1_000_000,
  tokens: 600_000,
  aliases: 100,
} as const;

const CORE_TAGS: ReadonlySet<string> = new Set(['!!str', '!!int', '!!float', '!!bool', '!!null', '!!map', '!!seq']);

type Lexeme = CST.TokenType | null;

function costOf(type: Lexeme): number {
  switch (type) {
    case 'space':
      return 0;
    case 'newline':
    case 'comment':
      return 1;
    case 'comma':
    case 'seq-item-ind':
      return 3;
    default:
      return 2;
  }
}

/** The running counts of one pass over the tokens. */
class TokenCounter {
  readonly #source: SourceText;
  #tokens = 0;
  #aliases = 0;
  #documents = 0;
  #flowDepth = 0;
  #indicatorsInLine = 0;

  constructor(source: SourceText) {
    this.#source = source;
  }

  /** Counts one token; answers with what it goes too far in. */
  count(type: Lexeme, lexeme: string, offset: number): Diagnostic | null {
    const place = () => this.#source.place(offset, offset + Math.min(lexeme.length, 80));
    this.#tokens += costOf(type);
    if (this.#tokens > LIMITS.tokens) return diagnose('too_many_tokens', { limit: LIMITS.tokens }, place());
    if (lexeme.length > LIMITS.textLength && type !== 'space') {
      return diagnose('too_long', { what: 'this text', limit: LIMITS.textLength }, place());
    }
    switch (type) {
      case 'alias':
        this.#aliases += 1;
        return this.#aliases > LIMITS.aliases ? diagnose('too_many_aliases', { limit: LIMITS.aliases }, place()) : null;
      case 'flow-map-start':
      case 'flow-seq-start':
        this.#flowDepth += 1;
        return this.#flowDepth > LIMITS.depth ? diagnose('too_deep', { limit: LIMITS.depth }, place()) : null;
      case 'flow-map-end':
      case 'flow-seq-end':
        this.#flowDepth -= 1;
        return null;
      case 'seq-item-ind':
      case 'map-value-ind': {
        this.#indicatorsInLine += 1;
        const isTooDeep = this.#flowDepth <= 0 && this.#indicatorsInLine > LIMITS.depth;
        return isTooDeep ? diagnose('too_deep', { limit: LIMITS.depth }, place()) : null;
      }
      case 'newline':
        this.#indicatorsInLine = 0;
        return null;
      case 'explicit-key-ind':
        return diagnose('complex_key', {}, place());
      case 'tag':
        return CORE_TAGS.has(lexeme) ? null : diagnose('custom_tag', { tag: lexeme }, place());
      case 'directive-line':
        return diagnose('yaml_directive', { directive: lexeme.trim() }, place());
      case 'doc-start':
        this.#documents += 1;
        return this.#documents > 1 ? diagnose('several_documents', {}, place()) : null;
      default:
        return null;
    }
  }
}

/** Counts tokens as the lexer yields them; stops at the first limit. */
function checkTokens(source: SourceText): Diagnostic | null {
  const counter = new TokenCounter(source);
  let offset = 0;
  let isScalar = false;
  for (const lexeme of new Lexer().lex(source.text)) {
    const type: Lexeme = isScalar ? 'scalar' : CST.tokenType(lexeme);
    // The lexer announces plain scalars and documents by control characters, which take no room in the source.
    const isAnnouncement: boolean =
      !isScalar && (type === 'scalar' || type === 'doc-mode' || type === 'flow-error-end');
    isScalar = !isScalar && type === 'scalar';
    if (isAnnouncement) continue;
    const problem = counter.count(type, lexeme, offset);
    if (problem !== null) return problem;
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

/** The offset of the first quote or bracket that is never closed; null when there is none. */
export function findUnclosed(tokens: readonly CST.Token[]): number | null {
  let first: number | null = null;
  const open: CST.Token[] = tokens.flatMap((token) => (token.type === 'document' ? (token.value ?? []) : []));
  for (let token = open.pop(); token !== undefined; token = open.pop()) {
    if (isUnclosed(token)) first = Math.min(first ?? token.offset, token.offset);
    for (const { key, value } of childrenOf(token)) {
      if (key !== undefined && key !== null) open.push(key);
      if (value !== undefined) open.push(value);
    }
  }
  return first;
}

function isUnclosed(token: CST.Token): boolean {
  switch (token.type) {
    case 'single-quoted-scalar':
      return !/^'(?:[^']|'')*'$/.test(token.source);
    case 'double-quoted-scalar':
      return !/^"(?:[^"\\]|\\[\s\S])*"$/.test(token.source);
    case 'flow-collection':
      return !token.end.some((end) => end.type === 'flow-map-end' || end.type === 'flow-seq-end');
    default:
      return false;
  }
}
