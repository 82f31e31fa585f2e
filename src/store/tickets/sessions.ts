/**
 * Which sessions of the book live: those whose run's kernel lock is held, and held by the same owner as when they began. A run that
 * was resumed has the lock again, but what its earlier life held is free.
 */

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RunId } from '../../base/ids.ts';
import { Bug } from '../../base/result.ts';
import { runLayout, type StateLayout } from '../layout.ts';
import { observeOwners } from '../liveness.ts';
import { readOwner } from '../lock.ts';
import type { Book, SessionRecord } from './book.ts';

/** Begins a session of a tree of runs whose lock this process holds. */
export function beginSession(state: StateLayout, root: RunId): SessionRecord {
  const owner = readOwner(runLayout(state, { id: root, root }).lock);
  if (owner === null) throw new Bug(`run ${root} asks for tickets before it is owned`);
  return { id: randomBytes(8).toString('hex'), root, owner: { pid: owner.pid, since: owner.since }, commits: 0 };
}

/** Which of these sessions are dead. Looks at the kernel's locks once. */
export async function deadAmong(state: StateLayout, sessions: readonly SessionRecord[]): Promise<ReadonlySet<string>> {
  const owners = observeOwners();
  const dead = new Set<string>();
  for (const { id, root, owner } of sessions) {
    const { lock } = runLayout(state, { id: root, root });
    const isLive = await owners.isLive(lock);
    // Whoever has just taken the lock has not written its name yet; the next look will see it.
    const now = isLive ? readOwner(lock) : null;
    const isOther = now !== null && (now.pid !== owner.pid || now.since !== owner.since);
    if (!isLive || isOther) dead.add(id);
  }
  return dead;
}

/** The clocks of the machine that a book is kept by. */
export interface MachineClock {
  /** Ms, the same in every process, never set back; begins anew with the machine. */
  now(): number;
  /** Ms since the epoch. */
  wall(): number;
  /** Names the machine's life; null where there is no /proc. */
  readonly boot: string | null;
}

/** The clocks of this machine. CLOCK_MONOTONIC is what libuv reads for `process.hrtime` (clock_gettime(2)). */
export function machineClock(): MachineClock {
  let boot: string | null = null;
  try {
    boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    // No /proc: what was written before a reboot is told by its dead sessions.
  }
  return {
    boot,
    now: () => Math.floor(Number(process.hrtime.bigint() / 1_000_000n)),
    wall: () => Date.now(),
  };
}

/**
 * Takes a book over from an earlier life of the machine: whoever held or waited is gone, starts still count. How long the machine
 * was off is told by its wall clock; one that was set back meanwhile lets them count from now on.
 */
export function takeOverBook(book: Book, clock: MachineClock): void {
  if (book.boot === clock.boot && (clock.boot !== null || book.at <= clock.now())) return;
  const elapsed = Math.max(0, clock.wall() - book.wall);
  const shift = clock.now() - elapsed - book.at;
  book.starts = Object.fromEntries(
    Object.entries(book.starts).map(([name, starts]) => [
      name,
      starts.map(([first, last, units]) => [first + shift, last + shift, units] as const),
    ]),
  );
  book.sessions = [];
  book.claims = [];
  book.at = clock.now();
}
