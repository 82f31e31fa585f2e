/** Starting processes: 2,000 times `true`, two at a time, by each launcher, and how long a start holds the main thread, also beside 1 GB of buffers. */

import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directLauncher, type Launcher } from '../../src/process/launcher.ts';
import { residentScript } from '../../src/process/resident-script.ts';
import { type ResidentShells, residentShells } from '../../src/process/resident-shells.ts';
import { starterLauncher } from '../../src/process/starter.ts';
import type { Area, Figure } from '../area.ts';
import { compare, inside, median, program, type Row, type Subject } from '../protocol.ts';

const AT_ONCE = 2;
const PROGRAM = '/bin/true';
const GIGABYTE = 1_073_741_824;
const ENVIRONMENT = { PATH: '/usr/bin:/bin' };

/** Starts the program and waits for its end. @returns how long the main thread was held, in milliseconds. */
type StartOne = (log: string) => Promise<number>;

/** A subject, and how long its starts held the main thread, in milliseconds. */
interface Held {
  readonly subject: Subject & { readonly goal?: number };
  readonly heldMs: number[];
}

/** The launchers, side by side. */
export const starting: Area = {
  name: 'starting',
  async run({ spawn, full }): Promise<readonly Figure[]> {
    if (spawn === null) return [{ area: 'starting', name: 'all', absent: 'there is no C compiler for the reference' }];
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    try {
      const direct = directLauncher();
      const starter = starterLauncher({ directly: direct, after: 0 });
      const shells = residentShells(ENVIRONMENT, 0);
      const measured = async (starts: number, resident: number, rounds: number): Promise<readonly Row[]> => {
        const beside = resident === 0 ? '' : ', beside 1 GB';
        const load = { folder, starts, resident };
        const reference = program(`${starts} x ${PROGRAM}`, [spawn, String(starts), String(AT_ONCE), PROGRAM]);
        const subjects = [
          ...(shells === null
            ? []
            : [subjectOf(`shells that stay${beside}`, inShell(shells), load, resident === 0 ? 1.3 : undefined)]),
          subjectOf(`the starter${beside}`, byLauncher(starter), load),
          subjectOf(`directly${beside}`, byLauncher(direct), load),
        ];
        const rows = await compare(
          'starting',
          reference,
          subjects.map(({ subject }) => subject),
          rounds,
        );
        return rows.map((row) => {
          const held = subjects.find(({ subject }) => subject.name === row.name)?.heldMs ?? [];
          return held.length === 0 ? row : { ...row, note: heldNote(held) };
        });
      };
      // A direct start beside 1 GB takes a tenth of a second and more.
      return [...(await measured(2_000, 0, full ? 5 : 3)), ...(await measured(60, GIGABYTE, 1))];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function heldNote(heldMs: readonly number[]): string {
  const sorted = [...heldMs].sort((one, other) => one - other);
  const last = sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN;
  return `a start holds the main thread ${median(sorted).toFixed(2)} ms, ${last.toFixed(2)} at the 99th percentile; its own CPU only`;
}

interface Load {
  readonly folder: string;
  readonly starts: number;
  /** Bytes of buffers that the process holds meanwhile. */
  readonly resident: number;
}

function subjectOf(name: string, start: StartOne, { folder, starts, resident }: Load, goal?: number): Held {
  const heldMs: number[] = [];
  const subject = inside(name, async () => {
    const ballast = Buffer.alloc(resident, 1);
    let left = starts;
    const worker = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        heldMs.push(await start(join(folder, 'log')));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    // Whatever is not looked at again may be collected before.
    if (ballast.length !== resident) throw new Error('no ballast');
  });
  return { subject: goal === undefined ? subject : { ...subject, goal }, heldMs };
}

const byLauncher =
  (launcher: Launcher): StartOne =>
  async (log) => {
    const output = openSync(log, 'a', 0o600);
    const spec = { argv: [PROGRAM], env: ENVIRONMENT, workdir: '/', input: null, output, errors: output };
    const began = performance.now();
    const launching = launcher.launch(spec);
    const heldForLaunch = performance.now() - began;
    const launched = await launching;
    if (launched.kind !== 'launched') throw new Error(JSON.stringify(launched));
    const opening = performance.now();
    launched.process.release();
    const held = heldForLaunch + performance.now() - opening;
    const { exitCode } = await launched.process.exited;
    if (exitCode !== 0) throw new Error(`${PROGRAM} ended with ${exitCode}`);
    closeSync(output);
    return held;
  };

const inShell =
  (shells: ResidentShells): StartOne =>
  async (log) => {
    const shell = await shells.take();
    if (shell === null) throw new Error('no shell');
    const began = performance.now();
    const step = { log, output: `${log}.output`, workdir: '/', text: `exec ${PROGRAM}`, env: { STEP: 'true' } };
    const ending = shell.run(residentScript(step, ENVIRONMENT));
    const held = performance.now() - began;
    const { exitCode } = await ending;
    if (exitCode !== 0) throw new Error(`${PROGRAM} ended with ${exitCode}`);
    return held;
  };
