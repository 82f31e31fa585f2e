/**
 * I6, I7: one file of the state is something else, and the built program is asked about it. Every answer has an exit code that is
 * written down, comes in time, and is no stack trace; queries go on to work. Cases of one project, one after the other.
 */

import { createHash } from 'node:crypto';
import { cpSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { canonicalJson, type Json } from '../../src/base/json.ts';
import { sealLine } from '../../src/store/sealed-line.ts';
import { Rig } from '../kit/rig.ts';
import { again, casesOf, mutateBytes, otherwise, Random, SEED } from './random.ts';

// Many starts of the program, or many cases, beside other tests on a busy machine.
vi.setConfig({ testTimeout: 240_000 });

const FLOW = `name: rich
schedules: [{ cron: '0 6 1 1 *' }]
triggers: [{ file: 'inbox/*' }, { flow: other, debounce: 5s }, { absence: { of: { file: x }, within: 300d } }]
concurrency: { group: g, on_conflict: queue }
steps:
  kept: { run: 'cat in > out; echo a=1 >> "$FLOWCTL_OUTPUT"', sources: [in], generates: [out], cache: true }
  large: { output: json, run: [node, -e, 'console.log(JSON.stringify("x".repeat(70000)))'] }
  code: { call: ./tasks.mjs#f }
  items: { foreach: [1, 2], run: 'true' }
  child: { flow: ./sub.yaml }
  ask: { needs: [kept, large, code, items, child], approve: { message: 'go?', params: { n: 1 } } }
  last: { needs: ask, run: 'test -e go' }
`;

/** Codes that tell of state, of a run, or of a question; 70 is none, and no signal. */
const TOLD = [0, 1, 2, 3, 4, 5, 6, 65, 74, 75, 77];

async function project(): Promise<Rig> {
  const rig = new Rig({ FLOWCTL_GRACE: '500ms' });
  rig.write('flow.yaml', FLOW);
  rig.write('sub.yaml', "steps: { in: { run: 'echo sub' } }\n");
  rig.write('tasks.mjs', 'export const f = () => ({ one: 1 });\n');
  rig.write('in', 'x');
  expect((await rig.flowctl('run', 'flow.yaml', '-q', '--no-wait')).code).toBe(6);
  expect((await rig.flowctl('approve', 'last', 'ask')).code).toBe(1);
  expect((await rig.flowctl('deploy', 'flow.yaml')).code).toBe(0);
  // Something is remembered of what it watches.
  expect((await rig.flowctl('tick')).code).toBe(0);
  rig.write(
    'request.json',
    JSON.stringify({ kind: 'cancel', by: { name: 'x', host: 'y', pid: 1 }, at: '2026-01-01T00:00:00Z', reason: null }),
  );
  return rig;
}

/** Makes something else of a file; where it has a checksum of its own, that is right. */
function changed(random: Random, file: string, bytes: Buffer): Buffer {
  if (random.chance(40)) return mutateBytes(random, bytes);
  const last = bytes.toString().trimEnd().split('\n').at(-1) ?? '';
  let document: unknown;
  try {
    document = JSON.parse(file.endsWith('.ndjson') ? last : bytes.toString());
  } catch {
    return mutateBytes(random, bytes);
  }
  if (/flow(?:\.\d+)?\.json$/.test(file)) {
    const whole = document as { definition: Json };
    const definition = otherwise(random, whole.definition) as Json;
    const sha256 = createHash('sha256').update(canonicalJson(definition)).digest('hex');
    return Buffer.from(JSON.stringify({ ...whole, definition, sha256 }));
  }
  const other = JSON.stringify(otherwise(random, document)) ?? 'null';
  if (!file.endsWith('index.ndjson')) return Buffer.from(other);
  const { crc: _, ...row } = JSON.parse(other.startsWith('{') ? other : '{}') as { crc?: string };
  const lines = bytes.toString().trimEnd().split('\n').slice(0, -1);
  return Buffer.from(`${lines.join('\n')}\n${sealLine(JSON.stringify({ id: 1, ...row }))}`);
}

it('a file of the state is something else', async () => {
  const rig = await project();
  const state = rig.path('.flowctl');
  const good = rig.path('good');
  cpSync(state, good, { recursive: true, preserveTimestamps: true });
  const files = rig
    .filesBelow('good')
    .map(({ path }) => path)
    .filter((path) => lstatSync(join(good, path)).isFile() && !path.endsWith('journal.ndjson'));
  const [id = ''] = rig.runIds();
  for (let number = 0; number < casesOf(4); number += 1) {
    const random = new Random(SEED + number * 104_729);
    rmSync(state, { recursive: true });
    cpSync(good, state, { recursive: true, preserveTimestamps: true });
    const file = random.chance(15) ? 'inbox' : random.pick(files);
    if (file === 'inbox') {
      const inbox = join(state, 'runs', id, 'inbox');
      mkdirSync(inbox, { recursive: true, mode: 0o700 });
      const kind = random.pick(['cancel', 'approve']);
      const bytes = changed(random, 'request.json', readFileSync(rig.path('request.json')));
      writeFileSync(join(inbox, `${kind}-0123456789abcdef.json`), bytes, { mode: 0o600 });
    } else writeFileSync(join(state, file), changed(random, file, readFileSync(join(good, file))), { mode: 0o600 });
    const asked = async (...argv: readonly string[]): Promise<number> => {
      const began = performance.now();
      const { code, signal, stdout, stderr } = await rig.shell(
        `timeout -k 1 60 "$NODE" --max-old-space-size=400 "$BIN" ${argv.join(' ')}`,
      ).ended;
      const what = `${again(file, number)}: ${argv.join(' ')}\n${stdout.slice(0, 300)}\n${stderr.slice(0, 2_000)}`;
      expect(signal, what).toBeNull();
      expect(TOLD, what).toContain(code);
      expect(stderr, what).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
      expect(performance.now() - began, what).toBeLessThan(30_000);
      return code ?? -1;
    };
    const [listed] = await Promise.all([
      asked('runs', '--json'),
      asked('runs', '--all'),
      asked('show', id),
      asked('logs', id),
      asked('graph', id),
      asked('cache'),
      asked('deployments'),
      asked('deployments', 'rich'),
      asked('tick'),
    ]);
    expect(listed, again(file, number)).toBe(0);
    await asked('resume', id);
    await asked('run', 'flow.yaml', '--no-wait', '-q');
    expect(await asked('runs'), again(file, number)).toBe(0);
  }
  rig.remove();
});
