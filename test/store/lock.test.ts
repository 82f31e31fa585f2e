import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../src/store/flock-program.ts';
import { observeOwners, parseLockTable } from '../../src/store/liveness.ts';
import { lockRun } from '../../src/store/lock.ts';
import { ourselves, parseOwner } from '../../src/store/owner.ts';
import { buildProgram, runProgram } from './child.ts';
import { expectError, expectOk, runId, temporaryFolder } from './fixture.ts';

let holder: string;

beforeAll(async () => {
  // Takes the lock, says so, and keeps it until its input ends.
  holder = await buildProgram(`
    import { lockRun } from 'store/lock.ts';
    const [path = '', patience = '500'] = process.argv.slice(2);
    const lock = await lockRun(path, '01j00000000000000000000001' as never, Number(patience));
    console.log(lock.ok ? 'held' : lock.error.kind);
    if (lock.ok) process.stdin.resume();
  `);
});

const freshLock = (): string => join(temporaryFolder(), 'lock');
const take = (path: string, patienceMs = 0) => lockRun(path, runId(1), patienceMs);
const isLive = (path: string) => observeOwners().isLive(path);

/** Namespaces need root; where they are missing the test is skipped, visibly. */
const hasNamespaces = spawnSync('unshare', ['-p', '-f', '--mount-proc', 'true']).status === 0;

describe('the lock of a run', () => {
  it('has one owner, of whom the other learns', async () => {
    const path = freshLock();
    const child = runProgram(holder, [path]);
    expect(await child.nextLine()).toBe('held');
    expect(expectError(await take(path))).toMatchObject({ kind: 'busy', owner: { pid: child.process.pid } });
    expect(await isLive(path)).toBe(true);
    child.process.stdin?.end();
    expect(await child.ended).toBe(0);
    expectOk(await take(path)).release();
  });

  it('is free at once when its owner was killed', async () => {
    const path = freshLock();
    const child = runProgram(holder, [path]);
    expect(await child.nextLine()).toBe('held');
    child.process.kill('SIGKILL');
    expect(await child.ended).toBe('SIGKILL');
    expect(await isLive(path)).toBe(false);
    expectOk(await take(path)).release();
  });

  it('stays with an owner that is stopped', async () => {
    const path = freshLock();
    const child = runProgram(holder, [path]);
    expect(await child.nextLine()).toBe('held');
    child.process.kill('SIGSTOP');
    expect(expectError(await take(path, 200))).toMatchObject({ kind: 'busy' });
    expect(await isLive(path)).toBe(true);
    child.process.kill('SIGCONT');
    child.process.stdin?.end();
    expect(await child.ended).toBe(0);
  });

  it('is got by somebody who was patient while a reader held it', async () => {
    const path = freshLock();
    const lock = expectOk(await take(path));
    const child = runProgram(holder, [path, '20000']);
    // Long enough for a try, and no measure of success: the child must get it whenever that is.
    await isLive(path);
    lock.release();
    expect(await child.nextLine()).toBe('held');
    child.process.stdin?.end();
    await child.ended;
  });

  it('is not inherited by what the owner starts', async () => {
    const path = freshLock();
    const lock = expectOk(await take(path));
    const sleeper = runProgram(holder, [freshLock()]);
    expect(await sleeper.nextLine()).toBe('held');
    lock.release();
    expectOk(await take(path)).release();
    sleeper.process.stdin?.end();
    await sleeper.ended;
  });

  it('is refused when the run was renamed away meanwhile', async () => {
    const folder = join(temporaryFolder(), 'run');
    mkdirSync(folder);
    const path = join(folder, 'lock');
    const pending = take(path);
    renameSync(folder, `${folder}-trash`);
    expect(expectError(await pending)).toMatchObject({ kind: 'not_found' });
    expect(expectError(await take(path))).toMatchObject({ kind: 'not_found' });
  });

  it('follows no link', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'victim'), 'mine');
    symlinkSync(join(folder, 'victim'), join(folder, 'lock'));
    expect(expectError(await take(join(folder, 'lock')))).toMatchObject({ kind: 'damaged' });
    expect(readFileSync(join(folder, 'victim'), 'utf8')).toBe('mine');
  });

  it('says in its file who owns it', async () => {
    const path = freshLock();
    writeFileSync(path, 'x'.repeat(500));
    const lock = expectOk(await take(path));
    expect(parseOwner(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid, boot_id: expect.any(String) });
    lock.release();
  });
});

describe('liveness', () => {
  it('is false without a lock file, and for one that nobody holds', async () => {
    const path = freshLock();
    expect(await isLive(path)).toBe(false);
    writeFileSync(path, '');
    expect(await isLive(path)).toBe(false);
  });

  it('is false when the owner it names is gone, although a lock on another file has the same inode number', async () => {
    const path = freshLock();
    writeFileSync(path, JSON.stringify({ ...ourselves(), pid: spawnSync('true').pid }));
    const owners = observeOwners(() => new Set([statSync(path).ino]));
    expect(await owners.isLive(path)).toBe(false);
  });

  it('is false when it names no owner, as after a power cut, although a lock on another file has the same inode number', async () => {
    const path = freshLock();
    writeFileSync(path, '');
    const owners = observeOwners(() => new Set([statSync(path).ino]));
    expect(await owners.isLive(path)).toBe(false);
  });

  it('is true for an owner that has not written its name yet, also over that of an earlier one', async () => {
    const path = freshLock();
    const child = runProgram(holder, [path]);
    expect(await child.nextLine()).toBe('held');
    const owners = observeOwners(() => new Set([statSync(path).ino]));
    for (const text of [JSON.stringify({ ...ourselves(), pid: spawnSync('true').pid }), '']) {
      writeFileSync(path, text);
      expect(await owners.isLive(path)).toBe(true);
    }
    child.process.stdin?.end();
    await child.ended;
  });

  it('reads exclusive flocks out of the table, not shared or waiting ones, nor other kinds', () => {
    const table = [
      '1: FLOCK  ADVISORY  WRITE 11166 fe:00:101 0 EOF',
      '2: FLOCK  ADVISORY  READ 11166 fe:00:102 0 EOF',
      '3: POSIX  ADVISORY  WRITE 11166 fe:00:103 0 EOF',
      '4: FLOCK  ADVISORY  WRITE -1 00:2f:104 0 EOF',
      '4: -> FLOCK  ADVISORY  WRITE 7 00:2f:105 0 EOF',
    ].join('\n');
    expect([...parseLockTable(`${table}\n`)]).toEqual([101, 104]);
  });

  it.skipIf(!hasNamespaces)('sees an owner in another pid namespace, and that it died', async () => {
    const path = freshLock();
    const child = runProgram(holder, [path], ['unshare', '-p', '-f', '--mount-proc', '--kill-child']);
    expect(await child.nextLine()).toBe('held');
    expect(await isLive(path)).toBe(true);
    child.process.kill('SIGKILL');
    await child.ended;
    // The namespace's init dies with `unshare`, a moment later: the lock itself says when.
    expectOk(await take(path, 20_000)).release();
    expect(await isLive(path)).toBe(false);
  });

  it.skipIf(!hasNamespaces)('is right inside a pid namespace, where /proc/locks hides our own locks', async () => {
    const watcher = await buildProgram(`
      import { lockRun } from 'store/lock.ts';
      import { observeOwners } from 'store/liveness.ts';
      const path = process.argv[2] ?? '';
      const lock = await lockRun(path, '01j00000000000000000000001' as never);
      console.log(lock.ok, await observeOwners().isLive(path));
      if (lock.ok) lock.value.release();
      console.log(await observeOwners().isLive(path));
    `);
    const child = runProgram(watcher, [freshLock()], ['unshare', '-p', '-f', '--mount-proc']);
    expect(await child.nextLine()).toBe('true true');
    expect(await child.nextLine()).toBe('false');
    expect(await child.ended).toBe(0);
  });
});

describe('the flock program', () => {
  it('is never taken from the current folder, from below it, or from a `.bin`', () => {
    const folder = temporaryFolder();
    const places = [folder, join(folder, 'sub'), join(folder, 'node_modules', '.bin')];
    for (const place of places) {
      mkdirSync(place, { recursive: true });
      writeFileSync(join(place, 'planted-flock'), '#!/bin/sh\n');
      chmodSync(join(place, 'planted-flock'), 0o755);
    }
    const path = ['.', '', 'sub', ...places].join(':');
    expect(findProgram('planted-flock', path, folder)).toBeNull();
    expect(findProgram('planted-flock', `${folder}/node_modules/.bin`, '/')).toBeNull();
    expect(findProgram('planted-flock', folder, '/')).toBe(join(folder, 'planted-flock'));
  });
});
