/** Flows that modules make: the module is loaded in a thread of its own, which tells what it makes. */

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { JsonObject } from '../base/json.ts';
import { diagnose } from '../diagnostics/diagnostic.ts';
import { SourceText } from '../diagnostics/source.ts';
import { createModuleLoader } from '../functions/modules.ts';
import type { Description } from '../functions/script-messages.ts';
import { describeModule } from '../functions/script-thread.ts';
import type { LoadResult } from '../load/load.ts';
import type { ProjectLayer } from '../load/project-layer.ts';
import { loadDescribedFlow } from '../load/script-flow.ts';
import type { ScriptReference } from '../model/flow.ts';
import { stateLayout } from '../store/layout.ts';
import type { ModuleReference } from './flow-reference.ts';
import type { Session } from './session.ts';
import { statePath } from './state-directory.ts';

/** Loads a flow of a module, as `loadFlow` does one of a file. */
export async function loadModuleFlow(
  session: Session,
  { module: shown, flow }: ModuleReference,
  project: ProjectLayer,
): Promise<LoadResult> {
  const module = resolve(shown);
  if (!existsSync(module)) return { kind: 'not_found', file: shown };
  const description = await describeIn(session, module, flow);
  if (description.kind === 'flow') return loadDescribedFlow({ ...description, module, shown }, project);
  const source = new SourceText(shown, '');
  const diagnostic =
    description.kind === 'not_loaded'
      ? diagnose('flow_not_loaded', { message: description.message }, source.place(0, 0))
      : diagnose(
          'no_such_flow',
          { flow, available: description.available, found: description.found },
          source.place(0, 0),
        );
  return { kind: 'invalid', diagnostics: [diagnostic], sources: new Map([[shown, source]]) };
}

/** What is wrong with the params of a flow whose own code checks them, each a sentence. */
export async function problemsWithParams(
  session: Session,
  { module, flow }: ScriptReference,
  params: JsonObject,
): Promise<readonly string[]> {
  const description = await describeIn(session, module, flow, params);
  if (description.kind === 'flow') return description.problems;
  return [description.kind === 'not_loaded' ? description.message : `there is no flow \`${flow}\` any more`];
}

/** Bundles are kept where those of runs are; where there is no state directory yet, none is made for this. */
async function describeIn(
  session: Session,
  module: string,
  flow: string,
  params: JsonObject | null = null,
): Promise<Description> {
  const state = stateLayout(statePath(session, {}, dirname(module)));
  const isThere = existsSync(state.root);
  const folder = isThere ? state.cache : mkdtempSync(join(tmpdir(), 'flowctl-'));
  try {
    const modules = createModuleLoader({
      cacheFolder: join(folder, 'modules'),
      programUrl: new URL('./index.js', import.meta.url),
    });
    return await describeModule(new URL('./script-host.js', import.meta.url), modules, module, flow, params);
  } finally {
    if (!isThere) rmSync(folder, { recursive: true, force: true });
  }
}
