/** The definition of a run, frozen: `flow.json`, and `flow.2.json` and on where a resume took over edits. Written once each. */

import { createHash } from 'node:crypto';
import { type ContentHash, contentHash } from '../base/ids.ts';
import { canonicalJson, isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import { FLOW_DEFAULTS, STEP_DEFAULTS } from '../model/defaults.ts';
import { misshapenPart } from '../model/definition-shape.ts';
import { DEFINITION_FORMAT, type FlowDefinition, type StepDefinition } from '../model/flow.ts';
import { readText, writeDurably } from './durable-files.ts';
import { definitionPath, type RunLayout } from './layout.ts';
import { guarded, StateError, type StateProblem, systemCode } from './problem.ts';

/** A definition as it was frozen. */
export interface FrozenDefinition {
  readonly revision: number;
  /** The flow's hash as `load` computes it; it leaves out where the flow lies. */
  readonly flow_hash: ContentHash;
  readonly definition: FlowDefinition;
}

/** Freezes a definition, durably. `revision` 1 is the one the run started with. */
export async function writeDefinition(run: RunLayout, frozen: FrozenDefinition): Promise<void> {
  const { revision, flow_hash } = frozen;
  const definition = { ...frozen.definition, steps: withoutDefaults(frozen.definition.steps) };
  const document = { format: DEFINITION_FORMAT, revision, flow_hash, sha256: digestOf(definition), definition };
  await writeDurably(definitionPath(run, revision), `${JSON.stringify(document)}\n`);
}

/** Reads a frozen definition; `damaged` (65) when it is lost or changed, `not_resumable` (4) when it is of another format. */
export function readDefinition(run: RunLayout, revision: number): Promise<Result<FrozenDefinition, StateProblem>> {
  const file = definitionPath(run, revision);
  return guarded(file, async () => {
    const damaged = (message: string) => new StateError({ kind: 'damaged', file, offset: null, message });
    const text = await readText(file).catch((error: unknown) => {
      throw systemCode(error) === 'ENOENT' ? damaged('the definition of the run is missing') : error;
    });
    const document = parse(text);
    if (!isJsonObject(document)) throw damaged('is no JSON object');
    const { format, flow_hash, sha256, definition } = document;
    if (typeof format === 'number' && format !== DEFINITION_FORMAT) {
      const message = `its definition has format ${format}, and this is flowctl for format ${DEFINITION_FORMAT}`;
      throw new StateError({ kind: 'not_resumable', run: run.place.id, message });
    }
    if (format !== DEFINITION_FORMAT) throw damaged(`is of format ${JSON.stringify(format)}`);
    if (typeof flow_hash !== 'string' || definition === undefined) throw damaged('is incomplete');
    if (digestOf(definition) !== sha256) throw damaged('the hash does not match');
    const whole = completed(definition);
    const problem = whole === null ? 'is no definition' : misshapenPart(whole);
    if (whole === null || problem !== null) throw damaged(problem ?? '');
    return { revision, flow_hash: contentHash(flow_hash), definition: whole };
  });
}

/** What is left out of a step on disk has its default, or was not known to the flowctl that wrote it. Null: it is no definition. */
function completed(definition: Json): FlowDefinition | null {
  if (!isJsonObject(definition) || !Array.isArray(definition['steps'])) return null;
  const steps = completedSteps(definition['steps']);
  return { ...FLOW_DEFAULTS, ...definition, steps } as unknown as FlowDefinition;
}

const DEFAULT_NAMES = Object.keys(STEP_DEFAULTS);
const DEFAULT_TEXTS = new Map<string, string>(
  Object.entries(STEP_DEFAULTS).map(([name, value]) => [name, JSON.stringify(value)]),
);

/**
 * Steps as they are written: what nothing was said about is nine tenths of a large flow. (A default that changes its meaning needs another
 * `DEFINITION_FORMAT`.) Of groups, the members as well.
 */
function withoutDefaults(steps: readonly StepDefinition[]): JsonObject[] {
  return steps.map((step) => {
    const { action } = step;
    const rest = Object.entries(step).filter(([name, value]) => !isDefault(name, value));
    const own = Object.fromEntries(rest) as JsonObject;
    return action.kind === 'group' ? { ...own, action: { ...action, steps: withoutDefaults(action.steps) } } : own;
  });
}

function isDefault(name: string, value: unknown): boolean {
  const text = DEFAULT_TEXTS.get(name);
  return text !== undefined && JSON.stringify(value) === text;
}

/** What is no list of steps stays as it is, and is found afterwards. */
function completedSteps(steps: Json | undefined): Json {
  if (!Array.isArray(steps)) return steps ?? null;
  return (steps as readonly Json[]).map((step) => {
    if (!isJsonObject(step)) return step;
    const { id = null, action, ...rest } = step;
    const isGroup = isJsonObject(action) && action['kind'] === 'group';
    if (!isGroup && DEFAULT_NAMES.every((name) => name in step)) return step;
    const whole: Json = isGroup ? { ...action, steps: completedSteps(action['steps']) } : (action ?? null);
    // What is not among the defaults stands before them, see `load/normal-form`.
    return { id, action: whole, ...(STEP_DEFAULTS as unknown as JsonObject), ...rest };
  });
}

/** Of the whole definition, so that a flipped byte is seen. */
const digestOf = (definition: unknown): string =>
  createHash('sha256')
    .update(canonicalJson(definition as Json))
    .digest('hex');

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
