/** Random flow functions: drawn as data, and a module that carries the data out with everything a flow can call. */

import { between, chance, type Draw, oneOf } from '../kit/seeded.ts';

/** What a function does. Whatever it is, its result does not depend on which call ends first. */
export type Program =
  | { readonly kind: 'call'; readonly task: 'quick' | 'slow' | 'flaky' | 'hooked' | 'outer' }
  | { readonly kind: 'map'; readonly count: number; readonly width: number; readonly tolerates: boolean }
  | { readonly kind: 'chain' | 'all' | 'pool'; readonly parts: readonly Program[] }
  | { readonly kind: 'caught'; readonly parts: readonly Program[] }
  | { readonly kind: 'transaction'; readonly id: string; readonly count: number; readonly inner: Program }
  | { readonly kind: 'child'; readonly inner: Program }
  | { readonly kind: 'left'; readonly part: Program }
  | { readonly kind: 'sleep' | 'approval' | 'command' | 'draw' | 'race' };

/** Draws one that does a few things, one after the other. */
export const drawProgram = (draw: Draw): Program => ({
  kind: 'chain',
  parts: Array.from({ length: between(draw, 2, 5) }, () => drawPart(draw, 3)),
});

function drawPart(draw: Draw, depth: number): Program {
  const parts = (least: number, most: number): readonly Program[] =>
    Array.from({ length: between(draw, least, most) }, () => drawPart(draw, depth - 1));
  if (depth === 0 || chance(draw, 0.2)) return drawLeaf(draw);
  switch (oneOf(draw, ['chain', 'chain', 'all', 'pool', 'caught', 'transaction', 'transaction', 'child', 'left'])) {
    case 'chain':
      return { kind: 'chain', parts: parts(2, 4) };
    case 'all':
      return { kind: 'all', parts: parts(2, 3) };
    case 'pool':
      return { kind: 'pool', parts: parts(2, 4) };
    case 'caught':
      return { kind: 'caught', parts: parts(1, 2) };
    case 'transaction': {
      const id = String(Math.floor(draw() * 1e9));
      return { kind: 'transaction', id, count: between(draw, 1, 3), inner: drawPart(draw, depth - 1) };
    }
    case 'child':
      return { kind: 'child', inner: drawPart(draw, depth - 1) };
    default:
      return { kind: 'left', part: drawPart(draw, 0) };
  }
}

function drawLeaf(draw: Draw): Program {
  const kind = oneOf(draw, [
    ...(['call', 'call', 'call', 'map', 'map'] as const),
    ...(['sleep', 'approval', 'command', 'draw', 'race'] as const),
  ]);
  switch (kind) {
    case 'call':
      return { kind, task: oneOf(draw, ['quick', 'slow', 'flaky', 'hooked', 'outer', 'outer'] as const) };
    case 'map':
      return { kind, count: between(draw, 0, 5), width: between(draw, 1, 3), tolerates: chance(draw, 0.4) };
    default:
      return { kind };
  }
}

/**
 * The module that runs a program. Keys, and so messages of errors, depend on the order of what runs at once; results do not. Every attempt leaves the line `run step` in the file `$EFFECTS`, before anything else; a task's result
 * follows from its argument alone.
 */
export const moduleOf = (program: Program): string => `
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { context, flow, map, sh, task, transaction } from 'flowctl';

const PROGRAM = ${JSON.stringify(program)};
const digest = (value: unknown): string => createHash('md5').update(JSON.stringify(value)).digest('hex').slice(0, 6);
const note = (): void => appendFileSync(process.env['EFFECTS'] ?? '', \`\${context().run} \${context().step}\\n\`);
const pause = (): Promise<unknown> => new Promise((done) => setTimeout(done, Math.random() * 25));

const quick = task('quick', async (value: string) => { note(); return digest(['quick', value]); });
const slow = task('slow', async (value: string) => { note(); await pause(); return digest(['slow', value]); });
const flaky = task('flaky', { retry: { max: 9, delay: '5ms' } }, async (value: string) => {
  note();
  const { run_dir, step } = context();
  const mark = \`\${run_dir}/\${digest(step)}\`;
  if (!existsSync(mark)) { writeFileSync(mark, ''); throw new Error('not yet'); }
  await pause();
  return digest(['flaky', value]);
});
const bad = task('bad', async (value: string) => { note(); await pause(); throw new RangeError(value); });
const hook = async (): Promise<void> => { note(); await pause(); };
const hooked = task('hooked', { onSuccess: hook }, async (value: string) => { note(); return digest(['hooked', value]); });
const doomed = task('doomed', { onFailure: hook }, async (value: string) => { note(); throw new RangeError(value); });
const item = task('item', { onSuccess: hook }, async (value: string, index: number, tolerates: boolean) => {
  note();
  await pause();
  if (tolerates && index % 3 === 1) throw new RangeError(value);
  return digest(['item', value, index]);
});
const outer = task('outer', async (value: string) => {
  note();
  const [one, other] = await Promise.all([slow(value), quick(value)]);
  let last = await slow(one);
  for (let round = 0; round < 3; round += 1) last = await slow(last);
  return digest(['outer', one, other, last]);
});
const undoable = task('undoable', { onRollback: hook }, async (value: string) => { note(); return digest(['undoable', value]); });

async function perform(part: any, before: string): Promise<string> {
  switch (part.kind) {
    case 'call': {
      const tasks = { quick, slow, flaky, hooked, outer };
      return tasks[part.task as keyof typeof tasks](before);
    }
    case 'map': {
      const items = Array.from({ length: part.count }, (_, index) => index);
      const args = (index: number) => [before, index, part.tolerates] as [string, number, boolean];
      return digest(await item.map(items, { args, maxParallel: part.width, tolerate: part.tolerates ? '100%' : 0 }));
    }
    case 'chain': {
      let value = before;
      for (const each of part.parts) value = await perform(each, value);
      return value;
    }
    case 'all':
      return digest(await Promise.all(part.parts.map((each: any, index: number) => perform(each, digest([index, before])))));
    case 'pool':
      return digest(await map(part.parts, (each: any, index) => perform(each, digest([index, before])), { maxParallel: 2 }));
    case 'caught':
      try {
        const [first, ...rest] = part.parts;
        const value = await perform(first, before);
        if (rest.length > 0) await bad(value);
        return await doomed(value);
      } catch (error) {
        return part.parts.length === 1 ? digest([(error as any).thrown, before]) : perform(part.parts[1], before);
      }
    case 'transaction':
      try {
        return await transaction(async () => {
          let value = before;
          for (let index = 0; index < part.count; index += 1) value = await undoable.with({ key: \`\${part.id}-\${index}\` })(value);
          await perform(part.inner, value);
          return bad(value);
        });
      } catch (error) {
        return digest([(error as any).code, before]);
      }
    case 'child':
      return child({ part: part.inner, before });
    case 'left':
      void perform(part.part, before);
      return before;
    case 'sleep':
      await context().sleep('15ms');
      return before;
    case 'approval':
      await context().approval({ message: 'well?', timeout: '20ms', onTimeout: 'approve' });
      return before;
    case 'command':
      return sh.with({ output: 'text' })\`echo "$FLOWCTL_RUN_ID $FLOWCTL_STEP" >> "$EFFECTS"; printf %s \${before}\`;
    case 'draw':
      await quick(\`\${context().now()} \${context().random()} \${context().uuid()}\`);
      return before;
    default: {
      const first = await Promise.race([slow(before).then(() => 'one'), slow(before).then(() => 'other')]);
      await quick(first);
      return before;
    }
  }
}

const child = flow('child', { params: { part: { type: 'object' }, before: { type: 'string' } } }, async ({ part, before }) =>
  perform(part, before as string));

export default flow('tortured', { maxParallel: 4 }, async () => {
  console.log('from the function itself');
  return perform(PROGRAM, 'begin');
});
`;
