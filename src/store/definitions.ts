/** The definition of a run, frozen: `flow.json`, and `flow.2.json` and on where a resume took over edits. Written once each. */

import { createHash } from 'node:crypto';
import { type ContentHash, contentHash } from '../base/ids.ts';
import { canonicalJson, isJsonObject, type Json, type JsonObject } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import { FLOW_DEFAULTS, STEP_DEFAULTS } from '../model/defaults.ts';
import { misshapenPart } from '../model/definition-shape.ts';
import { DEFINITION_FORMAT, type FlowDefinition } from '../model/flow.ts';
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
  const { revision, flow_hash, definition } = frozen;
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

/** A definition as an older flowctl wrote it, which knew fewer members: what it did not know has its default. Null: it is none. */
function completed(definition: Json): FlowDefinition | null {
  if (!isJsonObject(definition) || !Array.isArray(definition['steps'])) return null;
  const steps = completedSteps(definition['steps']);
  return { ...FLOW_DEFAULTS, ...definition, steps } as unknown as FlowDefinition;
}

const DEFAULT_NAMES = Object.keys(STEP_DEFAULTS);

/** What is no list of steps stays as it is, and is found afterwards. */
function completedSteps(steps: Json | undefined): Json {
  if (!Array.isArray(steps)) return steps ?? null;
  return (steps as readonly Json[]).map((step) => {
    if (!isJsonObject(step)) return step;
    const { action } = step;
    const isGroup = isJsonObject(action) && action['kind'] === 'group';
    if (!isGroup && DEFAULT_NAMES.every((name) => name in step)) return step;
    const whole: Json = isGroup ? { ...action, steps: completedSteps(action['steps']) } : (action ?? null);
    return { ...(STEP_DEFAULTS as unknown as JsonObject), ...step, action: whole };
  });
}

/** Of the whole definition, so that a flipped byte is seen. */
const digestOf = (definition: FlowDefinition | Json): string =>
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
