/**
 * What a step prints, against the shell's own redirection: the step's descriptor is the log file, so nothing should be lost. What a step
 * with a secret prints goes through a pipe and the mask instead.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Area, Figure } from '../area.ts';
import { compare, program, type Subject } from '../protocol.ts';

/** 256 MB (1 GB with --full) through a step. */
export const logs: Area = {
  name: 'logs',
  async run({ flowctl, full }): Promise<readonly Figure[]> {
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    const size = full ? '1G' : '256M';
    const print = `head -c ${size} /dev/zero`;
    const flow = join(folder, 'big.yaml');
    const state = join(folder, 'state');
    writeFileSync(flow, `name: big\nsteps:\n  big: { run: '${print}' }\n`);
    const direct = program(`${print} > file`, ['sh', '-c', `${print} > ${join(folder, 'direct')}`]);
    const run = program(`flowctl, step printing ${size}`, [
      process.execPath,
      flowctl,
      'run',
      flow,
      '-q',
      '--state-dir',
      state,
    ]);
    const secretive = join(folder, 'secretive.yaml');
    writeFileSync(
      secretive,
      `name: secretive\nsecrets: [BENCH_TOKEN]\nsteps:\n  big: { run: '${print}', secrets: [BENCH_TOKEN] }\n`,
    );
    const masked = program(
      `flowctl, step with a secret printing ${size}`,
      [process.execPath, flowctl, 'run', secretive, '-q', '--state-dir', state],
      { env: { ...process.env, BENCH_TOKEN: 'xoxb-1234-abcd' } },
    );
    const quiet = join(folder, 'quiet.yaml');
    writeFileSync(quiet, "name: quiet\nsteps:\n  big: { run: ':' }\n");
    const idle = program('flowctl, step printing nothing', [
      process.execPath,
      flowctl,
      'run',
      quiet,
      '-q',
      '--state-dir',
      state,
    ]);
    /** What the run costs beyond one whose step prints nothing. */
    const net = (subject: Subject): Subject => ({
      name: `${subject.name}, start-up taken off`,
      async measure() {
        const [whole, start] = [await subject.measure(), await idle.measure()];
        return { ...whole, wallMs: whole.wallMs - start.wallMs, cpuMs: whole.cpuMs - start.cpuMs };
      },
    });
    const cleaned = (subject: Subject): Subject => ({
      name: subject.name,
      async measure() {
        const sample = await subject.measure();
        rmSync(state, { recursive: true, force: true });
        rmSync(join(folder, 'direct'), { force: true });
        return sample;
      },
    });
    try {
      return await compare(
        'logs',
        cleaned(direct),
        [cleaned(net(run)), cleaned(run), cleaned(net(masked))],
        full ? 5 : 3,
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
