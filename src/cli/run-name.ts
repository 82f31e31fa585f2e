/** The name that a flow gives a run, before the run begins. */

import type { JsonObject } from '../base/json.ts';
import type { Environment } from '../compose.ts';
import { runNameOf } from '../load/run-name.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { visibleTo } from '../secrets/run-secrets.ts';
import { EXIT } from './exit-codes.ts';
import { flowsOf } from './secrets.ts';
import type { Session } from './session.ts';

/**
 * Computes it.
 * @param scope `run` and `params`. @param environment that of the run.
 * @returns the part of `run.started` that holds it, empty where there is none; null when it cannot be computed: all is said, and the
 * exit code is set (2).
 */
export function nameOrComplain(
  session: Session,
  definition: FlowDefinition,
  environment: Environment,
  scope: { readonly run: JsonObject; readonly params: JsonObject },
): { readonly name?: string } | null {
  const visible = Object.entries(visibleTo(flowsOf(definition), environment));
  const env = Object.fromEntries(visible.filter(([, value]) => value !== undefined)) as JsonObject;
  const flow = { name: definition.name, version: null };
  const name = runNameOf(definition, { ...scope, env, flow, vars: definition.vars });
  if (name.ok) return name.value === null ? {} : { name: name.value };
  session.complain(`\`run_name\` cannot be computed: ${name.error}`, 'nothing was started; mend it in the flow');
  session.exit(EXIT.usage);
  return null;
}
