/**
 * Nothing survives flowctl (I5): processes of every kind, in every place of a flow from which one can be started, and every way in which
 * a run, or flowctl itself, can come to its end. By default one flow has several places at once. FLOWCTL_SURVIVORS=100 tries a hundred draws
 * of one kind in one place by one way besides (`all`: each of them), and says how long they took to go; FLOWCTL_SEED draws the same again.
 */

import { randomInt } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import type { RunRow } from '../../src/model/view.ts';
import { GRACE_MS, useCase } from '../kit/case.ts';
import { onlyRun } from '../kit/flows.ts';
import { overLaunchers } from '../kit/launchers.ts';
import { BIN, eventually, GONE_MS, type Started, tagged } from '../kit/rig.ts';
import { oneOf, seeded } from '../kit/seeded.ts';
import { hasTerminals, onTerminal, type Terminal } from '../kit/terminal.ts';
import { ALL_KINDS, type Brood, broodIn, type Kind } from './brood.ts';
import { watchdogsOf } from '../kit/watchdogs.ts';

const here = useCase({ FLOWCTL_GRACE: '300ms' });

const UP_MS = 30_000;

/** Where processes come from: the lines of a step `NAME` that starts a brood by `COMMAND`, and how many broods that are. */
const PLACES = {
  command: ['run: COMMAND; sleep 600'],
  list: ['run: [bash, -c, "COMMAND; sleep 600"]'],
  function: ['call: ./brood.ts#start', 'with: { command: COMMAND }'],
  process: ['call: ./brood.ts#start', 'with: { command: COMMAND }', 'isolate: process'],
  map: ['foreach: [1, 2]', 'run: COMMAND; sleep 600'],
  group: ['steps:', '  inner: { run: "COMMAND; sleep 600" }'],
  sub_flow: ['flow: ./inner.yaml'],
  repeat: ['repeat: { until: "false", every: 1h, max: 3 }', 'run: COMMAND'],
  retry: ['retry: { max: 1, delay: 1h }', 'run: COMMAND; exit 1'],
  look: ['wait: { for: { command: "COMMAND; sleep 600" }, every: 1h }'],
  looked: ['wait: { for: { command: "COMMAND; exit 1" }, every: 1h }'],
} as const satisfies { readonly [place: string]: readonly string[] };

type Place = keyof typeof PLACES;

const FUNCTION = `import { spawn } from 'node:child_process';
export function start({ command }: { command: string }): Promise<never> {
  spawn('/bin/sh', ['-c', command], { stdio: 'ignore' });
  return new Promise(() => setInterval(() => {}, 1_000));
}
`;

/** Broods in some places of one flow. @param each more lines of every step. */
function flowWith(brood: Brood, places: readonly Place[], more: readonly string[] = [], each: readonly string[] = []) {
  const { rig } = here;
  rig.write('brood.ts', FUNCTION);
  rig.write('inner.yaml', `steps:\n  inner: { run: '${brood.command}; sleep 600' }\n`);
  const steps = places.flatMap((place) => [
    `  ${place}:`,
    ...[...PLACES[place], ...each].map((line) => `    ${line.replaceAll('COMMAND', commandIn(place, brood))}`),
  ]);
  rig.write('flow.yaml', ['name: broods', 'max_parallel: 20', ...more, 'steps:', ...steps, ''].join('\n'));
  return { brood, broods: places.length + (places.includes('map') ? 1 : 0) };
}

/** What a thread starts is in the group of flowctl itself, so that without its token nobody can tell whose it is: a stated limit. */
const commandIn = (place: Place, { command }: Brood): string =>
  place === 'function' ? `WITHOUT=cleared ${command}` : command;

let broods: Brood[] = [];
/** What a failed case leaves must not live on. */
afterEach(() => {
  for (const brood of broods) brood.end();
  broods = [];
});

function brooding(kinds: readonly Kind[] = ALL_KINDS): Brood {
  const brood = broodIn(here.rig, kinds);
  broods.push(brood);
  return brood;
}

const areUp = ({ brood, broods: count }: { readonly brood: Brood; readonly broods: number }): Promise<void> =>
  eventually(`${count} broods are up`, UP_MS, () => here.rig.effects().length >= count).catch((error: Error) => {
    throw new Error(`${error.message}: ${here.rig.effects().length}\n${brood.alive().join('\n')}`);
  });

async function nothingIsLeft(run: string, brood: Brood): Promise<void> {
  const began = performance.now();
  await eventually('I5: nothing is left', GONE_MS, () => brood.alive().length === 0).catch((error: Error) => {
    throw new Error(`${error.message}\n${brood.alive().join('\n')}`);
  });
  await eventually('I5: nothing has the token', GONE_MS, () => tagged(run).length === 0);
  await eventually('the watchdog went home', GONE_MS, () => watchdogsOf(run).length === 0);
  if (ONE_BY_ONE !== undefined) {
    process.stdout.write(
      `gone after ${Math.round(performance.now() - began)} ms: ${expect.getState().currentTestName}\n`,
    );
  }
}

/** A run that is under way. */
interface Under {
  readonly started: Started;
  readonly run: string;
}

/** What is said of a run afterwards. */
type Expected = Partial<Pick<RunRow, 'state' | 'exit_code'>>;

/** How flowctl, or its run, comes to an end. */
interface Way {
  readonly name: string;
  readonly end: (under: Under) => Promise<unknown> | unknown;
  readonly expected: Expected;
  readonly code?: number;
  readonly signal?: NodeJS.Signals;
  readonly flow?: readonly string[];
  readonly step?: readonly string[];
  readonly preload?: string;
  /** Tried in all places also where time is short. */
  readonly thorough?: true;
  /** Nothing that another way does not do as well: only tried where there is time. */
  readonly rare?: true;
}

/** How many cells are tried one by one: a number, or `all`. */
const ONE_BY_ONE = process.env['FLOWCTL_SURVIVORS'];

const kill =
  (signal: NodeJS.Signals) =>
  ({ started }: Under): void =>
    void started.process.kill(signal);

async function killWatchdog({ run }: Under): Promise<readonly number[]> {
  const [first = 0, ...others] = watchdogsOf(run);
  expect(others).toEqual([]);
  process.kill(first, 'SIGKILL');
  await eventually('another watchdog', GONE_MS, () => watchdogsOf(run).some((pid) => pid !== first));
  return watchdogsOf(run);
}

/** Runs inside of flowctl, and of nothing that it starts: throws, or fills the memory, when there is a file of that name. */
const BREAK = `
const { existsSync } = require('node:fs');
const { isMainThread } = require('node:worker_threads');
if (isMainThread && /flowctl\\.js$/.test(process.argv[1] ?? '')) {
  setInterval(() => {
    if (existsSync(process.env.BREAK_FOLDER + '/throw')) {
      clearInterval(this);
      throw new Error('a bug of flowctl');
    }
    if (existsSync(process.env.BREAK_FOLDER + '/reject')) Promise.reject(new Error('a bug of flowctl'));
    if (existsSync(process.env.BREAK_FOLDER + '/fill')) for (const all = []; ; ) all.push(new Array(1e6).fill({}));
    if (existsSync(process.env.BREAK_FOLDER + '/abort')) process.abort();
  }, 20).unref();
}
`;
const breakBy = (word: string) => (): void => void here.rig.write(word, '');

const CRASHED = { state: 'crashed', exit_code: null } as const;

const WAYS: readonly Way[] = [
  { name: 'flowctl is killed', end: kill('SIGKILL'), expected: CRASHED, signal: 'SIGKILL', thorough: true },
  {
    rare: true,
    name: 'its watchdog is killed, then flowctl',
    end: async (under) => {
      await killWatchdog(under);
      kill('SIGKILL')(under);
    },
    expected: CRASHED,
    signal: 'SIGKILL',
  },
  {
    rare: true,
    name: 'flowctl is ended by a signal that it does not catch',
    end: kill('SIGQUIT'),
    expected: CRASHED,
    signal: 'SIGQUIT',
  },
  { rare: true, name: 'flowctl aborts', end: breakBy('abort'), expected: CRASHED, signal: 'SIGABRT', preload: BREAK },
  {
    rare: true,
    name: 'flowctl runs out of memory',
    end: breakBy('fill'),
    expected: CRASHED,
    signal: 'SIGABRT',
    preload: BREAK,
  },
  { name: 'flowctl throws what nobody catches', end: breakBy('throw'), expected: CRASHED, code: 70, preload: BREAK },
  {
    rare: true,
    name: 'flowctl rejects what nobody awaits',
    end: breakBy('reject'),
    expected: CRASHED,
    code: 70,
    preload: BREAK,
  },
  {
    rare: true,
    name: 'SIGINT',
    end: kill('SIGINT'),
    expected: { state: 'cancelled', exit_code: 130 },
    signal: 'SIGINT',
  },
  {
    name: 'SIGTERM',
    end: kill('SIGTERM'),
    expected: { state: 'cancelled', exit_code: 143 },
    signal: 'SIGTERM',
  },
  {
    rare: true,
    name: 'SIGHUP',
    end: kill('SIGHUP'),
    expected: { state: 'cancelled', exit_code: 129 },
    signal: 'SIGHUP',
  },
  {
    name: 'SIGINT, twice',
    end: async (under) => {
      kill('SIGINT')(under);
      await under.started.prints('SIGINT received');
      kill('SIGINT')(under);
    },
    expected: { state: 'cancelled', exit_code: 130 },
    signal: 'SIGINT',
  },
  {
    name: '`flowctl cancel`',
    end: ({ run }) => here.rig.flowctl('cancel', run),
    expected: { state: 'cancelled', exit_code: 5 },
    code: 5,
  },
  {
    rare: true,
    name: 'the time of the run is over',
    end: () => undefined,
    expected: { state: 'failed', exit_code: 124 },
    code: 124,
    flow: ['timeout: 3s'],
  },
  {
    name: 'the time of each step is over',
    end: () => undefined,
    expected: { state: 'failed', exit_code: 1 },
    code: 1,
    step: ['timeout: 3s'],
  },
];

async function endBy(way: Way, places: readonly Place[], kinds: readonly Kind[] = ALL_KINDS): Promise<void> {
  const { rig } = here;
  here.mayLeaveStrays();
  const under = flowWith(brooding(kinds), places, way.flow, way.step);
  if (way.preload !== undefined) {
    const options = `--require ${rig.write('preload.cjs', way.preload)} --max-old-space-size=150`;
    rig.give({ NODE_OPTIONS: options, BREAK_FOLDER: rig.folder });
  }
  const started = rig.start(['run', 'flow.yaml']);
  const isTimed = way.flow !== undefined || way.step !== undefined;
  await areUp(isTimed ? { ...under, broods: 1 } : under);
  const [run = 'none'] = rig.runIds();
  await way.end({ started, run });
  const ended = await started.ended;
  rig.give({ NODE_OPTIONS: undefined });
  await nothingIsLeft(run, under.brood);
  expect({ code: ended.code, signal: ended.signal }, ended.stderr).toEqual({
    code: way.code ?? null,
    signal: way.signal ?? null,
  });
  expect(await onlyRun(rig)).toMatchObject(way.expected);
}

const EVERYWHERE = Object.keys(PLACES) as readonly Place[];
/** The most different ones, where all of them would take too long. */
const SOME: readonly Place[] = ['command', 'process', 'retry'];
/** Places whose `timeout` is that of what is tried there. */
const TIMED: readonly Place[] = ['command', 'list', 'function', 'process', 'map'];

/** Every other kind is one that is easier to end. */
const HARDEST: readonly Kind[] = ['stubborn', 'stubborn_daemon', 'cleared', 'hopper'];

const placesFor = (way: Way): readonly Place[] => {
  const all = way.step === undefined ? EVERYWHERE : TIMED;
  return way.thorough === true || ONE_BY_ONE !== undefined ? all : all.filter((place) => SOME.includes(place));
};

describe('nothing is left of processes of all kinds when', () => {
  const ways = WAYS.filter((way) => ONE_BY_ONE !== undefined || way.rare !== true);
  it.each(ways.map((way) => [way.name, way] as const))('%s', (_, way) =>
    endBy(way, placesFor(way), way.thorough === true || ONE_BY_ONE !== undefined ? ALL_KINDS : HARDEST),
  );
});

/** Every way to end with every kind in every place. */
const allCells = WAYS.flatMap((way) =>
  (way.step === undefined ? EVERYWHERE : TIMED).flatMap((place) =>
    ALL_KINDS.filter((kind) => !(place === 'function' && kind === 'cleared')).map((kind) => ({ way, place, kind })),
  ),
);

function drawnCells(): typeof allCells {
  if (ONE_BY_ONE === undefined || ONE_BY_ONE === 'all') return ONE_BY_ONE === undefined ? [] : allCells;
  const seed = Number(process.env['FLOWCTL_SEED'] ?? randomInt(1e9));
  process.stdout.write(`FLOWCTL_SURVIVORS=${ONE_BY_ONE} FLOWCTL_SEED=${seed}\n`);
  const draw = seeded(seed);
  return Array.from({ length: Number(ONE_BY_ONE) }, () => oneOf(draw, allCells));
}

const cells = drawnCells();
if (cells.length > 0) {
  describe('nothing is left, each by itself:', () => {
    it.each(cells.map((cell) => [cell.kind, cell.place, cell.way.name, cell] as const))(
      '%s, started by %s, when %s',
      (_, __, ___, { way, place, kind }) => endBy(way, [place], [kind]),
    );
  });
}

describe('nothing is left', () => {
  it('by flowctl and its watchdog, killed at once, when the next command has taken the run over (4.7)', async () => {
    const { rig } = here;
    // Without its token, and after the process that its group was named for, nobody can prove whose a process is.
    const under = flowWith(brooding(ALL_KINDS.filter((kind) => kind !== 'cleared')), EVERYWHERE);
    const started = rig.start(['run', 'flow.yaml']);
    await areUp(under);
    const [run = 'none'] = rig.runIds();
    started.process.kill('SIGSTOP');
    for (const pid of watchdogsOf(run)) process.kill(pid, 'SIGKILL');
    started.process.kill('SIGKILL');
    await started.ended;
    expect(await onlyRun(rig)).toMatchObject(CRASHED);
    expect(under.brood.alive().length).toBeGreaterThan(20);
    const cancelled = await rig.flowctl('cancel', run);
    expect(cancelled.code, cancelled.stderr).toBe(0);
    expect(under.brood.alive()).toEqual([]);
    expect(tagged(run)).toEqual([]);
    expect(await onlyRun(rig)).toMatchObject({ state: 'cancelled' });
  });

  overLaunchers(here, () => {
    it('by a run that succeeds: what its steps left in other sessions is ended with it', async () => {
      const { rig } = here;
      const brood = brooding();
      rig.write('brood.ts', LEAVING);
      const steps = [
        `  command: { run: "${brood.command}" }`,
        `  function: { call: ./brood.ts#start, with: { command: "WITHOUT=cleared ${brood.command}" } }`,
        `  process: { call: ./brood.ts#start, with: { command: "${brood.command}" }, isolate: process }`,
      ];
      rig.write('flow.yaml', `steps:\n${steps.join('\n')}\n`);
      const ended = await rig.flowctl('run', 'flow.yaml');
      expect(ended.code, ended.stderr).toBe(0);
      expect(rig.effects()).toHaveLength(3);
      expect(brood.alive()).toEqual([]);
      expect(ended.stdout).toContain('left processes behind');
    });

    it('by a flowctl that is killed between the record of a start and the start', async () => {
      const { rig } = here;
      here.mayLeaveStrays();
      const under = flowWith(brooding(), ['command', 'process']);
      rig.write(
        'flow.yaml',
        rig.read('flow.yaml').replace('steps:', `steps:\n  quick: { run: 'echo up >> "$EFFECTS"' }`),
      );
      rig.give({ NODE_OPTIONS: `--require ${rig.write('gate.cjs', DIES_AT_GATE)}` });
      const ended = await rig.flowctl('run', 'flow.yaml');
      rig.give({ NODE_OPTIONS: undefined });
      expect(ended.signal).toBe('SIGKILL');
      const [run = 'none'] = rig.runIds();
      const journal = rig.read(`.flowctl/runs/${run}/journal.ndjson`);
      expect(journal).toContain('"attempt.spawned"');
      await nothingIsLeft(run, under.brood);
      expect(rig.effects()).toEqual([]);
    });
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'by the command of a secret, when flowctl is ended by %s',
    async (signal) => {
      const { rig } = here;
      const brood = brooding(HARDEST.filter((kind) => kind !== 'cleared'));
      const use = "{ run: 'true', env: { KEY: '${{ secrets.KEY }}' } }";
      rig.write('flow.yaml', `secrets: { KEY: { command: "${brood.command}; sleep 600" } }\nsteps:\n  use: ${use}\n`);
      const started = rig.start(['run', 'flow.yaml']);
      await eventually('it is up', UP_MS, () => rig.effects().length === 1);
      started.process.kill(signal);
      expect(await started.ended).toMatchObject({ signal });
      await eventually('nothing is left', GONE_MS, () => brood.alive().length === 0);
      expect(rig.runIds()).toEqual([]);
    },
  );

  it('by the command of a secret that a resume waits for: SIGTERM ends both, and the run stays as it was', async () => {
    const { rig } = here;
    const brood = brooding(HARDEST.filter((kind) => kind !== 'cleared'));
    const key = `if [ -e slow ]; then ${brood.command}; sleep 600; fi; echo the-secret`;
    const use = "{ run: 'exit 1', env: { KEY: '${{ secrets.KEY }}' } }";
    rig.write('flow.yaml', `secrets: { KEY: { command: "${key}" } }\nsteps:\n  use: ${use}\n`);
    expect((await rig.flowctl('run', 'flow.yaml')).code).toBe(1);
    rig.write('slow', '');
    const resumed = rig.start(['resume']);
    await eventually('it is up', UP_MS, () => rig.effects().length === 1);
    const began = performance.now();
    resumed.process.kill('SIGTERM');
    expect(await resumed.ended).toMatchObject({ signal: 'SIGTERM' });
    expect(performance.now() - began).toBeLessThan(GONE_MS);
    expect(brood.alive()).toEqual([]);
    expect(await onlyRun(rig)).toMatchObject({ state: 'failed', exit_code: 1 });
  });

  it.each([
    ['killed', 'SIGKILL', null],
    ['interrupted', 'SIGINT', null],
  ] as const)('by handlers, when flowctl is %s', async (_, signal, code) => {
    const { rig } = here;
    here.mayLeaveStrays();
    const brood = brooding(HARDEST);
    const lines = [
      'steps:',
      "  fails: { run: 'exit 1', on_failure: [{ run: COMMAND; sleep 600 }] }",
      'on_failure: [{ run: COMMAND; sleep 600 }]',
    ];
    rig.write('flow.yaml', `${lines.join('\n').replaceAll('COMMAND', brood.command)}\n`);
    const started = rig.start(['run', 'flow.yaml']);
    await eventually('the first is up', UP_MS, () => rig.effects().length === 1);
    const [run = 'none'] = rig.runIds();
    started.process.kill(signal);
    expect(await started.ended).toMatchObject({ code, signal });
    await nothingIsLeft(run, brood);
  });

  it('by handlers that run over the time for cleaning up, after a signal as well', async () => {
    const { rig } = here;
    const brood = brooding(HARDEST);
    const more = `cleanup_timeout: 1s\nfinally: [{ run: "${brood.command}; sleep 600" }]\n`;
    rig.write('flow.yaml', `${more}steps: { sleeps: { run: 'echo up >> "$EFFECTS"; sleep 600' } }\n`);
    const started = rig.start(['run', 'flow.yaml']);
    await eventually('the step is up', UP_MS, () => rig.effects().length === 1);
    const [run = 'none'] = rig.runIds();
    started.process.kill('SIGTERM');
    const began = performance.now();
    expect(await started.ended).toMatchObject({ signal: 'SIGTERM' });
    // 2 s for handlers, and their grace time.
    expect(performance.now() - began).toBeLessThan(2_000 + GRACE_MS + GONE_MS);
    await nothingIsLeft(run, brood);
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'by a flow function, its tasks and its commands, when flowctl is ended by %s',
    async (signal) => {
      const { rig } = here;
      here.mayLeaveStrays();
      const brood = brooding(HARDEST);
      rig.write('flow.ts', SCRIPT.replaceAll('COMMAND', brood.command));
      const started = rig.start(['run', 'flow.ts']);
      await eventually('three broods are up', UP_MS, () => rig.effects().length === 3);
      const [run = 'none'] = rig.runIds();
      started.process.kill(signal);
      const ended = await started.ended;
      expect(ended.signal, ended.stderr).toBe(signal);
      await nothingIsLeft(run, brood);
    },
  );

  it('by a detached run that is killed; whoever started it may go before', async () => {
    const { rig } = here;
    here.mayLeaveStrays();
    const under = flowWith(brooding(HARDEST), SOME);
    const shell = rig.shell('"$NODE" "$BIN" run flow.yaml --detach; exec sleep 600');
    await areUp(under);
    const [run = 'none'] = rig.runIds();
    await eventually('the id is printed', UP_MS, () => shell.stdout().includes(run));
    shell.process.kill('SIGKILL');
    await shell.ended;
    expect(await onlyRun(rig)).toMatchObject({ state: 'running' });
    expect(under.brood.alive().length).toBeGreaterThan(6);
    process.kill(Number(/process (\d+)/.exec(shell.stderr())?.[1]), 'SIGKILL');
    await nothingIsLeft(run, under.brood);
    expect(await onlyRun(rig)).toMatchObject(CRASHED);
  });
});

describe.skipIf(!hasTerminals)('nothing is left on a terminal (needs python3) when', () => {
  const flowctl = [process.execPath, BIN, 'run', 'flow.yaml'];
  const interactive = ['interactive: true'];
  const ways: readonly (readonly [string, readonly string[], (terminal: Terminal) => unknown, Expected])[] = [
    ['it is closed', flowctl, (terminal) => terminal.close(), { state: 'cancelled', exit_code: 129 }],
    ['Ctrl-C is typed', flowctl, (terminal) => terminal.type('\u0003'), { state: 'cancelled', exit_code: 130 }],
    [
      'the shell that started flowctl is killed',
      ['/bin/bash', '-c', 'echo $$ > shell; "$NODE" "$BIN" run flow.yaml; true'],
      () => process.kill(Number(here.rig.read('shell')), 'SIGKILL'),
      { state: 'cancelled', exit_code: 129 },
    ],
    [
      'flowctl is killed',
      ['/bin/sh', '-c', 'echo $$ > flowctl; exec "$NODE" "$BIN" run flow.yaml'],
      () => process.kill(Number(here.rig.read('flowctl')), 'SIGKILL'),
      CRASHED,
    ],
  ];
  it.each(ways)('%s', async (_, argv, end, expected) => {
    const { rig } = here;
    here.mayLeaveStrays();
    // An interactive step is in the group of flowctl, as what a thread starts is.
    const brood = brooding(HARDEST.filter((kind) => kind !== 'cleared'));
    const under = flowWith(brood, ['command'], [], []);
    const asking = [
      '  asking:',
      ...interactive.map((line) => `    ${line}`),
      `    run: ${brood.command}; sleep 600`,
      '',
    ];
    rig.write('flow.yaml', `${rig.read('flow.yaml')}${asking.join('\n')}`);
    const terminal = onTerminal(rig, argv, { env: { TERM: 'xterm' } });
    await areUp({ ...under, broods: under.broods + 1 });
    const [run = 'none'] = rig.runIds();
    end(terminal);
    await eventually('the run has ended', GONE_MS, async () => (await onlyRun(rig)).state === expected.state);
    await nothingIsLeft(run, brood);
    expect(await onlyRun(rig)).toMatchObject(expected);
    terminal.close();
    await terminal.ended;
  });
});

/** A flow in TypeScript that starts a brood wherever one can be started. */
const SCRIPT = `import { spawn } from 'node:child_process';
import { flow, sh, task } from 'flowctl';
const start = (): void => void spawn('/bin/sh', ['-c', 'WITHOUT=cleared COMMAND'], { stdio: 'ignore' });
const brood = task('brood', async () => {
  start();
  await new Promise(() => setInterval(() => {}, 1_000));
});
export default flow('script', async () => {
  start();
  await Promise.all([brood(), sh\`COMMAND; sleep 600\`]);
});
`;

/** Goes as soon as its brood is there. */
const LEAVING = `import { execFileSync, spawn } from 'node:child_process';
export function start({ command }: { command: string }): void {
  execFileSync('/bin/sh', ['-c', command], { stdio: 'ignore' });
}
`;

/** The gate of a start is opened by a line that is empty: this flowctl dies instead. */
const DIES_AT_GATE = `
const { Socket } = require('node:net');
const { write } = Socket.prototype;
if (/flowctl\\.js$/.test(process.argv[1] ?? '')) {
  Socket.prototype.write = function (chunk, ...rest) {
    // The gate itself, the word of a starter that opens it, or what a shell that stays is to run.
    const isStep = typeof chunk === 'string' && chunk.startsWith('{ flowctl_');
    if (isStep || chunk === '\\n' || (Buffer.isBuffer(chunk) && chunk.includes('G\\0'))) {
      // Who waits for no gate has the time to do something.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 400);
      process.kill(process.pid, 'SIGKILL');
    }
    return write.call(this, chunk, ...rest);
  };
}
`;
