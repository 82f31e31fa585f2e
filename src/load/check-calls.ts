/**
 * Functions under `call`, and flows of modules under `flow`: the form of the text, that the file exists, that it has the export. Nothing of
 * it is executed.
 */

import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Place } from '../diagnostics/source.ts';
import { SourceText } from '../diagnostics/source.ts';
import { suggest } from '../diagnostics/suggest.ts';
import { hasExpression } from '../expressions/expressions.ts';
import { type CallReference, parseCall } from './call-reference.ts';
import { type ScalarNode, textOf } from './document.ts';
import { parseModuleFlow } from './flow-key.ts';
import { bodiesOf } from './handlers.ts';
import type { ModuleExports } from './module-exports.ts';
import { type FlowOutline, stepValue } from './outline.ts';
import type { Problems } from './problems.ts';

interface Call {
  readonly kind: 'function' | 'flow';
  readonly reference: CallReference;
  readonly node: ScalarNode;
}

const MAX_MODULE_BYTES = 8 * 1_048_576;

/**
 * True for a function that stands inside of the flow that calls it: the module that made the flow was loaded, and named it so. No
 * parsing finds it.
 */
const isInside = (reference: CallReference, module: string, file: string): boolean =>
  module === file && reference.export.startsWith('$');

/** The calls whose text has the right form, by the absolute path of their module; without those of functions inside of the flow. */
function callsByModule(
  flow: FlowOutline,
  { file, directory }: FlowPlace,
  problems: Problems,
): ReadonlyMap<string, readonly Call[]> {
  const calls = new Map<string, Call[]>();
  const add = (call: Call): void => {
    const module = resolve(directory, call.reference.module);
    const known = calls.get(module);
    if (known === undefined) calls.set(module, [call]);
    else known.push(call);
  };
  for (const { step } of bodiesOf(flow)) {
    const sub = stepValue(step, 'flow');
    const named = parseModuleFlow(textOf(sub) ?? '');
    if (sub?.kind === 'scalar' && named !== null && !named.isOwn && !hasExpression(textOf(sub) ?? '')) {
      add({ kind: 'flow', node: sub, reference: { module: named.module, export: named.name } });
    }
    const node = stepValue(step, 'call');
    const text = textOf(node);
    if (node?.kind !== 'scalar' || text === undefined || text === '') continue;
    if (hasExpression(text)) {
      problems.at('expression_not_allowed', node, { what: '`call`' });
      continue;
    }
    const reference = parseCall(text);
    if (reference === null) {
      problems.at('invalid_call', node, { text });
      continue;
    }
    const module = resolve(directory, reference.module);
    if (!isInside(reference, module, file)) add({ kind: 'function', reference, node });
  }
  return calls;
}

async function isReadableFile(path: string): Promise<boolean> {
  try {
    const info = await stat(path);
    return info.isFile() && info.size <= MAX_MODULE_BYTES;
  } catch {
    // Whatever stands in the way, the module cannot be loaded from there.
    return false;
  }
}

/** The place of a syntax error in a module; its text goes to the sources, so that the line can be shown. */
async function placeInModule(
  broken: ModuleExports & { readonly kind: 'broken' },
  module: string,
  shown: string,
  sources: Map<string, SourceText>,
): Promise<Place> {
  const source = new SourceText(shown, await readFile(module, 'utf8'));
  sources.set(shown, source);
  const line = source.lineText(broken.line);
  // esbuild counts columns in bytes.
  const column =
    Buffer.from(line)
      .subarray(0, broken.column - 1)
      .toString().length + 1;
  const position = { offset: 0, line: broken.line, column };
  return { file: shown, start: position, end: { ...position, column: column + 1 }, label: broken.problem };
}

/** A flow may be named by its own name, too; and without any the only export is meant, too. */
async function mayMean(module: string, name: string, exported: readonly string[]): Promise<boolean> {
  if (name === 'default') return exported.length === 1;
  const text = await readFile(module, 'utf8');
  return [`'${name}'`, `"${name}"`, `\`${name}\``].some((literal) => text.includes(literal));
}

/** Where a flow stands: absolute paths. */
export interface FlowPlace {
  readonly file: string;
  readonly directory: string;
}

/**
 * Checks every `call`.
 * @param sources is given the text of modules that have syntax errors.
 */
export async function checkCalls(
  flow: FlowOutline,
  place: FlowPlace,
  problems: Problems,
  sources: Map<string, SourceText>,
): Promise<void> {
  const byModule = callsByModule(flow, place, problems);
  if (byModule.size === 0) return;
  const { readExports } = await import('./module-exports.ts');
  const checkModule = async (module: string, calls: readonly Call[]): Promise<void> => {
    if (!(await isReadableFile(module))) {
      for (const { kind, node, reference } of calls) {
        if (kind === 'flow') problems.at('flow_not_found', node, { flow: reference.module });
        else problems.at('module_not_found', node, { module: reference.module });
      }
      return;
    }
    const found = await readExports(module, new Set(calls.map((call) => call.reference.export)));
    if (found.kind === 'open') return;
    for (const { kind, node, reference } of calls) {
      if (found.kind === 'broken') {
        const place = await placeInModule(found, module, reference.module, sources);
        const facts = { module: reference.module, problem: found.problem };
        problems.at('module_syntax', node, facts, [place]);
        return;
      }
      const name = reference.export;
      const value = found.plain.get(name);
      const wanted = kind === 'flow' ? 'flow' : 'function';
      if (value !== undefined) {
        problems.at('not_a_function', node, { module: reference.module, name, found: value, wanted });
      }
      if (found.names.includes(name) || (kind === 'flow' && (await mayMean(module, name, found.names)))) continue;
      const suggestion = suggest(name, found.names);
      problems.at('export_not_found', node, { module: reference.module, name, known: found.names, suggestion });
    }
  };
  await Promise.all([...byModule].map(([module, calls]) => checkModule(module, calls)));
}
