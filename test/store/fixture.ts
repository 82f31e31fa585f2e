/** A temporary state directory for one test file; with the sample runs that go into it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { StateLayout } from '../../src/store/layout.ts';
import { openState } from '../../src/store/open.ts';
import { expectOk } from './sample-runs.ts';

export * from './sample-runs.ts';

const made: string[] = [];

/** A fresh folder, removed after the test file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flowctl-store-'));
  made.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A state directory in a fresh folder. */
export const freshState = async (): Promise<StateLayout> =>
  expectOk(await openState(join(temporaryFolder(), '.flowctl')));
