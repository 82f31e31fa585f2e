/** The params of a run as they were typed: `-p name=value` and `--params-file`. */

import { readFileSync } from 'node:fs';
import type { JsonObject } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import { type GivenParam, type ParamProblem, readParamsFile, resolveParams } from '../load/params.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { visibleTo } from '../secrets/run-secrets.ts';
import { environmentOrComplain } from './dotenv.ts';
import { flowsOf } from './secrets.ts';
import { type Session, UsageError } from './session.ts';

/** What the options of a command hold. */
export interface ParamOptions {
  readonly param?: readonly string[];
  readonly paramsFile?: string;
}

/** Collects a repeatable option. */
export const collect = (value: string, previous: readonly string[] = []): readonly string[] => [...previous, value];

/** What was given, by name, and what has no name. */
function readGiven(
  options: ParamOptions,
  before: JsonObject,
): { readonly given: Map<string, GivenParam>; readonly malformed: readonly string[] } {
  const values = Object.entries(before).map(([name, value]) => [name, { kind: 'value', value }] as const);
  const given = new Map<string, GivenParam>(values);
  if (options.paramsFile !== undefined)
    for (const [name, value] of fileParams(options.paramsFile)) given.set(name, value);
  const malformed: string[] = [];
  for (const text of options.param ?? []) {
    const sign = text.indexOf('=');
    if (sign < 1) malformed.push(text);
    else given.set(text.slice(0, sign), { kind: 'text', text: text.slice(sign + 1) });
  }
  return { given, malformed };
}

/**
 * Reads what the options give and nothing else: no defaults, and nothing is missed. What is given is checked against the flow.
 * @returns null when something is wrong: everything is said and the exit code is set (2).
 */
export async function paramsGiven(
  session: Session,
  definition: FlowDefinition,
  options: ParamOptions,
): Promise<JsonObject | null> {
  const { given, malformed } = readGiven(options, {});
  const params = definition.params.map((param) =>
    given.has(param.name) ? param : { ...param, schema: {}, required: false, default: null },
  );
  const values = await resolveOrComplain(session, { ...definition, params }, given, {}, malformed);
  if (values === null) return null;
  return Object.fromEntries(Object.entries(values).filter(([name]) => given.has(name)));
}

/**
 * Computes the params of a run.
 * @param before what was given earlier: by the deployment that the run belongs to.
 * @param seen what expressions see beside the usual. Default: nothing.
 * @returns null when they are wrong: everything is said and the exit code is set (2).
 * @throws {UsageError} when an option cannot be read at all.
 */
export async function paramsFor(
  session: Session,
  definition: FlowDefinition,
  options: ParamOptions,
  run: JsonObject,
  before: JsonObject = {},
  seen: JsonObject = {},
): Promise<JsonObject | null> {
  const { given, malformed } = readGiven(options, before);
  return resolveOrComplain(session, definition, given, run, malformed, seen);
}

function complainOfMalformed(session: Session, definition: FlowDefinition, text: string): void {
  const isParam = definition.params.some(({ name }) => name === text);
  session.complain(`\`-p ${text}\`: expected name=value`, isParam ? `give it a value: -p ${text}=...` : null);
}

/**
 * The params of an earlier run for a new one, checked against the flow as it is now; what it did not have gets its default.
 * @returns null when they do not fit any more: everything is said and the exit code is set (2).
 */
export function recordedParams(
  session: Session,
  definition: FlowDefinition,
  recorded: JsonObject,
  run: JsonObject,
): Promise<JsonObject | null> {
  const given = Object.entries(recorded).map(([name, value]) => [name, { kind: 'value', value }] as const);
  return resolveOrComplain(session, definition, new Map<string, GivenParam>(given), run);
}

/**
 * Params from what was given for them, all problems at once.
 * @returns null when a file of variables cannot be read: that is said, and the exit code is set (2).
 */
export async function resolveGiven(
  session: Session,
  definition: FlowDefinition,
  given: ReadonlyMap<string, GivenParam>,
  run: JsonObject,
  seen: JsonObject = {},
): Promise<Result<JsonObject, readonly ParamProblem[]> | null> {
  const inherited = environmentOrComplain(session, definition);
  if (inherited === null) return null;
  const visible = visibleTo(flowsOf(definition), inherited);
  const environment = Object.fromEntries(Object.entries(visible).filter(([, value]) => value !== undefined));
  return resolveParams(definition, given, {
    ...seen,
    run,
    env: environment as JsonObject,
    vars: definition.vars,
    flow: { name: definition.name, version: null },
  });
}

async function resolveOrComplain(
  session: Session,
  definition: FlowDefinition,
  given: ReadonlyMap<string, GivenParam>,
  run: JsonObject,
  malformed: readonly string[] = [],
  seen: JsonObject = {},
): Promise<JsonObject | null> {
  const params = await resolveGiven(session, definition, given, run, seen);
  if (params === null) return null;
  if (params.ok && malformed.length === 0) return checkedByModule(session, definition, params.value);
  for (const text of malformed) complainOfMalformed(session, definition, text);
  for (const { kind, param, message, help } of params.ok ? [] : params.error) {
    // Of a param that was named without a value, that has been said.
    if (kind !== 'missing' || !malformed.includes(param)) session.complain(message, help);
  }
  session.exit(2);
  return null;
}

/** Params that the flow's own code checks, where it does. */
async function checkedByModule(
  session: Session,
  { script }: FlowDefinition,
  params: JsonObject,
): Promise<JsonObject | null> {
  if (script?.checks_params !== true) return params;
  const { problemsWithParams } = await import('./module-flow.ts');
  const problems = await problemsWithParams(session, script, params);
  if (problems.length === 0) return params;
  for (const problem of problems) session.complain(problem, null);
  session.exit(2);
  return null;
}

function fileParams(file: string): ReadonlyMap<string, GivenParam> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`\`--params-file ${file}\`: ${error instanceof Error ? error.message : String(error)}`);
  }
  const params = readParamsFile(text);
  if (params === null) throw new UsageError(`\`--params-file ${file}\`: expected a JSON object, such as {"limit": 10}`);
  return params;
}
