/** `npm run bench [-- --only area] [--full] [--json file]`: measures, prints a table, and writes every sample as JSON. */

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Area, BenchContext, Figure } from './area.ts';
import { calls } from './areas/calls.ts';
import { callsOnCores } from './areas/calls-on-cores.ts';
import { coldStart } from './areas/cold-start.ts';
import { functionSteps } from './areas/function-steps.ts';
import { engineAlone } from './areas/engine.ts';
import { liveRun } from './areas/live-run.ts';
import { logs } from './areas/logs.ts';
import { maps } from './areas/maps.ts';
import { planning } from './areas/planning.ts';
import { recording } from './areas/recording.ts';
import { rendering } from './areas/rendering.ts';
import { resume } from './areas/resume.ts';
import { reuse } from './areas/reuse.ts';
import { scheduler } from './areas/scheduler.ts';
import { shellSteps } from './areas/shell-steps.ts';
import { starting } from './areas/starting.ts';
import { warmPython } from './areas/warm-python.ts';
import { canMeasurePrograms } from './protocol.ts';
import { compiledReference, madeFolder } from './reference.ts';

declare const REPOSITORY: string;

const AREAS: readonly Area[] = [
  coldStart,
  starting,
  shellSteps,
  planning,
  engineAlone,
  resume,
  maps,
  functionSteps,
  calls,
  callsOnCores,
  recording,
  logs,
  rendering,
  liveRun,
  reuse,
  scheduler,
  warmPython,
];

const { values } = parseArgs({
  options: { only: { type: 'string', multiple: true }, full: { type: 'boolean' }, json: { type: 'string' } },
});

function line(figure: Figure): string {
  const name = figure.name.padEnd(44);
  if ('absent' in figure) return `  ${name} left out: ${figure.absent}`;
  if ('exponent' in figure) {
    const points = figure.points.map(([size, value]) => `${size}: ${value.toFixed(0)}`).join(', ');
    const note = figure.note === undefined ? '' : `   ${figure.note}`;
    return `  ${name} exponent ${figure.exponent.toFixed(2)}, top ${figure.topExponent.toFixed(2)}   (${points} ${figure.unit})${note}`;
  }
  const goal =
    figure.goal === null
      ? ''
      : `   goal ${Number(figure.goal.toFixed(2))}${figure.ratio <= figure.goal ? ' (met)' : ''}`;
  const memory = `${(figure.peakKb / 1_024).toFixed(0)} MB`;
  const ratio =
    figure.name === figure.reference
      ? 'reference     '
      : `x ${figure.ratio.toFixed(2)} (best ${figure.best.toFixed(2)})`;
  const note = figure.note === undefined ? '' : `   ${figure.note}`;
  return `  ${name} ${ratio.padEnd(22)} cpu x ${figure.cpuRatio.toFixed(2)}   ${figure.wallMs.toFixed(0)} ms   ${memory}${goal}${note}`;
}

const context: BenchContext = {
  flowctl: join(REPOSITORY, 'bin', 'flowctl.js'),
  spawn: compiledReference('spawn'),
  full: values.full === true,
};
const print = (text: string): void => void process.stdout.write(`${text}\n`);
const figures: Figure[] = [];
if (!canMeasurePrograms()) print('there is neither a C compiler nor GNU time: install the package `time`');
for (const area of canMeasurePrograms() ? AREAS : []) {
  if (values.only !== undefined && !values.only.some((name) => area.name.startsWith(name))) continue;
  print(area.name);
  const found = await area.run(context);
  figures.push(...found);
  for (const figure of found) print(line(figure));
}
const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as { readonly version: string };
const commit = spawnSync('git', ['-C', REPOSITORY, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).stdout.trim();
const report = {
  flowctl: version,
  commit,
  node: process.versions.node,
  machine: { cores: cpus().length, model: cpus()[0]?.model ?? 'unknown', memory: totalmem(), load: loadavg() },
  full: context.full,
  figures,
};
const file = values.json ?? join(madeFolder(), 'bench.json');
writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
print(`\nevery sample: ${file}`);
