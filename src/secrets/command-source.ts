/** The value that a command prints: bounded in time and size, gone with flowctl, and nothing of its stderr goes anywhere. */

import { setTimeout as pause } from 'node:timers/promises';
import type { execa } from 'execa';
import { err, ok, type Result } from '../base/result.ts';
import { guardCommand } from '../process/guarded.ts';
import { systemProgram } from '../process/programs.ts';
import type { SecretPlace } from './sources.ts';

/** A command may ask a person to unlock a vault, hence its own terminal and so long a time. */
const LIMIT_MS = 60_000;
/** When the command has ended, what it left behind may hold its output open for so long. */
const DRAIN_MS = 500;

const startShell = (start: typeof execa, sh: string, command: string, { environment, directory }: SecretPlace) =>
  start(sh, ['-c', command], {
    cwd: directory,
    env: { ...environment },
    extendEnv: false,
    stdio: ['ignore', 'pipe', 'ignore'],
    // In the group of flowctl: Ctrl-C reaches it, and it may read the terminal.
    detached: false,
    cleanup: true,
    reject: false,
    buffer: false,
    shell: false,
    preferLocal: false,
    verbose: 'none',
  });

/**
 * Runs a command and reads what it prints.
 * @param limitBytes more than this is a failure.
 * @param limitMs the longest it may take; default: a minute.
 * @returns a sentence about what went wrong.
 */
export async function printedBy(
  command: string,
  place: SecretPlace,
  limitBytes: number,
  limitMs = LIMIT_MS,
): Promise<Result<Buffer, string>> {
  const sh = systemProgram('sh');
  if (sh === null) return err('its command needs a shell, and this system has no `sh`');
  // Loaded here, for it takes its time and most runs have no such secret.
  const { execa } = await import('execa');
  const guard = guardCommand(place.environment);
  const child = startShell(execa, sh, command, { ...place, environment: guard.environment });
  if (child.pid === undefined) {
    await guard.leave();
    return err(`its command cannot be started (${(await child).code ?? 'unknown'})`);
  }
  const chunks: Buffer[] = [];
  let size = 0;
  const read = new Promise<'closed' | 'too_much'>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limitBytes) chunks.push(chunk);
      else resolve('too_much');
    });
    child.stdout.once('close', () => resolve('closed'));
    child.stdout.on('error', () => resolve('closed'));
  });
  const exited = new Promise<{ readonly code: number | null }>((resolve) => {
    child.once('exit', (code) => resolve({ code }));
  });
  const limit = new AbortController();
  const late = pause(limitMs, 'late' as const, { signal: limit.signal }).catch(() => 'late' as const);
  const givenUp = new Promise<'given_up'>((resolve) => {
    if (place.givenUp?.aborted === true) resolve('given_up');
    place.givenUp?.addEventListener('abort', () => resolve('given_up'), { signal: limit.signal });
  });
  let endedByItself = false;
  try {
    const flood = read.then(async (how) => (how === 'too_much' ? how : await exited));
    const first = await Promise.race([exited, flood, late, givenUp]);
    if (first === 'given_up') return err('its command was ended, for flowctl was asked to end');
    if (first === 'late') return err(`its command did not end within ${limitMs / 1_000} s`);
    if (first === 'too_much') return err(`its command printed more than ${limitBytes} bytes`);
    endedByItself = true;
    if (first.code !== 0) {
      const how = first.code === null ? 'was ended by a signal' : `exited with code ${first.code}`;
      return err(`its command ${how}; run it yourself to see what it says`);
    }
    const rest = await Promise.race([read, pause(DRAIN_MS, 'closed' as const, { ref: false })]);
    return rest === 'closed' ? ok(Buffer.concat(chunks)) : err(`its command printed more than ${limitBytes} bytes`);
  } finally {
    limit.abort();
    await (endedByItself ? guard.leave() : guard.end());
    // Where there is no /proc, this is all that can be done.
    child.kill('SIGKILL');
    child.stdout.destroy();
  }
}
