/** What is deployed: the document of the project, and every definition and module that its versions name. */

import { createHash } from 'node:crypto';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Deployment } from '../../model/deployment.ts';
import { modulesOf } from '../../model/flow-modules.ts';
import { deployedFolder, readKeptFlow } from '../deployed-flows.ts';
import { isTemporaryName, readText } from '../durable-files.ts';
import type { StateLayout } from '../layout.ts';
import { type StateProblem, systemCode } from '../problem.ts';
import { backupPath, projectDocumentPath, readProjectDocument } from '../project-document.ts';
import { memoryPath, readMemory } from '../trigger-memory.ts';
import { leftover, lookAt, pathsIn } from './entries.ts';
import { readVars, varsPath } from '../vars.ts';
import { type Finding, finding, type Severity } from './finding.ts';

/** A file that is younger may be one that somebody is just writing. */
const YOUNG_MS = 60_000;
const MODULE = /^([0-9a-f]{64})\.mjs$/;

/** Looks at all of it. @param now milliseconds since the epoch. */
export async function checkDeployments(state: StateLayout, now: number): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const modules = await checkKept(deployedFolder(state), now, findings);
  const document = await readProjectDocument(state);
  if (!document.ok) {
    const [severity, code] = kindOf(document.error);
    const details = { file: projectDocumentPath(state), help: await helpFrom(backupPath(state)) };
    return [...findings, finding(severity, code, messageOf(document.error), details)];
  }
  for (const deployment of Object.values(document.value.deployments)) {
    findings.push(...(await checkVersions(state, deployment, modules)));
    findings.push(...(await checkTriggers(state, deployment)));
  }
  return findings;
}

/** Looks at the values that are kept across runs. */
export async function checkVars(state: StateLayout): Promise<readonly Finding[]> {
  const read = await readVars(state);
  if (read.ok) return [];
  const [severity, code] = kindOf(read.error);
  const file = varsPath(state);
  const help = `no run begins until it is mended, or removed with all values: rm ${file}`;
  return [finding(severity, code, messageOf(read.error), { file, help })];
}

const kindOf = ({ kind }: StateProblem): readonly [severity: Severity, code: string] =>
  kind === 'damaged' ? ['damage', 'damaged'] : ['warning', 'unreadable'];

const messageOf = (problem: StateProblem): string => ('message' in problem ? problem.message : 'cannot be read');

const helpFrom = async (backup: string): Promise<string | null> =>
  (await lstat(backup).catch(() => null)) === null ? null : `what it was before its last change: ${backup}`;

/** The files of the folder. @returns the paths of the modules in it that are what was kept. */
async function checkKept(folder: string, now: number, findings: Finding[]): Promise<ReadonlySet<string>> {
  const whole = new Set<string>();
  for (const { name, path } of await pathsIn(folder)) {
    const entry = await lookAt(path, null, (found) => findings.push(found));
    if (entry?.kind !== 'file') continue;
    if (isTemporaryName(name) && now - entry.changedMs > YOUNG_MS)
      findings.push(leftover(path, 'a file that was never finished'));
    const hash = MODULE.exec(name)?.[1];
    if (hash !== undefined && (await hashOf(path)) === hash) whole.add(path);
  }
  return whole;
}

/** Null: it is gone, or no file. */
async function hashOf(path: string): Promise<string | null> {
  try {
    return createHash('sha256')
      .update(await readText(path))
      .digest('hex');
  } catch (error) {
    if (systemCode(error) === null) throw error;
    return null;
  }
}

/** What is remembered of its triggers. */
async function checkTriggers(state: StateLayout, { name, triggers = [] }: Deployment): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const help =
    'until then this trigger begins no runs; without the file it forgets what it knew: what is there since it was deployed begins runs again';
  for (const { id } of triggers) {
    const memory = await readMemory(state, id);
    if (memory.ok) continue;
    const [severity, code] = kindOf(memory.error);
    const message = `what is remembered of a trigger of ${name} ${messageOf(memory.error)}`;
    findings.push(finding(severity, code, message, { file: memoryPath(state, id), help }));
  }
  return findings;
}

async function checkVersions(
  state: StateLayout,
  { name, versions }: Deployment,
  modules: ReadonlySet<string>,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const folder = deployedFolder(state);
  const help = `deploy it again: flowctl deploy <flow> --name ${name}; runs of this version cannot be started`;
  for (const { version, hash } of versions) {
    const lost = (file: string, message: string): void => {
      findings.push(finding('damage', 'damaged', `${message} (${name}, version ${version})`, { file, help }));
    };
    const kept = await readKeptFlow(state, hash);
    if (!kept.ok) {
      lost(join(folder, `${hash}.json`), messageOf(kept.error));
      continue;
    }
    for (const module of modulesOf(kept.value.definition)) {
      if (!modules.has(module)) lost(module, 'a module of the deployment is missing, or not what was kept');
    }
  }
  return findings;
}
