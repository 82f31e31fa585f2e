/** Given steps that generate and read files, when nobody wrote `needs`, then the readers come after the makers. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesPath, parseGlob, samplePath } from '../../src/base/glob-pattern.ts';
import type { StepDefinition } from '../../src/model/flow.ts';
import { load } from './flow-file.ts';

async function stepsOf(yaml: string): Promise<readonly StepDefinition[]> {
  const result = await load(yaml);
  if (result.kind !== 'loaded') throw new Error(JSON.stringify(result));
  return result.definition.steps;
}

const needsOf = (steps: readonly StepDefinition[]): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    steps.map(({ id, needs, inferred_needs: files }) => [
      id,
      needs.map((need) => (files.includes(need) ? `~${need}` : need)),
    ]),
  );

describe('needs that follow from files', () => {
  it.each([
    ['the same path', 'out/a.csv', 'out/a.csv'],
    ['a path that a glob means', 'out/a.csv', 'out/*.csv'],
    ['a glob that means the path', 'out/*.csv', 'out/a.csv'],
    ['globs that overlap', 'out/*.csv', 'out/**'],
    ['alternatives', 'out/{a,b}.csv', 'out/b.csv'],
    ['a path that is written in another way', './out/a.csv', 'out//a.csv'],
  ])('join %s', async (_, made, read) => {
    const steps = await stepsOf(`steps: { r: { run: x, sources: "${read}" }, m: { run: x, generates: "${made}" } }\n`);
    expect(needsOf(steps)).toEqual({ r: ['~m'], m: [] });
  });

  it.each([
    ['another path', 'out/a.csv', '[out/b.csv]'],
    ['what is taken out', 'out/a.csv', '["out/*.csv", "!out/a.*"]'],
    ['another folder', 'out/a.csv', '["*.csv"]'],
  ])('leave %s alone', async (_, made, read) => {
    const steps = await stepsOf(`steps: { r: { run: x, sources: ${read} }, m: { run: x, generates: "${made}" } }\n`);
    expect(needsOf(steps)).toEqual({ r: [], m: [] });
  });

  it('are added only where no path of needs joins the two', async () => {
    const steps = await stepsOf(
      [
        'steps:',
        '  a: { run: x, generates: a }',
        '  b: { run: x, needs: a }',
        '  c: { run: x, needs: b, sources: a, generates: c }',
        '  d: { run: x, sources: [a, c] }',
      ].join('\n'),
    );
    expect(needsOf(steps)).toEqual({ a: [], b: ['a'], c: ['b'], d: ['~a', '~c'] });
  });

  it('count from the working directory, and join the groups that the steps stand in', async () => {
    const steps = await stepsOf(
      [
        'steps:',
        '  report: { run: x, workdir: out, sources: "*.html" }',
        '  build:',
        '    workdir: src',
        '    steps:',
        '      page: { run: x, generates: ../out/index.html }',
        '      check: { run: x, sources: ../out/index.html }',
      ].join('\n'),
    );
    expect(needsOf(steps)).toEqual({ report: ['~build'], build: [] });
    const [, group] = steps;
    expect(group?.action.kind === 'group' && needsOf(group.action.steps)).toEqual({ page: [], check: ['~page'] });
  });

  it('let expressions refer to the maker, as written needs do', async () => {
    const yaml = 'steps: { m: { run: x, generates: a }, r: { run: [echo, "${{ steps.m.outputs.n }}"], sources: a } }\n';
    expect(needsOf(await stepsOf(yaml))).toEqual({ m: [], r: ['~m'] });
  });

  it('never make a cycle: the one that would is a warning', async () => {
    const result = await load(
      'steps: { a: { run: x, sources: b, generates: a }, b: { run: x, sources: a, generates: b } }\n',
    );
    if (result.kind !== 'loaded') throw new Error('refused');
    expect(needsOf(result.definition.steps)).toEqual({ a: ['~b'], b: [] });
    expect(result.warnings.map(({ code }) => code)).toEqual(['file_cycle']);
  });

  it('are found in long chains without taking long', async () => {
    const lines = Array.from({ length: 2_000 }, (_, i) => `  s${i}: { run: x, sources: f${i}, generates: f${i + 1} }`);
    const began = performance.now();
    const steps = await stepsOf(`steps:\n${lines.join('\n')}\n`);
    expect(steps.filter(({ inferred_needs: files }) => files.length === 1)).toHaveLength(1_999);
    expect(performance.now() - began).toBeLessThan(20_000);
  });

  it.each([
    [
      'many makers and readers of one file',
      Array.from({ length: 600 }, (_, i) => `  m${i}: { run: x, generates: "a*" }\n  r${i}: { run: x, sources: "a*" }`),
    ],
    [
      'braces that stand for many',
      Array.from(
        { length: 2_000 },
        (_, i) => `  s${i}: { run: x, sources: "${'{a,b}'.repeat(9)}", generates: "${'{a,b}'.repeat(9)}" }`,
      ),
    ],
  ])('are bounded: %s', async (_, lines) => {
    const began = performance.now();
    await load(`steps:\n${lines.join('\n')}\n`);
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});

describe('a sample of a glob', () => {
  it('is a path that it means', () => {
    const piece = fc.constantFrom('a', 'b', '*', '?', '[ab]', '[!x]', '[!x-z]', '{a,b*}');
    const part = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.array(fc.oneof(part, fc.constant('**')), { minLength: 1, maxLength: 4 }), (parts) => {
        const read = parseGlob(parts.join('/'));
        for (const glob of read.ok ? read.value : []) {
          const path = samplePath(glob);
          expect([parts, path, matchesPath(glob, path)]).toEqual([parts, path, true]);
        }
      }),
      { numRuns: 500 },
    );
  });
});
