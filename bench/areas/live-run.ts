/**
 * A run of 5,000 live steps on a pseudo-terminal of 200 x 50, against the same run without a view: what the view takes of a core, how much it
 * writes, and whether the run is slower for it. 200 of the steps are commands that have printed a line, so that rows show the ends of logs;
 * the others wait, 1,000 of them for less long, so that 200 end in each second. 5,000 commands at once are not measured: the machine would be.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Area, Figure } from '../area.ts';
import { compare, median, program, type Subject } from '../protocol.ts';

const STEPS = 5_000;
/** util-linux: runs a command on a pseudo-terminal, and keeps what it wrote there. */
const SCRIPT = '/usr/bin/script';
const COMMAND = 'echo the last line of a log, as steps print them while they work; sleep 6';

function flow(): string {
  const steps = Array.from({ length: STEPS }, (_, index) => {
    if (index % 25 === 1) return `  s${index}: { run: '${COMMAND}' }`;
    return `  s${index}: { wait: ${index % 5 === 0 ? 2_000 + index : 7_500}ms }`;
  });
  return `name: live\nmax_parallel: ${STEPS}\nsteps:\n${steps.join('\n')}\n`;
}

/** 5,000 live steps, with a view and without. */
export const liveRun: Area = {
  name: 'live run',
  async run({ flowctl, full }): Promise<readonly Figure[]> {
    const name = `a tree of ${STEPS} live steps`;
    if (!existsSync(SCRIPT)) return [{ area: 'live run', name, absent: 'there is no `script` (util-linux)' }];
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    const [file, state, written] = [join(folder, 'live.yaml'), join(folder, 'state'), join(folder, 'written')];
    writeFileSync(file, flow());
    const bytes: number[] = [];
    const subject = (title: string, ...options: readonly string[]): Subject => {
      const argv = [process.execPath, flowctl, 'run', file, ...options, '--state-dir', state];
      const command = `stty rows 50 cols 200; exec ${argv.join(' ')}`;
      const run = program(title, [SCRIPT, '-qfec', command, written]);
      return {
        name: title,
        async measure() {
          const sample = await run.measure();
          const query = [flowctl, 'runs', '--json', '--state-dir', state];
          const { stdout } = spawnSync(process.execPath, query, { encoding: 'utf8' });
          const [row] = JSON.parse(stdout) as readonly { readonly steps: { readonly succeeded: number } }[];
          if (row?.steps.succeeded !== STEPS) throw new Error(`${title}: ${row?.steps.succeeded} steps succeeded`);
          if (options.includes('tree')) bytes.push(statSync(written).size / sample.wallMs);
          rmSync(state, { recursive: true, force: true });
          return sample;
        },
      };
    };
    try {
      const reference = subject('the same run, no view', '-q');
      const tree = { ...subject(name, '--output', 'tree'), goal: 1.01 };
      const rows = await compare('live run', reference, [tree], full ? 9 : 3);
      const [without = [], within = []] = rows.map(({ samples }) => samples);
      const shares = within.map(({ cpuMs }, round) => {
        const beside = without[round];
        return beside === undefined ? Number.NaN : (cpuMs - beside.cpuMs) / beside.wallMs;
      });
      const [, drawn] = rows;
      if (drawn === undefined) return rows;
      const share = {
        ...{ ...drawn, name: 'what its view takes beyond that', reference: 'one core', goal: 0.02 },
        ...{ ratio: median(shares), best: Math.min(...shares), cpuRatio: median(shares) },
        note: `${median(bytes).toFixed(1)} kB/s`,
      };
      return [...rows, share];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
