/** Warm Python steps as a user meets them: a run says the same of them, whatever they do, and nothing of them stays. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pythons } from '../kit/abilities.ts';
import type { RunDetail } from '../../src/model/view.ts';
import { useCase } from '../kit/case.ts';
import { onlyRun, shown, single, stepOf } from '../kit/flows.ts';
import { eventually, GONE_MS, tagged } from '../kit/rig.ts';
import { isRunning } from '../process/processes.ts';

const here = useCase({ FLOWCTL_LAUNCHER: 'auto', PASSWORD: 'correct-horse-battery' });

const HEAD = 'name: texts\nmax_parallel: 8\nsecrets: [PASSWORD]\ndefaults: { shell: python }\nsteps:\n';

/** Python texts as steps, each by a name and with more keys. */
function stepsOf(texts: readonly Text[], warm: boolean): string {
  const steps = texts.map(([name, text, more = '']) => {
    const lines = text.split('\n').map((line) => `      ${line}\n`);
    return `  ${name}:\n    warm: ${warm}\n${more.replaceAll(/^(?=.)/gm, '    ')}    run: |\n${lines.join('')}`;
  });
  return steps.join('');
}

const flowOf = (texts: readonly Text[]): string => `${HEAD}${stepsOf(texts, true)}`;

/** The same texts in two groups, `cold` and `warm`. */
function flowOfBoth(texts: readonly Text[]): string {
  const inner = (warm: boolean) => stepsOf(texts, warm).replaceAll(/^(?=.)/gm, '    ');
  return `${HEAD}  cold:\n    steps:\n${inner(false)}  warm:\n    steps:\n${inner(true)}`;
}

type Text = readonly [name: string, text: string, more?: string];

const TEXTS: readonly Text[] = [
  ['plain', 'print("hello"); import sys; print("error", file=sys.stderr); print("bye")'],
  ['outputs', 'import os\nopen(os.environ["FLOWCTL_OUTPUT"], "w").write("a=1\\nb<<E\\ntwo\\nlines\\nE\\n")'],
  [
    'json',
    'import json, os\nprint(json.dumps({"e": os.environ["E"]}))',
    'env: { E: "ä ${{ 1 == 1 }}" }\noutput: json\n',
  ],
  ['lines', 'import sys\nfor line in sys.stdin: print(line, end="")', 'stdin: "1\\n2\\n"\noutput: lines\n'],
  ['bad_json', 'print("{")', 'output: json\n'],
  ['exits', 'raise SystemExit(7)'],
  ['fails', 'def f():\n    return 1 / 0\nf()'],
  ['wrong', 'print("never"'],
  ['dies', 'import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)'],
  ['kills_group', 'import os, signal\nprint("up"); os.killpg(0, signal.SIGKILL)'],
  [
    'retried',
    'import os, sys\nprint(os.environ["FLOWCTL_ATTEMPT"]); sys.exit(os.environ["FLOWCTL_ATTEMPT"] != "3")',
    'retry: 3\n',
  ],
  ['skips', 'raise SystemExit(3)', 'skip_codes: [3]\n'],
  ['late', 'import time\ntime.sleep(60)', 'timeout: 300ms\n'],
  [
    'cleans',
    'import atexit, signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *a: sys.exit(5))\natexit.register(print, "cleaned")\ntime.sleep(60)',
    'timeout: 2500ms\n',
  ],
  [
    'stubborn',
    'import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint("deaf"); time.sleep(60)',
    'timeout: 2500ms\n',
  ],
  [
    'leaves',
    'import os, subprocess\nsubprocess.Popen(["sleep", "60"])\nif os.fork() == 0:\n    os.setsid(); os.execvp("sleep", ["sleep", "60"])',
  ],
  [
    'tells',
    'import os, base64\np = os.environ["PASSWORD"]; print(p, base64.b64encode(p.encode()).decode(), p[::-1])',
    'secrets: [PASSWORD]\n',
  ],
  [
    'folder',
    'import os\nprint(os.path.basename(os.getcwd()), os.listdir(os.environ["FLOWCTL_ARTIFACTS"]))',
    'workdir: data\n',
  ],
  ['long', `x = 1 # ${'x'.repeat(120_000)}\nprint(x)`],
  ['values', 'import os, sys\nprint(os.environ["FLOWCTL_ITEM"], sys.argv)', 'foreach: [1, b]\n'],
  ['binary', 'import sys\nsys.stdout.buffer.write(bytes(range(256)))'],
];

/** What a run tells of the steps of a group, without what is never the same twice. */
const toldOf = (run: RunDetail, group: string) =>
  run.steps
    .filter(({ key }) => key.startsWith(`${group}/`))
    .map(({ key, state, outputs, skip_reason, timed_out, attempts }) => ({
      ...{ key: key.slice(group.length + 1), state, outputs, skip_reason, timed_out },
      attempts: attempts.map(({ number, outcome, exit_code, signal, error, log }) => ({
        ...{ number, outcome, exit_code, signal, error },
        log: log === null ? null : readFileSync(log, 'latin1'),
      })),
    }));

describe.skipIf(pythons().length === 0)('warm Python steps (need Python)', () => {
  it('a run records the same of them as of others, whatever they do', async () => {
    const { rig } = here;
    rig.write('data/file', '');
    rig.write('flow.yaml', flowOfBoth(TEXTS));
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    const run = await shown(rig);
    const cold = toldOf(run, 'cold');
    expect(toldOf(run, 'warm')).toEqual(cold);
    const outcome = (name: string) => cold.find(({ key }) => key === name);
    expect(outcome('retried')).toMatchObject({ state: 'succeeded', attempts: [{}, {}, { number: 3 }] });
    expect(outcome('cleans')).toMatchObject({ timed_out: true, attempts: [{ exit_code: 5, log: 'cleaned\n' }] });
    expect(outcome('json')).toMatchObject({ outputs: { e: 'ä true' } });
    expect(JSON.stringify(outcome('tells'))).not.toContain('correct-horse');
  });

  it('one Python serves them all, and it is not flowctl that starts them', async () => {
    const { rig } = here;
    const text =
      'import os\np = os.getppid()\nprint(p, "flowctl-warm-python" in open("/proc/%d/cmdline" % p).read().split("\\0"))';
    const parents = async (variables: { readonly [name: string]: string }) => {
      rig.give(variables);
      rig.write('flow.yaml', flowOf([...'abcde'].map((name) => [name, text, 'output: text\n'])));
      expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
      const told = (await shown(rig)).steps.map(({ outputs }) => String(outputs).replace(/^\d+ /, ''));
      return { parents: new Set((await shown(rig)).steps.map(({ outputs }) => outputs)).size, told: new Set(told) };
    };
    const one = (isWarm: string) => ({ parents: 1, told: new Set([isWarm]) });
    expect(await parents({})).toEqual(one('True'));
    expect(await parents({ FLOWCTL_LAUNCHER: 'starter' })).toEqual(one('True'));
    expect(await parents({ FLOWCTL_LAUNCHER: 'direct' })).toEqual(one('False'));
    expect(await parents({ FLOWCTL_LAUNCHER: 'starter', PYTHONASYNCIODEBUG: '1' })).toEqual(one('False'));
  });

  it('the Python that serves them is killed, by one of them: the attempts are lost, and run again', async () => {
    const { rig } = here;
    const once = 'import os, time\nif os.environ["FLOWCTL_ATTEMPT"] == "1":\n    ';
    rig.write(
      'flow.yaml',
      flowOf([
        [
          'killer',
          `${once}while not (os.path.exists("up") and os.path.exists("up2")): time.sleep(0.01)\n    os.kill(os.getppid(), 9); time.sleep(60)`,
        ],
        ['other', `${once}open("up", "w").close(); time.sleep(60)`],
        ['careful', `${once}open("up2", "w").close(); time.sleep(60)`, 'if_lost: fail\n'],
      ]),
    );
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    const run = await shown(rig);
    for (const key of ['killer', 'other']) {
      expect(stepOf(run, key).attempts.map(({ outcome }) => outcome)).toEqual(['lost', 'succeeded']);
    }
    expect(stepOf(run, 'careful')).toMatchObject({ state: 'failed', attempts: [{ outcome: 'lost' }] });
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)('nothing of them lives when flowctl ended by %s (I5)', async (signal) => {
    const { rig } = here;
    const daemons = [
      'import os, signal, time',
      'signal.signal(signal.SIGTERM, signal.SIG_IGN)',
      'for leave in (False, True):',
      '    if os.fork() == 0:',
      '        if leave: os.setsid()',
      '        if os.fork() != 0: os._exit(0)',
      '        break',
      'with open(os.environ["EFFECTS"], "a") as file: file.write("%d %d\\n" % (os.getpid(), os.getppid()))',
      'time.sleep(600)',
    ];
    rig.write(
      'flow.yaml',
      flowOf([
        ['a', daemons.join('\n')],
        ['b', daemons.join('\n')],
      ]),
    );
    const run = rig.start(['run', 'flow.yaml']);
    await eventually('they are up', 20_000, () => rig.effects().length === 6);
    const found = rig
      .effects()
      .flatMap((line) => line.split(' ').map(Number))
      .filter((pid) => pid > 1);
    run.process.kill(signal);
    await run.ended;
    await eventually(
      'they are gone',
      GONE_MS,
      () => found.every((pid) => !isRunning(pid)) && tagged(rig.runIds()[0] ?? '').length === 0,
    );
    expect(await onlyRun(rig)).toMatchObject({ state: signal === 'SIGKILL' ? 'crashed' : 'cancelled' });
  });

  it('a secret is in the environment of no other process', async () => {
    const { rig } = here;
    const look =
      'import os\nprint(b"correct-" in open("/proc/%d/environ" % os.getppid(), "rb").read(), "PASSWORD" in os.environ)';
    const flow = flowOf([
      ['told', look, 'secrets: [PASSWORD]\n'],
      ['other', look, 'needs: told\n'],
    ]);
    rig.write('flow.yaml', flow);
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(0);
    expect((await rig.flowctl('logs', 'last', 'told')).stdout).toContain('False True');
    expect((await rig.flowctl('logs', 'last', 'other')).stdout).toContain('False False');
  });

  it('a setting that is none is refused', async () => {
    const { rig } = here;
    rig.write('flow.yaml', single("shell: python, warm: sometimes, run: 'pass'"));
    expect(await rig.flowctl('validate', 'flow.yaml')).toMatchObject({
      code: 3,
      stdout: expect.stringContaining('flow.yaml:3:'),
    });
  });
});
