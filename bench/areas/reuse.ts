/** Reuse: whether 10,000 sources changed, against a bare loop that stats the same files; and what a step whose result stands costs. */

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunId } from '../../src/base/ids.ts';
import { contentHash, recordedStepKey } from '../../src/base/ids.ts';
import { ok } from '../../src/base/result.ts';
import { resultKeeper } from '../../src/cache/keeper.ts';
import { EarlierResults } from '../../src/cache/reuse.ts';
import type { AttemptRequest, ReuseRequest } from '../../src/engine/ports.ts';
import type { Area, Figure } from '../area.ts';
import { compare, inside } from '../protocol.ts';

const FILES = 10_000;
const STEPS = 200;
const RUN = '01jd0000000000000000000000' as RunId;

function requestFor(step: string, workdir: string): ReuseRequest {
  return {
    step: recordedStepKey(step),
    work: { kind: 'argv', argv: ['true'] },
    ...{ stdin: null, output: 'file', outputs_schema: null, env: {}, values: {}, secret_variables: [], generates: [] },
    workdir,
    sources: [],
    cache: { key: null, ttl_ms: null },
  };
}

const attemptOf = (request: ReuseRequest, fingerprint: string): AttemptRequest => ({
  ...request,
  ...{ run: RUN, flow: 'bench', attempt: 1, iteration: 0, success_codes: [0], skip_codes: [], timeout_ms: null },
  ...{ grace_ms: 0, idempotency_key: 'x', secrets: [], artifacts: [], units: {}, logs: null, interactive: false },
  isolate: 'thread',
  reuse: { fingerprint: contentHash(fingerprint), ttl_ms: null },
});

/** Opens what is kept as another process would. */
function open(folder: string): EarlierResults {
  return new EarlierResults({
    folder: join(folder, 'cache'),
    ...{
      scope: 'f.yaml',
      root: 'f.yaml',
      prefix: null,
      directory: folder,
      run: RUN,
      flows: {},
      noCache: false,
      force: [],
    },
    // Later than all files, so that none is too young to be trusted.
    clock: { wall: () => Date.now() + 60_000 },
    outputs: {
      store: (value) => Promise.resolve({ kind: 'inline', value }),
      read: (ref) => Promise.resolve(ref.kind === 'inline' ? ref.value : null),
    },
    codeOf: () => Promise.resolve(ok('')),
  });
}

async function perform(earlier: EarlierResults, request: ReuseRequest): Promise<'reuse' | 'run'> {
  const answer = await earlier.lookup(request);
  if (answer.kind === 'run' && answer.fingerprint !== null) {
    const success = { kind: 'succeeded', exit_code: 0, outputs: { kind: 'inline', value: { rows: 1 } } } as const;
    await resultKeeper(earlier).conclude(attemptOf(request, answer.fingerprint), '', success, () => {});
  }
  return answer.kind;
}

function statAll(folder: string): number {
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    bytes += statSync(join(folder, name)).size;
  return bytes;
}

/** 10,000 files in 100 folders, unchanged; 200 steps with a kept result each. */
export const reuse: Area = {
  name: 'reuse',
  async run(): Promise<readonly Figure[]> {
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    try {
      for (let index = 0; index < FILES; index += 1) {
        const directory = join(folder, 'src', String(index % 100));
        if (index < 100) mkdirSync(directory, { recursive: true });
        writeFileSync(join(directory, `${index}.c`), `int x${index};\n`.repeat(100));
        utimesSync(join(directory, `${index}.c`), 1_600_000_000, 1_600_000_000);
      }
      const build: ReuseRequest = { ...requestFor('build', folder), sources: ['src/**/*.c'], cache: null };
      const steps = Array.from({ length: STEPS }, (_, index) => requestFor(`load[${index}]`, folder));
      for (const request of [build, ...steps]) await perform(open(folder), request);
      const mustStand = async (earlier: EarlierResults, request: ReuseRequest): Promise<void> => {
        if ((await perform(earlier, request)) !== 'reuse') throw new Error(`${request.step} was not reused`);
      };
      const reference = inside(`readdir and stat, ${FILES} files`, () => {
        statAll(join(folder, 'src'));
      });
      const check = inside(`sources unchanged, ${FILES} files`, () => mustStand(open(folder), build));
      const cached = inside(`${STEPS} steps reused`, async () => {
        const earlier = open(folder);
        for (const request of steps) await mustStand(earlier, request);
      });
      const rows = await compare('reuse', reference, [check, cached], 5);
      return rows.map((row) =>
        row.name.includes('steps') ? { ...row, note: `${(row.wallMs / STEPS).toFixed(2)} ms a step` } : row,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
