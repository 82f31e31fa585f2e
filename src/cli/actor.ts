/** Who types a command, as the record names them. */

import { hostname, userInfo } from 'node:os';
import type { Actor } from '../model/outcome.ts';

/** The person (or the account) that runs this program. */
export function thisUser(): Extract<Actor, { kind: 'user' }> {
  return { kind: 'user', name: userName(), host: hostname() };
}

/** An account may be missing from the system's list, as in a container that runs under a bare number. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** An actor as the end of a sentence: `by ada on mill`. */
export function byWhom(actor: Actor): string {
  switch (actor.kind) {
    case 'user':
      return `by ${actor.name} on ${actor.host}`;
    case 'signal':
      return `by ${actor.signal}`;
    case 'policy':
      return `by policy (${actor.policy})`;
  }
}
