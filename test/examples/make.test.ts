/** The whole program beside GNU make: flows and makefiles of the same random graphs of files, run after each edit, do the same. */

import { execFileSync } from 'node:child_process';
import { rmSync, utimesSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Rig } from '../kit/rig.ts';

/** `s0`... are written by hand; `t0`... are made, each of sources and of what stands before it. */
interface Graph {
  readonly sources: number;
  readonly targets: readonly (readonly string[])[];
}

const numbered = (letter: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `${letter}${index}`);

const graphs: fc.Arbitrary<Graph> = fc
  .record({ sources: fc.integer({ min: 1, max: 4 }), targets: fc.integer({ min: 2, max: 7 }) })
  .chain(({ sources, targets }) => {
    const files = (index: number) =>
      fc.subarray([...numbered('s', sources), ...numbered('t', index)], { minLength: 1 });
    return fc
      .tuple(...numbered('t', targets).map((_, index) => files(index)))
      .map((made) => ({ sources, targets: made }));
  });

/** What a target is made of is what it holds, so another source makes another target. */
const flowOf = ({ targets }: Graph): string =>
  // The last one first: the order follows from the files.
  `name: files\nsteps:\n${targets
    .map(
      (of, index) =>
        `  t${index}: { sources: [${of.join(', ')}], generates: t${index}, run: "cat ${of.join(' ')} | sha256sum > t${index}; echo t${index} >> ran", shell: bash }\n`,
    )
    .reverse()
    .join('')}`;

const makefileOf = ({ targets }: Graph): string =>
  `all: ${numbered('t', targets.length).join(' ')}\n${targets
    .map((of, index) => `t${index}: ${of.join(' ')}\n\t@touch t${index}; echo t${index} >> ran\n`)
    .join('')}`;

it('the steps that run after an edit are those that make makes again', async () => {
  const edits = fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 2 });
  await fc.assert(
    fc.asyncProperty(graphs, edits, async (graph, edited) => {
      const rig = new Rig();
      try {
        rig.write('flow.yaml', flowOf(graph));
        rig.write('make/Makefile', makefileOf(graph));
        // make goes by times: each round is later than the one before, and what is made is later than what was written.
        let second = 1_600_000_000;
        const round = async (names: readonly string[], text: string): Promise<void> => {
          second += 10;
          for (const name of names) {
            rig.write(name, `${name} ${text}`);
            utimesSync(rig.write(`make/${name}`, text), second, second);
          }
          for (const folder of ['', 'make/']) rmSync(rig.path(`${folder}ran`), { force: true });
          const { code, stdout, stderr } = await rig.flowctl('run', 'flow.yaml', '-q');
          expect(code, stdout + stderr).toBe(0);
          execFileSync('make', ['-s', '-C', rig.path('make'), 'all']);
          const made = rig.effects('make/ran');
          second += 10;
          for (const name of made) utimesSync(rig.path('make', name), second, second);
          const ran = rig.effects('ran');
          expect([...ran].sort()).toEqual([...made].sort());
          // Each after those whose files it reads.
          for (const [place, name] of ran.entries())
            for (const of of graph.targets[Number(name.slice(1))] ?? []) expect(ran.slice(place)).not.toContain(of);
        };
        await round(numbered('s', graph.sources), 'first');
        await round([], '');
        for (const [index, edit] of edited.entries()) await round([`s${edit % graph.sources}`], `edit ${index}`);
      } finally {
        rig.remove();
      }
    }),
    { numRuns: 6 },
  );
});
