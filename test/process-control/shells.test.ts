/** Shells that stay, as a user meets them: not at all, whatever a step does to the shell that runs it. */

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { canStay } from '../kit/abilities.ts';
import { useCase } from '../kit/case.ts';
import { onlyRun, shown, stepOf } from '../kit/flows.ts';
import { eventually, GONE_MS } from '../kit/rig.ts';
import { isRunning } from '../process/processes.ts';

const here = useCase({ FLOWCTL_LAUNCHER: 'shells' });

/** Says the group of the step's shell: that of a shell that stays is the same for all of its steps. */
const GROUP = "cut -d ' ' -f 5 < /proc/self/stat";
const group = async (step: string): Promise<string> => (await here.rig.flowctl('logs', step)).stdout.trim();

describe.skipIf(!canStay())('a shell that stays (needs dash, perl, /proc)', () => {
  it('runs one step after another', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `steps:\n  a: { run: "${GROUP}" }\n  b: { needs: a, run: "${GROUP}" }\n  c: { needs: b, run: [sh, -c, "${GROUP}"] }\n`,
    );
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    expect(await group('b')).toBe(await group('a'));
    expect(await group('c')).not.toBe(await group('a'));
  });

  it.each([
    ['kills its group', 'kill -9 0', { outcome: 'failed', signal: 'SIGKILL' }],
    ['ends its group', 'kill 0; sleep 60', { outcome: 'failed', exit_code: 143, signal: 'SIGTERM' }],
    [
      'is killed',
      'kill -9 $(cut -d" " -f4 < /proc/self/stat); sleep 60',
      { outcome: 'failed', exit_code: 137, signal: 'SIGKILL' },
    ],
    ['lasts too long', 'sleep 60', { outcome: 'timed_out', exit_code: null, signal: 'SIGTERM' }],
    [
      'lasts too long and does not want to end',
      'sh -c "trap : TERM; while :; do sleep 1; done"',
      { outcome: 'timed_out' },
    ],
    ['leaves a process', 'sleep 600 & echo left', { outcome: 'succeeded' }],
    ['leaves one in another session', 'setsid sleep 600 & echo left', { outcome: 'succeeded' }],
    ['closes everything', 'exec <&- >&- 2>&-; exit 3', { outcome: 'failed', exit_code: 3 }],
    ['prints what the shell might say', 'echo "0 0 0"; echo "- 0 0"; echo ready', { outcome: 'succeeded' }],
  ])('a step that %s: only its own attempt says so', async (_, text, expected) => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `steps:
  first: { run: ':' }
  odd: { needs: first, timeout: 2s, continue_on_error: true, run: '${text}' }
  after: { needs: odd, run: 'echo "x=$FLOWCTL_STEP" > "$FLOWCTL_OUTPUT"; echo fine' }
outputs: { x: '\${{ steps.after.outputs.x }}' }
`,
    );
    const { code } = await rig.flowctl('run', 'flow.yaml');
    expect(code).toBe(0);
    const { attempts } = stepOf(await shown(rig), 'odd');
    expect(attempts).toMatchObject([expected]);
    expect((await rig.flowctl('logs', 'after')).stdout).toBe('fine\n');
    expect((await shown(rig)).outputs).toEqual({ x: 'after' });
  });

  it('what a step left is ended before the step is over, and said', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `steps:\n  a: { run: 'sleep 600 & echo $! > pid' }\n  b: { needs: a, run: 'cat /proc/$(cat pid)/stat || echo gone' }\n`,
    );
    const { code, stdout } = await rig.flowctl('run', 'flow.yaml');
    expect(stdout).toMatch(/a left processes behind, ended: \d+/);
    expect(code).toBe(0);
    // Dead, where nobody has collected it.
    expect((await rig.flowctl('logs', 'b')).stdout).toMatch(/gone\n$|\) Z /);
  });

  it('outputs, artifacts and logs are those of each attempt; what nobody used is not there afterwards', async () => {
    const { rig } = here;
    const uses = (name: string): string =>
      `  ${name}: { run: 'echo ${name} > "$FLOWCTL_ARTIFACTS/${name}"; echo n=${name} > "$FLOWCTL_OUTPUT"' }\n`;
    const idles = (name: string): string =>
      `  ${name}: { run: 'test -d "$FLOWCTL_ARTIFACTS" && test -f "$FLOWCTL_OUTPUT"' }\n`;
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    rig.write(
      'flow.yaml',
      `max_parallel: 2\nsteps:\n${names.map((name, at) => (at % 2 === 0 ? idles(name) : uses(name))).join('')}`,
    );
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    const run = await shown(rig);
    expect(run.artifacts.map(({ step, file }) => [step, file?.split('/').slice(-2)]).sort()).toEqual([
      ['b', ['b.1', 'b']],
      ['d', ['d.1', 'd']],
      ['f', ['f.1', 'f']],
    ]);
    for (const name of ['b', 'd', 'f']) expect(stepOf(run, name).outputs).toEqual({ n: name });
    const [id = ''] = rig.runIds();
    const folder = rig.path('.flowctl', 'runs', id);
    expect(readdirSync(path.join(folder, 'artifacts')).sort()).toEqual(['b.1', 'd.1', 'f.1']);
    expect(readdirSync(path.join(folder, 'outputs'))).toEqual([]);
    expect(readdirSync(path.join(folder, 'logs')).sort()).toEqual(names.map((name) => `${name}.1.log`));
  });

  it('what a step keeps open is not given to the next one', async () => {
    const { rig } = here;
    rig.write(
      'late.sh',
      'exec 3>> "$FLOWCTL_OUTPUT"; here=$PWD; cd "$FLOWCTL_ARTIFACTS"; : > "$here/ready"\n' +
        'until [ -e "$here/go" ]; do sleep 0.01; done; echo x=1 >&3; echo > stray; echo > "$here/done"\n',
    );
    rig.write(
      'flow.yaml',
      `steps:
  a: { run: 'setsid sh late.sh > late.log 2>&1 & until [ -e ready ]; do sleep 0.01; done' }
  b: { needs: a, run: ': > go; until [ -e done ]; do sleep 0.01; done' }
`,
    );
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    const run = await shown(rig);
    expect(stepOf(run, 'b').outputs).toBeNull();
    expect(run.artifacts.map(({ step }) => step)).not.toContain('b');
  });

  it('what a step made of its output file and its folder is not given to the next one', async () => {
    const { rig } = here;
    const says = 'stat -c "%F %a" "$FLOWCTL_OUTPUT" "$FLOWCTL_ARTIFACTS"';
    rig.write(
      'flow.yaml',
      `steps:
  a: { run: 'mkdir e; rmdir "$FLOWCTL_ARTIFACTS"; ln -s "$PWD/e" "$FLOWCTL_ARTIFACTS"; ln "$FLOWCTL_OUTPUT" kept' }
  b: { needs: a, run: '${says}; echo x=1 > kept; chmod 500 "$FLOWCTL_ARTIFACTS"; chmod 644 "$FLOWCTL_OUTPUT"' }
  c: { needs: b, run: '${says}; echo c > "$FLOWCTL_ARTIFACTS/c"' }
`,
    );
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    const run = await shown(rig);
    const fresh = 'regular empty file 600\ndirectory 700\n';
    for (const name of ['b', 'c']) expect((await rig.flowctl('logs', name)).stdout).toBe(fresh);
    expect(stepOf(run, 'b').outputs).toBeNull();
    expect(run.artifacts.filter(({ step }) => step !== 'a')).toMatchObject([{ step: 'c', name: 'c' }]);
  });

  it('a folder that is missing is said, and the shell goes on', async () => {
    const { rig } = here;
    rig.write(
      'flow.yaml',
      `steps:\n  a: { run: ':' }\n  b: { needs: a, workdir: gone, run: 'echo no', continue_on_error: true }\n  c: { needs: b, run: ':' }\n`,
    );
    const { code, stdout } = await rig.flowctl('run', 'flow.yaml');
    expect(code).toBe(0);
    expect(stdout).toContain('gone` does not exist');
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)('goes with flowctl, when that gets %s', async (signal) => {
    const { rig } = here;
    here.mayLeaveStrays();
    rig.write('flow.yaml', `steps:\n  a: { run: "${GROUP} > group; while :; do :; done" }\n`);
    const run = rig.start(['run', 'flow.yaml']);
    await eventually('the step runs', GONE_MS, () => /^\d+\n$/.test(rig.read('group')));
    const shell = Number(rig.read('group'));
    expect(readFileSync(`/proc/${shell}/cmdline`, 'latin1')).toMatch(/^\/\S*\/sh\0-s\0$/);
    process.kill(run.pid, signal);
    await run.ended;
    await eventually('the shell is gone', GONE_MS, () => !isRunning(shell));
    expect(await onlyRun(rig)).toMatchObject({ state: signal === 'SIGKILL' ? 'crashed' : 'cancelled' });
  });
});
