import { appendFileSync, existsSync, statSync, watch } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FunctionRig, PRINTS_PAST } from './kit.ts';

const rig = new FunctionRig();
beforeAll(() => rig.prepare());
afterAll(() => rig.close());

/** Resolves when a file has a text in it: what a function in another thread prints or writes. */
async function appearsIn(file: string, text: string): Promise<void> {
  if (!existsSync(file)) appendFileSync(file, '');
  const watcher = watch(file);
  try {
    if (rig.read(file).includes(text)) return;
    await new Promise<void>((resolve) => {
      watcher.on('change', () => rig.read(file).includes(text) && resolve());
    });
  } finally {
    watcher.close();
  }
}

const module = (name: string, text: string): string => rig.write(`${name}.mjs`, text);

describe('how a call ends', () => {
  test('a returned value arrives as JSON has it', async () => {
    const file = module(
      'returns',
      'export default async (input) => ({ ...input, when: new Date(0), gone: undefined, zero: -0 });',
    );
    const { result } = await rig.run({ module: file, input: { a: [1, null] } });
    expect(result).toEqual({
      kind: 'returned',
      value: { a: [1, null], when: '1970-01-01T00:00:00.000Z', zero: 0 },
      json: '{"a":[1,null],"when":"1970-01-01T00:00:00.000Z","zero":0}',
    });
  });

  test('a function without a result returns null', async () => {
    expect((await rig.run({ module: module('void', 'export default () => {};') })).result).toMatchObject({
      kind: 'returned',
      value: null,
    });
  });

  test.each([
    ['() => { throw new TypeError("bad row"); }', 'TypeError', 'bad row'],
    ['async () => { await null; throw new RangeError("late"); }', 'RangeError', 'late'],
    ['() => Promise.reject("just text")', 'string', 'just text'],
    [
      '() => { throw Object.create(null, { x: { value: 1, enumerable: true } }); }',
      'object',
      '[Object: null prototype] { x: 1 }',
    ],
    ['() => { throw null; }', 'object', 'null'],
  ])('%s fails with name and message', async (text, name, message) => {
    const { result } = await rig.run({ module: module('throws', `export default ${text};`) });
    expect(result).toMatchObject({ kind: 'threw', origin: 'call', name, message });
  });

  test('a stack shows the user frames only, and the causes', async () => {
    const file = module(
      'stack',
      'function inner() { throw new Error("outer", { cause: new Error("root") }); }\nexport default () => inner();',
    );
    const { result } = await rig.run({ module: file });
    if (result.kind !== 'threw') throw new Error(result.kind);
    const frames = result.stack.split('\n').filter((line) => line.startsWith('    at '));
    expect(frames).toHaveLength(4);
    expect(frames[0]).toContain(`inner (file://${file}:1:`);
    expect(frames[1]).toContain(`file://${file}:2:`);
    expect(result.stack).toContain('[cause]: Error: root');
    expect(result.stack).not.toContain('function-host');
  });

  test.each([
    ['({ rows: [{ n: NaN }] })', 'rows[0].n', 'NaN'],
    ['({ f() {} })', 'f', 'function'],
    ['new Map()', '', 'an instance of Map'],
    ['10n', '', 'bigint'],
    ['(() => { const a = []; a.push(a); return a; })()', '[0]', 'a cycle'],
    [
      '(() => { let deep = 1; for (let i = 0; i < 1e5; i += 1) deep = [deep]; return deep; })()',
      '',
      'nested too deeply',
    ],
    ['Array(8).fill("x".repeat(1e8))', '', 'too large for one text (2^29 characters)'],
  ])('%s is no JSON', async (text, where, found) => {
    const { result } = await rig.run({ module: module('not-json', `export default () => (${text});`) });
    expect(result).toEqual({ kind: 'not_json', path: where, found });
  });

  test.each([0, 7])('process.exit(%i) ends the attempt and nothing else', async (code) => {
    const file = module('exits', `export default (input) => { console.log('last words'); process.exit(input.code); };`);
    const { result, log } = await rig.run({ module: file, input: { code } });
    expect(result).toEqual({ kind: 'host_ended', reason: 'exit', code, detail: null });
    expect(log).toBe('last words\n');
  });

  test('an uncaught exception and an unhandled rejection fail the attempt', async () => {
    const thrown = module(
      'uncaught',
      'export default () => new Promise(() => setTimeout(() => { throw new Error("timer"); }, 1));',
    );
    expect((await rig.run({ module: thrown })).result).toMatchObject({
      kind: 'threw',
      origin: 'uncaught_exception',
      message: 'timer',
    });
    const rejected = module(
      'floating',
      'export default async () => { Promise.reject(new Error("floating")); return 1; };',
    );
    expect((await rig.run({ module: rejected })).result).toMatchObject({
      kind: 'threw',
      origin: 'unhandled_rejection',
      message: 'floating',
    });
  });

  test('nothing of an attempt goes on after an uncaught exception, even while our own thread is busy', async () => {
    const text = `export default () => new Promise(() => {
      console.log('began'); setInterval(() => console.log('went on'), 2); throwSoon(); });
      const throwSoon = () => setTimeout(() => { console.log('threw'); throw new Error('timer'); }, 1);`;
    const log = rig.logFile('uncaught');
    const running = await rig.begin(rig.pool(), { module: module('goes-on', text), log });
    await appearsIn(log, 'threw');
    // Blocks this thread, so that it cannot end the other one.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    expect(await running.done).toMatchObject({ kind: 'threw', message: 'timer' });
    expect(rig.read(log).endsWith('threw\n')).toBe(true);
  });

  test.each([
    ['replaces a method', 'JSON.stringify = () => { throw new Error("replaced"); };'],
    ['replaces a global', 'globalThis.Promise = class { then() {} };'],
    ['takes a clock away', 'delete globalThis.setTimeout;'],
    ['gives every object a member', 'Object.prototype.extra = 1;'],
    ['silences the console', 'console.log = () => {};'],
    ['listens to what nobody caught', 'process.on("uncaughtException", () => {});'],
  ])('one that %s does so to no other call', async (_what, text) => {
    const file = module(
      'meddles',
      `export const meddle = () => { ${text} };
       export const ask = async (input) => {
         const members = [];
         for (const name in input) members.push(name);
         await new Promise((done) => setTimeout(done, 1));
         console.log(JSON.stringify({ members, listeners: process.listenerCount('uncaughtException') }));
       };`,
    );
    const pool = rig.pool({ maxHosts: 1 });
    const before = await rig.run({ module: file, export: 'ask' }, pool);
    await rig.run({ module: file, export: 'meddle' }, pool);
    expect(await rig.run({ module: file, export: 'ask' }, pool)).toEqual(before);
    expect(before).toMatchObject({ result: { kind: 'returned' }, log: '{"members":[],"listeners":1}\n' });
  });

  test('what a module replaces when it is loaded stays, and costs no thread', async () => {
    const file = module(
      'polyfills',
      `import { threadId } from 'node:worker_threads';
       Array.prototype.push = function push(...items) { for (const item of items) this[this.length] = item; return this.length; };
       export default () => threadId;`,
    );
    const pool = rig.pool({ maxHosts: 1 });
    const first = await rig.run({ module: file }, pool);
    expect((await rig.run({ module: file }, pool)).result).toEqual(first.result);
  });

  test('a full heap ends only its thread', async () => {
    const file = module(
      'hoards',
      'export default (input) => { const all = []; while (input.hoard) all.push(new Array(1e5).fill(all.length)); return 1; };',
    );
    const pool = rig.pool({ maxHeapMiB: 32 });
    const [hoarder, modest] = await Promise.all([
      rig.run({ module: file, input: { hoard: true } }, pool),
      rig.run({ module: file, input: { hoard: false } }, pool),
    ]);
    expect(hoarder.result).toMatchObject({ kind: 'host_ended', reason: 'out_of_memory' });
    expect(modest.result).toMatchObject({ kind: 'returned', value: 1 });
    expect((await rig.run({ module: file }, pool)).result).toMatchObject({ kind: 'returned' });
  });

  test('a function that nothing can wake is found out', async () => {
    const file = module('waits', 'export default () => new Promise(() => {});');
    expect((await rig.run({ module: file })).result).toMatchObject({ kind: 'host_ended', reason: 'never_settled' });
  });

  test('a host that does not start is a crash with its reason', async () => {
    const pool = rig.pool({ hostUrl: new URL('file:///nowhere/function-host.js') });
    const { result } = await rig.run({ module: module('fine', 'export default () => 1;') }, pool);
    expect(result).toMatchObject({ kind: 'host_ended', reason: 'crashed' });
    expect(JSON.stringify(result)).toContain('function-host.js');
  });
});

describe('ending a call', () => {
  test('an endless loop is terminated', async () => {
    const file = module('loops', 'export default () => { console.log("looping"); for (;;); };');
    const log = rig.logFile('loop');
    const running = await rig.begin(rig.pool(), { module: file, log });
    await appearsIn(log, 'looping');
    expect(await running.answers(50)).toBe(false);
    await running.terminate();
    expect(await running.done).toMatchObject({ kind: 'host_ended', reason: 'terminated' });
    await running.terminate();
  });

  test('the signal lets a function end by itself, with its own answer', async () => {
    const text = `export default (input, { signal }) => new Promise((resolve) => {
      const wake = setInterval(() => {}, 1000);
      console.log('listening');
      signal.addEventListener('abort', () => { clearInterval(wake); resolve(signal.reason.name + ': ' + signal.reason.message); });
    });`;
    const log = rig.logFile('signal');
    const running = await rig.begin(rig.pool(), { module: module('listens', text), log });
    await appearsIn(log, 'listening');
    expect(await running.answers(30_000)).toBe(true);
    running.abort('timed out');
    expect(await running.done).toMatchObject({ kind: 'returned', value: 'AbortError: timed out' });
    running.abort('again');
    expect(await running.answers(0)).toBe(true);
  });

  test('a call that has not begun is taken back, by abort and by terminate', async () => {
    const modules = rig.loader();
    const pool = rig.pool({ maxHosts: 1, modules });
    const log = rig.logFile('first');
    const first = await rig.begin(pool, {
      module: module('holds', 'export default () => { console.log("on"); for (;;); };'),
      log,
    });
    const other = module('never-runs', 'console.log("loaded"); export default () => 1;');
    const second = pool.start(rig.call({ module: other, log: rig.logFile('second') }));
    const third = pool.start(rig.call({ module: other, log: rig.logFile('third') }));
    const unprepared = pool.start(rig.call({ module: other, log: rig.logFile('fourth') }));
    unprepared.abort('cancelled before its module was ready');
    // Now both stand in the queue: their module is ready, their host is not.
    await modules.prepare(other);
    await new Promise(setImmediate);
    expect(await second.answers(0)).toBe(true);
    second.abort('cancelled');
    await third.terminate();
    for (const call of [second, third, unprepared]) expect(await call.done).toMatchObject({ reason: 'terminated' });
    await first.terminate();
    expect((await rig.run({ module: other }, pool)).result).toMatchObject({ kind: 'returned' });
    for (const name of ['second', 'third', 'fourth']) expect(existsSync(rig.logFile(name))).toBe(false);
  });

  test('close ends what runs and what waits, and refuses what comes later', async () => {
    const pool = rig.pool({ maxHosts: 1 });
    const file = module('holds', 'export default () => { for (;;); };');
    const running = await rig.begin(pool, { module: file });
    const waiting = pool.start(rig.call({ module: file }));
    await pool.close();
    const late = pool.start(rig.call({ module: file }));
    for (const call of [running, waiting, late]) expect(await call.done).toMatchObject({ reason: 'terminated' });
  });

  test('a native call keeps its thread until its process is killed; other calls go on meanwhile', async () => {
    const text = `import { execFileSync } from 'node:child_process';
      export default () => execFileSync('/bin/sh', ['-c', 'echo "pid $$" >> "$LOG"; exec sleep 600']);`;
    const log = rig.logFile('native');
    const pool = rig.pool({ maxHosts: 1 });
    const running = await rig.begin(pool, {
      module: module('native', text),
      log,
      env: { LOG: log, PATH: '/usr/bin:/bin' },
    });
    await appearsIn(log, 'pid ');
    const ending = running.terminate();
    const ended = await Promise.race([
      ending.then(() => 'ended'),
      rig.run({ module: module('fine', 'export default () => 1;') }, pool),
    ]);
    expect(ended).toMatchObject({ result: { kind: 'returned', value: 1 } });
    process.kill(Number(/pid (\d+)/.exec(rig.read(log))?.[1]), 'SIGKILL');
    await ending;
    expect(await running.done).toMatchObject({ kind: 'host_ended', reason: 'terminated' });
  });
});

describe('what a function sees', () => {
  test('its environment is the one of its attempt alone', async () => {
    const pool = rig.pool({ maxHosts: 1 });
    const file = module(
      'env',
      `import { execFileSync } from 'node:child_process';
      export default () => { process.env.LEFT = '1'; return [{ ...process.env }, execFileSync('/usr/bin/env').toString()]; };`,
    );
    const first = await rig.run({ module: file, env: { A: '1', FLOWCTL_TOKEN: 't1' } }, pool);
    const second = await rig.run({ module: file, env: { FLOWCTL_TOKEN: 't2' } }, pool);
    expect(first.result).toMatchObject({
      value: [{ A: '1', FLOWCTL_TOKEN: 't1', LEFT: '1' }, expect.stringContaining('FLOWCTL_TOKEN=t1')],
    });
    expect(second.result).toMatchObject({
      value: [{ FLOWCTL_TOKEN: 't2', LEFT: '1' }, expect.not.stringMatching(/^A=/m)],
    });
    expect(process.env['LEFT']).toBeUndefined();
  });

  test('what a function changes in its environment is put back before the next call', async () => {
    const pool = rig.pool({ maxHosts: 1 });
    const file = module(
      'meddler',
      `import { env } from 'node:process';
      export default (how) => {
        const seen = { ...process.env };
        if (how === 'set') env.SHARED = 'mine';
        if (how === 'delete') delete process.env.SHARED;
        if (how === 'define') {
          Object.defineProperty(env, 'SHARED', { value: 'mine', configurable: true, enumerable: true, writable: true });
        }
        return seen;
      };`,
    );
    const env = { SHARED: 'all', OTHER: 'too' };
    for (const input of ['set', 'delete', 'define', 'none', 'set', 'none']) {
      const { result } = await rig.run({ module: file, input, env: { ...env, OWN: input } }, pool);
      expect(result).toMatchObject({ kind: 'returned', value: { ...env, OWN: input } });
    }
    expect((await rig.run({ module: file, input: 'none', env: { OTHER: 'too' } }, pool)).result).toMatchObject({
      value: { OTHER: 'too' },
    });
  });

  test('a folder for artifacts that is made when its name is looked at, also for a process', async () => {
    const pool = rig.pool({ maxHosts: 1 });
    const file = module(
      'folder',
      `import { execFileSync } from 'node:child_process';
      export default (how) => {
        if (how === 'name') return process.env.FLOWCTL_ARTIFACTS;
        if (how === 'copy') return { ...process.env }.FLOWCTL_ARTIFACTS;
        if (how === 'process') execFileSync('/bin/sh', ['-c', ': > "$FLOWCTL_ARTIFACTS/made"']);
      };`,
    );
    for (const how of ['nothing', 'name', 'copy', 'process', 'nothing again']) {
      const folder = path.join(rig.folder, `artifacts of ${how}`);
      let isClean = false;
      const heard = { leftNothing: () => (isClean = true) };
      const call = rig.call({ module: file, input: how, env: { FLOWCTL_ARTIFACTS: folder } });
      expect(await pool.start(call, heard).done).toMatchObject({ kind: 'returned' });
      const isMade = !how.startsWith('nothing');
      expect([how, existsSync(folder), isClean]).toEqual([how, isMade, !isMade]);
    }
    expect(existsSync(path.join(rig.folder, 'artifacts of process', 'made'))).toBe(true);
  });

  test('of an environment that calls share, what its own call says, and nothing of the call before', async () => {
    const pool = rig.pool({ maxHosts: 1 });
    const file = module('layers', 'export default () => ({ ...process.env });');
    const seen = async (shared: { readonly [name: string]: string }, own: { readonly [name: string]: string }) => {
      const result = await pool.start({ ...rig.call({ module: file }), env: { shared, own } }).done;
      return result.kind === 'returned' ? result.value : result;
    };
    const shared = { A: 'shared', B: 'shared' };
    expect(await seen(shared, { A: 'own', C: 'own' })).toEqual({ A: 'own', B: 'shared', C: 'own' });
    expect(await seen(shared, { B: 'own' })).toEqual({ A: 'shared', B: 'own' });
    expect(await seen({ B: 'other' }, { A: 'own' })).toEqual({ A: 'own', B: 'other' });
    expect(await seen(shared, {})).toEqual(shared);
  });

  test('its context, as second argument and from the package, also after waiting', async () => {
    const file = rig.write(
      'context.ts',
      `import { context } from 'flowctl';
      export default async (input: { n: number }, given: { step: string }) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        const { signal, ...facts } = context();
        return { facts, same: given === context(), aborted: signal.aborted, input };
      };`,
    );
    const { result } = await rig.run({ module: file, input: { n: 1 }, step: 'load[3]' });
    expect(result).toMatchObject({
      value: {
        facts: { step: 'load[3]', run: '01h', attempt: 1, idempotency_key: '01h/load' },
        same: true,
        aborted: false,
        input: { n: 1 },
      },
    });
  });

  test('a warm thread serves the next call, one with something left in it does not', async () => {
    const pool = rig.pool({ maxHosts: 1 });
    const file = module(
      'threads',
      `import { threadId } from 'node:worker_threads';
      export default ({ left, spoil }) => { if (left) setInterval(() => {}, 1000); if (spoil) process.stdout.end(); return threadId; };`,
    );
    const threadOf = async (input: { left?: boolean; spoil?: boolean }) => {
      const { result } = await rig.run({ module: file, input }, pool);
      return result.kind === 'returned' ? result.value : result;
    };
    const first = await threadOf({});
    expect(await threadOf({ left: true })).toBe(first);
    const second = await threadOf({ spoil: true });
    expect(second).not.toBe(first);
    expect(await threadOf({})).not.toBe(second);
  });
});

describe('what a function prints', () => {
  test('past `process.stdout`, and what its commands print that inherit it', async () => {
    const file = module('past', PRINTS_PAST);
    const { result, log } = await rig.run({ module: file, env: { PATH: process.env['PATH'] ?? '' } });
    expect(result).toMatchObject({ kind: 'returned', value: true });
    expect(log).toBe([1, 2, 3, 4, 5, 6, 7, 8, 10].map((n) => `text ${n}\n`).join(''));
  });

  test('both streams, in order, every way of printing, up to the last word', async () => {
    const file = module(
      'prints',
      `export default async () => {
      console.log('1 %d', 2); console.error('3'); process.stdout.write('4\\n'); process.stderr.write(Buffer.from('5\\n'));
      console.table([{ a: 1 }]); process.emitWarning('careful'); await null; await new Promise(setImmediate);
      process.stdout.write(new Uint8Array([0, 255, 10])); throw new Error('x'); };`,
    );
    const call = rig.call({ module: file });
    await rig.pool().start(call).done;
    const log = rig.read(call.log);
    expect(log).toMatch(/^1 2\n3\n4\n5\n┌[\s\S]*┘\nWarning: careful\n\0.\n$/u);
    expect(statSync(call.log).mode & 0o777).toBe(0o600);
  });

  test('large prints are complete, and appended to what is there', async () => {
    const log = rig.logFile('large');
    appendFileSync(log, 'before\n');
    const file = module(
      'large',
      `export default () => { for (let i = 0; i < 8; i++) process.stdout.write('x'.repeat(1 << 22) + '\\n'); };`,
    );
    await rig.run({ module: file, log });
    expect(statSync(log).size).toBe('before\n'.length + 8 * ((1 << 22) + 1));
  });

  test('calls that run at once and one after another print into their own logs', async () => {
    const pool = rig.pool({ maxHosts: 3 });
    const file = module(
      'speaks',
      `console.log('loaded');
      export default async ({ id }) => { for (let i = 0; i < 50; i++) { console.log(id, i); await new Promise(setImmediate); } };`,
    );
    const logs = await Promise.all(
      Array.from({ length: 12 }, (_, id) => rig.run({ module: file, input: { id } }, pool)),
    );
    for (const [id, { log }] of logs.entries()) {
      const expected = Array.from({ length: 50 }, (_, line) => `${id} ${line}\n`).join('');
      expect(log.replace('loaded\n', '')).toBe(expected);
    }
  });

  test('a log that cannot be written is told once and fails nothing', async () => {
    const told: string[] = [];
    const file = module('unheard', `export default () => { console.log('a'); console.log('b'); return 1; };`);
    const pool = rig.pool({ maxHosts: 1 });
    await rig.run({ module: file, log: rig.logFile('heard') }, pool);
    const call = rig.call({ module: file, log: path.join(rig.folder, 'no-folder', 'no-folder', 'x.log') });
    const result = await pool.start(call, { logFailed: (message) => told.push(message) }).done;
    expect(result).toMatchObject({ kind: 'returned', value: 1 });
    expect(told).toHaveLength(1);
    expect(told[0]).toContain('ENOENT');
    expect(rig.read(rig.logFile('heard'))).toBe('a\nb\n');
  });
});
