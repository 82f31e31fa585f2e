/** Arguments, results and options of tasks are typed. Checked by the compiler alone: `inference.test.ts` runs it. */

import { context, flow, type Json, type JsonObject, map, sh, task, transaction } from '../../../src/index.ts';
import { type Same, same } from './same.ts';

interface Row {
  readonly id: number;
  readonly at: Date;
  readonly note?: string;
  log(): void;
}

const extract = task('extract', { retry: { max: 5, delay: '5s' } }, async (_path: string) => [1, 2, 3]);
const transform = task('transform', async (value: number, by: number) => value + by);
const rows = task('rows', async (): Promise<Row[]> => []);
const plain = task('plain', (value: { readonly a: number; readonly b?: string }) => value);
const nothing = task('nothing', async () => {});
const perhaps = task('perhaps', (id: string): Row | undefined => (id === '' ? undefined : undefined));
const defaulted = task('defaulted', (value: number, by = 2) => value * by);

export default flow('my-etl', { params: { path: { type: 'string', default: 'values.csv' } } }, async ({ path }) => {
  const values = await extract(path);
  same<Same<typeof values, number[]>>();
  const bigger = await transform.map(values, { args: (n) => [n, 1], maxParallel: 4 });
  same<Same<typeof bigger, number[]>>();
  const some = await transform.map(values, { args: (n) => [n, 1], tolerate: '10%' });
  same<Same<typeof some, (number | null)[]>>();
  const doubled = await defaulted.map(values);
  same<Same<typeof doubled, number[]>>();
  const keyed = await transform.with({ key: 'first', timeout: '1s' })(1, 2);
  same<Same<typeof keyed, number>>();
  const read = await rows();
  same<Same<typeof read, { readonly id: number; readonly at: string; readonly note?: string }[]>>();
  const same1 = await plain({ a: 1 });
  same<Same<typeof same1, { readonly a: number; readonly b?: string }>>();
  const none = await nothing();
  same<Same<typeof none, null>>();
  const one = await perhaps('a');
  same<Same<NonNullable<typeof one>['at'], string>>();
  const settled = await Promise.allSettled([extract('a'), transform(1, 2)]);
  same<Same<(typeof settled)[1], PromiseSettledResult<number>>>();
  const [left, right] = await Promise.all([extract('a'), transform(1, 2)]);
  same<Same<typeof left, number[]>>();
  same<Same<typeof right, number>>();
  const lengths = await map(['a', 'b'], async (text) => (await extract(text)).length, { maxParallel: 2 });
  same<Same<typeof lengths, number[]>>();
  const total = await transaction(async () => transform(1, 2));
  same<Same<typeof total, number>>();
  const lines = await sh.with({ output: 'lines' })`ls ${path}`;
  same<Same<typeof lines, string[]>>();
  const json = await sh.with({ output: 'json' })(['jq', '.']);
  same<Same<typeof json, Json>>();
  const outputs = await sh`gzip ${path} ${1} ${[1, 'a']}`;
  same<Same<typeof outputs, JsonObject | null>>();
  const { now, approval } = context();
  same<Same<ReturnType<typeof now>, number>>();
  const answer = await approval({ message: 'go on?', params: { note: { type: 'string' }, count: 1 } });
  same<Same<typeof answer, { note: string; count: number }>>();

  // @ts-expect-error an argument is missing
  await transform(1);
  // @ts-expect-error it takes a text
  await extract(1);
  // @ts-expect-error two arguments are asked for
  await transform.map(values);
  // @ts-expect-error the second argument is a number
  await transform.map(values, { args: (n) => [n, 'one'] });
  // @ts-expect-error items are numbers
  await defaulted.map(['a']);
  // @ts-expect-error no such option
  await transform.with({ retries: 3 })(1, 2);
  // @ts-expect-error an object is no argument of a command
  await sh`echo ${{ a: 1 }}`;
  return bigger;
});

task(
  'typed-options',
  {
    retry: { max: 2, delay: (attempt) => `${attempt}s`, retryIf: (_error, attempt) => attempt < 2 },
    cache: { key: (path, day) => `${path}-${day.toFixed()}`, ttl: '1d' },
    runName: (path) => `load ${path.toUpperCase()}`,
    onSuccess: (outputs, path) => `${outputs.length} ${path.length}`,
    onFailure: ({ message, attempts }, path) => `${message} ${attempts.toFixed()} ${path.length}`,
    onRollback: (outputs) => outputs.map((each) => each.toFixed()),
  },
  async (path: string, day: number) => [path.length, day],
);

// @ts-expect-error a date is no JSON
task('no-json', async (when: Date) => when.getTime());

// @ts-expect-error neither is a map
task('no-map', { timeout: '1s' }, async (values: Map<string, string>) => values.size);

const serializer = {
  stringify: (value: unknown) => JSON.stringify(value),
  parse: (text: string): unknown => JSON.parse(text),
};
const dated = task('dated', { serializer }, async (when: Date) => when);
export const later = async (): Promise<Date> => dated(new Date(0));

// @ts-expect-error no such option
task('misspelt', { retries: 2 }, async () => 1);

// @ts-expect-error a key is made of the arguments that there are
task('key', { cache: { key: (path: number) => String(path) } }, async (path: string) => path);
