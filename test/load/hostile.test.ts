/** Files made to hang or exhaust a reader: each ends with a diagnostic, in seconds and megabytes, in a process of its own. */

import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mkdtempSync } from 'node:fs';
import { load } from './flow-file.ts';

const SIZE = 8 * 1_048_576 - 64;
/** Collected by the thread that makes it: on a busy machine the others come too late, and what lies about is no measure. */
const GARBAGE = ['--max-old-space-size=200', '--single-threaded-gc'];
const ROOT = join(import.meta.dirname, '../..');
const many = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => line(i)).join('');

const BOMBS: { readonly [name: string]: readonly [content: string, code: string] } = {
  'complex keys': ['? '.repeat(500), 'complex_key'],
  'complex keys in a flow map': [`{${'? '.repeat(500)}}`, 'complex_key'],
  'maps as keys': [`${'{'.repeat(60)}a${'}: b'.repeat(60)}`, 'complex_key'],
  'aliases as keys': ['a: &a x\n*a : b\n', 'complex_key'],
  'commas, just within the limit': [`[${','.repeat(199_990)}]`, 'yaml_syntax'],
  'open brackets': ['['.repeat(SIZE), 'too_deep'],
  'dashes in a line': ['- '.repeat(SIZE / 2), 'too_deep'],
  'ever deeper lines': [many(4_000, (i) => `${' '.repeat(i)}a:\n`), 'too_deep'],
  'a billion laughs': [
    `a0: &a0 [x,x,x,x,x,x,x,x,x]\n${many(9, (i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(',')}]\n`)}`,
    'too_many_nodes',
  ],
  aliases: [`a: &a x\nb: [${'*a,'.repeat(500_000)}]\n`, 'too_many_aliases'],
  'a million keys': [many(800_000, (i) => `k${i}:\n`), 'too_many_tokens'],
  'one key again and again': [`steps:\n${'  k: {}\n'.repeat(60_000)}`, 'duplicate_key'],
  'unknown keys': [many(80_000, (i) => `x${i}: 1\n`), 'unknown_key'],
  'steps that are wrong': [`steps: [${'[],'.repeat(80_000)}]`, 'wrong_type'],
  documents: ['---\na\n'.repeat(1_000_000), 'several_documents'],
  'line breaks': [`a:\n${'\n'.repeat(SIZE - 10)}`, 'too_many_tokens'],
  comments: ['#\n'.repeat(SIZE / 2), 'too_many_tokens'],
  'a text without end': [`steps: "${'a\n'.repeat(SIZE / 2 - 10)}`, 'too_long'],
  'a long folded text': [`steps: >\n${'  a\n\n'.repeat(1_000_000)}`, 'too_long'],
  'open expressions': [`outputs: { a: "${'${{ '.repeat(200_000)}" }\nsteps: { a: { run: x } }\n`, 'expression_syntax'],
  parentheses: [`outputs: { a: "\${{ ${'('.repeat(100_000)} }}" }\nsteps: { a: { run: x } }\n`, 'expression_too_large'],
  'bare expressions': [`a: [${'${{ } }, '.repeat(25_000)}\n`, 'complex_key'],
  tags: [`a: ${'!!str '.repeat(100_000)}x`, 'yaml_syntax'],
  'a condition that is open': [`steps: { a: { run: x, if: "${'${{ '.repeat(200_000)}" } }\n`, 'mixed_condition'],
  'a condition of quotes': [`steps: { a: { run: x, if: "${"'".repeat(500_001)}" } }\n`, 'expression_too_large'],
  'a condition of marks': [`steps: { a: { run: x, if: "${"'${{".repeat(200_000)}" } }\n`, 'mixed_condition'],
  'parentheses in a condition': [`steps: { a: { run: x, if: "${'('.repeat(15_000)}" } }\n`, 'expression_too_large'],
  'a schema of outputs with many members': [
    `steps: { a: { run: x, outputs: { schema: { properties: {\n ${many(40_000, (i) => `k${i}: {},\n `)} } } }, if: x } }\n`,
    'unknown_name',
  ],
  'a schema of outputs that is deep': [
    `steps: { a: { run: x, outputs: { schema: ${'{ items: '.repeat(55)}{}${'}'.repeat(55)} }, if: x } }\n`,
    'unknown_name',
  ],
  'a schema of outputs with many values': [
    `steps: { a: { if: x, run: x, outputs: { schema: { enum: [${'a,'.repeat(118_000)}b] } } } }\n`,
    'unknown_name',
  ],
  'exit codes': [`steps: { a: { run: x, skip_codes: [${'0,'.repeat(90_000)}0] } }\n`, 'exit_code_clash'],
  'references to what is not there': [
    `outputs: { a: "${'${{ params.x }}'.repeat(65_000)}" }\nsteps: { a: { run: x } }\n`,
    'unknown_param',
  ],
  'references to far steps': [
    `steps:\n${many(13_000, (i) => ` - { name: s${i}, run: [x, "\${{ steps.s0.state }}"] }\n`)}`,
    'step_not_upstream',
  ],
  'expressions in shell text': [
    `steps: { a: { run: "echo ${'${{ params.x }} '.repeat(60_000)}" } }\n`,
    'unknown_param',
  ],
  'different expressions in shell text': [
    `steps: { a: { run: "echo ${many(30_000, (i) => `\${{ params.x${i} }} `)}" } }\n`,
    'unknown_param',
  ],
  'expressions in evaluated shell text': [
    `steps: { a: { run: "eval ${'${{ params.x }} '.repeat(60_000)}" } }\n`,
    'expression_in_shell_place',
  ],
  'open substitutions': [
    `steps: { a: { run: "echo ${'$('.repeat(400_000)}\${{ 1 }}" } }\n`,
    'expression_in_shell_place',
  ],
  'open quotes and braces': [
    `steps: { a: { run: "echo ${"${a:-'".repeat(100_000)}\${{ 1 }}" } }\n`,
    'expression_in_shell_place',
  ],
  'here-documents': [`steps: { a: { if: x, run: "cat ${'<<E '.repeat(100_000)}\\n\${{ 1 }}" } }\n`, 'unknown_name'],
  'expressions in other languages': [
    `steps: { a: { shell: node, run: "${'${{ params.x }} '.repeat(60_000)}" } }\n`,
    'expression_in_shell',
  ],
  'groups of aliases': [
    `a0: &a0 { steps: { x: { run: [x] } } }\n${many(8, (i) => `a${i + 1}: &a${i + 1} { steps: { ${many(9, (j) => `y${j}: *a${i}, `)} } }\n`)}`,
    'too_many_nodes',
  ],
  'members that need and name what is not there': [
    `steps:\n  g:\n    steps:\n${many(12_000, (i) => `     - { name: s${i}, run: [x, "\${{ steps.z${i}.state }}"], needs: [q${i}] }\n`)}`,
    'unknown_need',
  ],
  'axes that are not there': [
    `steps:\n  m: { matrix: { ${many(8_000, (i) => `a${i}: [1],\n      `)} exclude: [{ ${many(8_000, (i) => `b${i}: 1,\n      `)} }] }, run: [${many(8_000, (i) => `"\${{ matrix.a${i} }}",\n      `)}] }\n`,
    'unknown_axis',
  ],
  'params of a flow that is its own sub-flow': [
    `params: { ${many(10_000, (i) => `p${i}: { type: integer }, `)} }\nsteps:\n${many(2_000, (i) => `  a${i}: { flow: ./bomb.yaml, with: { x${i}: 1 } }\n`)}`,
    'missing_flow_param',
  ],
  'a pattern that backtracks': [
    `params: { a: { type: string, pattern: "^(a+)+$", default: ${'a'.repeat(50)}! } }\nsteps: { a: { run: x } }\n`,
    'default_mismatch',
  ],
};

let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(ROOT, 'node_modules', '.flowctl-hostile-'));
  const contents = `import { loadFlow } from './src/load/load.ts';
    import { printDiagnostics } from './src/diagnostics/report.ts';
    const { diagnostics, sources } = await loadFlow(process.argv[2]);
    const text = printDiagnostics(diagnostics, sources);
    const megabytes = process.resourceUsage().maxRSS / 1024;
    const { user, system } = process.cpuUsage();
    const codes = [...new Set(diagnostics.map((each) => each.code))];
    console.log(JSON.stringify({ codes, ms: (user + system) / 1_000, megabytes, printed: text.length }));`;
  const options = { bundle: true, packages: 'external', platform: 'node', format: 'esm' } as const;
  await build({ ...options, stdin: { contents, resolveDir: ROOT }, outfile: join(folder, 'load.mjs') });
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('hostile flows', () => {
  for (const [name, [content, code]] of Object.entries(BOMBS)) {
    it(`survives ${name}`, () => {
      const file = join(folder, 'bomb.yaml');
      writeFileSync(file, content);
      const output = execFileSync(process.execPath, [...GARBAGE, join(folder, 'load.mjs'), file], {
        encoding: 'utf8',
        timeout: 50_000,
      });
      const told = JSON.parse(output) as { codes: readonly string[]; ms: number; megabytes: number; printed: number };
      expect(told.codes).toContain(code);
      // Two seconds and 300 MB on an idle machine. A busy one computes no more, but later, and has no time to collect garbage: so the
      // time is the processor's, and what V8 may leave lying is limited.
      expect(told.ms).toBeLessThan(8_000);
      expect(told.megabytes).toBeLessThan(300);
      expect(told.printed).toBeLessThan(200_000);
    });
  }

  it('answers any text with a result', async () => {
    const pieces = [
      'steps',
      ':',
      ' ',
      '\n',
      '  ',
      '- ',
      'run',
      'a',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '|',
      '>',
      '#',
      '&a',
      '*a',
      '!!str',
      '${{',
      '}}',
      'params.',
      ',',
      '\t',
      '?',
      '%',
      '---',
      '0',
      '\0',
      '\u{1F600}',
      'needs',
      'retry',
      'null',
      '<<',
    ];
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(text, async (content) => {
        const result = await load(content);
        if (result.kind === 'invalid') expect(result.diagnostics.some((each) => each.severity === 'error')).toBe(true);
        expect(['loaded', 'invalid']).toContain(result.kind);
      }),
      { numRuns: 500 },
    );
  });
});
