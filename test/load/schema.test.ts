/** The schema, the types and the checks have to agree, and every key has to be explained. */

import { Ajv } from 'ajv';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../src/base/duration.ts';
import { isFlowName, parseStepId } from '../../src/base/ids.ts';
import { isJsonObject, type Json, type JsonObject } from '../../src/base/json.ts';
import { KEYS } from '../../src/load/vocabulary.ts';
import { codesOf, load } from './flow-file.ts';

const text = readFileSync(join(import.meta.dirname, '../../schemas/flow.schema.json'), 'utf8');
const schema = JSON.parse(text) as JsonObject;
const ajv = new Ajv({ strict: true, allErrors: true });
const validate = ajv.compile(schema);

const at = (path: string): JsonObject => {
  let node: Json | undefined = schema;
  for (const part of path.split('/').filter((each) => each !== '')) node = isJsonObject(node) ? node[part] : undefined;
  if (!isJsonObject(node)) throw new Error(`the schema has no ${path}`);
  return node;
};

/** Every key that people write, with its schema. */
const PROPERTIES = [
  '/properties',
  '/properties/defaults/properties',
  '/definitions/retry/then/properties',
  '/definitions/valueSchema/properties',
  '/definitions/notify/properties',
  '/definitions/secretSource/properties',
  '/definitions/concurrency/else/properties',
  '/definitions/cache/else/properties',
  '/definitions/wait/then/properties',
  '/definitions/waitFor/properties',
  '/definitions/http/then/properties',
  '/definitions/approve/then/properties',
  '/definitions/repeat/properties',
  '/definitions/matrix/properties',
];
const written = PROPERTIES.flatMap((path) =>
  Object.entries(at(path)).map(([key, value]) => ({ key: `${path}/${key}`, value: value as JsonObject })),
);
const bodies = { ...at('/definitions/handler/properties'), ...at('/definitions/namedStep/properties') };
const stepKeys = Object.entries(bodies).map(([key, value]) => {
  const { $ref } = value as JsonObject;
  const isWhole = typeof $ref === 'string' && Object.keys(value as JsonObject).length === 1;
  return { key: `step/${key}`, value: isWhole ? at($ref.slice(1)) : (value as JsonObject) };
});

describe('the schema of flows', () => {
  it('knows the keys that the checks know', () => {
    expect(Object.keys(at('/properties')).sort()).toEqual([...KEYS.flow].sort());
    expect(Object.keys(at('/definitions/step/properties')).sort()).toEqual([...KEYS.step].sort());
    expect(Object.keys(at('/definitions/namedStep/properties')).sort()).toEqual([...KEYS.named_step].sort());
    expect(Object.keys(at('/definitions/retry/then/properties')).sort()).toEqual([...KEYS.retry].sort());
    expect(Object.keys(at('/properties/defaults/properties')).sort()).toEqual([...KEYS.defaults].sort());
    expect(Object.keys(at('/definitions/valueSchema/properties')).sort()).toEqual([...KEYS.schema].sort());
    expect(Object.keys(at('/definitions/handler/properties')).sort()).toEqual([...KEYS.handler].sort());
    expect(Object.keys(at('/definitions/notify/properties')).sort()).toEqual([...KEYS.notify].sort());
    expect(Object.keys(at('/definitions/concurrency/else/properties')).sort()).toEqual([...KEYS.concurrency].sort());
    expect(Object.keys(at('/definitions/cache/else/properties')).sort()).toEqual([...KEYS.cache].sort());
    expect(Object.keys(at('/definitions/secretSource/properties')).sort()).toEqual([...KEYS.secret].sort());
    expect(Object.keys(at('/definitions/wait/then/properties')).sort()).toEqual([...KEYS.wait].sort());
    expect(Object.keys(at('/definitions/waitFor/properties')).sort()).toEqual([...KEYS.wait_for].sort());
    expect(Object.keys(at('/definitions/http/then/properties')).sort()).toEqual([...KEYS.http].sort());
    expect(Object.keys(at('/definitions/approve/then/properties')).sort()).toEqual([...KEYS.approve].sort());
    expect(Object.keys(at('/definitions/repeat/properties')).sort()).toEqual([...KEYS.repeat].sort());
  });

  for (const { key, value } of [...written, ...stepKeys]) {
    it(`explains ${key}, with examples that are valid`, () => {
      expect(value['description']).toMatch(/\w/);
      const examples = value['examples'] as readonly Json[];
      expect(examples.length).toBeGreaterThan(0);
      const own = ajv.compile({ ...value, $id: `https://flowctl.dev/test${key}`, definitions: schema['definitions'] });
      for (const example of examples) expect([example, own(example)]).toEqual([example, true]);
    });
  }

  it('has examples that are flows, and that load', async () => {
    for (const example of schema['examples'] as readonly Json[]) {
      expect(validate(example)).toBe(true);
      const result = await load(stringify(example), { 'tasks.ts': 'export function load() {}' });
      expect(result.kind).toBe('loaded');
    }
  });

  it('refuses what it should', () => {
    for (const wrong of [
      {},
      { steps: {} },
      { steps: { a: {} } },
      { steps: { a: { run: 'x', call: 'y' } } },
      { steps: [{ run: 'x' }] },
    ]) {
      expect(validate(wrong)).toBe(false);
    }
  });
});

const pattern = (path: string): RegExp => new RegExp(String(at(path)['pattern']), 'u');
const near = (alphabet: string) => fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 12 });

describe('patterns of the schema', () => {
  it('allow whatever the parsers of names and durations allow', () => {
    fc.assert(
      fc.property(near('aZ_9-. '), (name) => parseStepId(name) === null || pattern('/definitions/stepName').test(name)),
    );
    fc.assert(fc.property(near('aZ_9-. '), (name) => isFlowName(name) === pattern('/definitions/flowName').test(name)));
    fc.assert(
      fc.property(
        near('0159.mshdw '),
        (name) => !parseDuration(name).ok || pattern('/definitions/duration').test(name),
      ),
    );
  });

  it('leave no text that they refuse without a diagnostic', async () => {
    const quote = (value: string) => JSON.stringify(value);
    await fc.assert(
      fc.asyncProperty(near('0159.mshdw '), async (value) => {
        const codes = await codesOf(`steps: { a: { run: x, timeout: ${quote(value)} } }\n`);
        return (codes.length === 0) === parseDuration(value).ok;
      }),
      { numRuns: 50 },
    );
    await fc.assert(
      fc.asyncProperty(near('aZ_9-. '), async (value) => {
        const codes = await codesOf(`name: ${quote(value)}\nsteps: [{ name: ${quote(value)}, run: x }]\n`);
        return (codes.length === 0) === (isFlowName(value) && parseStepId(value) !== null);
      }),
      { numRuns: 50 },
    );
  });
});
