/** Flows in a temporary folder, for the tests of loading. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { toJson, type DiagnosticJson } from '../../src/diagnostics/report.ts';
import { loadFlow, type LoadResult } from '../../src/load/load.ts';

/** Writes files into a fresh folder, which goes when the test ends. @returns the folder. */
export function folderWith(files: { readonly [name: string]: string | Buffer }): string {
  const folder = mkdtempSync(join(tmpdir(), 'flowctl-load-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** Loads a flow that is written as a text, beside other files. */
export async function load(
  text: string | Buffer,
  others: { readonly [name: string]: string } = {},
): Promise<LoadResult> {
  return loadFlow(join(folderWith({ 'flow.yaml': text, ...others }), 'flow.yaml'));
}

/** Loads a flow that has to be right. */
export async function loaded(
  text: string,
  others: { readonly [name: string]: string } = {},
): Promise<LoadResult & { readonly kind: 'loaded' }> {
  const result = await load(text, others);
  if (result.kind !== 'loaded') throw new Error(`not loaded: ${JSON.stringify(problemsOf(result), null, 2)}`);
  return result;
}

/** What is wrong with a flow, as `validate --json` has it, without the file's name. */
export function problemsOf(result: LoadResult): readonly Omit<DiagnosticJson, 'file'>[] {
  if (result.kind === 'not_found') throw new Error('the flow was not found');
  const diagnostics = result.kind === 'loaded' ? result.warnings : result.diagnostics;
  return diagnostics.map(toJson).map(({ file: _file, ...rest }) => rest);
}

/** The codes of what is wrong, with their lines: `unknown_key:3`. */
export async function codesOf(
  text: string | Buffer,
  others: { readonly [name: string]: string } = {},
): Promise<readonly string[]> {
  return problemsOf(await load(text, others)).map(({ code, line }) => `${code}:${line}`);
}
