/** A flow function under kill -9 at random times, also while it resumes: it ends as it does undisturbed, and no recorded success runs twice. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../src/model/event.ts';
import type { RunDetail, RunRow } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';

const at = useCase();

const FLOW = `
import { appendFileSync } from 'node:fs';
import { context, flow, sh, task } from 'flowctl';
const step = task('step', { retry: 3 }, async (n: number) => {
  await new Promise((done) => setTimeout(done, Math.random() * 20));
  return n + 1;
});
const odd = task('odd', async (n: number) => { if (n % 2 === 1) throw new Error('odd'); return n; });
const outer = task('outer', async (n: number) => (await step(n)) + (await step(n * 2)));
export default flow('killed', async () => {
  const id = context().uuid();
  const chains = await Promise.all([1, 2, 3, 4].map(async (n) => {
    let value = n;
    for (let round = 0; round < 3; round += 1) {
      value = await step(value);
      try { value += await odd(value); } catch { value += 1; }
    }
    return value;
  }));
  const mapped = await step.map(chains);
  const printed = await sh.with({ output: 'text' })\`printf %s \${String(mapped.length)}\`;
  await context().sleep('30ms');
  return { chains, mapped, printed, outer: await outer(mapped[0] ?? 0), length: id.length };
});
`;

const ATTEMPT = 'attempt.started';

/** The attempts that were started of steps that had succeeded before. */
function repeated(events: readonly RunEvent[]): readonly string[] {
  const done = new Set<string>();
  return events.flatMap((event) => {
    if (event.type === 'attempt.finished' && event.outcome === 'succeeded') done.add(event.step);
    return event.type === ATTEMPT && done.has(event.step) ? [event.step as string] : [];
  });
}

describe('a flow function under kill -9', () => {
  it.each([1, 2, 3, 4])('ends as it does undisturbed (%i)', async () => {
    at.mayLeaveStrays();
    at.rig.write('flow.ts', FLOW);
    expect(await at.rig.flowctl('run', 'flow.ts', '-q')).toMatchObject({ code: 0 });
    const reference = await at.rig.query<RunDetail>('show');
    await at.rig.flowctl('delete', reference.id);
    for (let kill = 0; kill < 4; kill += 1) {
      const runs = await at.rig.query<readonly RunRow[]>('runs');
      const began = runs.length > 0;
      const started = at.rig.start(began ? ['resume', '-q'] : ['run', 'flow.ts', '-q']);
      const timer = setTimeout(() => started.process.kill('SIGKILL'), 150 + Math.random() * 450);
      await started.ended;
      clearTimeout(timer);
    }
    const began = (await at.rig.query<readonly RunRow[]>('runs')).length > 0;
    expect(await at.rig.flowctl(...(began ? ['resume'] : ['run', 'flow.ts']))).toMatchObject({ code: 0 });
    const ended = await at.rig.query<RunDetail>('show');
    expect(ended.state).toBe('succeeded');
    expect(ended.outputs).toEqual(reference.outputs);
    const lines = readFileSync(at.rig.path('.flowctl', 'runs', ended.id, 'journal.ndjson'), 'utf8')
      .trimEnd()
      .split('\n');
    expect(repeated(lines.slice(1).map((line) => JSON.parse(line) as RunEvent))).toEqual([]);
  });
});
