/** What a person gets who installs the package: types that hold for the examples in an empty project, and a library that loads. */

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const execute = promisify(execFile);
/** The examples with TypeScript in them. */
const EXAMPLES = ['aircraft', 'ci', 'dynamic', 'flights', 'parallel-cpu', 'patterns', 'saga', 'templates', 'values'];

describe('the packed package in an empty project', () => {
  let project: string;

  /** What the compiler says, one line per mistake. */
  const compile = async (): Promise<readonly string[]> => {
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const run = execute(process.execPath, [compiler, '--noEmit', '--pretty', 'false'], { cwd: project });
    const { stdout } = await run.catch((error: { readonly stdout: string }) => error);
    return stdout.split('\n').filter((line) => line.includes('error TS'));
  };

  beforeAll(async () => {
    project = mkdtempSync(join(tmpdir(), 'flowctl-packed-'));
    // What `prepare` makes is there already, and tests that run meanwhile use it.
    const { stdout } = await execute('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', project], {
      cwd: ROOT,
    });
    const [{ filename = '' } = {}] = JSON.parse(stdout) as { readonly filename?: string }[];
    const installed = join(project, 'node_modules/flowctl');
    mkdirSync(installed, { recursive: true });
    await execute('tar', ['-xzf', join(project, filename), '-C', installed, '--strip-components=1']);
    for (const name of ['@types', 'undici-types', 'esbuild', 'sql.js', 'vega-datasets']) {
      symlinkSync(join(ROOT, 'node_modules', name), join(project, 'node_modules', name));
    }
    for (const example of EXAMPLES)
      cpSync(join(ROOT, 'examples', example), join(project, example), { recursive: true });
    writeFileSync(join(project, 'package.json'), '{ "name": "empty", "type": "module", "private": true }\n');
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2023',
      strict: true,
      types: ['node'],
      skipLibCheck: false,
      allowImportingTsExtensions: true,
      noEmit: true,
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['**/*.ts'] }));
  });

  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it('has types that the examples fit', async () => {
    expect(await compile()).toEqual([]);
  });

  it('has types that are no `any`: a mistake is found', async () => {
    const file = join(project, 'mistake.ts');
    writeFileSync(
      file,
      "import { task } from 'flowctl';\nconst add = task('add', async (n: number) => n + 1);\nexport const sum: Promise<string> = add(1);\n",
    );
    expect(await compile()).toEqual([expect.stringMatching(/^mistake\.ts\(3,14\): error TS2322/)]);
    rmSync(file);
  });

  it('loads, with the names that there are and no others', async () => {
    const script = "import * as flowctl from 'flowctl'; console.log(JSON.stringify(Object.keys(flowctl).sort()));";
    const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', script], { cwd: project });
    expect(JSON.parse(stdout)).toEqual([
      ...['OptionError', 'RollbackError', 'TaskError'],
      ...['context', 'flow', 'map', 'runFlow', 'sh', 'state', 'task', 'transaction'],
    ]);
  });

  it('rehearses a flow there', async () => {
    const script = `
      import { flow, runFlow, task } from 'flowctl';
      const add = task('add', async (n) => n + 1);
      const run = await runFlow(flow('sum', { params: { n: 1 } }, ({ n }) => add(n)), { params: { n: 41 } });
      console.log(run.outputs);`;
    const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', script], { cwd: project });
    expect(stdout).toBe('42\n');
  });

  it('brings nothing of the sources', () => {
    const brought = readdirSync(join(project, 'node_modules/flowctl'));
    expect(brought).toContain('dist');
    expect(brought.filter((name) => ['src', 'test', 'node_modules', 'bench'].includes(name))).toEqual([]);
  });
});
