/** What a deployment keeps beside the definition: the flows that modules make for it, and the modules themselves, compiled. */

import { join } from 'node:path';
import { compileModule } from '../functions/compile.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { flowKeysOf, modulesOf, withModules } from '../model/flow-modules.ts';
import { deployedFolder, keepModule } from '../store/deployed-flows.ts';
import type { StateLayout } from '../store/layout.ts';
import { unwrap } from '../store/problem.ts';
import { EXIT } from './exit-codes.ts';
import { moduleReference, referenceTo } from './flow-reference.ts';
import { moduleSubFlows } from './module-sub-flows.ts';
import type { Session } from './session.ts';

/** The definition with its modules kept. Null: one cannot be compiled or loaded, which is said, and the exit code is set (3). */
export async function withKeptModules(
  session: Session,
  state: StateLayout,
  definition: FlowDefinition,
): Promise<FlowDefinition | null> {
  const whole = await withModuleFlows(session, definition);
  if (whole === null) return null;
  const places = new Map<string, string>();
  const program = new URL('./index.js', import.meta.url);
  for (const module of modulesOf(whole)) {
    const compiled = await compileModule(module, join(deployedFolder(state), 'bundle.mjs'), program.href);
    if (!compiled.ok) return refuse(session, compiled.error.message, null);
    places.set(module, unwrap(await keepModule(state, compiled.value.code)));
  }
  // As it will be read back.
  return JSON.parse(JSON.stringify(withModules(whole, places))) as FlowDefinition;
}

/** A run loads flows of modules when a step comes to them; of a deployment they are to be those that were deployed. */
async function withModuleFlows(session: Session, definition: FlowDefinition): Promise<FlowDefinition | null> {
  const load = moduleSubFlows(session, definition, null);
  const flows = { ...definition.flows };
  const isUnknown = (key: string): boolean =>
    moduleReference(key) !== null && !Object.hasOwn(flows, key) && key !== referenceTo(definition);
  for (;;) {
    const key = [...flowKeysOf({ ...definition, flows })].find(isUnknown);
    if (key === undefined) return { ...definition, flows };
    const loaded = await load(key);
    if (!loaded.ok) return refuse(session, loaded.error.message, loaded.error.detail ?? null);
    for (const [name, flow] of Object.entries(loaded.value.flows)) flows[name] ??= flow;
    flows[key] = { ...loaded.value, flows: {} };
  }
}

function refuse(session: Session, message: string, detail: string | null): null {
  session.complain(message);
  if (detail !== null) session.stderr.write(detail);
  session.exit(EXIT.invalid_flow);
  return null;
}
