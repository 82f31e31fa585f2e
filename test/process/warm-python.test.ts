/** A warm Python beside a cold one: what a text finds, says and leaves is the same in both. */

import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseRunId, parseStepId, stepKeyOf } from '../../src/base/ids.ts';
import { isSameProcess, readProcessStat } from '../../src/process/identity.ts';
import { directLauncher, type Launch, type LaunchedProcess, type LaunchSpec } from '../../src/process/launcher.ts';
import { starterLauncher } from '../../src/process/starter.ts';
import { findTagged } from '../../src/process/sweep.ts';
import { tokenOf } from '../../src/process/token.ts';
import { WarmPython } from '../../src/process/warm-python.ts';
import { pythons } from '../kit/abilities.ts';
import { eventually } from '../kit/rig.ts';
import { until } from './processes.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-warm-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PATH = process.env['PATH'] ?? '/usr/bin:/bin';
/** As exact as a warm one: the gate of one that is started directly leaves a variable behind. */
const direct = starterLauncher({ directly: directLauncher(), after: 0 });
let files = 0;

interface Started {
  readonly process: LaunchedProcess;
  printed(): string;
}

type Start = (text: string, spec?: Partial<LaunchSpec>) => Promise<Started>;

function starting(python: string, launch: (spec: LaunchSpec) => Promise<Launch | null>): Start {
  return async (text, spec = {}) => {
    files += 1;
    const file = path.join(folder, `log-${files}`);
    const output = openSync(file, constants.O_RDWR | constants.O_APPEND | constants.O_CREAT, 0o600);
    const base = { argv: [python, '-u', '-c', text], env: { PATH }, workdir: folder, input: null };
    const launched = await launch({ ...base, output, errors: output, ...spec });
    closeSync(output);
    if (launched?.kind !== 'launched') throw new Error(JSON.stringify(launched));
    return { process: launched.process, printed: () => readFileSync(file, 'utf8') };
  };
}

async function run(start: Start, text: string, spec?: Partial<LaunchSpec>) {
  const started = await start(text, spec);
  started.process.release();
  const { exitCode, signal } = await started.process.exited;
  return { exitCode, signal, printed: started.printed() };
}

/** Everything of a process that a text could notice. */
const PORTRAIT = `
import sys
early = sorted(sys.modules), sorted(vars()), list(sys.path), list(sys.argv), getattr(sys, 'orig_argv', [])[1:], sorted(sys.path_importer_cache)
import builtins, gc, json, os, signal, threading, warnings, locale, time
fds = sorted([n, os.readlink('/proc/self/fd/' + n)] for n in os.listdir('/proc/self/fd') if int(n) > 2 and os.path.lexists('/proc/self/fd/' + n))
def stream(s):
    return [s.name, s.mode, s.encoding, s.errors, s.line_buffering, s.write_through, s.newlines, type(s.buffer).__name__, s.fileno(), s.isatty(), s.closed]
def read(name):
    with open('/proc/self/' + name, 'rb') as f: return f.read().rstrip(b'\\0').decode().split('\\0')
status = dict(line.split(':\\t', 1) for line in read('status')[0].splitlines() if ':\\t' in line)
mask = os.umask(0); os.umask(mask)
out = dict(
    early=early, flags=str(sys.flags), executable=sys.executable, prefix=[sys.prefix, sys.exec_prefix, sys.base_prefix],
    streams=[stream(s) for s in (sys.stdin, sys.stdout, sys.stderr, sys.__stdin__, sys.__stdout__, sys.__stderr__)],
    same=[sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__],
    handlers={str(n): str(getattr(signal.getsignal(n), '__name__', signal.getsignal(n))) for n in range(1, 65) if n not in (32, 33)},
    masks=[status[name] for name in ('SigBlk', 'SigIgn', 'SigCgt')], names=status['Name'],
    environ=dict(os.environ), raw=sorted(each for each in read('environ') if not each.startswith('LC_CTYPE=')), line=read('cmdline')[1:],
    child=sorted(os.popen('env').read().splitlines()),
    cwd=os.getcwd(), mask=mask, fds=fds,
    group=[os.getpgrp() == os.getpid()], threads=len(threading.enumerate()), hooks=[sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__],
    main=[str(vars(sys.modules['__main__']).get(n)) for n in ('__name__', '__doc__', '__package__', '__loader__', '__spec__', '__annotations__', '__builtins__')],
    gc=[gc.isenabled(), gc.get_threshold(), len(gc.callbacks)], limits=[sys.getrecursionlimit(), sys.getswitchinterval()],
    filters=[str(each) for each in warnings.filters], locale=[locale.setlocale(locale.LC_ALL), locale.getpreferredencoding(), sys.getfilesystemencoding()],
    zone=[time.tzname, time.timezone], meta=[str(each) for each in sys.meta_path], last=[hasattr(sys, n) for n in ('last_type', 'last_value', 'ps1')],
    trace=[sys.gettrace(), sys.getprofile()], builtins=sorted(vars(builtins)), dunder=[__name__, '__file__' in globals()], dies=os.getppid() > 1,
)
print(json.dumps(out, default=str, indent=1))
`;

/** What a portrait shows, without addresses. */
const known = (text: string): unknown => JSON.parse(text.replaceAll(/ at 0x[0-9a-f]+/g, ''));

const PYTHONS = pythons();

it.skipIf(PYTHONS.length > 0)('a warm Python needs CPython 3.8 to 3.13, and /proc', ({ skip }) => skip());

describe.each(PYTHONS)('%s', (python) => {
  const warm = new WarmPython();
  const cold = starting(python, (spec) => direct.launch(spec));
  const quick = starting(python, (spec) => warm.launch(spec));
  /** Both, and that they agree. */
  const same = async (text: string, spec?: Partial<LaunchSpec>) => {
    const places = /0x[0-9a-f]+/g;
    const [one, other] = [await run(cold, text, spec), await run(quick, text, spec)];
    for (const end of [one, other]) end.printed = end.printed.replaceAll(places, '0x');
    expect(other).toEqual(one);
    return other;
  };

  it.each([
    ['bare', {}],
    ['with more', { HOME: folder, LANG: 'C', TZ: 'Asia/Tokyo', A: '', B: 'x=y\nz', PYTHONPATH: '/nowhere' }],
  ])('a text finds in it what it would find in a process of its own: %s', async (_, more) => {
    const env = { PATH, FLOWCTL_TOKEN: 'r/a/1;', ...more };
    const [one, other] = [await run(cold, PORTRAIT, { env }), await run(quick, PORTRAIT, { env })];
    expect(known(other.printed)).toEqual(known(one.printed));
    expect(other.exitCode).toBe(0);
  });

  it('nor does it differ where a script stands in front of Python', async () => {
    const wrapper = path.join(folder, `wrapper-${files}`);
    writeFileSync(
      wrapper,
      `#!/bin/bash\nexport WRAPPED=$PWD PATH="/more:$PATH"; unset HOME\nsleep 0.2 <&2 >&2 &\nexec ${python} "$@"\n`,
      {
        mode: 0o700,
      },
    );
    for (const workdir of [folder, '/usr']) {
      const spec = { argv: [wrapper, '-u', '-c', PORTRAIT], workdir, env: { PATH, HOME: '/root', B: '1' } };
      const [one, other] = [await run(cold, '', spec), await run(quick, '', spec)];
      expect(known(other.printed)).toEqual(known(one.printed));
    }
    // Meanwhile it ends what the script had begun.
    expect(await run(quick, 'import time; time.sleep(0.3)')).toMatchObject({ exitCode: 0 });
    const spec = { argv: [wrapper, '-u', '-c', 'import time; time.sleep(0.3)'], env: { PATH, HOME: '/root', B: '2' } };
    expect(await run(quick, '', spec)).toMatchObject({ exitCode: 0 });
  });

  it.each([
    ['an end', 'print("hello")'],
    ['an exit code', 'import sys; print("out"); sys.stderr.write("err\\n"); sys.exit(3)'],
    ['a text as exit code', 'raise SystemExit("that is why")'],
    ['no exit code', 'raise SystemExit'],
    ['an odd exit code', 'raise SystemExit([1, 2])'],
    ['an exception', 'def f(x):\n    return 1 / x\n\nf(0)'],
    ['an exception within another', 'try:\n    {}["x"]\nexcept KeyError as e:\n    raise ValueError("no") from e'],
    ['a syntax error', 'x = (\n'],
    ['another', 'print("a")\n  print("b")'],
    ['a null byte', 'compile("\\0", "x", "exec")'],
    ['SIGINT', 'import os, signal; print("a"); os.kill(os.getpid(), signal.SIGINT)\nwhile True: pass'],
    ['SIGTERM', 'import os, signal; os.kill(os.getpid(), signal.SIGTERM)'],
    ['a crash', 'import os; os.abort()'],
    ['_exit', 'import os; print("kept"); os._exit(7)'],
    [
      'handlers at exit',
      'import atexit\natexit.register(print, "first")\n@atexit.register\ndef f(): 1 / 0\nprint("last")',
    ],
    [
      'threads',
      'import threading, time\ndef f():\n    time.sleep(0.1); print("thread")\nthreading.Thread(target=f).start()\nprint("main")',
    ],
    [
      'a thread that fails',
      'import threading\nt = threading.Thread(target=lambda: 1 / 0, name="t")\nt.start(); t.join()',
    ],
    [
      'a hook of its own',
      'import sys\nsys.excepthook = lambda *a: print(a[0].__name__, a[1] is sys.last_value, a[2].tb_frame.f_lineno)\n1 / 0',
    ],
    ['a warning', 'import warnings; warnings.warn("w"); ~True'],
    ['an object of __main__', 'import pickle\nclass A: pass\nprint(len(pickle.dumps(A())), A.__module__, __name__)'],
    [
      'doctrings and annotations',
      'x: int = 1\nprint(__annotations__ if "__annotations__" in globals() else None, __doc__)',
    ],
    ['standard input', 'import sys; print(repr(sys.stdin.read()))'],
    [
      'a child',
      'import subprocess, sys; print(subprocess.run([sys.executable, "-c", "import os; print(sorted(os.environ))"], capture_output=True).stdout)',
    ],
    ['a fork', 'import os\nif os.fork() == 0:\n    print("child"); os._exit(0)\nos.wait(); print("parent")'],
    ['a fork that goes on', 'import os\np = os.fork()\nif p: os.waitpid(p, 0)\nprint("both")'],
    [
      'multiprocessing',
      'import multiprocessing as m\nm.set_start_method("fork")\nwith m.Pool(2) as p: print(p.map(abs, [-1, -2]))',
    ],
    ['a file beside it', 'import beside; print(beside.__file__)'],
    [
      'bytes',
      'import sys; sys.stdout.buffer.write(bytes(range(256))); print("\\u20ac \\ud83d\\ude00".encode("utf-16", "surrogatepass").decode("utf-16"))',
    ],
    ['words of an odd text', '# \u00e4\u20ac\nprint("\u00e4\u20ac")'],
    ['a closed stream', 'import sys; sys.stdout.close()'],
    ['recursion', 'def f(): f()\ntry: f()\nexcept RecursionError as e: print(e)'],
    ['asyncio', 'import asyncio\nasync def f():\n    await asyncio.sleep(0); return 3\nprint(asyncio.run(f()))'],
    ['nothing', ''],
  ])('what is said and how it ends is the same: %s', async (_, text) => {
    writeFileSync(path.join(folder, 'beside.py'), '');
    await same(text, { env: { PATH, PYTHONDONTWRITEBYTECODE: '1' } });
  });

  it('nothing of one text is seen by the next', async () => {
    const env = { PATH, FLOWCTL_TOKEN: 'r/a/1;' };
    const before = (await run(quick, PORTRAIT, { env })).printed;
    const vandal = [
      'import os, sys, signal, builtins, gc, locale, threading, warnings, json, time',
      'os.environ["LEFT"] = "x"; os.putenv("LEFT", "x"); os.chdir("/"); os.umask(0o777)',
      'signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGCHLD, lambda *a: None)',
      'signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])',
      'os.getpid = json.dumps = builtins.print = time.time = None; builtins.left = 1; sys.left = 1',
      'sys.path.append("/left"); sys.modules["os"] = None; sys.setrecursionlimit(500); gc.disable()',
      'locale.setlocale(locale.LC_ALL, "C"); warnings.simplefilter("ignore")',
      'threading.Thread(target=time.sleep, args=(60,), daemon=True).start()',
      'kept = [open("/dev/null") for _ in range(20)]; sys.excepthook = None; sys.setswitchinterval(1)',
      'import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); sys.stdout.close()',
    ];
    expect(await run(quick, vandal.join('\n'), { env })).toEqual({ exitCode: 0, signal: null, printed: '' });
    expect(known((await run(quick, PORTRAIT, { env })).printed)).toEqual(known(before));
  });

  it('what a text is given is in the memory of no other, nor of the interpreter', async () => {
    const secret = `${Math.random()}`.slice(2);
    const held = await quick('import os; os.read(0, 1)', { env: { PATH, SECRET: `held-${secret}` } });
    // Patterns that do not match themselves.
    const env = { PATH, GIVEN: `given-${secret}`, OWN: `[g]iven-${secret}`, OTHER: `[h]eld-${secret}` };
    const other = await quick(SCAN, { env });
    for (const each of [held, other]) each.process.release();
    for (const each of [held, other]) await each.process.exited;
    expect(other.printed()).toBe('given: True\nof the other: False\nin the interpreter: False False\n');
  });

  it('many at once, each with its own end, environment and output', async () => {
    const text = 'import os, sys; print(os.environ["N"]); sys.exit(int(os.environ["N"]))';
    const ends = await Promise.all(
      Array.from({ length: 30 }, (_, index) => run(quick, text, { env: { PATH, N: String(index) } })),
    );
    expect(ends).toEqual(ends.map((_, index) => ({ exitCode: index, signal: null, printed: `${index}\n` })));
  });

  it('a daemon of a text is found by the token of its attempt', async () => {
    const text =
      'import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0: time.sleep(60)\n    os._exit(0)\nos.wait()';
    const id = parseRunId(`0000000000${'0'.repeat(15)}w`);
    const step = parseStepId('a');
    if (id === null || step === null) throw new Error('these are names');
    const long = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`V${index}`, 'x'.repeat(1_000)]));
    const env = { PATH, ...long, FLOWCTL_TOKEN: tokenOf('', id, stepKeyOf(step), 1) };
    expect(await run(quick, text, { env })).toMatchObject({ exitCode: 0 });
    const found = await findTagged({ kind: 'attempt', run: id, step: stepKeyOf(step), attempt: 1 });
    expect(found).toHaveLength(1);
    for (const pid of found) process.kill(pid, 'SIGKILL');
  });

  it('what came among the packages since is found', async () => {
    const home = path.join(folder, `home-${files}`);
    mkdirSync(home);
    const env = { PATH, HOME: home };
    const site = (await run(cold, 'import site; print(site.getusersitepackages())', { env })).printed.trim();
    const text = 'import site, there; print(there.__file__, site.getusersitepackages())';
    expect(await run(quick, text, { env })).toMatchObject({ exitCode: 1 });
    mkdirSync(path.join(home, 'package'));
    writeFileSync(path.join(home, 'package', 'there.py'), '');
    mkdirSync(site, { recursive: true });
    writeFileSync(path.join(site, 'there.pth'), path.join(home, 'package'));
    // Not by the one that was up, but by the next.
    expect(await warm.launch(specOf(python, text, env))).toBe(null);
    await eventually('another one is up', 10_000, async () => (await warm.launch(specOf(python, text, env))) !== null);
    await same(text, { env });
  });

  it.each([
    ['a thread', 'import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()'],
    ['an open file', 'import os; os.kept = os.open("/dev/null", 0)'],
    ['nothing of the kind', 'import os; os.closed = os.close(os.open("/dev/null", 0))'],
  ])('a site hook that leaves %s', async (what, hook) => {
    const env = { PATH, HOME: path.join(folder, `home-${files}`) };
    const site = (await run(cold, 'import site; print(site.getusersitepackages())', { env })).printed.trim();
    mkdirSync(site, { recursive: true });
    writeFileSync(path.join(site, 'hook.pth'), hook);
    const launched = await new WarmPython().launch(specOf(python, 'pass', env));
    if (launched?.kind === 'launched') launched.process.discard();
    expect(launched?.kind ?? null).toBe(what.startsWith('nothing') ? 'launched' : null);
  });

  it('one that is killed takes what it runs with it; what waits never runs; another one comes', async () => {
    const mark = path.join(folder, `mark-${files}`);
    const running = await quick('print("up")\nwhile True: pass');
    const waiting = await quick(`open(${JSON.stringify(mark)}, "w")`);
    running.process.release();
    await until('it runs', () => running.printed() === 'up\n');
    const killed = await quick('import os; os.kill(os.getppid(), 9)\nwhile True: pass');
    killed.process.release();
    for (const each of [running, waiting, killed])
      expect(await each.process.exited).toEqual({ exitCode: null, signal: null, lost: true });
    expect(isSameProcess(running.process.identity)).toBe(false);
    waiting.process.release();
    expect(await run(quick, 'print("next")')).toEqual({ exitCode: 0, signal: null, printed: 'next\n' });
    expect(existsSync(mark)).toBe(false);
  });

  it('a text leads its group and never runs before its gate is opened', async () => {
    const mark = path.join(folder, `mark-${files}`);
    const started = await quick(`open(${JSON.stringify(mark)}, "w")`);
    const { pid, group } = started.process.identity;
    expect(group).toBe(pid);
    await until('it leads its group', () => readProcessStat(pid)?.group === pid);
    started.process.discard();
    expect(await started.process.exited).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
    expect(existsSync(mark)).toBe(false);
  });

  it('says how far a text wrote', async () => {
    const started = await quick('import os; print("a long line"); os.truncate("/proc/self/fd/1", 0)');
    started.process.release();
    expect(await started.process.exited).toEqual({ exitCode: 0, signal: null, written: 12 });
  });

  it('standard input is read from its start, and arguments come through', async () => {
    const file = path.join(folder, 'input');
    writeFileSync(file, 'one\ntwo\n');
    const input = openSync(file, 'r');
    const argv = [python, '-u', '-c', 'import sys; print(sys.argv, sys.stdin.readlines())', 'a b', '\u00e4'];
    expect(await same('', { input, argv })).toMatchObject({
      printed: "['-c', 'a b', '\u00e4'] ['one\\n', 'two\\n']\n",
    });
    closeSync(input);
  });

  it("variables that only look like those of Python are nobody's business", async () => {
    const env = { PATH, PYTHON_VERSION: '3', PYTHON_API_TOKEN: 'x', UV_PUBLISH_TOKEN: 'y' };
    const look = 'import os; os.system("cat /proc/%d/cmdline" % os.getppid())';
    expect((await run(quick, look)).printed).toMatch(/python3\0flowctl-warm-python\0/);
    const text =
      'import os; print(os.environ["PYTHON_API_TOKEN"], open("/proc/%d/environ" % os.getppid(), "rb").read().strip(b"\\0"))';
    expect(await run(quick, text, { env })).toEqual({ exitCode: 0, signal: null, printed: "x b''\n" });
  });

  it('what it cannot do is left to others', async () => {
    const text = specOf(python, 'pass', { PATH });
    expect(await warm.launch({ ...text, terminal: 0 })).toBe(null);
    expect(await warm.launch({ ...text, env: { PATH, PYTHONVERBOSE: '1' } })).toBe(null);
    expect(await warm.launch({ ...text, env: { PATH, PYTHON_GIL: '0' } })).toBe(null);
    expect(await warm.launch({ ...text, argv: [python, '-c', 'pass'] })).toBe(null);
    expect(await warm.launch(specOf('/bin/false', 'pass', { PATH }))).toBe(null);
    expect(await warm.launch(specOf(path.join(folder, 'none'), 'pass', { PATH }))).toBe(null);
    expect(await warm.launch(specOf(python, `# ${'x'.repeat(110_000)}`, { PATH }))).toBe(null);
  });
});

const nowhere = openSync('/dev/null', 'a');
afterAll(() => closeSync(nowhere));

const specOf = (python: string, text: string, env: LaunchSpec['env']): LaunchSpec => ({
  ...{ argv: [python, '-u', '-c', text], env, workdir: folder, input: null, output: nowhere, errors: nowhere },
});

/** Looks for what patterns match in all memory that is written to: its own, where it has to find what it was given itself, and its parent's. */
const SCAN = `
import os, re
def holds(pid, pattern):
    try:
        with open('/proc/%s/maps' % pid) as maps, open('/proc/%s/mem' % pid, 'rb', 0) as memory:
            for line in maps:
                places, modes = line.split()[:2]
                if not modes.startswith('rw'): continue
                start, end = (int(each, 16) for each in places.split('-'))
                try:
                    memory.seek(start)
                    if re.search(pattern.encode(), memory.read(end - start)): return True
                except OSError: pass
    except PermissionError: pass
    return False
print('given:', holds('self', os.environ['OWN']))
print('of the other:', holds('self', os.environ['OTHER']))
print('in the interpreter:', holds(os.getppid(), os.environ['OTHER']), holds(os.getppid(), os.environ['OWN']))
`;
