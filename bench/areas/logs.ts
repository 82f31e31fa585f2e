/**
 * What a step prints. Without secrets its descriptor is the log, so nothing should be lost against the shell's own `> file`. With secrets it
 * goes through a pipe and the mask, and the measure is `| cat > file`. Start-up is taken off: it is measured right beside, with a step that
 * prints nothing.
 */

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Area, Figure } from '../area.ts';
import { compare, median, program, type Row, type Subject } from '../protocol.ts';

const BLOCK = 16_777_216;
const MEGABYTES_PER_BLOCK = 16;
/** How many secrets a step has. */
const SECRETS = [1, 16] as const;
/** The two sizes of which the memory is compared, in MB. */
const SMALL = 64;

/** Lines such as programs print, none like another. */
function text(): Buffer {
  const lines = Array.from({ length: 150_000 }, (_, index) => {
    const number = (index * 2_654_435_761) % 4_294_967_296;
    const id = number.toString(16).padStart(8, '0');
    return `2026-11-22T09:15:27.${String(index % 1_000).padStart(3, '0')}Z INFO  load batch ${index} committed ${number % 4_096} rows in ${number % 977} ms id=${id} /var/lib/data/part-${index}.parquet\n`;
  });
  return Buffer.from(lines.join('').repeat(2)).subarray(0, BLOCK);
}

/** A folder with flows that print so many times 16 MB, and what measures them. */
class Printing {
  readonly #folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
  readonly #state = join(this.#folder, 'state');
  readonly #file = join(this.#folder, 'file');
  readonly #flowctl: string;

  constructor(flowctl: string) {
    this.#flowctl = flowctl;
    writeFileSync(join(this.#folder, 'text'), text());
  }

  #print(megabytes: number): string {
    const blocks = megabytes / MEGABYTES_PER_BLOCK;
    const block = `head -c ${BLOCK} ${join(this.#folder, 'text')}`;
    return `i=0; while [ $i -lt ${blocks} ]; do i=$((i + 1)); ${block}; done`;
  }

  /** The shell's own way. */
  shell(name: string, megabytes: number, into: '>' | '| cat >'): Subject {
    const command = `{ ${this.#print(megabytes)}; } ${into} ${this.#file}`;
    return this.#checked(program(name, ['sh', '-c', command]), megabytes, () => this.#file);
  }

  /** A run with a step that prints. */
  run(name: string, megabytes: number, secrets: number): Subject {
    const names = Array.from({ length: secrets }, (_, index) => `BENCH_TOKEN_${index}`);
    const step = `run: '${megabytes === 0 ? ':' : this.#print(megabytes)}', secrets: [${names.join(', ')}]`;
    const flow = join(this.#folder, `${megabytes}-${secrets}.yaml`);
    writeFileSync(flow, `name: printing\nsecrets: [${names.join(', ')}]\nsteps:\n  prints: { ${step} }\n`);
    const values = names.map((each) => [
      each,
      `xoxb-${createHash('sha256').update(each).digest('base64url').slice(0, 24)}`,
    ]);
    const argv = [process.execPath, this.#flowctl, 'run', flow, '-q', '--state-dir', this.#state];
    const measured = program(name, argv, { env: { ...process.env, ...Object.fromEntries(values) } });
    const log = (): string => {
      const [run = 'none'] = readdirSync(join(this.#state, 'runs'));
      return join(this.#state, 'runs', run, 'logs', 'prints.1.log');
    };
    return this.#checked(measured, megabytes, log);
  }

  /** What the run costs beyond one whose step prints nothing. */
  beyondStart(run: Subject, secrets: number): Subject {
    const idle = this.run('a step that prints nothing', 0, secrets);
    return {
      name: run.name,
      async measure() {
        const [start, whole] = [await idle.measure(), await run.measure()];
        return { ...whole, wallMs: whole.wallMs - start.wallMs, cpuMs: whole.cpuMs - start.cpuMs };
      },
    };
  }

  /** Each time every byte has to be there, and the first time to be the right one. */
  #checked({ name, measure }: Subject, megabytes: number, log: () => string): Subject {
    let isCompared = false;
    return {
      name,
      measure: async () => {
        const sample = await measure();
        if (megabytes > 0) {
          if (statSync(log()).size !== megabytes * 1_048_576) throw new Error(`${name}: the log is not whole`);
          const isRight = isCompared || spawnSync('sh', ['-c', this.#comparison(megabytes, log())]).status === 0;
          if (!isRight) throw new Error(`${name}: the log is not what was printed`);
          isCompared = true;
        }
        rmSync(this.#state, { recursive: true, force: true });
        rmSync(this.#file, { force: true });
        return sample;
      },
    };
  }

  #comparison = (megabytes: number, log: string): string => `{ ${this.#print(megabytes)}; } | cmp - ${log}`;

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The memory of the larger of two runs against that of the smaller. */
async function memory(name: string, [small, large]: readonly [Subject, Subject], rounds: number): Promise<Row> {
  const rows = await compare('logs', small, [large], rounds);
  const peaks = rows.map(({ samples }) => median(samples.map(({ peakKb }) => peakKb)));
  const ratio = (peaks[1] ?? Number.NaN) / (peaks[0] ?? Number.NaN);
  const note = `${peaks.map((peak) => (peak / 1_024).toFixed(0)).join(' and ')} MB`;
  const [first, last] = rows;
  if (first === undefined || last === undefined) throw new Error('two subjects give two rows');
  return { ...last, name, reference: first.name, ratio, best: ratio, goal: 1.1, note };
}

/** 256 MB (1 GB with --full) through a step. */
export const logs: Area = {
  name: 'logs',
  async run({ flowctl, full }): Promise<readonly Figure[]> {
    const printing = new Printing(flowctl);
    const [megabytes, rounds] = full ? [1_024, 7] : [256, 5];
    const size = `${megabytes} MB`;
    const run = (secrets: number): Subject =>
      printing.run(`a step with ${secrets} secrets, ${size}`, megabytes, secrets);
    try {
      const direct = { ...printing.beyondStart(printing.run(`a step, ${size}`, megabytes, 0), 0), goal: 1 / 0.9 };
      const masked = SECRETS.map((secrets) => ({ ...printing.beyondStart(run(secrets), secrets), goal: 1 / 0.5 }));
      return [
        ...(await compare('logs', printing.shell(`${size} > file`, megabytes, '>'), [direct], rounds)),
        ...(await compare('logs', printing.shell(`${size} | cat > file`, megabytes, '| cat >'), masked, rounds)),
        await memory(
          `memory, ${size} against ${SMALL} MB, no secrets`,
          [printing.run(`${SMALL} MB`, SMALL, 0), printing.run(size, megabytes, 0)],
          3,
        ),
        await memory(
          `memory, ${size} against ${SMALL} MB, 16 secrets`,
          [printing.run(`${SMALL} MB, 16 secrets`, SMALL, 16), run(16)],
          3,
        ),
      ];
    } finally {
      printing.remove();
    }
  },
};
