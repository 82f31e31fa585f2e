/** What user code threw, as data for a record: bounded, without our own frames, whatever strange thing it is. */

import { inspect } from 'node:util';
import { registry } from '../flows/conductor.ts';

/** Name, message and stack of a thrown value. */
export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

const MAX_MESSAGE = 8_192;
const MAX_STACK = 65_536;
const MAX_CAUSES = 8;

const shorten = (text: string, limit: number): string => (text.length > limit ? `${text.slice(0, limit)}...` : text);

/** The file that a stack's first frame stands in, as stacks write it (mapped, where there is a source map); null when unknown. */
export function fileOfFirstFrame(stack: string | undefined): string | null {
  const [, file] = /^\s+at .*?((?:file:\/\/)?\/[^():]+)/m.exec(stack ?? '') ?? [];
  return file ?? null;
}

let ownFolderKnown: string | null | undefined;

/** The folder of the program, as stacks write it; null when unknown. Asked late: the first stack of a program costs a look through its text. */
function ownFolder(): string | null {
  ownFolderKnown ??= fileOfFirstFrame(new Error().stack)?.replace(/[^/]*$/, '') ?? null;
  return ownFolderKnown;
}

/** Cuts a stack where our own frames begin, and leaves out those of Node's inside: neither tells a user anything. */
function userFrames(stack: string, ownFile: string | null): string {
  const lines = stack.split('\n');
  const isFrame = (line: string): boolean => /^\s+at /.test(line);
  const own = lines.findIndex((line) => isFrame(line) && ownFile !== null && line.includes(`${ownFile}:`));
  const libraries = [...registry().libraries];
  const folder = ownFolder();
  const isOurs = (line: string): boolean =>
    /\(?node:(internal|async_hooks)/.test(line) ||
    (folder !== null && line.includes(folder)) ||
    libraries.some((file) => line.includes(`${file}:`));
  return lines
    .filter((line, position) => !isFrame(line) || ((own === -1 || position < own) && !isOurs(line)))
    .join('\n');
}

/** Only what every error has: other properties may be large, and may hold credentials, as the requests inside HTTP errors do. */
function stackOf(error: Error, ownFile: string | null, causes: number): string {
  const own = userFrames(String(error.stack ?? `${error.name}: ${error.message}`), ownFile);
  const inner = [
    ...(error.cause === undefined ? [] : [error.cause]),
    ...(error instanceof AggregateError ? error.errors : []),
  ].slice(0, causes);
  const written = inner.map((cause) => {
    return cause instanceof Error ? stackOf(cause, ownFile, Math.floor(causes / 2)) : inspect(cause, { depth: 1 });
  });
  return [own, ...written.map((cause) => `[cause]: ${cause}`)].join('\n');
}

/**
 * Describes a thrown value. Never throws itself, not even when the value's own getters do.
 * @param ownFile the file that called user code, as `fileOfFirstFrame` gives it.
 */
export function describeThrown(thrown: unknown, ownFile: string | null): Thrown {
  try {
    if (thrown instanceof Error) {
      return {
        name: shorten(String(thrown.name), 200),
        message: shorten(String(thrown.message), MAX_MESSAGE),
        stack: shorten(stackOf(thrown, ownFile, MAX_CAUSES), MAX_STACK),
      };
    }
    const shown = typeof thrown === 'string' ? thrown : inspect(thrown, { depth: 1 });
    return { name: typeof thrown, message: shorten(shown, MAX_MESSAGE), stack: '' };
  } catch {
    return { name: 'unknown', message: 'a value that cannot be shown was thrown', stack: '' };
  }
}
