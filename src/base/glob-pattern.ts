/**
 * Patterns of file names, as shells and build tools write them: `*` and `?` within one name, `**` for any folders, `[a-z]` and
 * `[!a-z]`, `{one,two}`, `\` before a character that stands for itself, and `!` before a whole pattern that takes away. A name that
 * begins with a dot is matched only where its dot is written. Nothing here touches a disk; `process/glob.ts` walks folders.
 */

import { err, ok, type Result } from './result.ts';

/** One character of a name, or several. */
type Token =
  | { readonly kind: 'character'; readonly character: string }
  | { readonly kind: 'one' }
  | { readonly kind: 'many' }
  | { readonly kind: 'set'; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] };

/** One name between slashes. */
export type Segment =
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'folders' }
  | { readonly kind: 'wild'; readonly tokens: readonly Token[] };

/** A pattern, read. Its segments are never empty; `.` is none of them, and `..` stands at the beginning only. */
export interface Glob {
  /** True for one that takes away. */
  readonly negated: boolean;
  readonly absolute: boolean;
  readonly segments: readonly Segment[];
}

/** Most alternatives that the braces of one pattern may have in all. */
export const ALTERNATIVES_LIMIT = 1_000;

/** Reads a pattern. @returns one glob for each alternative of its braces, or a sentence about what is wrong. */
export function parseGlob(pattern: string): Result<readonly Glob[], string> {
  const negated = pattern.startsWith('!');
  const text = negated ? pattern.slice(1) : pattern;
  if (text.includes('\0')) return err('a NUL byte is in no file name');
  const alternatives = expandBraces(text);
  if (alternatives === null) return err(`its braces have more than ${ALTERNATIVES_LIMIT} alternatives`);
  const globs: Glob[] = [];
  for (const alternative of alternatives) {
    const segments = readSegments(alternative);
    if (!segments.ok) return segments;
    globs.push({ negated, absolute: alternative.startsWith('/'), segments: segments.value });
  }
  return ok(globs);
}

/** The one path that a glob means; null when it may mean several. */
export function literalPath({ absolute, segments }: Glob): string | null {
  const names: string[] = [];
  for (const segment of segments) {
    if (segment.kind !== 'name') return null;
    names.push(segment.name);
  }
  return `${absolute ? '/' : ''}${names.join('/')}`;
}

/** A path that a glob means: the shortest, with `x` for whatever may be anything, and the first of each set that is listed. */
export function samplePath({ absolute, segments }: Glob): string {
  const names = segments.flatMap((segment) => {
    if (segment.kind === 'name') return [segment.name];
    // `a/**` means what is below; in front of a name nothing needs to stand.
    if (segment.kind === 'folders') return segment === segments.at(-1) ? ['x'] : [];
    return [segment.tokens.map(sampleOf).join('')];
  });
  return `${absolute ? '/' : ''}${names.join('/')}`;
}

function sampleOf(token: Token): string {
  if (token.kind === 'character') return token.character;
  if (token.kind !== 'set') return 'x';
  if (!token.negated) return token.ranges[0]?.[0] ?? 'x';
  const isIn = (letter: string): boolean => token.ranges.some(([from, to]) => from <= letter && letter <= to);
  return ['x', 'y', '0', '_'].find((letter) => !isIn(letter)) ?? 'x';
}

/** True when a glob means this path: names joined by slashes, relative to the same folder, or absolute as the glob is. */
export function matchesPath(glob: Glob, path: string): boolean {
  if (path.startsWith('/') !== glob.absolute) return false;
  const names = path.split('/').filter((name) => name !== '');
  const { segments } = glob;
  // As in `matchesTokens`: only the last `**` has to be tried again.
  let segment = 0;
  let retrySegment = -1;
  let retryName = 0;
  for (let index = 0; index < names.length; ) {
    const current = segments[segment];
    const name = names[index] ?? '';
    if (current?.kind === 'folders') {
      retrySegment = segment;
      retryName = index;
      segment += 1;
    } else if (current !== undefined && matchesName(current, name)) {
      segment += 1;
      index += 1;
    } else {
      if (retrySegment < 0 || isHidden(names[retryName] ?? '')) return false;
      retryName += 1;
      index = retryName;
      segment = retrySegment + 1;
    }
  }
  while (segments[segment]?.kind === 'folders') segment += 1;
  return segment === segments.length;
}

/** True for a name that `*` and `**` leave out. */
export const isHidden = (name: string): boolean => name.startsWith('.');

/** True when one segment means this name; `**` means every name that is not hidden. */
export function matchesName(segment: Segment, name: string): boolean {
  if (segment.kind === 'name') return segment.name === name;
  if (segment.kind === 'folders') return !isHidden(name);
  const [first] = segment.tokens;
  if (isHidden(name) && !(first?.kind === 'character' && first.character === '.')) return false;
  return matchesTokens(segment.tokens, [...name]);
}

/** Only the last `*` has to be tried again, for what the ones before it took is the least: quadratic at worst, never exponential. */
function matchesTokens(tokens: readonly Token[], characters: readonly string[]): boolean {
  let token = 0;
  let retryToken = -1;
  let retryCharacter = 0;
  for (let index = 0; index < characters.length; ) {
    const current = tokens[token];
    if (current?.kind === 'many') {
      retryToken = token;
      retryCharacter = index;
      token += 1;
    } else if (current !== undefined && matchesCharacter(current, characters[index] ?? '')) {
      token += 1;
      index += 1;
    } else {
      if (retryToken < 0) return false;
      retryCharacter += 1;
      index = retryCharacter;
      token = retryToken + 1;
    }
  }
  while (tokens[token]?.kind === 'many') token += 1;
  return token === tokens.length;
}

function matchesCharacter(token: Exclude<Token, { readonly kind: 'many' }>, character: string): boolean {
  if (token.kind === 'one') return true;
  if (token.kind === 'character') return token.character === character;
  return token.ranges.some(([from, to]) => from <= character && character <= to) !== token.negated;
}

function readSegments(text: string): Result<readonly Segment[], string> {
  const segments: Segment[] = [];
  // A slash inside brackets or behind a backslash is one, too: no name holds it.
  for (const part of text.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (segments.some((segment) => segment.kind !== 'name' || segment.name !== '..')) {
        return err('`..` stands at the beginning of a pattern only');
      }
      segments.push({ kind: 'name', name: '..' });
    } else if (part === '**') {
      if (segments.at(-1)?.kind !== 'folders') segments.push({ kind: 'folders' });
    } else segments.push(readName(part));
  }
  return segments.length === 0 ? err('it names no file') : ok(segments);
}

function readName(part: string): Segment {
  const tokens: Token[] = [];
  const characters = [...part];
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] ?? '';
    if (character === '\\' && index + 1 < characters.length) {
      index += 1;
      tokens.push({ kind: 'character', character: characters[index] ?? '' });
    } else if (character === '*') {
      if (tokens.at(-1)?.kind !== 'many') tokens.push({ kind: 'many' });
    } else if (character === '?') tokens.push({ kind: 'one' });
    else {
      const set = character === '[' ? readSet(characters, index) : null;
      tokens.push(set?.token ?? { kind: 'character', character });
      if (set !== null) index = set.end;
    }
  }
  const name = tokens.map((token) => (token.kind === 'character' ? token.character : null));
  return name.includes(null) ? { kind: 'wild', tokens } : { kind: 'name', name: name.join('') };
}

/** A bracket expression without classes (POSIX.1 XCU, 2.13.1). @returns null when nothing closes it: the bracket stands for itself. */
function readSet(characters: readonly string[], start: number): { readonly token: Token; readonly end: number } | null {
  let index = start + 1;
  const negated = characters[index] === '!' || characters[index] === '^';
  if (negated) index += 1;
  const ranges: (readonly [string, string])[] = [];
  for (let first = true; index < characters.length; first = false) {
    if (characters[index] === ']' && !first) return { token: { kind: 'set', negated, ranges }, end: index };
    if (characters[index] === '\\') index += 1;
    const from = characters[index] ?? '';
    const to = characters[index + 2] ?? ']';
    if (characters[index + 1] === '-' && to !== ']') {
      ranges.push([from, to]);
      index += 3;
    } else {
      ranges.push([from, from]);
      index += 1;
    }
  }
  return null;
}

/** Braces with a comma between them, nested ones too; others stand for themselves. @returns null when there are too many. */
function expandBraces(text: string): readonly string[] | null {
  const done: string[] = [];
  const todo: { readonly text: string; readonly from: number }[] = [{ text, from: 0 }];
  for (let current = todo.pop(); current !== undefined; current = todo.pop()) {
    const group = firstGroup(current.text, current.from);
    if (group === null) {
      done.push(current.text);
      if (done.length > ALTERNATIVES_LIMIT) return null;
      continue;
    }
    const before = current.text.slice(0, group.start);
    const after = current.text.slice(group.end + 1);
    // What is before the group holds no other: it is not looked at again.
    for (const part of [...group.parts].reverse()) todo.push({ text: `${before}${part}${after}`, from: group.start });
    if (todo.length > ALTERNATIVES_LIMIT) return null;
  }
  return done;
}

interface BraceGroup {
  readonly start: number;
  readonly end: number;
  readonly parts: readonly string[];
}

function firstGroup(text: string, from: number): BraceGroup | null {
  for (let start = from; start < text.length; start += 1) {
    if (text[start] === '\\') start += 1;
    else if (text[start] === '{') {
      const group = groupAt(text, start);
      if (group !== null && group.parts.length > 1) return group;
    }
  }
  return null;
}

function groupAt(text: string, start: number): BraceGroup | null {
  const parts: string[] = [];
  let depth = 0;
  let begin = start + 1;
  for (let index = start; index < text.length; index += 1) {
    const character = text[index];
    if (character === '\\') index += 1;
    else if (character === '{') depth += 1;
    else if (character === ',' && depth === 1) {
      parts.push(text.slice(begin, index));
      begin = index + 1;
    } else if (character === '}') {
      depth -= 1;
      if (depth === 0) return { start, end: index, parts: [...parts, text.slice(begin, index)] };
    }
  }
  return null;
}
