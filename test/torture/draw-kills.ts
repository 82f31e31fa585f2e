/** When and how flowctl is killed: drawn before anything runs, so that a seed says it all. */

import { between, chance, type Draw, oneOf } from '../kit/seeded.ts';

/** What a life of flowctl is cut by. `place` is a share: of 1.3 times the undisturbed time, or of the calls that were counted then. */
export type Kill =
  | {
      readonly kind: 'time';
      readonly place: number;
      readonly naps: boolean;
      /** So many milliseconds before, it is asked to end (SIGTERM), and dies while it ends its steps; null: it is not asked. */
      readonly askedMs: number | null;
    }
  | {
      readonly kind: 'call';
      readonly call: SystemCall;
      readonly place: number;
      readonly naps: boolean;
      /** Threads of libuv: with one of them the n-th call is always the same one. */
      readonly threads: 1 | 4;
    }
  | { readonly kind: 'power'; readonly place: number; readonly naps: boolean };

/** How kills are told apart in sums. */
export type KillKind = Kill['kind'];

/** Every way. */
export const KILL_KINDS: readonly KillKind[] = ['time', 'call', 'power'];

/** System calls at which it dies: they are those that change what others see. */
export const SYSTEM_CALLS = [
  'write',
  'pwrite64',
  'fdatasync',
  'fsync',
  'rename',
  'openat',
  'clone',
  'ftruncate',
  'unlink',
  'mkdir',
  'link',
  'kill',
  'close',
  'read',
] as const;

/** One of them. */
export type SystemCall = (typeof SYSTEM_CALLS)[number];

/** Those that the record and the processes rest on, drawn more often than the rest. */
const WEIGHTY: readonly SystemCall[] = ['write', 'fdatasync', 'fsync', 'rename', 'clone', 'unlink', 'openat', 'mkdir'];

/** A flow's kills. @param power whether the power can be cut here. @param only draws kills of this kind alone. */
export function drawKills(draw: Draw, count: number, power: boolean, only: KillKind | null): readonly Kill[] {
  return Array.from({ length: count }, () => drawKill(draw, power, only));
}

function drawKill(draw: Draw, power: boolean, only: KillKind | null): Kill {
  const place = draw();
  const naps = chance(draw, 0.5);
  const kind = drawKind(draw(), power);
  const call = chance(draw, 0.8) ? oneOf(draw, WEIGHTY) : oneOf(draw, SYSTEM_CALLS);
  const threads = chance(draw, 0.5) ? 1 : 4;
  const askedMs = chance(draw, 0.15) ? between(draw, 0, 600) : null;
  switch (only ?? kind) {
    case 'power':
      return { kind: 'power', place, naps };
    case 'call':
      return { kind: 'call', call, place, naps, threads };
    case 'time':
      return { kind: 'time', place, naps, askedMs };
  }
}

/** On a disk of its own half of a flow's kills are power cuts; the others keep their shares. */
function drawKind(share: number, power: boolean): KillKind {
  const [cuts, times] = power ? [0.5, 0.78] : [0, 0.56];
  if (share < cuts) return 'power';
  return share < times ? 'time' : 'call';
}

/** As a violation names it. */
export function describeKill(kill: Kill): string {
  const naps = kill.naps ? ', napping' : '';
  if (kill.kind === 'call') return `at ${kill.call} ${kill.place.toFixed(3)} (${kill.threads} threads${naps})`;
  const asked = kill.kind === 'time' && kill.askedMs !== null ? `, asked ${kill.askedMs} ms before` : '';
  return `${kill.kind === 'power' ? 'power cut' : 'kill'} after ${kill.place.toFixed(3)}${asked}${naps}`;
}
