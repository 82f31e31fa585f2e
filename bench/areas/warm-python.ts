/** 40 times fib(10) in Python, one after the other, as steps of a chain: each with a Python of its own, and in forks of one that is up. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { Area, Figure } from '../area.ts';
import { compare, program, type Subject } from '../protocol.ts';

const AREA = 'warm python';
const STEPS = 40;
const FIB = 'def fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)\nprint(fib(10))\n';

/** The Python that PATH comes to, without what stands in front of it. */
function findPython(): string | null {
  const asked = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
  return asked.status === 0 ? asked.stdout.trim() : null;
}

/** Small Python texts. */
export const warmPython: Area = {
  name: AREA,
  async run({ flowctl, spawn, full }): Promise<readonly Figure[]> {
    const python = findPython();
    if (spawn === null || python === null)
      return [{ area: AREA, name: 'all', absent: 'there is no C compiler, or no Python' }];
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    try {
      const rounds = full ? 15 : 7;
      const reference = program(`${STEPS} x python3 -c fib`, [spawn, String(STEPS), '1', python, '-u', '-c', FIB]);
      const path = `${dirname(python)}${delimiter}${process.env['PATH'] ?? ''}`;
      const subjects = [
        flowctlRun({ name: `flowctl, ${STEPS} steps`, folder, flowctl, path, warm: false, count: STEPS, goal: 1 }),
        flowctlRun({
          name: `flowctl, ${STEPS} warm steps`,
          folder,
          flowctl,
          path,
          warm: true,
          count: STEPS,
          goal: 0.2,
        }),
        flowctlRun({ name: 'flowctl, 1 warm step', folder, flowctl, path, warm: true, count: 1 }),
      ];
      return await compare(AREA, reference, subjects, rounds);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

interface Chain {
  readonly name: string;
  readonly folder: string;
  readonly flowctl: string;
  /** Where its Python is found first. */
  readonly path: string;
  readonly warm: boolean;
  readonly count: number;
  readonly goal?: number;
}

function flowctlRun({ name, folder, flowctl, path, warm, count, goal }: Chain): Subject & { readonly goal?: number } {
  const file = join(folder, `${warm ? 'warm' : 'cold'}-${count}.yaml`);
  const state = join(folder, 'state');
  const text = FIB.replaceAll(/^(?=.)/gm, '      ');
  const steps = Array.from({ length: count }, (_, index) => {
    const needs = index === 0 ? '' : `    needs: s${index - 1}\n`;
    return `  s${index}:\n${needs}${warm ? '    warm: true\n' : ''}    run: |\n${text}`;
  });
  writeFileSync(file, `defaults: { shell: python }\nsteps:\n${steps.join('')}`);
  const argv = [process.execPath, flowctl, 'run', file, '-q', '--state-dir', state];
  const inner = program(name, argv, { env: { ...process.env, PATH: path } });
  const subject: Subject = {
    name,
    async measure() {
      const sample = await inner.measure();
      const [run = ''] = readdirSync(join(state, 'runs'));
      const logs = join(state, 'runs', run, 'logs');
      const printed = readdirSync(logs).map((log) => readFileSync(join(logs, log), 'utf8'));
      if (printed.length !== count || printed.some((each) => each !== '55\n'))
        throw new Error(`${name}: not every step printed 55`);
      rmSync(state, { recursive: true, force: true });
      return sample;
    },
  };
  return goal === undefined ? subject : { ...subject, goal };
}
