/** docs/typescript.md: every block is a file that compiles, and runs by the command in its first line. */

import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DECLARATION_NAMES } from '../../src/flows/flow-document.ts';
import { STEP_OPTION_NAMES } from '../../src/flows/options.ts';
import type { RunDetail } from '../../src/model/view.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/typescript.md'), 'utf8');
const execute = promisify(execFile);

/** The files of the page, with the command that runs each. */
const files = [...page.matchAll(/```ts\n\/\/ ([\w.]+): (.*)\n([\s\S]*?)```/g)].map(
  ([, name = '', command = '', text = '']) => ({ name, command, text }),
);

/** What each flow of the page yields. */
const OUTPUTS: { readonly [name: string]: unknown } = {
  'etl.ts': { rows: 3 },
  'orders.ts': { invoices: 5 },
  'files.ts': { lines: 2 },
  'trip.ts': { booked: false, reason: 'charge: RangeError: the card is refused' },
  'nightly.ts': { summary: '3 rows of 2026-01-31' },
};

describe('docs/typescript.md', () => {
  let folder: string;
  beforeAll(() => {
    // Inside of the project, where its packages are found.
    folder = mkdtempSync(join(ROOT, 'node_modules/.flowctl-page-'));
    for (const { name, text } of files) writeFileSync(join(folder, name), text);
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(ROOT, join(folder, 'node_modules/flowctl'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has only blocks that are files', () => {
    expect(files.length).toBe([...page.matchAll(/^```ts$/gm)].length);
    expect(files.map(({ name }) => name).filter((name) => !name.endsWith('.test.ts'))).toEqual(Object.keys(OUTPUTS));
  });

  it('shows code that compiles', async () => {
    const config = join(folder, 'tsconfig.json');
    writeFileSync(config, JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), include: ['*.ts'], exclude: [] }));
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { stdout } = await execute(process.execPath, [compiler, '--noEmit', '--pretty', 'false', '-p', config]).catch(
      (error: { readonly stdout: string }) => error,
    );
    expect(stdout.split('\n').filter((line) => line.includes('error TS'))).toEqual([]);
  });

  it.each(files.filter(({ command }) => command.startsWith('flowctl ')))('runs $name', async ({ name, command }) => {
    const [, ...args] = command.split(' ');
    const state = ['--state-dir', join(folder, '.flowctl')];
    const program = join(ROOT, 'bin/flowctl.js');
    await execute(process.execPath, [program, ...args, ...state], { cwd: folder });
    const { stdout } = await execute(process.execPath, [program, 'show', '--json', ...state], { cwd: folder });
    expect((JSON.parse(stdout) as RunDetail).outputs).toEqual(OUTPUTS[name]);
  });

  it.each(files.filter(({ command }) => command.startsWith('vitest ')))(
    'runs the tests of $name',
    async ({ name, text }) => {
      const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
      const config = join(folder, 'vitest.config.mjs');
      writeFileSync(config, "export default { test: { include: ['*.test.ts'] } };\n");
      const { stdout } = await execute(
        process.execPath,
        [vitest, 'run', '--root', folder, '--config', config, '--reporter', 'json', name],
        { cwd: folder },
      ).catch((error: { readonly stdout: string }) => error);
      const numPassedTests = [...text.matchAll(/^test\(/gm)].length;
      expect(JSON.parse(stdout.slice(stdout.indexOf('{')))).toMatchObject({ numPassedTests, numFailedTests: 0 });
    },
  );

  it('names every option', () => {
    for (const option of [...STEP_OPTION_NAMES, ...DECLARATION_NAMES]) {
      if (!['defaults'].includes(option)) expect(page).toMatch(new RegExp(`\\b${option}\\b`));
    }
  });
});
