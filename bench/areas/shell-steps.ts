/** No-op shell steps, logs and journal included, against a C loop of `sh -c :` and against the build tools, which keep neither. */

import { spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Area, Figure } from '../area.ts';
import { makefile, ninjafile, type Shape, yamlFlow } from '../flows.ts';
import { growth, perStep } from '../ladder.ts';
import { compare, program, type Subject } from '../protocol.ts';

const has = (tool: string): boolean => spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0;

/** 1,000 steps, independent and chained; a ladder of sizes. */
export const shellSteps: Area = {
  name: 'shell steps',
  async run({ flowctl, spawn, full }): Promise<readonly Figure[]> {
    if (spawn === null)
      return [{ area: 'shell steps', name: 'all', absent: 'there is no C compiler for the reference' }];
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    const figures: Figure[] = [];
    try {
      for (const shape of ['wide', 'chain'] as const) {
        const count = 1_000;
        const parallel = shape === 'wide' ? 2 : 1;
        const reference = program(`${count} x sh -c :, ${shape}`, [spawn, String(count), String(parallel)]);
        const subjects = [
          flowctlRun(folder, flowctl, shape, count, 'full', shape === 'wide' ? 2.0 : 2.2),
          flowctlRun(folder, flowctl, shape, count, 'process', shape === 'wide' ? 1.6 : 1.8),
          ...(full ? [flowctlRun(folder, flowctl, shape, count, 'full', undefined, 'direct')] : []),
          ...peers.filter(({ tool }) => has(tool)).map(({ run }) => run(folder, shape, count)),
        ];
        figures.push(...(await compare('shell steps', reference, subjects, full ? 5 : 3)));
      }
      for (const { tool } of peers) {
        if (!has(tool)) figures.push({ area: 'shell steps', name: tool, absent: 'it is not installed' });
      }
      figures.push(...(await ladders(folder, flowctl, full ? [100, 1_000, 5_000, 10_000] : [100, 500, 2_000])));
      return figures;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function flowctlRun(
  folder: string,
  flowctl: string,
  shape: Shape,
  count: number,
  durability: 'full' | 'process',
  goal?: number,
  launcher: 'auto' | 'direct' = 'auto',
  look: (state: string) => void = () => undefined,
): Subject & { readonly goal?: number } {
  const flow = join(folder, `${shape}-${count}.yaml`);
  writeFileSync(flow, yamlFlow(shape, count));
  const subject: Subject = {
    name: `flowctl, ${shape}, durability ${durability}${launcher === 'direct' ? ', started directly' : ''}`,
    async measure() {
      // A new one each time, and none removed before the end: where many files were removed a moment ago, making one takes ext4 longer.
      const state = mkdtempSync(join(folder, 'state-'));
      const argv = [process.execPath, flowctl, 'run', flow, '-q', '--state-dir', state];
      const env = { ...process.env, FLOWCTL_DURABILITY: durability, FLOWCTL_LAUNCHER: launcher };
      const sample = await program(subject.name, argv, { env }).measure();
      checkRun(flowctl, state, count);
      look(state);
      return sample;
    },
  };
  return goal === undefined ? subject : { ...subject, goal };
}

function checkRun(flowctl: string, state: string, count: number): void {
  const { stdout } = spawnSync(process.execPath, [flowctl, 'runs', '--json', '--state-dir', state], {
    encoding: 'utf8',
  });
  const [run] = JSON.parse(stdout) as readonly { readonly steps: { readonly succeeded: number } }[];
  if (run?.steps.succeeded !== count) throw new Error(`not all of ${count} steps succeeded: ${stdout}`);
}

/** What runs the same commands, and keeps neither logs nor a history. */
const peers: readonly {
  readonly tool: string;
  readonly run: (folder: string, shape: Shape, count: number) => Subject;
}[] = [
  { tool: 'make', run: makeRun },
  { tool: 'ninja', run: ninjaRun },
  { tool: 'xargs', run: (_, shape, count) => fedRun('xargs -n 1', 'sh -c :', shape, count) },
  // As for make: it starts a bare command without a shell.
  { tool: 'parallel', run: (_, shape, count) => fedRun('parallel --will-cite', "'true && : {}'", shape, count) },
];

function makeRun(folder: string, shape: Shape, count: number): Subject {
  const file = join(folder, `Makefile-${shape}`);
  writeFileSync(file, makefile(shape, count));
  return program(`make -j2, ${shape}`, ['make', '-j2', '-s', '-f', file, 'all']);
}

function ninjaRun(folder: string, shape: Shape, count: number): Subject {
  const file = join(folder, `build-${shape}.ninja`);
  writeFileSync(file, ninjafile(shape, count));
  return program(`ninja -j2, ${shape}`, ['ninja', '-j2', '--quiet', '-f', file], { cwd: folder });
}

/** A tool that starts a command for each line it reads; a chain is one at a time. */
function fedRun(tool: string, command: string, shape: Shape, count: number): Subject {
  const parallel = shape === 'wide' ? 2 : 1;
  const [name = tool] = tool.split(' ');
  const env = { ...process.env, PARALLEL_SHELL: '/bin/sh' };
  return program(`${name} -P${parallel}, ${shape}`, ['sh', '-c', `seq ${count} | ${tool} -P ${parallel} ${command}`], {
    env,
  });
}

/** The bytes of all files below a folder. */
function bytesBelow(folder: string): number {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + lstatSync(join(entry.parentPath, entry.name)).size, 0);
}

/** The whole of a run, and what it leaves on the disk, which may be 10 MB after 10,000 steps. */
async function ladders(folder: string, flowctl: string, sizes: readonly number[]): Promise<readonly Figure[]> {
  const times: [number, number][] = [];
  const written: [number, number][] = [];
  const one = await flowctlRun(folder, flowctl, 'wide', 1, 'full').measure();
  for (const size of sizes) {
    const look = (state: string): void => void written.push([size, bytesBelow(state) / 1_024]);
    const { cpuMs } = await flowctlRun(folder, flowctl, 'wide', size, 'full', undefined, 'auto', look).measure();
    times.push([size, Math.max(cpuMs - one.cpuMs, 1)]);
  }
  const megabytes = (perStep(written) * 10_000) / 1_024;
  const note = `${megabytes.toFixed(1)} MB for 10,000 steps (goal 10${megabytes <= 10 ? ', met' : ''})`;
  return [
    growth('shell steps', 'growth, independent steps', 'ms of CPU', times),
    { ...growth('shell steps', 'growth, what is on the disk', 'kB', written), note },
  ];
}
