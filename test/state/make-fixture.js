#!/usr/bin/env node
// Makes runs of every kind with the built program, and keeps the whole project as one file: `fixtures/<version>/project.json`, which every
// later version reads and goes on with (`old-runs.test.ts`). Called once for each release: node test/state/make-fixture.js
// A project has its paths in its records, so it is made where none else would be: /tmp/flowctl-project.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
const BIN = join(ROOT, 'bin', 'flowctl.js');
const FOLDER = '/tmp/flowctl-project';
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** A step that appends its name to the effects. */
const done = `run: 'echo "$FLOWCTL_FLOW/$FLOWCTL_STEP" >> "$EFFECTS"'`;
/** The same, and it fails before somebody made the file `fixed`. */
const fails = `run: 'echo "$FLOWCTL_FLOW/$FLOWCTL_STEP" >> "$EFFECTS"; [ -e fixed ]'`;
/** The same, and it does not end before. */
const hangs = `run: 'echo "$FLOWCTL_FLOW/$FLOWCTL_STEP" >> "$EFFECTS"; [ -e fixed ] || sleep 60'`;

const FILES = {
  'flowctl.config.yaml': 'resources: { db: 2 }\nvars: { region: eu }\nretention: false\n',
  'finished.yaml': `name: finished
params: { city: Oslo, count: 2 }
concurrency: { group: one, limit: 1 }
steps:
  a: { ${done}, resources: { db: 1 } }
  b: { needs: a, run: 'echo n=\${{ params.count }} >> "$FLOWCTL_OUTPUT"' }
  c: { needs: b, if: "steps.b.outputs.n == 2", ${done} }
  d: { needs: b, if: "steps.b.outputs.n == 3", ${done} }
outputs: { n: "\${{ steps.b.outputs.n }}" }
`,
  'failed.yaml': `name: failed
steps:
  a: { ${done} }
  b: { needs: a, retry: 1, ${fails} }
  c: { needs: b, ${done} }
on_failure: [{ ${done} }]
finally: [{ ${done} }]
`,
  'interrupted.yaml': `name: interrupted\nsteps:\n  a: { ${done} }\n  b: { needs: a, ${hangs} }\n  c: { needs: b, ${done} }\n`,
  'cancelled.yaml': `name: cancelled\nsteps:\n  a: { ${done} }\n  b: { needs: a, ${hangs} }\n`,
  'parked.yaml': `name: parked
steps:
  a: { ${done} }
  gate: { needs: a, approve: { message: "ship to \${{ vars.region }}?", params: { ticket: { type: integer } } } }
  c: { needs: gate, run: 'echo "parked/c \${{ steps.gate.outputs.ticket }}" >> "$EFFECTS"' }
`,
  'map.yaml': `name: map
steps:
  list: { run: 'echo "[\\"x\\",\\"y\\",\\"z\\"]"', output: json }
  load:
    needs: list
    foreach: "\${{ steps.list.outputs }}"
    key: \${{ item }}
    run: 'echo "map/$FLOWCTL_STEP" >> "$EFFECTS"; [ "$FLOWCTL_ITEM" != "\\"y\\"" ] || [ -e fixed ]'
  group:
    needs: load
    steps: { one: { ${done} }, two: { needs: one, ${done} } }
  cross: { matrix: { os: [a, b], size: [1, 2] }, ${done} }
`,
  'child.yaml': `name: child\nparams: { n: 1 }\nsteps:\n  one: { ${done} }\n  two: { needs: one, ${fails} }\noutputs: { n: "\${{ params.n }}" }\n`,
  'parent.yaml': `name: parent
steps:
  sub: { flow: ./child.yaml, with: { n: 7 } }
  after: { needs: sub, run: 'echo "parent/after \${{ steps.sub.outputs.n }}" >> "$EFFECTS"' }
`,
  'large.yaml': `name: large
steps:
  a: { run: 'printf "[\\"%070000d\\"]" 1', output: json }
  b: { needs: a, ${fails} }
  c: { needs: b, env: { LIST: "\${{ len(steps.a.outputs[0]) }}" }, run: 'echo "large/c $LIST" >> "$EFFECTS"' }
`,
  'cached.yaml': `name: cached\nsteps:\n  a: { run: 'echo "cached/a" >> "$EFFECTS"; cp in out', sources: [in], generates: [out], cache: { key: k } }\n`,
  'repeat.yaml': `name: repeat
steps:
  a: { repeat: { until: "outputs.n == 3", max: 5 }, run: 'echo x >> rounds; echo n=$(wc -l < rounds) >> "$FLOWCTL_OUTPUT"' }
  b: { needs: a, ${fails} }
`,
  in: 'x\n',
  'script.ts': `import { existsSync } from 'node:fs';
import { context, flow, sh, task } from 'flowctl';
const double = task('double', async (n: number) => n * 2);
const check = task('check', async (n: number) => {
  if (!existsSync('fixed')) throw new Error('not yet');
  return n;
});
export default flow('script', { params: { n: 2 } }, async ({ n }) => {
  const first = await double(n);
  const all = await double.map([1, 2, 3]);
  const now = context().now();
  await sh\`echo script/sh >> "$EFFECTS"\`;
  return [await check(first), ...all, typeof now];
});
`,
  'script-interrupted.ts': `import { flow, sh, task } from 'flowctl';
const one = task('one', async () => 1);
export default flow('script-interrupted', async () => {
  const n = await one();
  await sh\`echo script-interrupted/first >> "$EFFECTS"\`;
  await sh\`echo script-interrupted/second >> "$EFFECTS"; [ -e fixed ] || sleep 60\`;
  return n + (await one());
});
`,
};

const effects = join(FOLDER, 'effects');
const env = { PATH: process.env.PATH, EFFECTS: effects, FLOWCTL_GRACE: '500ms', USER: 'somebody' };

function flowctl(expected, ...argv) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...argv], {
    cwd: FOLDER,
    env,
    encoding: 'utf8',
  });
  if (status !== expected) throw new Error(`flowctl ${argv.join(' ')}: ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Starts a run, and kills it when an effect is there. */
async function interrupt(file, effect, end) {
  const run = spawn(process.execPath, [BIN, 'run', file], { cwd: FOLDER, env, stdio: 'ignore' });
  const ended = new Promise((done) => run.on('exit', done));
  while (!existsSync(effects) || !readFileSync(effects, 'utf8').includes(effect)) {
    await new Promise((next) => setTimeout(next, 20));
  }
  end(run);
  await ended;
}

if (existsSync(FOLDER)) throw new Error(`${FOLDER} is there already`);
mkdirSync(FOLDER, { recursive: true });
try {
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(FOLDER, name), text);
  flowctl(0, 'run', 'finished.yaml');
  flowctl(1, 'run', 'failed.yaml');
  flowctl(6, 'run', 'parked.yaml', '--no-wait');
  flowctl(1, 'run', 'map.yaml');
  flowctl(1, 'run', 'parent.yaml');
  flowctl(1, 'run', 'large.yaml');
  flowctl(0, 'run', 'cached.yaml');
  flowctl(1, 'run', 'repeat.yaml');
  flowctl(1, 'run', 'script.ts');
  const kill = (run) => run.kill('SIGKILL');
  await interrupt('interrupted.yaml', 'interrupted/b', kill);
  await interrupt('script-interrupted.ts', 'script-interrupted/second', kill);
  await interrupt('cancelled.yaml', 'cancelled/b', () => flowctl(0, 'cancel', 'last', '--reason', 'enough'));
  await new Promise((next) => setTimeout(next, 2_000));
  const runs = JSON.parse(flowctl(0, 'runs', '--all', '--json'));
  const files = {};
  for (const name of readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).sort()) {
    // Compiled code belongs to the machine that made it.
    const isKept = !name.startsWith('.flowctl/cache/modules') && statSync(join(FOLDER, name)).isFile();
    if (isKept) files[name] = readFileSync(join(FOLDER, name), 'utf8');
  }
  const kept = join(import.meta.dirname, 'fixtures', version, 'project.json');
  mkdirSync(dirname(kept), { recursive: true });
  const rows = runs.map(({ id, flow, state, exit_code, parent, steps }) => ({
    id,
    flow,
    state,
    exit_code,
    parent,
    steps,
  }));
  writeFileSync(kept, `${JSON.stringify({ version, folder: FOLDER, runs: rows, files }, null, 2)}\n`);
  process.stdout.write(`${rows.length} runs, ${Object.keys(files).length} files: ${kept}\n`);
} finally {
  rmSync(FOLDER, { recursive: true, force: true });
}
