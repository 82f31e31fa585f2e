/** Where the values of secrets are read: variables, files, commands. No sentence of these repeats any of what was read. */

import { open } from 'node:fs/promises';
import { getSystemErrorMap } from 'node:util';
import { assertNever, err, ok, type Result } from '../base/result.ts';
import type { SecretDefinition } from '../model/policies.ts';
import { printedBy } from './command-source.ts';

/** What a value is read with. */
export interface SecretPlace {
  /** What flowctl inherited, and the variables of the flow's dotenv files. */
  readonly environment: { readonly [name: string]: string | undefined };
  /** The flow's folder, absolute. */
  readonly directory: string;
  /** Aborted when nobody wants the value any more; commands are ended then. Default: never. */
  readonly givenUp?: AbortSignal | undefined;
}

/** A value that was read. */
export interface ReadSecret {
  readonly value: string;
  /** What is unwise about where it was found, as a sentence; null when nothing is. */
  readonly warning: string | null;
}

/** No value has more bytes than this. */
export const LONGEST_SECRET = 65_536;
/** What is shorter would be hidden all over the place, or be guessed. */
const FEWEST_CHARACTERS = 4;

/** Reads one value. @returns a sentence about why it cannot be had, which names the place. */
export async function readSecret(
  { source }: SecretDefinition,
  place: SecretPlace,
): Promise<Result<ReadSecret, string>> {
  switch (source.kind) {
    case 'env': {
      const value = place.environment[source.variable];
      const where = `the environment variable \`${source.variable}\``;
      return value === undefined
        ? err(`${where} is not set, nor is it in a \`dotenv\` file`)
        : checked(Buffer.from(value), where, null);
    }
    case 'file':
      return readSecretFile(source.path);
    case 'command': {
      const printed = await printedBy(source.command, place, LONGEST_SECRET + LINE_BREAK);
      return printed.ok ? checked(withoutLineBreak(printed.value), 'what its command printed', null) : printed;
    }
    default:
      return assertNever(source, 'source of a secret');
  }
}

const LINE_BREAK = 2;

async function readSecretFile(path: string): Promise<Result<ReadSecret, string>> {
  const where = `the file ${path}`;
  try {
    const file = await open(path);
    try {
      const status = await file.stat();
      if (!status.isFile()) return err(`${where} is no regular file`);
      const bytes = Buffer.alloc(LONGEST_SECRET + LINE_BREAK + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length);
        if (bytesRead === 0) break;
        length += bytesRead;
      }
      return checked(withoutLineBreak(bytes.subarray(0, length)), where, warningAbout(path, status));
    } finally {
      await file.close();
    }
  } catch (error) {
    const { errno, code } = error as NodeJS.ErrnoException;
    if (errno === undefined) throw error;
    return err(`${where} cannot be read: ${getSystemErrorMap().get(errno)?.[1] ?? code}`);
  }
}

/** Others may read it although it is ours to change, or may even write it. What an orchestrator of containers mounts is root's. */
function warningAbout(path: string, { mode, uid }: { readonly mode: number; readonly uid: number }): string | null {
  const isOurs = uid === process.getuid?.();
  const mend = isOurs ? `: chmod 600 ${path}` : '';
  if ((mode & 0o022) !== 0) return `the secret file ${path} may be written by others${mend}`;
  return isOurs && (mode & 0o044) !== 0 ? `the secret file ${path} may be read by others${mend}` : null;
}

function withoutLineBreak(bytes: Buffer): Buffer {
  const end = bytes.at(-1) === 0x0a ? bytes.length - 1 : bytes.length;
  return bytes.subarray(0, end < bytes.length && bytes[end - 1] === 0x0d ? end - 1 : end);
}

function checked(bytes: Buffer, where: string, warning: string | null): Result<ReadSecret, string> {
  if (bytes.length === 0) return err(`${where} is empty`);
  if (bytes.length > LONGEST_SECRET) return err(`${where} has more than ${LONGEST_SECRET} bytes`);
  let value: string;
  try {
    value = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return err(`${where} is not UTF-8`);
  }
  if (value.includes('\0')) return err(`${where} holds a NUL byte, which no variable can`);
  if ([...value.trim()].length < FEWEST_CHARACTERS) {
    return err(`${where} has fewer than ${FEWEST_CHARACTERS} characters, too few to be hidden in logs`);
  }
  return ok({ value, warning });
}
