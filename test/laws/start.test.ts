/**
 * What the commands of every day may load. A start is counted, not timed: which scripts, which of Node's modules, which packages. Who
 * finds a name here that was not asked for imports it where it is needed, with `import()`.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const BIN = join(REPOSITORY, 'bin', 'flowctl.js');

/** Loaded before the program: on exit it tells what was loaded since. */
const WITNESS = `
const { writeFileSync } = require('node:fs');
const before = new Set(process.moduleLoadList);
const vm = require('node:vm');
const scripts = [];
const { Script } = vm;
vm.Script = class extends Script {
  constructor(source, options) {
    super(source, options);
    if (options !== undefined) scripts.push(options.filename);
  }
};
process.on('exit', () => {
  const modules = process.moduleLoadList.filter((each) => !before.has(each)).map((each) => each.replace('NativeModule ', ''));
  writeFileSync(process.env.WITNESS, JSON.stringify({ scripts, modules }));
});`;

const FLOW = `name: usual
params: { who: you, day: { type: string, format: date, default: "2026-03-01" }, count: { type: integer, minimum: 1, default: 2 } }
env: { GREETING: hello }
steps:
  greet: { run: 'echo "$GREETING" \${{ params.who }}', retry: 1 }
  count: { needs: greet, run: 'echo n=\${{ params.count }} >> "$FLOWCTL_OUTPUT"' }
  both: { needs: [greet, count], if: "steps.count.outputs.n == 2", run: [echo, "\${{ steps.count.outputs.n }}"] }
`;

let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'flowctl-test-'));
  writeFileSync(join(folder, 'witness.cjs'), WITNESS);
  writeFileSync(join(folder, 'flow.yaml'), FLOW);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Loaded {
  readonly scripts: readonly string[];
  /** Those of Node's modules that programs can name. */
  readonly modules: readonly string[];
}

function loadedBy(...argv: readonly string[]): Loaded {
  const witness = join(folder, 'loaded.json');
  // A file: for a pipe or a terminal Node itself loads more.
  const output = openSync(join(folder, 'output'), 'w');
  execFileSync(process.execPath, ['--require', join(folder, 'witness.cjs'), BIN, ...argv], {
    cwd: folder,
    env: { PATH: process.env['PATH'], WITNESS: witness },
    stdio: ['ignore', output, output],
  });
  const told = JSON.parse(readFileSync(witness, 'utf8')) as Loaded;
  return {
    scripts: told.scripts.map((script) => basename(script)),
    modules: told.modules.filter((name) => builtinModules.includes(name)),
  };
}

/** What every command needs: the checksum of compiled code, and a stream to print to. `vm` is what the witness itself loads. */
const ALWAYS = ['process', 'stream', 'stream/promises', 'string_decoder', 'vm', 'zlib'];
const FILES = ['fs/promises', 'os'];
const OF_A_RUN = [
  'child_process',
  'crypto',
  'dgram',
  'diagnostics_channel',
  'fs/promises',
  'net',
  'os',
  'timers/promises',
];

describe('a start loads no more than it needs', () => {
  it.each([
    ['--version', [], ['vm']],
    ['validate flow.yaml', ['program.cjs', 'usual.cjs'], ALWAYS],
    ['run flow.yaml', ['program.cjs', 'usual.cjs'], [...ALWAYS, ...FILES, ...OF_A_RUN]],
    ['runs', ['program.cjs'], ALWAYS],
    ['show', ['program.cjs'], [...ALWAYS, ...FILES, 'crypto']],
    ['logs', ['program.cjs'], [...ALWAYS, ...FILES, 'crypto']],
  ])('%s', (line, scripts, allowed) => {
    const loaded = loadedBy(...line.split(' '));
    expect(loaded.scripts).toEqual(scripts);
    expect(loaded.modules.filter((name) => !allowed.includes(name))).toEqual([]);
  });
});

describe('a flow that matches no pattern', () => {
  it('does not load what matches patterns, one that does, does', () => {
    const loadsPatterns = (flow: string): boolean => {
      writeFileSync(join(folder, 'asked.yaml'), flow);
      return loadedBy('validate', 'asked.yaml').modules.includes('module');
    };
    const flow = (expression: string): string => `steps: { a: { if: "${expression}", run: echo } }\n`;
    expect([loadsPatterns(flow("len('a') == 1")), loadsPatterns(flow("match('a', 'a')"))]).toEqual([false, true]);
  });
});

const SRC = join(REPOSITORY, 'src');
const IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;

/** The packages that a source file imports, by whatever it imports in its turn, `import()` left out. */
function packagesOf(entry: string): readonly string[] {
  const files = new Set([join(SRC, entry)]);
  const packages = new Set<string>();
  for (const file of files) {
    if (!file.endsWith('.ts')) continue;
    for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
      if (target.startsWith('.')) files.add(resolve(dirname(file), target));
      else if (!target.startsWith('node:')) packages.add(target);
    }
  }
  return [...packages].sort();
}

describe('the packages that a command begins with', () => {
  it.each([
    ['cli/main.ts', ['chalk']],
    ['cli/commands/runs.ts', ['chalk']],
    ['cli/commands/show.ts', ['chalk']],
    ['cli/commands/logs.ts', ['chalk']],
    ['cli/commands/validate.ts', ['@actions/expressions', 'chalk', 'yaml']],
    ['cli/commands/run.ts', ['@actions/expressions', 'chalk', 'ulid', 'yaml']],
    ['cli/run-life.ts', ['@actions/expressions', 'chalk', 'lowdb', 'ulid', 'yaml']],
  ])('%s', (entry, allowed) => {
    expect(
      packagesOf(entry).filter((name) => !allowed.includes(name.replace(/^(@[^/]+\/[^/]+|[^@/]+).*$/, '$1'))),
    ).toEqual([]);
  });

  it('are seen', () => {
    expect(packagesOf('cli/program.ts')).toContain('commander');
    expect(packagesOf('load/param-compiler.ts')).toContain('ajv-formats');
  });
});
