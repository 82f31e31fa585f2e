/** `serve` over ten thousand deployments: what it takes while nothing is due, and how long what is due waits. */

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Area, Figure } from '../area.ts';

const DEPLOYMENTS = 10_000;
/** Of one core. */
const GOAL = 0.01;
/** Ticks per second in /proc/<pid>/stat: sysconf(_SC_CLK_TCK), 100 on every Linux that Node runs on. */
const TICKS = 100;

interface Kept {
  readonly deployments: { readonly [name: string]: { readonly [member: string]: unknown } };
}

const cpuSeconds = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
};
const megabytes = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024;

/** One deployment by the program, and the others as its likes: cron lines and intervals in many zones, all due far from now. */
async function deploy(flowctl: string, folder: string): Promise<void> {
  writeFileSync(
    join(folder, 'flow.yaml'),
    'name: d0\nschedules: [{ cron: "0 0 1 1 *" }]\nsteps: { a: { run: ":" } }\n',
  );
  await new Promise((done) =>
    spawn(process.execPath, [flowctl, 'deploy', 'flow.yaml'], { cwd: folder, stdio: 'ignore' }).on('close', done),
  );
  const path = join(folder, '.flowctl/db.json');
  const document = JSON.parse(readFileSync(path, 'utf8')) as Kept;
  const [first] = Object.values(document.deployments);
  const [schedule] = (first?.['schedules'] ?? []) as readonly object[];
  const zones = ['UTC', 'America/New_York', 'Europe/Berlin', 'Asia/Kolkata', 'Australia/Lord_Howe'];
  const month = ((new Date().getUTCMonth() + 6) % 12) + 1;
  const timing = (n: number): object => {
    if (n % 3 === 0)
      return { kind: 'rrule', rule: `FREQ=YEARLY;BYMONTH=${month};BYMONTHDAY=${1 + (n % 28)};BYHOUR=${n % 24}` };
    if (n % 3 === 1) return { kind: 'cron', expression: `${n % 60} ${n % 24} ${1 + (n % 28)} ${month} *` };
    return {
      kind: 'interval',
      every_ms: (400 + n) * 86_400_000,
      anchor: new Date(Date.now() - 86_400_000).toISOString(),
    };
  };
  const deployments = Array.from({ length: DEPLOYMENTS }, (_, n) => {
    const schedules = [{ ...schedule, timing: timing(n), timezone: zones[n % zones.length] }];
    return [`d${n}`, { ...first, name: `d${n}`, schedules }];
  });
  writeFileSync(path, JSON.stringify({ ...document, deployments: Object.fromEntries(deployments) }));
}

/** The area. */
export const scheduler: Area = {
  name: 'scheduler',
  async run({ flowctl, full }): Promise<readonly Figure[]> {
    const folder = mkdtempSync(join(tmpdir(), 'flowctl-bench-'));
    try {
      await deploy(flowctl, folder);
      const began = performance.now();
      const child = spawn(process.execPath, [flowctl, 'serve'], { cwd: folder });
      const started = (): number => child.pid ?? -1;
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      while (!said.includes('looking at')) await pause(20);
      // The first look reads every schedule.
      let before = cpuSeconds(started());
      do {
        before = cpuSeconds(started());
        await pause(1_500);
      } while (cpuSeconds(started()) - before > 0.1);
      const ready = performance.now() - began;
      before = cpuSeconds(started());
      const seconds = full ? 120 : 30;
      await pause(seconds * 1_000);
      const share = (cpuSeconds(started()) - before) / seconds;
      const memory = megabytes(started());
      // One more that is due at once.
      const path = join(folder, 'soon.yaml');
      writeFileSync(path, 'name: soon\nschedules: [{ interval: 5s }]\nsteps: { a: { run: ":" } }\n');
      spawn(process.execPath, [flowctl, 'deploy', path], { cwd: folder, stdio: 'ignore' });
      while (!said.includes('soon: run')) await pause(20);
      const [, at = '', due = ''] = /^(\S+) soon: run \S+ for (\S+)$/m.exec(said) ?? [];
      const late = Date.parse(at) - Date.parse(due);
      const ended = new Promise((done) => child.on('close', done));
      child.kill('SIGTERM');
      await ended;
      const note = `ready after ${(ready / 1_000).toFixed(1)} s, ${memory.toFixed(0)} MB; a run that is due is on disk ${late} ms after its instant`;
      const sample = { wallMs: seconds * 1_000, cpuMs: share * seconds * 1_000, peakKb: memory * 1_024 };
      const name = `serve, ${DEPLOYMENTS} deployments, nothing due`;
      const figures = { ratio: share, best: share, cpuRatio: share, wallMs: sample.wallMs, peakKb: sample.peakKb };
      return [{ area: 'scheduler', name, reference: 'a core', ...figures, goal: GOAL, samples: [sample], note }];
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
    }
  },
};
