/** The files that patterns mean: folders are walked, links are not followed, and nothing is walked that cannot match. */

import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { type Glob, literalPath, matchesName, matchesPath, parseGlob, type Segment } from '../base/glob-pattern.ts';
import { err, ok, type Result } from '../base/result.ts';
import { Breath } from './breath.ts';

/** What patterns mean in a folder. */
export interface FoundFiles {
  /**
   * Regular files and symbolic links, never folders; each once, in the order of UTF-16 code units. Paths are as the patterns are: absolute,
   * or relative to the folder, with `/` between names.
   */
  readonly files: readonly string[];
  /** The patterns without wildcards that mean nothing that is there, as paths. */
  readonly missing: readonly string[];
}

/** Never walked into, unless a pattern names them: they change with every run, or every commit. */
const OUR_OWN: ReadonlySet<string> = new Set(['.git', '.flowctl']);

/**
 * Finds the files that patterns mean. A pattern that names a folder means every file below it. One that begins with `!` takes away
 * from all the others, files and whole folders. What cannot be a folder matches nothing.
 * @param folder absolute; what relative patterns are relative to.
 * @returns a sentence about a pattern that cannot be understood, or a folder that cannot be read.
 */
export async function findFiles(folder: string, patterns: readonly string[]): Promise<Result<FoundFiles, string>> {
  const wanted: Glob[] = [];
  const unwanted: Glob[] = [];
  for (const pattern of patterns) {
    const globs = parseGlob(pattern);
    if (!globs.ok) return err(`the pattern \`${pattern}\`: ${globs.error}`);
    for (const glob of globs.value) (glob.negated ? unwanted : wanted).push(glob);
  }
  const walk = new Walk(folder, unwanted);
  try {
    for (const glob of wanted) await walk.take(glob);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return err(message);
  }
  // Two globs of one pattern, such as `{a,b}.txt`, are two wishes: either may be missing.
  return ok({ files: [...walk.files].sort(byCodeUnits), missing: [...walk.missing].sort(byCodeUnits) });
}

/** The order of paths: that of UTF-16 code units, whatever the language of the user. */
export const byCodeUnits = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

class Walk {
  readonly files = new Set<string>();
  readonly missing = new Set<string>();
  private readonly folder: string;
  private readonly unwanted: readonly Glob[];
  private readonly listings = new Map<string, readonly Dirent[]>();
  private readonly breath = new Breath();

  constructor(folder: string, unwanted: readonly Glob[]) {
    this.folder = folder;
    this.unwanted = unwanted;
  }

  async take(glob: Glob): Promise<void> {
    const literal = literalPath(glob);
    if (literal === null) {
      await this.walk(glob.segments, glob.absolute ? '/' : '', 0, new Set());
      return;
    }
    if (prefixesOf(literal).some((prefix) => this.isUnwanted(prefix))) return;
    const kind = kindOf(this.absolute(literal));
    if (kind === 'nothing') this.missing.add(literal);
    else if (kind === 'folder') await this.below(literal);
    else this.files.add(literal);
  }

  /** @param at what the segments before `index` have led to. */
  private async walk(segments: readonly Segment[], at: string, index: number, seen: Set<string>): Promise<void> {
    // Several `**` can lead to one place in several ways.
    const state = `${index}:${at}`;
    if (seen.has(state)) return;
    seen.add(state);
    const segment = segments[index];
    if (segment === undefined) return;
    const isLast = index === segments.length - 1;
    if (segment.kind === 'name') {
      const path = below(at, segment.name);
      if (!isLast && !this.isUnwanted(path)) await this.walk(segments, path, index + 1, seen);
      else if (isLast && ['file', 'link'].includes(kindOf(this.absolute(path)))) this.keep(path);
      return;
    }
    if (segment.kind === 'folders') await this.walk(segments, at, index + 1, seen);
    for (const entry of await this.list(at)) {
      if (!matchesName(segment, entry.name)) continue;
      const path = below(at, entry.name);
      if (!entry.isDirectory()) {
        if (isLast) this.keep(path);
      } else if ((segment.kind === 'folders' || !isLast) && !OUR_OWN.has(entry.name) && !this.isUnwanted(path)) {
        await this.walk(segments, path, segment.kind === 'folders' ? index : index + 1, seen);
      }
    }
  }

  /** Every file below a folder that was named as such, hidden ones too. */
  private async below(folder: string): Promise<void> {
    if (this.isUnwanted(folder)) return;
    for (const entry of await this.list(folder)) {
      const path = below(folder, entry.name);
      if (!entry.isDirectory()) this.keep(path);
      else if (!OUR_OWN.has(entry.name)) await this.below(path);
    }
  }

  private keep(path: string): void {
    if (!this.isUnwanted(path)) this.files.add(path);
  }

  /** Asked on the way down as well, so that a pattern that takes a folder away takes what is in it. */
  private isUnwanted(path: string): boolean {
    return this.unwanted.some((glob) => matchesPath(glob, path));
  }

  private async list(folder: string): Promise<readonly Dirent[]> {
    const known = this.listings.get(folder);
    if (known !== undefined) return known;
    await this.breath.take();
    const listing = readFolder(this.absolute(folder));
    this.listings.set(folder, listing);
    return listing;
  }

  private absolute(path: string): string {
    return isAbsolute(path) ? path : join(this.folder, path);
  }
}

/** `a/b/c`: `a`, `a/b` and itself. */
const prefixesOf = (path: string): readonly string[] =>
  [...path.matchAll(/(?<=[^/])(?:\/|$)/g)].map(({ index }) => path.slice(0, index));

const below = (folder: string, name: string): string =>
  folder === '' ? name : folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;

/** Sockets, devices and FIFOs have no content that could be compared: they are left out. */
function readFolder(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter(
      (entry) => entry.isFile() || entry.isDirectory() || entry.isSymbolicLink(),
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

function kindOf(path: string): 'file' | 'folder' | 'link' | 'nothing' {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 'nothing';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'link' : stats.isFile() ? 'file' : 'nothing';
}
