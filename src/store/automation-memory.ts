/** `automations.json`: what automations remember. Written by the holder of `schedule.lock` alone. */

import { join } from 'node:path';
import type { Result } from '../base/result.ts';
import { type AutomationMemory, EMPTY_AUTOMATION_MEMORY, readAutomationMemory } from '../model/automation-memory.ts';
import { DurableFile } from './documents.ts';
import type { StateLayout } from './layout.ts';
import { guarded, type StateProblem } from './problem.ts';

const pathOf = (state: StateLayout): string => join(state.root, 'automations.json');

/** Reads it; of a project that has had no automations nothing is remembered. */
export function readAutomations(state: StateLayout): Promise<Result<AutomationMemory, StateProblem>> {
  const path = pathOf(state);
  const file = new DurableFile(path, readAutomationMemory);
  return guarded(path, async () => (await file.read()) ?? EMPTY_AUTOMATION_MEMORY);
}

/** Writes it, durably. */
export function writeAutomations(state: StateLayout, memory: AutomationMemory): Promise<Result<void, StateProblem>> {
  const path = pathOf(state);
  return guarded(path, () => new DurableFile(path, readAutomationMemory).write(memory));
}
