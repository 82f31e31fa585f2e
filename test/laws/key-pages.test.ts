/** docs/flow-file.md and docs/project.md are what the schemas say (UPDATE_DOCS=1 writes them). */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { isJsonObject, type Json, type JsonObject } from '../../src/base/json.ts';
import { loadProject } from '../../src/load/load-project.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MADE = '<!-- made from the schemas by UPDATE_DOCS=1 npx vitest run test/laws/key-pages.test.ts -->';

class Schema {
  readonly root: JsonObject;

  constructor(name: string) {
    this.root = JSON.parse(readFileSync(resolve(ROOT, `schemas/${name}.schema.json`), 'utf8')) as JsonObject;
  }

  at(path: string): JsonObject {
    let node: Json | undefined = this.root;
    for (const part of path.split('/')) node = isJsonObject(node) ? node[part] : undefined;
    if (!isJsonObject(node)) throw new Error(`no ${path}`);
    return node;
  }

  /** A schema with what it refers to; its own members win. */
  whole(schema: JsonObject): JsonObject {
    const { $ref, ...own } = schema;
    return typeof $ref === 'string' ? { ...this.whole(this.at($ref.slice(2))), ...own } : schema;
  }

  /** The map that a value may be, where it has fixed keys. */
  inner(schema: JsonObject): JsonObject | null {
    const whole = this.whole(schema);
    const branches = [whole, ...['then', 'else'].flatMap((key) => (isJsonObject(whole[key]) ? [whole[key]] : []))];
    for (const branch of branches.slice(1)) {
      const found = this.inner(branch);
      if (found !== null) return found;
    }
    const { properties } = whole;
    return isJsonObject(properties) ? properties : null;
  }
}

const example = (key: string, value: Json): string =>
  stringify({ [key]: value }, { lineWidth: 0, defaultStringType: 'PLAIN', defaultKeyType: 'PLAIN' }).trimEnd();

/** Keys under which others are explained elsewhere. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  ...['steps', 'params', 'defaults', 'outputs', 'retry', 'on_success', 'on_failure', 'on_cancel', 'finally'],
  ...['env', 'with', 'profiles', 'resources', 'secrets'],
]);

function partsOf(schema: Schema, value: JsonObject): string {
  const inner = schema.inner(value);
  if (inner === null) return '';
  const lines = Object.entries(inner).map(([key, part]) => {
    const { description } = schema.whole(part as JsonObject);
    return `- \`${key}\`: ${String(description).replace(/\n+/g, ' ')}`;
  });
  return `\n${lines.join('\n')}\n`;
}

function sectionOf(schema: Schema, key: string, value: JsonObject): string {
  const { description, examples } = schema.whole(value);
  const [first] = examples as readonly Json[];
  const parts = ELSEWHERE.has(key) ? '' : partsOf(schema, value);
  return `### \`${key}\`\n\n${String(description)}\n${parts}\n\`\`\`yaml\n${example(key, first ?? null)}\n\`\`\`\n`;
}

const sectionsOf = (schema: Schema, properties: JsonObject): string =>
  Object.entries(properties)
    .map(([key, value]) => sectionOf(schema, key, value as JsonObject))
    .join('\n');

const listOf = (schema: Schema, properties: JsonObject): string =>
  Object.entries(properties)
    .map(([key, value]) => {
      const { description } = schema.whole(value as JsonObject);
      return `- \`${key}\`: ${String(description).replace(/\n+/g, ' ')}`;
    })
    .join('\n');

const flow = new Schema('flow');
const config = new Schema('config');

const flowPage = (): string => `# Flow files

${MADE}

A flow is a file of YAML 1.2. \`flowctl validate\` says everything that is wrong with one, \`flowctl schema\` prints its JSON Schema. Texts may hold
expressions, \`\${{ ... }}\`, where this page says so; see [expressions.md](expressions.md), and [shell.md](shell.md) for those in shell text.

## Keys of a flow

${sectionsOf(flow, flow.at('properties'))}
## Keys of a step

A step does one thing: \`run\`, \`call\`, \`flow\`, \`steps\`, \`wait\` or \`approve\`.

${sectionsOf(flow, flow.at('definitions/namedStep/properties'))}
## Keys of a handler

A handler is a member of \`on_success\`, \`on_failure\`, \`on_cancel\` or \`finally\`, of the flow or of a step. It does one thing: \`run\`, \`call\` or \`notify\`.

${listOf(flow, flow.at('definitions/handler/properties'))}

### Keys of \`notify\`

${listOf(flow, flow.at('definitions/notify/properties'))}

## Keys of \`retry\`

A number of extra tries, or a map:

${listOf(flow, flow.at('definitions/retry/then/properties'))}

## Keys of \`defaults\`

${listOf(flow, flow.at('properties/defaults/properties'))}

## Where a secret comes from

A list of names under \`secrets\` means environment variables of those names. In a map each name has one of these:

${listOf(flow, flow.at('definitions/secretSource/properties'))}

## Keys of a param

A bare value is a default, with its type inferred. A map is a JSON Schema (2020-12) without references:

${listOf(flow, flow.at('definitions/valueSchema/properties'))}
`;

const PROJECT = `resources: { db: 4, gpu: [a, b], api: { per: 1m, max: 60 } }
env: { REGION: "\${{ vars.region }}" }
vars: { region: eu }
secrets: { WAREHOUSE_URL: { file: secrets/warehouse_url } }
defaults: { timeout: 30m }
profiles:
  prod:
    params: { target: warehouse }
    vars: { region: us }
    secrets: { WAREHOUSE_URL: { command: pass show prod/warehouse } }
`;

const projectPage = (): string => `# Projects: flowctl.config.yaml

${MADE}

A project is the folder whose \`.flowctl/\` holds its runs: the nearest one above a flow file that has \`.flowctl/\` or \`flowctl.config.yaml\`. A
\`flowctl.config.yaml\` in it holds for all its flows. It is data, and nothing of it is run; \`flowctl validate flowctl.config.yaml\` checks it,
\`flowctl schema config\` prints its JSON Schema. Commands that run or judge flows refuse an invalid one with exit code 3; those that only
look at runs do not read it.

\`\`\`yaml
# flowctl.config.yaml
${PROJECT}\`\`\`

## What wins

From the weakest to the strongest:

1. what flowctl inherited: its environment
2. files under \`include\`, the first one first
3. \`flowctl.config.yaml\`
4. the flow: its \`env\`, \`dotenv\` and \`defaults\`
5. the profile that \`--profile\` names
6. groups around a step, then the step itself

Of each of these \`dotenv\` lies beneath every \`env\`. Values of \`env\`, \`vars\` and \`defaults\` win one by one, not as a whole. Of a secret the flow's
source wins over the project's, where the flow names one, and that of a profile wins over both. A profile's \`params\` stand for the defaults
of a flow that is started; values given with \`-p\` win over them, and sub-flows are given theirs by their step.

What a run takes from its project is written into its recorded definition with the name of the profile: \`resume\` and \`rerun\` use that
profile again, and \`resume\` sees edits of the config as edits of the flow.

Expressions in \`env\` and in \`workdir\` of \`defaults\` see \`vars\`, \`env\`, \`run\` and \`flow\`; in \`env\` they may pass on \`secrets\`. A flow has those secrets
of its project that it refers to.

## Keys

${sectionsOf(config, config.at('properties'))}
## Keys of a profile

${listOf(config, config.at('definitions/profile/properties'))}

## Keys of \`defaults\`

${listOf(config, config.at('definitions/defaults/properties'))}
`;

const PAGES = [
  ['docs/flow-file.md', flowPage],
  ['docs/project.md', projectPage],
] as const;

describe('pages made from the schemas', () => {
  it.each(PAGES)('%s is up to date (UPDATE_DOCS=1 writes it)', (name, page) => {
    const file = resolve(ROOT, name);
    if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, page());
    expect(readFileSync(file, 'utf8')).toBe(page());
  });

  it.each(PAGES)('%s has no example that is not YAML', (_, page) => {
    const blocks = [...page().matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block ?? '');
    expect(blocks.length).toBeGreaterThan(5);
    for (const block of blocks) expect([block, parse(block)]).not.toEqual([block, null]);
  });

  it('shows a project that is valid, with its profile', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-pages-'));
    try {
      writeFileSync(join(folder, 'flowctl.config.yaml'), PROJECT);
      for (const profile of [null, 'prod'])
        expect(await loadProject(join(folder, 'flowctl.config.yaml'), 'config', profile)).toMatchObject({
          kind: 'loaded',
        });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('has both pages in the README', () => {
    const readme = readFileSync(resolve(ROOT, 'README.md'), 'utf8');
    for (const [name] of PAGES) expect(readme).toContain(`(${name})`);
  });
});
