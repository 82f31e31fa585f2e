/**
 * Descriptors 0, 1 and 2 are those of the program, not of one of its threads. What user code writes there past `process.stdout`, as some
 * loggers do, and what commands write that inherit them, belongs to the attempt; and closing one would let the program's next file take
 * its number, and be printed into. So the functions that reach them are replaced in a thread.
 */

import childProcess, { type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

/** Where prints go instead. */
export interface Prints {
  print(bytes: Uint8Array): void;
  /** A descriptor of the log, for commands to write to; null where what they write has to be looked at first. */
  descriptor(): number | null;
  /** A folder for a file that takes what a command writes whose end is waited for. */
  folder(): string;
}

type Arguments = readonly unknown[];
type AnyFunction = (...args: Arguments) => unknown;

/** Replaces what reaches the standard streams in this thread. Once, before any user code is loaded. */
export function replaceStandardStreams(prints: Prints): void {
  replace(fs, descriptorFunctions(prints));
  replace(childProcess, commandFunctions(prints));
  syncBuiltinESMExports();
}

/** The new functions keep what else the old ones have, as what `util.promisify` asks for. */
function replace(module: object, functions: { readonly [name: string]: AnyFunction }): void {
  for (const [name, made] of Object.entries(functions)) {
    const old = (module as { readonly [name: string]: AnyFunction })[name];
    if (old === undefined) continue;
    Object.defineProperties(made, Object.getOwnPropertyDescriptors(old));
    Object.assign(module, { [name]: made });
  }
}

const isPrinting = (descriptor: unknown): boolean => descriptor === 1 || descriptor === 2;
const isStandard = (descriptor: unknown): boolean => descriptor === 0 || isPrinting(descriptor);

function descriptorFunctions(prints: Prints): { readonly [name: string]: AnyFunction } {
  const { write, writeSync, close, closeSync } = fs as unknown as { readonly [name: string]: AnyFunction };
  const printed = (data: unknown, rest: Arguments): number => {
    const bytes = bytesOf(data, rest);
    prints.print(bytes);
    return bytes.length;
  };
  return {
    writeSync: (descriptor, data, ...rest) =>
      isPrinting(descriptor) ? printed(data, rest) : writeSync?.(descriptor, data, ...rest),
    write: (descriptor, data, ...rest) => {
      const done = rest.at(-1);
      if (!isPrinting(descriptor) || typeof done !== 'function') return write?.(descriptor, data, ...rest);
      const count = printed(data, rest);
      return process.nextTick(done as AnyFunction, null, count, data);
    },
    closeSync: (descriptor) => (isStandard(descriptor) ? undefined : closeSync?.(descriptor)),
    close: (descriptor, done) => {
      if (!isStandard(descriptor)) return done === undefined ? close?.(descriptor) : close?.(descriptor, done);
      return typeof done === 'function' ? process.nextTick(done as AnyFunction, null) : undefined;
    },
  };
}

/** What `fs.write` was given: a text with its encoding, or a part of a buffer. */
function bytesOf(data: unknown, [first, second, third]: Arguments): Uint8Array {
  if (!ArrayBuffer.isView(data)) {
    const encoding = [first, second, third].find((each) => typeof each === 'string' && Buffer.isEncoding(each));
    return Buffer.from(String(data), encoding as BufferEncoding | undefined);
  }
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const isOptions = typeof first === 'object' && first !== null;
  const { offset = 0, length } = (isOptions ? first : { offset: first ?? 0, length: second }) as {
    readonly offset?: number;
    readonly length?: unknown;
  };
  return bytes.subarray(offset, typeof length === 'number' ? offset + length : bytes.length);
}

/** The standard stream that an entry of `stdio` stands for; null: none. */
function standardOf(entry: unknown, position: number): number | null {
  if (entry === 'inherit') return position < 3 ? position : null;
  if (entry === process.stdin) return 0;
  if (entry === process.stdout) return 1;
  if (entry === process.stderr) return 2;
  return typeof entry === 'number' && isStandard(entry) ? entry : null;
}

/** The list that `stdio` means, with the standard streams replaced. Null: there is none in it. */
function redirected(stdio: unknown, output: number | 'pipe'): readonly unknown[] | null {
  const list: readonly unknown[] = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
  if (!list.some((entry, position) => standardOf(entry, position) !== null)) return null;
  return list.map((entry, position) => {
    const stream = standardOf(entry, position);
    return stream === null ? entry : stream === 0 ? 'ignore' : output;
  });
}

interface Options {
  readonly stdio?: unknown;
  readonly silent?: unknown;
}

/** The position of the options among the arguments, and what they are. */
function optionsIn(args: Arguments, isList: boolean): readonly [number, Options] {
  const position = isList && (Array.isArray(args[1]) || args[1] === undefined || args[1] === null) ? 2 : 1;
  const options = args[position];
  return [position, typeof options === 'object' && options !== null ? options : {}];
}

const withOptions = (args: Arguments, position: number, options: Options): Arguments => {
  const before = Array.from({ length: position }, (_, index) => args[index] ?? (index === 1 ? [] : undefined));
  return [...before, options, ...args.slice(position + 1)];
};

function commandFunctions(prints: Prints): { readonly [name: string]: AnyFunction } {
  const old = { ...childProcess } as unknown as { readonly [name: string]: AnyFunction };
  const beside = (name: string) => {
    return (...args: Arguments): unknown => {
      const [position, options] = optionsIn(args, true);
      const inherits = name === 'fork' && options.stdio === undefined && options.silent !== true;
      const stdio = inherits ? ['ignore', 'inherit', 'inherit', 'ipc'] : options.stdio;
      if (redirected(stdio, 'pipe') === null) return old[name]?.(...args);
      const descriptor = prints.descriptor();
      const list = redirected(stdio, descriptor ?? 'pipe');
      const child = old[name]?.(...withOptions(args, position, { ...options, stdio: list })) as ChildProcess;
      if (descriptor !== null) return child;
      for (const [index, stream] of child.stdio.entries()) {
        const isOurs = standardOf(Array.isArray(stdio) ? stdio[index] : stdio, index) !== null;
        if (isOurs && stream !== null && stream !== undefined)
          stream.on('data', (bytes: Buffer) => prints.print(bytes));
      }
      return child;
    };
  };
  const waited = (name: string, isList: boolean) => {
    return (...args: Arguments): unknown => {
      const [position, options] = optionsIn(args, isList);
      if (redirected(options.stdio, 'pipe') === null) return old[name]?.(...args);
      const descriptor = prints.descriptor();
      const file = descriptor === null ? passingFile(prints.folder()) : null;
      try {
        const stdio = redirected(options.stdio, descriptor ?? file ?? 'pipe');
        return old[name]?.(...withOptions(args, position, { ...options, stdio }));
      } finally {
        if (file !== null) printFile(file, prints);
      }
    };
  };
  return {
    spawn: beside('spawn'),
    fork: beside('fork'),
    spawnSync: waited('spawnSync', true),
    execFileSync: waited('execFileSync', true),
    execSync: waited('execSync', false),
  };
}

const BLOCK_BYTES = 65_536;
let files = 0;

/** An open file without a name. */
function passingFile(folder: string): number {
  files += 1;
  const name = join(folder, `.inherited-${process.pid}-${performance.now()}-${files}.tmp`);
  const descriptor = fs.openSync(name, 'wx+', 0o600);
  fs.unlinkSync(name);
  return descriptor;
}

/** Prints what a command has written, and closes the file. */
function printFile(descriptor: number, prints: Prints): void {
  const block = Buffer.alloc(BLOCK_BYTES);
  let at = 0;
  for (let count = fs.readSync(descriptor, block, 0, BLOCK_BYTES, at); count > 0; ) {
    prints.print(block.subarray(0, count));
    at += count;
    count = fs.readSync(descriptor, block, 0, BLOCK_BYTES, at);
  }
  fs.closeSync(descriptor);
}
