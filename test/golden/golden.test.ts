/**
 * Each diagnostic code has a flow that deserves it, and the exact text that is printed for it.
 * `UPDATE_GOLDEN=1 npx vitest run test/golden` writes the texts anew.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { diagnose, type Diagnostic } from '../../src/diagnostics/diagnostic.ts';
import { SourceText } from '../../src/diagnostics/source.ts';
import { printDiagnostics, toJson } from '../../src/diagnostics/report.ts';
import { DIAGNOSTIC_CODES } from '../../src/diagnostics/sentences.ts';
import { loadFlow } from '../../src/load/load.ts';
import { programConfig } from '../../src/load/config-files.ts';
import { loadProject } from '../../src/load/load-project.ts';
import { NO_PROJECT, type ProjectLayer } from '../../src/load/project-layer.ts';

const FOLDER = import.meta.dirname;
const isUpdating = process.env['UPDATE_GOLDEN'] === '1';
const written = readdirSync(FOLDER)
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => file.slice(0, -'.yaml'.length));

/** Flows that are not about the one code of their name. */
const MIXED: ReadonlySet<string> = new Set([
  'five_mistakes',
  'foreign_words',
  'nameless_steps',
  'policy_shapes',
  'shapes.config',
  'meanings.config',
  'status_in_handler',
  'shape_slips',
  'groups',
  'lists_of_maps',
  'misplaced_map_keys',
  'nameless_members',
  'names_of_maps',
  'slip_colon',
  'quoted_values',
  'slip_expression',
  'slip_bracket',
  'slip_unclosed',
  'slip_indentation',
]);

/** Flows that are too large, or too broken, to be kept as files. The first file is the flow; a name that ends in `/` is a folder. */
const MADE: { readonly [code: string]: { readonly [file: string]: string | Buffer } } = {
  unreadable_file: { 'unreadable_file.yaml/': '' },
  file_too_large: { 'file_too_large.yaml': Buffer.alloc(8 * 1_048_576 + 1, '#') },
  not_utf8: { 'not_utf8.yaml': Buffer.from('steps:\n  hello:\n    run: echo caf\xe9\n', 'latin1') },
  too_many_tokens: { 'too_many_tokens.yaml': `steps:\n  hello: { run: [${'a,'.repeat(200_000)}] }\n` },
  more_warnings: {
    'more_warnings.yaml': `steps:\n${Array.from({ length: 202 }, (_, i) => `  s${i}: { run: a | b }\n`).join('')}`,
  },
  // Kept out of the folder: other tools refuse to read them as YAML.
  tab_indentation: { 'tab_indentation.yaml': 'steps:\n\thello:\n\t\trun: echo hello\n' },
  yaml_syntax: { 'yaml_syntax.yaml': 'steps:\n  hello:\n    run: "echo hello\n  bye:\n    run: [echo, bye\n' },
  slip_colon: { 'slip_colon.yaml': "steps:\n  hello:\n    run: echo it's: late\n  bye:\n    run: echo key: value\n" },
  slip_expression: {
    'slip_expression.yaml':
      'steps:\n  hello:\n    env: { A: ${{ params.x }}, B: "b" }\n    run: [echo, x-${{ params.y }}.txt]\n  bye: 1\n',
  },
  slip_bracket: { 'slip_bracket.yaml': 'steps:\n  hello:\n    run: [ -f x ] && echo y\n' },
  slip_unclosed: { 'slip_unclosed.yaml': 'steps:\n  hello:\n    env: { A: b\n    run: echo hello\n' },
  slip_indentation: {
    'slip_indentation.yaml':
      'steps:\n  hello:\n    run: echo hello\n      timeout: 3s\n  bye:\n    run: |\n      echo a\n     echo b\n',
  },
  flow_not_found: { 'flow_not_found.yaml': 'steps:\n  report:\n    flow: ./raport.yaml\n' },
  invalid_sub_flow: {
    'invalid_sub_flow.yaml': 'steps:\n  report:\n    flow: ./parts/broken.yaml\n',
    'parts/broken.yaml': 'steps:\n  render:\n    run: [echo, "${{ params.day }}"]\n    retries: 2\n',
  },
  unknown_flow_param: {
    'unknown_flow_param.yaml':
      'steps:\n  report:\n    flow: ./parts/report.yaml\n    with: { rows: 1, days: 2 }\n  other:\n    flow: ./parts/plain.yaml\n    with: { day: 1 }\n',
    'parts/report.yaml':
      'params:\n  rows: { type: integer, minimum: 0 }\n  day: 1\nsteps: { a: { run: [echo] } }\noutputs: { rows: 1 }\n',
    'parts/plain.yaml': 'steps: { a: { run: [echo] } }\n',
  },
  missing_flow_param: {
    'missing_flow_param.yaml':
      'steps:\n  report:\n    flow: ./parts/report.yaml\n  again:\n    flow: ./parts/report.yaml\n    with: { day: 2 }\n',
  },
  flow_param_mismatch: {
    'flow_param_mismatch.yaml':
      'steps:\n  report:\n    flow: ./parts/report.yaml\n    with: { rows: -1 }\n  after:\n    needs: report\n    run: [echo, "${{ steps.report.outputs.row }}"]\n',
  },
  module_syntax: {
    'module_syntax.yaml': 'steps:\n  hello:\n    call: ./broken.js#hello\n',
    'broken.js': '// é: columns count characters, not bytes\nexport const é = ;\n',
  },
};

/** The project that all of them are in. */
const PROJECT: ProjectLayer = {
  ...NO_PROJECT,
  shownAs: 'flowctl.config.yaml',
  vars: { region: 'eu' },
  resources: {
    db: { kind: 'amount', units: 4 },
    gpu: { kind: 'named', names: ['a', 'b'] },
    api: { kind: 'rate', max: 60, per_ms: 60_000 },
  },
};

let made = '';
const startFolder = process.cwd();
beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), 'flowctl-golden-'));
  for (const [file, content] of Object.values(MADE).flatMap(Object.entries<string | Buffer>)) {
    await mkdir(join(made, file.endsWith('/') ? file : dirname(file)), { recursive: true });
    if (!file.endsWith('/')) await writeFile(join(made, file), content);
  }
});
afterAll(async () => {
  process.chdir(startFolder);
  await rm(made, { recursive: true });
});

/** What is found out about a flow by running its module, which this room does not do. */
const TOLD: { readonly [code: string]: () => Diagnostic } = {
  flow_not_loaded: () =>
    diagnose(
      'flow_not_loaded',
      { message: "Error: Cannot find package 'pg'" },
      new SourceText('flow.ts', '').place(0, 0),
    ),
  not_yet_supported: () => programConfig('flowctl.config.ts').diagnostic,
  no_such_flow: () =>
    diagnose(
      'no_such_flow',
      { flow: 'nightly', available: ['default', 'weekly'], found: null },
      new SourceText('flow.ts', '').place(0, 0),
    ),
};

async function printed(name: string): Promise<{ text: string; codes: readonly string[] }> {
  if (name.endsWith('.config')) {
    process.chdir(FOLDER);
    const result = await loadProject(join(FOLDER, `${name}.yaml`), `${name}.yaml`, null);
    if (result.kind !== 'invalid') throw new Error(`${name}.yaml is ${result.kind}`);
    const { diagnostics, sources } = result;
    return { text: printDiagnostics(diagnostics, sources), codes: diagnostics.map((each) => toJson(each).code) };
  }
  const told = TOLD[name]?.();
  if (told !== undefined) return { text: printDiagnostics([told], new Map()), codes: [toJson(told).code] };
  // Diagnostics name the file as it was given: relative to the folder.
  process.chdir(name in MADE ? made : FOLDER);
  const result = await loadFlow(`${name}.yaml`, PROJECT);
  if (result.kind === 'not_found') throw new Error(`${name}.yaml is missing`);
  const all = result.kind === 'loaded' ? result.warnings : result.diagnostics;
  // Two hundred others come before these.
  const diagnostics = name.startsWith('more_') ? all.slice(-1) : all;
  return { text: printDiagnostics(diagnostics, result.sources), codes: diagnostics.map((each) => toJson(each).code) };
}

describe('golden diagnostics', () => {
  it('has a flow for every code', () => {
    const missing = DIAGNOSTIC_CODES.filter(
      (code) => !written.includes(code) && !written.includes(`${code}.config`) && !(code in MADE) && !(code in TOLD),
    );
    expect(missing).toEqual([]);
  });

  for (const name of [...written, ...Object.keys(MADE), ...Object.keys(TOLD)]) {
    it(`prints ${name}`, async () => {
      const { text, codes } = await printed(name);
      const golden = join(FOLDER, `${name}.txt`);
      if (!MIXED.has(name)) expect(codes).toContain(name.replace(/\.config$/, ''));
      if (isUpdating) writeFileSync(golden, text);
      expect(text).toBe(readFileSync(golden, 'utf8'));
    });
  }

  it('prints five diagnostics for five mistakes', async () => {
    const { codes } = await printed('five_mistakes');
    expect(codes).toEqual(['unknown_key', 'invalid_duration', 'unknown_need', 'unknown_param', 'dependency_cycle']);
  });

  it('keeps no text without a flow', () => {
    const texts = readdirSync(FOLDER).filter((file) => file.endsWith('.txt'));
    expect(
      texts.filter(
        (file) => !written.includes(file.slice(0, -4)) && !(file.slice(0, -4) in MADE) && !(file.slice(0, -4) in TOLD),
      ),
    ).toEqual([]);
  });
});
