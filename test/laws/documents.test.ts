/** Documents are tests: what the README shows runs, what it lists is what there is, and generated pages are up to date. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../src/cli/exit-codes.ts';
import { documentFunctions } from '../../src/expressions/expressions.ts';
import { Rig } from '../kit/rig.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const readme = readFileSync(resolve(ROOT, 'README.md'), 'utf8');
const schema = JSON.parse(readFileSync(resolve(ROOT, 'schemas/flow.schema.json'), 'utf8')) as {
  readonly properties: object;
  readonly definitions: { readonly step: { readonly properties: object } };
};

const section = (title: string): string => {
  const start = readme.indexOf(`### ${title}\n`);
  return readme.slice(start, readme.indexOf('\n### ', start + 1));
};
const firstColumn = (title: string): readonly string[] =>
  section(title)
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? ''))
    .sort();

describe('the README', () => {
  let rig: Rig;
  beforeEach(() => {
    rig = new Rig();
  });
  afterEach(() => rig.remove());

  it('shows a flow that runs as it says', async () => {
    const block = /```yaml\n# weather\.yaml\n([\s\S]*?)```/.exec(readme)?.[1];
    rig.write('weather.yaml', block ?? '');
    const run = await rig.flowctl('run', 'weather.yaml', '-p', 'city=Oslo');
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toContain('  mm: 25\n');
    expect((await rig.flowctl('logs', 'report')).stdout).toBe('Oslo had 25 mm\n');
  });

  it('shows a flow in TypeScript that runs', async () => {
    const block = /```ts\n\/\/ etl\.ts\n([\s\S]*?)```/.exec(readme)?.[1];
    rig.write('etl.ts', block ?? '');
    const run = await rig.flowctl('run', 'etl.ts');
    expect(run.code, run.stderr).toBe(0);
    expect(run.stdout).toContain('  sum: 16\n');
  });

  it('shows flows that are valid', async () => {
    const blocks = [...readme.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text);
    const flows = blocks.filter((text) => /^steps:/m.test(text));
    expect(flows.length).toBeGreaterThan(5);
    rig.write('report.yaml', 'params: { day: { type: string }, rows: 1 }\nsteps: { hello: { run: [echo] } }\n');
    for (const [index, text] of flows.entries()) {
      rig.write(`flow-${index}.yaml`, text);
      const validated = await rig.flowctl('validate', `flow-${index}.yaml`);
      expect([text, validated.code, validated.stdout]).toEqual([text, 0, expect.stringContaining(': ok, ')]);
    }
  });

  it('lists the keys of a flow that there are', () => {
    expect(firstColumn('Keys of a flow')).toEqual(Object.keys(schema.properties).sort());
  });

  it('lists the keys of a step that there are', () => {
    expect(firstColumn('Keys of a step')).toEqual(Object.keys(schema.definitions.step.properties).sort());
  });

  it('lists every exit code', () => {
    const listed = readme.slice(readme.indexOf('## Exit codes'));
    for (const { code } of EXIT_CODES) {
      if (![6, 124].includes(code)) expect(listed).toMatch(new RegExp(`\\b${code}\\b`));
    }
  });

  it('names only commands and flags that exist', () => {
    const commands = [...readme.matchAll(/`flowctl ([a-z]+)([^`]*)`/g)].map(([, command = '', rest = '']) => ({
      command,
      rest,
    }));
    expect(commands.length).toBeGreaterThan(10);
    for (const { command, rest } of commands) {
      const help = execFileSync(process.execPath, [resolve(ROOT, 'bin/flowctl.js'), command, '--help'], {
        encoding: 'utf8',
      });
      for (const [flag] of rest.matchAll(/--[a-z-]+/g)) expect(help, `flowctl ${command}${rest}`).toContain(flag);
    }
  });
});

describe('docs/expressions.md', () => {
  it('is what the table of functions says (UPDATE_DOCS=1 writes it)', () => {
    const file = resolve(ROOT, 'docs/expressions.md');
    const page = expressionsPage();
    if (process.env['UPDATE_DOCS'] === '1') {
      mkdirSync(resolve(ROOT, 'docs'), { recursive: true });
      writeFileSync(file, page);
    }
    expect(readFileSync(file, 'utf8')).toBe(page);
  });
});

function expressionsPage(): string {
  const functions = documentFunctions();
  const groups = [...new Set(functions.map(({ group }) => group))];
  const cell = (text: string): string => text.replace(/\|/g, '\\|');
  const tables = groups.map((group) => {
    const rows = functions
      .filter((each) => each.group === group)
      .map(
        ({ signature, description, example }) =>
          `| \`${cell(signature)}\` | ${cell(description)} | \`${cell(example.expression)}\` | \`${cell(JSON.stringify(example.result))}\` |`,
      );
    return [`## Functions: ${group}`, '', '| | | example | gives |', '|---|---|---|---|', ...rows, ''].join('\n');
  });
  return `${INTRODUCTION}\n${tables.join('\n')}`;
}

const INTRODUCTION = `# Expressions

<!-- made from the table of functions by UPDATE_DOCS=1 npx vitest run test/laws/documents.test.ts -->

\`\${{ ... }}\` is an expression in the language of GitHub Actions: literals, \`.\` and \`[]\`, \`!\`, \`<\`, \`<=\`, \`>\`, \`>=\`, \`==\`, \`!=\`, \`&&\`, \`||\` and
functions. Texts are compared without regard to case, as there. A missing property is null, however deep. A value that is exactly one
expression keeps its JSON type; in a longer text null is an error (write \`default(..., '')\`), and so are lists and objects (write
\`toJSON(...)\`).

In scope are \`params\`, \`steps.<name>.outputs\`, \`.state\`, \`.exit_code\` and \`.error\` of steps that this one needs, \`run.id\`, \`.dir\`, \`.attempt\`,
\`.started_at\` and \`.scheduled_for\`, \`flow.name\` and \`.version\`, and \`env\`: the environment flowctl was started with. A step with \`foreach\` sees
\`item\` and \`index\`, one with \`matrix\` sees \`matrix\` and \`index\`, and so does what is inside of such a step; \`outer\` holds those of the map around it,
and \`outer.outer\` those of the next. The condition of a \`repeat\` sees \`outputs\`, \`exit_code\` and \`previous.outputs\`. Defaults of params see
\`run\`, \`flow\`, \`env\`, \`vars\` and the params above them.

\`vars.<name>\` is a value of the project's \`flowctl.config.yaml\`, or one that [\`flowctl vars\`](vars.md) keeps. \`secrets.<NAME>\` may stand in \`env\`, \`stdin\`, \`with\` of a \`call\` and \`notify\`; an expression
passes a secret on, as it is or inside \`format\` and \`join\`, and never looks into it. Handlers see \`run.state\`, \`run.failed\` (the keys of the steps
that failed) and every step.

An \`if\` is an expression with or without \`\${{ }}\` around the whole of it, and may also ask for the status of what is upstream: \`success()\`,
every step needed succeeded; \`failure()\`, something upstream failed, at any distance; \`cancelled()\`; \`always()\`. A condition that names none of
the four implies \`success()\`.

Nothing is ever evaluated as code: there is no \`eval\`, no access to anything but plain data, and limits on length, depth and size.
`;
