/** Params are typed by their schemas. Checked by the compiler alone: `inference.test.ts` runs it. */

import { flow, type GivenParams, type Params, type StandardSchema } from '../../../src/index.ts';
import { type Same, same } from './same.ts';

const etl = flow(
  'etl',
  {
    params: {
      path: { type: 'string', default: 'values.csv' },
      day: { type: 'string', format: 'date' },
      limit: 1000,
      verbose: false,
      region: { enum: ['eu', 'us'] },
      kind: { const: 'full' },
      sizes: { type: 'array', items: { type: 'integer' } },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      login: {
        type: 'object',
        properties: { user: { type: 'string' }, port: { type: 'integer' } },
        required: ['user'],
      },
      maybe: { type: ['string', 'null'] },
    },
    maxParallel: 4,
    timeout: '1h',
  },
  async (params) => {
    same<Same<typeof params.path, string>>();
    same<Same<typeof params.day, string>>();
    same<Same<typeof params.limit, number>>();
    same<Same<typeof params.verbose, boolean>>();
    same<Same<typeof params.region, 'eu' | 'us'>>();
    same<Same<typeof params.kind, 'full'>>();
    same<Same<typeof params.sizes, number[]>>();
    same<Same<typeof params.labels, { [name: string]: string }>>();
    same<Same<typeof params.login, { user: string; port?: number }>>();
    same<Same<typeof params.maybe, string | null>>();
    // @ts-expect-error there is no such param
    params.pth;
    return { rows: params.limit, when: new Date(0) };
  },
);

export const parent = flow('parent', async () => {
  const result = await etl({
    day: '2026-01-31',
    region: 'eu',
    kind: 'full',
    sizes: [1],
    labels: {},
    login: { user: 'me' },
    maybe: null,
  });
  same<Same<typeof result, { rows: number; when: string }>>();
  // @ts-expect-error params without a default have to be given
  await etl({ limit: 1 });
  // @ts-expect-error it takes params
  await etl();
  // @ts-expect-error no such region
  await etl({ day: '', region: 'asia', kind: 'full', sizes: [], labels: {}, login: { user: '' }, maybe: null });
});

export const top = flow('top', async () => {
  const nothing = await parent();
  same<Same<typeof nothing, null>>();
  // @ts-expect-error it has no params
  await parent({ path: 'a' });
});

declare const schema: StandardSchema<{ day?: string }, { day: string; limit: number }>;
export const checked = flow('checked', { params: schema }, async ({ day, limit }) => {
  same<Same<typeof day, string>>();
  same<Same<typeof limit, number>>();
  return day;
});
same<Same<Params<typeof schema>, { day: string; limit: number }>>();
same<Same<GivenParams<typeof schema>, { day?: string }>>();

export const caller = flow('caller', async () => {
  await checked();
  await checked({ day: '2026-01-31' });
  // @ts-expect-error a day is a text
  await checked({ day: 1 });
});

// @ts-expect-error no such option
flow('misspelt', { timeouts: '1h' }, async () => 1);

// @ts-expect-error `max` is a number
flow('retried', { retry: { max: 'three' } }, async () => 1);

export const graph = flow({
  name: 'graph',
  params: { day: { type: 'string' } },
  steps: {
    fetch: { run: 'true', timeout: '1m' },
    load: { needs: 'fetch', call: (input: { day: string }) => input.day },
    report: { needs: ['fetch', 'load'], run: ['echo', 'done'], if: 'always()' },
  },
});

flow({
  name: 'missing',
  steps: {
    fetch: { run: 'true' },
    // @ts-expect-error there is no such step
    load: { needs: 'fecth', run: 'true' },
  },
});

flow({
  name: 'wrong',
  steps: {
    // @ts-expect-error no such option
    fetch: { run: 'true', time_out: '1m' },
  },
});
