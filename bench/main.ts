/**
 * `npm run bench [-- [area ...] [--full] [--json file] [--against file]]`: measures, prints a table, and writes every sample as JSON, also
 * against an earlier such file. `npm run bench -- --page [--json file]` measures nothing, and writes `docs/performance.md` from it.
 */

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { comparison } from './against.ts';
import type { Area, BenchContext } from './area.ts';
import { calls } from './areas/calls.ts';
import { callsOnCores } from './areas/calls-on-cores.ts';
import { coldStart } from './areas/cold-start.ts';
import { functionSteps } from './areas/function-steps.ts';
import { engineAlone } from './areas/engine.ts';
import { liveRun } from './areas/live-run.ts';
import { logs } from './areas/logs.ts';
import { maps } from './areas/maps.ts';
import { peers } from './areas/peers.ts';
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
import { writePage } from './page.ts';
import { compiledReference, madeFolder } from './reference.ts';
import { loadNow, type Measured, measured, readReport, type Report, writeReport } from './report.ts';
import { line } from './table.ts';

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
  peers,
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string', multiple: true },
    full: { type: 'boolean' },
    json: { type: 'string' },
    against: { type: 'string' },
    page: { type: 'boolean' },
  },
});

/** Areas are named by `--only`, or plainly: `npm run bench -- peers`. */
const named = [...(values.only ?? []), ...positionals];

function isWanted({ name, onRequest }: Area): boolean {
  return named.length === 0 ? onRequest !== true : named.some((each) => name.startsWith(each));
}

const context: BenchContext = {
  flowctl: join(REPOSITORY, 'bin', 'flowctl.js'),
  spawn: compiledReference('spawn'),
  full: values.full === true,
};
// Where it is set, Node reads certificates before anything else, which on Node 20 takes twice as long as all of `node -e 0`.
delete process.env['NODE_EXTRA_CA_CERTS'];

const print = (text: string): void => void process.stdout.write(`${text}\n`);
const file = values.json ?? join(madeFolder(), 'bench.json');
const before = values.against === undefined ? null : readReport(values.against);

async function measureAll(): Promise<Report> {
  if (!canMeasurePrograms()) print('there is neither a C compiler nor GNU time: install the package `time`');
  const areas: Measured[] = [];
  for (const area of canMeasurePrograms() ? AREAS.filter(isWanted) : []) {
    print(area.name);
    const load = loadNow();
    const figures = await area.run(context);
    areas.push(measured(area.name, context.full, load, figures));
    for (const figure of figures) print(line(figure));
  }
  const report = writeReport(file, areas);
  print(`\nevery sample: ${file}`);
  return before === null ? report : { ...report, areas };
}

if (values.page === true) {
  writePage(readReport(file));
  print('written: docs/performance.md, and the figures of README.md');
} else {
  const report = await measureAll();
  if (before !== null) print(`\n${comparison(report, before).join('\n')}`);
}
