/** `flowctl cache`. */

import { describe, expect, it } from 'vitest';
import { Desk } from '../cache/desk.ts';
import { useCase } from '../kit/case.ts';

const given = useCase();

/** Results as a run keeps them, in the project of the case. */
async function keep(step: string, text: string): Promise<void> {
  const { rig } = given;
  const desk = new Desk();
  try {
    desk.newRun({ folder: rig.path('.flowctl/cache') });
    await desk.perform({ step, cache: { key: text, ttl_ms: null } }, () => text.repeat(100_000));
  } finally {
    desk.remove();
  }
}

describe('flowctl cache', () => {
  it('lists what is kept', async () => {
    const { rig } = given;
    rig.write('flow.yaml', 'name: x\nsteps: { a: { run: "true" } }\n');
    expect((await rig.flowctl('cache')).stdout).toBe('nothing is kept\n');
    await rig.flowctl('run', 'flow.yaml');
    await keep('build', 'a');
    await keep('load[0]', 'b');
    const { stdout } = await rig.flowctl('cache', 'ls');
    expect(stdout).toMatch(/^FLOW +STEP +RESULTS +SIZE +MADE +USED\nflow\.yaml +build +1 +97\.7 KiB +.* ago\n/);
    expect(stdout).toMatch(/KiB in all\n$/);
    const listed = await rig.query<{ steps: { step: string }[] }>('cache', 'ls', 'flow.yaml', '--step', 'load');
    expect(listed.steps.map(({ step }) => step)).toEqual(['load[0]']);
  });

  it('clears and prunes', async () => {
    const { rig } = given;
    rig.write('flow.yaml', 'name: x\nsteps: { a: { run: "true" } }\n');
    await rig.flowctl('run', 'flow.yaml');
    for (const step of ['a', 'b', 'c']) await keep(step, step);
    expect((await rig.flowctl('cache', 'prune', '--older-than', '1h')).stdout).toBe('removed 0 results, 0 B\n');
    expect((await rig.flowctl('cache', 'clear', 'flow.yaml', '--step', 'b')).stdout).toMatch(
      /^removed 1 result, 9\d\./,
    );
    expect((await rig.flowctl('cache', 'prune', '--older-than', '0')).stdout).toMatch(/^removed 2 results, /);
    expect((await rig.flowctl('cache')).stdout).toBe('nothing is kept\n');
  });

  it('refuses what it does not know', async () => {
    const { rig } = given;
    const wrong = await rig.flowctl('cache', 'clean');
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.stderr).toContain('did you mean `clear`?');
    expect((await rig.flowctl('cache', 'ls', '--older-than', '1d')).code).toBe(2);
    expect((await rig.flowctl('cache', 'prune', '--older-than', 'old')).code).toBe(2);
    expect((await rig.flowctl('cache', 'clear', 'gone.yaml')).code).toBe(4);
  });
});

describe('flowctl run --force', () => {
  it('refuses a step that there is not', async () => {
    const { rig } = given;
    rig.write('flow.yaml', 'name: x\nsteps: { build: { run: "true" } }\n');
    const wrong = await rig.flowctl('run', 'flow.yaml', '--force', 'buid');
    expect(wrong).toMatchObject({ code: 4 });
    expect(wrong.stderr).toContain('did you mean `build`?');
    expect((await rig.flowctl('run', 'flow.yaml', '--force', 'build[0],build/x', '--no-cache')).code).toBe(0);
  });
});
