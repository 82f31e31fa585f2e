/** The params of a flow that a program runs: checked and filled in as those of `flowctl run` are. */

import { isJsonObject, type JsonObject } from '../base/json.ts';
import type { RegisteredFlow } from '../flows/conductor.ts';
import { OptionError } from '../flows/options.ts';
import { paramDefinition } from '../flows/param-definition.ts';
import { resolveParams } from '../load/params.ts';
import { FLOW_DEFAULTS } from '../model/defaults.ts';

/**
 * Computes the params that a flow is called with; one that checks them itself gets them as they were given.
 * @throws {OptionError} with everything that is wrong with those given.
 */
export async function paramsFor(flow: RegisteredFlow, given: JsonObject): Promise<JsonObject> {
  const refuse = (problems: readonly string[]): never => {
    throw new OptionError(`flow \`${flow.name}\`: ${problems.join('; ')}`);
  };
  if (flow.checksParams) {
    const checked = await flow.params(given);
    if (checked.ok) return given;
    return refuse(
      checked.problems.map(({ path, message }) => (path === '' ? message : `param \`${path}\`: ${message}`)),
    );
  }
  const declared = flow.document['params'];
  const params = isJsonObject(declared)
    ? Object.entries(declared).map(([name, declaration]) => paramDefinition(name, declaration))
    : [];
  const definition = { ...FLOW_DEFAULTS, name: flow.name, file: '', directory: '', steps: [], params };
  const values = Object.entries(given).map(([name, value]) => [name, { kind: 'value', value }] as const);
  const resolved = await resolveParams(definition, new Map(values), { flow: { name: flow.name }, env: {}, run: {} });
  return resolved.ok ? resolved.value : refuse(resolved.error.map(({ message }) => message));
}
