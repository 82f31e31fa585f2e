/** A config, a profile, a secret, a limit, handlers, and needs that follow from files. */

import { cpSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunDetail } from '../../src/model/view.ts';
import { Rig } from '../kit/rig.ts';

const EXAMPLE = resolve(import.meta.dirname, '../../examples/project');

describe('examples/project', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
    cpSync(EXAMPLE, rig.folder, { recursive: true, filter: (path) => !path.includes('.flowctl/') });
  });
  afterEach(() => rig.remove());

  it('runs as its README says', async () => {
    const first = await rig.flowctl('run', 'flows/nightly.yaml');
    expect(first.code, first.stdout + first.stderr).toBe(0);
    expect(await rig.query<RunDetail>('show')).toMatchObject({ name: '100 rows, eu', outputs: { rows: '100' } });
    expect((await rig.flowctl('logs', 'load')).stdout).toBe('loaded with ***\n');
    expect((await rig.flowctl('logs', 'finally[0]')).stdout).toBe('nightly succeeded in eu\n');
    const prod = await rig.flowctl('run', 'flows/nightly.yaml', '--profile', 'prod');
    expect(prod.code, prod.stdout + prod.stderr).toBe(0);
    expect(await rig.query<RunDetail>('show')).toMatchObject({ name: '10000 rows, us', outputs: { rows: '10000' } });
    expect((await rig.flowctl('graph', 'flows/nightly.yaml')).stdout).toContain('reads files of make');
  });
});
