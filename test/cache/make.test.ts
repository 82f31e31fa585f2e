/** Steps with `sources` and `generates` are made again exactly when GNU make would make their targets again. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, utimesSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Desk } from './desk.ts';

/** Files `s0`... are written by hand, `t0`... are made, each of sources and of those made before it. */
interface Graph {
  readonly sources: number;
  readonly targets: readonly { readonly name: string; readonly of: readonly string[] }[];
}

const graph: fc.Arbitrary<Graph> = fc
  .record({ sources: fc.integer({ min: 1, max: 5 }), targets: fc.integer({ min: 1, max: 8 }) })
  .chain(({ sources, targets }) => {
    const target = (index: number) => {
      const names = [
        ...Array.from({ length: sources }, (_, number) => `s${number}`),
        ...Array.from({ length: index }, (_, number) => `t${number}`),
      ];
      return fc.subarray(names, { minLength: 1 }).map((of) => ({ name: `t${index}`, of }));
    };
    const all = fc.tuple(...Array.from({ length: targets }, (_, index) => target(index)));
    return all.map((made) => ({ sources, targets: made }));
  });

/** Other content makes other content, so that make's times and our hashes mean the same. */
const made = (desk: Desk, name: string, of: readonly string[]): string =>
  createHash('sha256')
    .update([name, ...of.map((file) => desk.read(file) ?? '')].join('\n'))
    .digest('hex');

describe('against GNU make', () => {
  it('the same steps run after any edits', async () => {
    const edits = fc.array(fc.array(fc.nat({ max: 4 }), { maxLength: 2 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(graph, edits, async (shape, rounds) => {
        const desk = new Desk();
        try {
          await play(desk, shape, rounds);
        } finally {
          desk.remove();
        }
      }),
      { numRuns: 60 },
    );
  });
});

async function play(desk: Desk, { sources, targets }: Graph, rounds: readonly (readonly number[])[]): Promise<void> {
  const rules = targets.map(({ name, of }) => `${name}: ${of.join(' ')}\n\t@echo ${name} >> made\n\t@touch ${name}\n`);
  desk.write('make/Makefile', `all: ${targets.map(({ name }) => name).join(' ')}\n${rules.join('')}`);
  let second = 1_600_000_000;
  const write = (name: string, text: string): void => {
    desk.write(name, text);
    desk.write(`make/${name}`, text);
    // make compares times: every edit is later than all that was made before it.
    second += 10;
    utimesSync(desk.path(`make/${name}`), second, second);
  };
  for (let index = 0; index < sources; index += 1) write(`s${index}`, `first ${index}`);
  for (const [round, edited] of [[], ...rounds].entries()) {
    for (const index of edited) write(`s${index % sources}`, `edited in round ${round}`);
    desk.newRun();
    const ours: string[] = [];
    for (const { name, of } of targets) {
      const asked = { step: name, sources: of, generates: [name] };
      const { ran } = await desk.perform(asked, () => {
        desk.write(name, made(desk, name, of));
        return null;
      });
      if (ran) ours.push(name);
    }
    expect(ours.sort()).toEqual(
      byMake(desk, () => {
        second += 10;
        for (const { name } of targets) {
          if (isMade(desk, name)) utimesSync(desk.path(`make/${name}`), second, second);
        }
      }),
    );
  }
}

const isMade = (desk: Desk, name: string): boolean => (desk.read('make/made') ?? '').split('\n').includes(name);

/** @param settle gives what was made the same time, later than all sources and not later than itself: an order by rules, not by luck. */
function byMake(desk: Desk, settle: () => void): readonly string[] {
  rmSync(desk.path('make/made'), { force: true });
  execFileSync('make', ['-s', '-C', desk.path('make'), 'all'], { stdio: ['ignore', 'ignore', 'inherit'] });
  settle();
  const text = desk.read('make/made') === null ? '' : readFileSync(desk.path('make/made'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}
