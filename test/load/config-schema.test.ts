/** The schema of projects and the checks have to agree, and every key has to be explained. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { isJsonObject, type Json, type JsonObject } from '../../src/base/json.ts';
import { KEYS } from '../../src/load/vocabulary.ts';

const read = (name: string): JsonObject =>
  JSON.parse(readFileSync(join(import.meta.dirname, `../../schemas/${name}.schema.json`), 'utf8')) as JsonObject;
const config = read('config');
const flow = read('flow');
const ajv = new Ajv({ strict: true, allErrors: true });

const at = (schema: JsonObject, path: string): JsonObject => {
  let node: Json | undefined = schema;
  for (const part of path.split('/').filter((each) => each !== '')) node = isJsonObject(node) ? node[part] : undefined;
  if (!isJsonObject(node)) throw new Error(`the schema has no ${path}`);
  return node;
};

const PROPERTIES = {
  config: '/properties',
  profile: '/definitions/profile/properties',
  defaults: '/definitions/defaults/properties',
  secret: '/definitions/secretSource/properties',
  capacity: '/definitions/capacity/else/then/properties',
  automation: '/definitions/automation/properties',
  automation_when: '/definitions/automationWhen/properties',
  automation_run: '/definitions/automationRun/properties',
  automation_schedule: '/definitions/automationSchedule/properties',
  automation_then: '/definitions/automationThen/properties',
  notify: '/definitions/notify/properties',
} as const;

describe('the schema of projects', () => {
  it.each(Object.entries(PROPERTIES))('knows the keys of a %s that the checks know', (context, path) => {
    expect(Object.keys(at(config, path)).sort()).toEqual([...KEYS[context as keyof typeof PROPERTIES]].sort());
  });

  const keys = Object.values(PROPERTIES).flatMap((path) =>
    Object.entries(at(config, path)).map(([key, value]) => ({ key: `${path}/${key}`, value: value as JsonObject })),
  );
  it.each(keys)('explains $key, with examples that are valid', ({ key, value }) => {
    expect(value['description']).toMatch(/\w/);
    const examples = value['examples'] as readonly Json[];
    expect(examples.length).toBeGreaterThan(0);
    const own = ajv.compile({ ...value, $id: `https://flowctl.dev/test${key}`, definitions: config['definitions'] });
    for (const example of examples) expect([example, own(example)]).toEqual([example, true]);
  });

  it('has examples that are valid', () => {
    const validate = ajv.compile(config);
    for (const example of config['examples'] as readonly Json[])
      expect([example, validate(example)]).toEqual([example, true]);
  });

  it('says of what flows have as well the same as their schema', () => {
    const own = Object.keys(at(config, '/definitions')).filter((name) => name in at(flow, '/definitions'));
    expect(own).toContain('retry');
    for (const name of own)
      expect([name, at(config, `/definitions/${name}`)]).toEqual([name, at(flow, `/definitions/${name}`)]);
    expect(at(config, '/definitions/defaults/properties')).toEqual(at(flow, '/properties/defaults/properties'));
  });
});
