/**
 * Makes `dist/ahead`: what V8 compiles of the program for each common command, by running an example of it in a cache folder of its own
 * (see `bin/compiled.js`). Nothing here can fail a build: without these files the first call of each command makes its own.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A flow with a little of everything that flows commonly have: it is what runs fast from the first call. */
const FLOW = `name: sample
description: what most flows have
params:
  who: { type: string, default: you }
  count: 3
env: { GREETING: hello }
steps:
  greet:
    run: echo "$GREETING" \${{ params.who }}
    retry: 2
    timeout: 1m
  count:
    run: echo "n=\${{ params.count }}" >> "$FLOWCTL_OUTPUT"
  both:
    needs: [greet, count]
    if: steps.count.outputs.n == 3
    env: { N: "\${{ steps.count.outputs.n }}" }
    run: test "$N" = 3
    continue_on_error: true
  list:
    needs: both
    run: [echo, "[1, 2]"]
    output: json
outputs: { list: "\${{ steps.list.outputs }}" }
`;

/** What needs the second script, to check it: the first is not made again by that. */
const PATTERNS = `name: patterns
params:
  who: { type: string, pattern: "^[a-z]+$", default: you }
steps:
  greet: { run: echo hello }
`;

/** In the order in which they are run, in one folder. What ends with another code than 0 leaves nothing. */
const EXAMPLES = [
  // Defines every command: serves those that have no example.
  ['--help'],
  ['validate', 'sample.yaml'],
  ['validate', 'patterns.yaml'],
  ['run', 'sample.yaml', '-p', 'count=3'],
  ['graph', 'sample.yaml'],
  ['resume'],
  ['rerun'],
  ['runs'],
  ['show'],
  ['logs'],
  ['__complete', '--', 'run', ''],
];

/** @param {string} root the folder of the package, with its `dist`. */
export function compileAhead(root) {
  const folder = mkdtempSync(join(tmpdir(), 'flowctl-ahead-'));
  try {
    writeFileSync(join(folder, 'sample.yaml'), FLOW);
    writeFileSync(join(folder, 'patterns.yaml'), PATTERNS);
    const env = { ...cleanEnvironment(), XDG_CACHE_HOME: folder, FLOWCTL_STATE_DIR: join(folder, '.flowctl') };
    for (const argv of EXAMPLES) {
      spawnSync(process.execPath, [join(root, 'bin', 'flowctl.js'), ...argv], { cwd: folder, env, timeout: 30_000 });
    }
    const ahead = join(root, 'dist', 'ahead');
    const made = join(folder, 'flowctl');
    mkdirSync(ahead);
    // Written anew, for whoever may read the program may read these.
    for (const name of readdirSync(made)) writeFileSync(join(ahead, name), readFileSync(join(made, name)));
  } catch (error) {
    process.stderr.write(`build: nothing is compiled ahead: ${error.message}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Nothing of an outer run, and no options: under other options of V8 what is made here does not fit. */
function cleanEnvironment() {
  const own = ([name]) => !name.startsWith('FLOWCTL_') && !name.startsWith('NODE_');
  return Object.fromEntries(Object.entries(process.env).filter(own));
}
