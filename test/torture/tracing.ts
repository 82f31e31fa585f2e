/**
 * flowctl under strace, for calls that are counted or deadly. `-b execve` lets go of every child before it becomes a program, so only
 * flowctl itself, all its threads, is traced: a deadly call is one of its own. `-D` leaves flowctl our child. strace counts for each thread.
 */

import { readFileSync } from 'node:fs';
import { SYSTEM_CALLS, type SystemCall } from './draw-kills.ts';

const FOLLOW = ['-D', '-f', '-b', 'execve', '-qq', '-e', 'signal=none'] as const;

/** Calls that go through io_uring are hidden from strace. */
export const TRACED_ENVIRONMENT = { UV_USE_IO_URING: '0' } as const;

/** The words before a program whose calls are to be written into a file. */
export const counting = (file: string): readonly string[] => [
  ...['strace', ...FOLLOW, '-o', file],
  ...['-e', `trace=${SYSTEM_CALLS.join(',')}`],
];

/** The words before a program that dies when one of its threads begins its n-th call of a kind. */
export const dyingAt = (call: SystemCall, nth: number): readonly string[] => [
  ...['strace', ...FOLLOW, '-o', '/dev/null'],
  ...['-e', `trace=${call}`, '-e', `inject=${call}:signal=KILL:when=${nth}`],
];

/**
 * The words before a program whose writes and syncs, and those of its children, are to be written into a file. Each sync takes so long
 * that whatever does not wait for it comes before it.
 */
export const watching = (file: string): readonly string[] => [
  ...['strace', '-D', '-f', '-qq', '-e', 'signal=none', '-s', '4096', '-o', file],
  ...['-e', 'trace=write,fdatasync', '-e', 'inject=fdatasync:delay_enter=60000'],
];

/** How often a call was made: by the busiest thread, and by all together. */
export interface CallCount {
  readonly busiest: number;
  readonly all: number;
}

/** Reads what `counting` wrote. */
export function countCalls(file: string): ReadonlyMap<SystemCall, CallCount> {
  const byThread = new Map<SystemCall, Map<string, number>>();
  for (const line of readFileSync(file, 'latin1').split('\n')) {
    const [, thread = '', name = ''] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    const call = SYSTEM_CALLS.find((each) => each === name);
    if (call === undefined) continue;
    const threads = byThread.get(call) ?? new Map<string, number>();
    threads.set(thread, (threads.get(thread) ?? 0) + 1);
    byThread.set(call, threads);
  }
  return new Map(
    [...byThread].map(([call, threads]) => {
      const counts = [...threads.values()];
      return [call, { busiest: Math.max(...counts), all: counts.reduce((sum, count) => sum + count, 0) }];
    }),
  );
}
