/**
 * What deployments run: definitions and compiled modules by the hash of their content, under `deployments/`. Written once each, and
 * never changed: a version that ran can run again.
 */

import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContentHash, contentHash } from '../base/ids.ts';
import { canonicalJson, isJsonObject, type Json } from '../base/json.ts';
import type { Result } from '../base/result.ts';
import type { FlowDefinition } from '../model/flow.ts';
import { DIRECTORY_MODE, readText, writeDurably } from './durable-files.ts';
import type { StateLayout } from './layout.ts';
import { secureDirectory } from './permissions.ts';
import { guarded, StateError, type StateProblem, systemCode, unwrap } from './problem.ts';

const FORMAT = 'flowctl-deployed-1';

/** A flow as it was deployed. */
export interface DeployedFlow {
  /** As `load` computes it. */
  readonly flow_hash: ContentHash;
  readonly definition: FlowDefinition;
}

/** Where all of it lies. */
export const deployedFolder = (state: StateLayout): string => join(state.root, 'deployments');
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

async function securedFolder(state: StateLayout): Promise<string> {
  const folder = deployedFolder(state);
  await mkdir(folder, { recursive: true, mode: DIRECTORY_MODE });
  unwrap(await secureDirectory(folder, 'refused'));
  return folder;
}

/** Keeps a compiled module. @param code ESM that does not depend on where it lies. @returns its absolute path. */
export function keepModule(state: StateLayout, code: string): Promise<Result<string, StateProblem>> {
  return guarded(deployedFolder(state), async () => {
    const file = join(await securedFolder(state), `${hashOf(code)}.mjs`);
    if ((await readText(file).catch(() => null)) !== code) await writeDurably(file, code);
    return file;
  });
}

/** Keeps a definition. @returns the hash that it is found by. */
export function keepFlow(state: StateLayout, flow: DeployedFlow): Promise<Result<ContentHash, StateProblem>> {
  return guarded(deployedFolder(state), async () => {
    const { flow_hash, definition } = flow;
    const content = canonicalJson({ flow_hash, definition } as unknown as Json);
    const hash = hashOf(content);
    const file = join(await securedFolder(state), `${hash}.json`);
    const known = await readText(file).catch(() => null);
    const text = `${JSON.stringify({ format: FORMAT, flow_hash, definition })}\n`;
    if (known !== text) await writeDurably(file, text);
    return contentHash(hash);
  });
}

/** Reads a kept definition; `damaged` (65) when it is lost or not what was kept. */
export function readKeptFlow(state: StateLayout, hash: ContentHash): Promise<Result<DeployedFlow, StateProblem>> {
  const file = join(deployedFolder(state), `${hash}.json`);
  return guarded(file, async () => {
    const damaged = (message: string) => new StateError({ kind: 'damaged', file, offset: null, message });
    const text = await readText(file).catch((error: unknown) => {
      throw systemCode(error) === 'ENOENT' ? damaged('the definition of the deployment is missing') : error;
    });
    let document: Json;
    try {
      document = JSON.parse(text) as Json;
    } catch {
      throw damaged('is no JSON');
    }
    if (!isJsonObject(document) || document['format'] !== FORMAT) throw damaged('is no deployed flow');
    const { flow_hash = null, definition = null } = document;
    if (hashOf(canonicalJson({ flow_hash, definition })) !== hash) throw damaged('the hash does not match');
    return { flow_hash: contentHash(String(flow_hash)), definition: definition as unknown as FlowDefinition };
  });
}
