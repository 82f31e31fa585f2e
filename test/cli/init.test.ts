/** `init` writes projects that run at once; `schema` prints what editors check them against. */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { useCase } from '../kit/case.ts';

const here = useCase();
const ROOT = resolve(import.meta.dirname, '../..');
const EDITOR_LINE = /^# yaml-language-server: \$schema=(\S+)$/m;

const schemaNamedIn = (file: string): string => {
  const [, path = 'none'] = EDITOR_LINE.exec(readFileSync(file, 'utf8')) ?? [];
  return resolve(dirname(file), path);
};

describe('init', () => {
  it.each([
    ['minimal', ['flow.yaml'], { text: 'hello, world' }],
    ['etl', ['flow.yaml', 'orders.csv', 'tasks.ts'], { cities: 3 }],
    ['ci', ['flow.yaml', 'src/greet.mjs', 'test/greet.test.mjs'], { files: '1' }],
  ])('--template %s: valid without a warning, runs, names a schema that is there', async (template, files, outputs) => {
    const { rig } = here;
    const made = await rig.flowctl('init', '--template', template, 'project');
    expect(made).toMatchObject({ code: 0, stderr: 'run it: flowctl run project/flow.yaml\n' });
    expect(made.stdout.trimEnd().split('\n')).toEqual(files.map((file) => `project/${file}`));
    const inside = { cwd: rig.path('project') };
    expect(await rig.flowctlWith(inside, 'validate', 'flow.yaml')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^flow\.yaml: ok, \d steps\n$/),
      stderr: '',
    });
    expect(schemaNamedIn(rig.path('project/flow.yaml'))).toBe(join(ROOT, 'schemas/flow.schema.json'));
    const run = await rig.flowctlWith(inside, 'run', 'flow.yaml');
    expect(run.code, run.stdout + run.stderr).toBe(0);
    const shown = await rig.flowctlWith(inside, 'show', '--json');
    expect((JSON.parse(shown.stdout) as { readonly outputs: unknown }).outputs).toEqual(outputs);
  });

  it('overwrites nothing, and writes nothing where something is in the way', async () => {
    const { rig } = here;
    rig.write('project/tasks.ts', 'mine');
    const { code, stdout, stderr } = await rig.flowctl('init', '--template', 'etl', 'project');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('already there, and not overwritten: tasks.ts');
    expect(readdirSync(rig.path('project'))).toEqual(['tasks.ts']);
    expect(rig.read('project/tasks.ts')).toBe('mine');
    expect((await rig.flowctl('init')).code).toBe(0);
    expect((await rig.flowctl('init')).code).toBe(2);
    rig.write('file', '');
    expect(await rig.flowctl('init', 'file/below')).toMatchObject({ code: 2, stdout: '' });
    expect(await rig.flowctl('init', '--template', 'none', 'x')).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('schema', () => {
  it('prints the schema of a document, as it is installed', async () => {
    for (const document of ['flow', 'event', 'run']) {
      const { code, stdout } = await here.rig.flowctl('schema', document);
      expect({ document, code }).toEqual({ document, code: 0 });
      expect(stdout).toBe(readFileSync(join(ROOT, `schemas/${document}.schema.json`), 'utf8'));
    }
    expect((await here.rig.flowctl('schema')).stdout).toBe((await here.rig.flowctl('schema', 'flow')).stdout);
    expect(await here.rig.flowctl('schema', 'nothing')).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('every flow of the examples, those that `init` copies included', () => {
  const flows = execFileSync('git', ['ls-files', '--', 'examples'], { cwd: ROOT, encoding: 'utf8' })
    .split('\n')
    .filter((file) => file.endsWith('.yaml'));

  it('is found', () => {
    expect(flows.length).toBeGreaterThan(4);
  });

  it.each(flows)('%s begins with the line for editors, and fits the schema it names', (file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    expect(text.split('\n')[0]).toMatch(EDITOR_LINE);
    const named = schemaNamedIn(join(ROOT, file));
    const kind = basename(file) === 'flowctl.config.yaml' ? 'config' : 'flow';
    expect(named).toBe(join(ROOT, `schemas/${kind}.schema.json`));
    const fits = new Ajv({ strict: false, validateFormats: false }).compile(
      JSON.parse(readFileSync(named, 'utf8')) as object,
    );
    fits(parse(text));
    expect(fits.errors ?? []).toEqual([]);
  });
});
