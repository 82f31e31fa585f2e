/** `logs -f`: what steps print, while they print it, to the end of the step or the run. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { useCase } from '../kit/case.ts';
import { chain, onlyRun, single } from '../kit/flows.ts';
import { Stage } from '../kit/puppet.ts';

const here = useCase();

describe('logs -f of one step', () => {
  it('prints while the step does, and ends with it though the run goes on; no headline', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ a: `run: ${Stage.step('a')}`, b: `run: ${Stage.step('b')}` }));
    const run = rig.start(['run', 'flow.yaml']);
    const first = await stage.enter('a');
    await first.print('before\n');
    const logs = rig.start(['logs', '-f', 'a']);
    await logs.prints('before\n');
    await first.print('no line end');
    await logs.prints('no line end');
    await first.print(', and more\n', 'stderr');
    await first.exit(0);
    const second = await stage.enter('b');
    expect(await logs.ended).toMatchObject({ code: 0, stdout: 'before\nno line end, and more\n', stderr: '' });
    await second.exit(0);
    expect((await run.ended).code).toBe(0);
  });

  it('waits for a step that has not begun, and goes on with its next attempts', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', chain({ a: `run: ${Stage.step('a')}`, b: `retry: 1, run: ${Stage.step('b')}` }));
    const run = rig.start(['run', 'flow.yaml']);
    const first = await stage.enter('a');
    const logs = rig.start(['logs', '--follow', 'last', 'b']);
    await first.exit(0);
    const failing = await stage.enter('b');
    await failing.print('one\n');
    await logs.prints('one\n');
    await failing.exit(1);
    const second = await stage.enter('b');
    const late = rig.start(['logs', '-f', 'b']);
    const other = rig.start(['logs', '-f', 'b', '--attempt', '1']);
    expect(await other.ended).toMatchObject({ code: 0, stdout: 'one\n' });
    await second.print('two\n');
    await late.prints('two\n');
    await second.exit(0);
    expect((await logs.ended).stdout).toBe('one\ntwo\n');
    // It came during the second attempt, as `logs` without -f would have shown it.
    expect((await late.ended).stdout).toBe('two\n');
    await run.ended;
  });

  it('is byte-exact: every byte, bad UTF-8, megabytes', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write(
      'bytes.mjs',
      `import { writeSync } from 'node:fs';
const all = Buffer.from(Array.from({ length: 3_000_000 }, (_, index) => (index * 7 + (index >> 8)) & 255));
for (let from = 0; from < all.length; ) from += writeSync(1, all, from, Math.min(65_537, all.length - from));
`,
    );
    rig.write(
      'flow.yaml',
      `steps:\n  wait: { run: ${Stage.step('wait')} }\n  only: { needs: wait, run: [node, bytes.mjs] }\n`,
    );
    const run = rig.start(['run', 'flow.yaml']);
    const puppet = await stage.enter('wait');
    const copy = rig.shell('"$NODE" "$BIN" logs -f only > copy');
    await puppet.exit(0);
    expect((await copy.ended).code).toBe(0);
    await run.ended;
    await rig.shell('"$NODE" bytes.mjs > original').ended;
    expect(readFileSync(rig.path('copy')).equals(readFileSync(rig.path('original')))).toBe(true);
    expect(readFileSync(rig.path('copy'))).toHaveLength(3_000_000);
  });
});

describe('logs -f of a run', () => {
  it('prints all steps, whole lines, with a headline wherever another one goes on', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write(
      'flow.yaml',
      `steps:\n  done: { run: 'echo ready' }\n  x: { needs: done, run: ${Stage.step('x')} }\n  y: { needs: done, run: ${Stage.step('y')} }\n`,
    );
    const run = rig.start(['run', 'flow.yaml']);
    const [x, y] = [await stage.enter('x'), await stage.enter('y')];
    const logs = rig.start(['logs', '-f']);
    await logs.prints('ready\n');
    await x.print('x half, ');
    await y.print('y one\n');
    await logs.prints('y one\n');
    await x.print('x whole\n');
    await logs.prints('x whole\n');
    await y.print('y two, no end of line');
    await y.exit(0);
    await logs.prints('y two');
    await x.print('x last\n');
    await x.exit(0);
    const { code, stdout } = await logs.ended;
    expect(code).toBe(0);
    expect(stdout.replaceAll(/\d{4}-.*Z$/gm, 'TIME')).toBe(
      `== done, attempt 1, TIME
ready
== y, attempt 1, TIME
y one
== x, attempt 1, TIME
x half, x whole
== y, attempt 1, TIME
y two, no end of line
== x, attempt 1, TIME
x last
`,
    );
    expect((await run.ended).code).toBe(0);
  });

  it('of a run that has ended is `logs`', async () => {
    const { rig } = here;
    rig.write('flow.yaml', chain({ b: "run: 'echo b; exit 1'" }));
    await rig.flowctl('run', 'flow.yaml');
    expect(await rig.flowctl('logs', '-f')).toEqual(await rig.flowctl('logs'));
    expect(await rig.flowctl('logs', '-f', 'b')).toMatchObject({ code: 0, stdout: 'b\n' });
    expect((await rig.flowctl('logs', '-f', 'nobody')).code).toBe(4);
    expect((await rig.flowctl('logs', '-f', 'b', '--attempt', '2')).code).toBe(4);
    expect(await rig.flowctl('logs', '-f', '--json')).toMatchObject({ code: 2, stdout: '' });
  });

  it('ends when the owner of the run dies, and says so', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', single(`run: ${Stage.step('only')}`));
    const run = rig.start(['run', 'flow.yaml']);
    const puppet = await stage.enter('only');
    await puppet.print('last words\n');
    const logs = rig.start(['logs', '-f']);
    await logs.prints('last words\n');
    run.process.kill('SIGKILL');
    const { code, stderr } = await logs.ended;
    const { id } = await onlyRun(rig);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `run ${id} has crashed: nobody owns it; to go on: flowctl resume ${id}\n`,
    });
    await puppet.gone;
  });

  it('Ctrl-C ends the printing by that signal, and not the run', async () => {
    const { rig } = here;
    const stage = await here.stage();
    rig.write('flow.yaml', single(`run: ${Stage.step('only')}`));
    const run = rig.start(['run', 'flow.yaml']);
    const puppet = await stage.enter('only');
    await puppet.print('there\n');
    const logs = rig.start(['logs', '-f']);
    await logs.prints('there\n');
    logs.process.kill('SIGINT');
    expect(await logs.ended).toMatchObject({ code: null, signal: 'SIGINT', stderr: '' });
    expect(await onlyRun(rig)).toMatchObject({ state: 'running' });
    await puppet.exit(0);
    expect((await run.ended).code).toBe(0);
  });
});
