import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { isGroupLeftBehind, livingMembers, signalGroup, signalProcess } from '../../src/process/group.ts';
import { identify, isSameProcess, parseProcessStat, readProcessStat } from '../../src/process/identity.ts';
import { systemProgram } from '../../src/process/programs.ts';

describe('an identity', () => {
  test('is that of the living process, and of no other', async () => {
    const child = spawn('sleep', ['60'], { detached: true });
    const identity = identify(child.pid ?? 0, child.pid ?? 0);
    expect(isSameProcess(identity)).toBe(true);
    expect(isSameProcess({ ...identity, start_ticks: (identity.start_ticks ?? 0) + 1 })).toBe(false);
    expect(isSameProcess({ ...identity, boot_id: 'another' })).toBe(false);
    expect(isSameProcess({ ...identity, pid_namespace: '1' })).toBe(false);
    expect(isSameProcess({ ...identity, start_ticks: null })).toBe(false);
    expect(livingMembers(identity.group)).toEqual([child.pid]);
    expect(signalGroup(identity.group, 'SIGKILL')).toBe('sent');
    await once(child, 'exit');
    expect(isSameProcess(identity)).toBe(false);
    expect(isGroupLeftBehind(identity.group)).toBe(false);
  });

  test('is read past a program name of any kind', () => {
    const rest = `S 7 8 ${Array.from({ length: 16 }, () => 0).join(' ')} 4711 0`;
    expect(parseProcessStat(`12 (a) b) (c)) ${rest}`)).toEqual({ state: 'S', parent: 7, group: 8, startTicks: 4711 });
  });
});

test('no signal goes to a number that cannot be a step', () => {
  const own = readProcessStat(process.pid)?.group ?? 0;
  for (const number of [Number.NaN, 0, 1, -1, 1.5, Number.POSITIVE_INFINITY, own]) {
    expect(signalGroup(number, 'SIGTERM')).toBe('refused');
  }
  for (const number of [Number.NaN, 0, 1, -5, process.pid]) expect(signalProcess(number, 'SIGTERM')).toBe('refused');
});

test('a planted program is not found', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'flowctl-'));
  const bin = path.join(folder, 'node_modules', '.bin');
  const before = process.cwd();
  try {
    process.chdir(folder);
    for (const name of ['flock', 'sh']) {
      writeFileSync(path.join(folder, name), '#!/bin/sh\n');
      chmodSync(path.join(folder, name), 0o755);
    }
    expect(systemProgram('flock', `.:${folder}:${bin}:`)).toMatch(/^\/(usr\/)?bin\/flock$/);
    expect(systemProgram('sh', folder)).toBe('/bin/sh');
  } finally {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  }
});
