/** The file of a project's config, with those that it includes: read, parsed, their shapes checked. */

import { dirname, resolve } from 'node:path';
import { diagnose, type Diagnostic } from '../diagnostics/diagnostic.ts';
import { SourceText } from '../diagnostics/source.ts';
import { checkConfig } from './check-config.ts';
import { CONFIG_DOCUMENT } from './config-document.ts';
import { type DocumentNode, entryOf, type MapNode, textOf } from './document.ts';
import { parseYaml } from './parse-yaml.ts';
import { Problems } from './problems.ts';
import { readFlowText, refuseSpecial } from './read.ts';
import { checkShape } from './shape.ts';

/** One file of a config, without problems. */
export interface ConfigFile {
  readonly root: DocumentNode;
  readonly source: SourceText;
  /** Absolute; what its paths are relative to. */
  readonly directory: string;
}

/** What came of reading a config. */
export interface ConfigFiles {
  /** The weakest first. A file that is included twice is there once, where it is weakest. */
  readonly files: readonly ConfigFile[];
  readonly diagnostics: readonly Diagnostic[];
  readonly sources: ReadonlyMap<string, SourceText>;
}

const EMPTY: MapNode = { kind: 'map', entries: new Map(), start: 0, end: 0 };

class ConfigReader {
  readonly files = new Map<string, ConfigFile>();
  readonly diagnostics: Diagnostic[] = [];
  readonly sources = new Map<string, SourceText>();

  /**
   * Reads a file and, before it, what it includes.
   * @param open the files that include it, from the outermost. @returns false when there is no such file.
   */
  async read(path: string, shown: string, open: readonly string[]): Promise<boolean> {
    const special = refuseSpecial(path, shown);
    if (special !== null) {
      this.sources.set(shown, special.source);
      this.diagnostics.push(...special.diagnostics);
      return true;
    }
    const read = await readFlowText(path, shown);
    if (read.kind === 'not_found') return false;
    const { source } = read;
    this.sources.set(shown, source);
    if (read.kind === 'refused') {
      this.diagnostics.push(read.diagnostic);
      return true;
    }
    const problems = new Problems(source);
    const { root: parsed, diagnostics } = parseYaml(source);
    const isEmpty = diagnostics.length === 1 && diagnostics[0]?.code === 'empty_flow';
    if (!isEmpty) for (const diagnostic of diagnostics) problems.add(diagnostic);
    const root = isEmpty ? EMPTY : parsed;
    if (root !== null) {
      checkShape(root, problems, CONFIG_DOCUMENT);
      checkConfig(root, problems);
      await this.#include(root, path, shown, [...open, path], problems);
      this.files.set(path, { root, source, directory: dirname(path) });
    }
    this.diagnostics.push(...problems.list());
    return true;
  }

  async #include(
    root: DocumentNode,
    path: string,
    shown: string,
    open: readonly string[],
    problems: Problems,
  ): Promise<void> {
    const node = entryOf(root, 'include')?.value;
    for (const item of node?.kind === 'list' ? node.items : node === undefined ? [] : [node]) {
      const written = textOf(item);
      if (written === undefined || written === '') continue;
      const target = resolve(dirname(path), written);
      if (open.includes(target)) problems.at('include_cycle', item, { file: written });
      else if (!this.files.has(target) && !(await this.read(target, beside(shown, written), open)))
        problems.at('include_not_found', item, { file: written });
    }
  }
}

/** The name of an included file as it is shown: from the same place as that of the file which includes it. */
function beside(shown: string, written: string): string {
  const folder = dirname(shown);
  return written.startsWith('/') || folder === '.'
    ? written.replace(/^\.\//, '')
    : `${folder}/${written.replace(/^\.\//, '')}`;
}

/** Reads a config with all that it includes. @param shown its name in diagnostics. @returns null when there is no such file. */
export async function readConfigFiles(path: string, shown: string): Promise<ConfigFiles | null> {
  const reader = new ConfigReader();
  if (!(await reader.read(path, shown, []))) return null;
  return { files: [...reader.files.values()], diagnostics: reader.diagnostics, sources: reader.sources };
}

/** The diagnostic for a config that is a program. */
export function programConfig(shown: string): { readonly diagnostic: Diagnostic; readonly source: SourceText } {
  const source = new SourceText(shown, '');
  const facts = { what: 'a project config in TypeScript', instead: 'write it in YAML: flowctl.config.yaml' };
  return { diagnostic: diagnose('not_yet_supported', facts, source.place(0, 0)), source };
}
