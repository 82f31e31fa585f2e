/**
 * The two streams that flowctl prints to. Results go to stdout, messages to stderr. A reader that left is no error: what would be
 * written to it is dropped, and the work goes on. A reader that does not read never blocks the work: pipes and terminals are
 * written to without blocking, and lines are dropped, and counted, when too much waits.
 */

import { fstatSync, writeSync } from 'node:fs';
import { isTerminalLent, onTerminalReturn } from '../process/terminal.ts';

/** More than this waiting for a reader: lines are dropped. */
const WAITING_LIMIT_BYTES = 8 * 1024 * 1024;

interface Handle {
  setBlocking?(blocking: boolean): number;
}

/** One stream. */
export class Output {
  private readonly descriptor: number;
  private readonly open: () => NodeJS.WriteStream;
  private opened: NodeJS.WriteStream | null = null;
  /** Why something could not be written, when it was not for the reader's leaving; the system's name for it. */
  failure: string | null = null;
  private gone = false;
  private dropped = 0;
  private diversion: ((text: string) => void) | null = null;
  /** What was to be written while the terminal was lent to a step. */
  private readonly held: (string | Uint8Array)[] = [];
  private heldBytes = 0;

  /**
   * @param descriptor that of the stream.
   * @param open called when the stream is first needed: Node takes its time to make one.
   */
  constructor(descriptor: number, open: () => NodeJS.WriteStream) {
    this.descriptor = descriptor;
    this.open = open;
  }

  private get stream(): NodeJS.WriteStream {
    if (this.opened !== null) return this.opened;
    const stream = this.open();
    this.opened = stream;
    // EPIPE: the reader left. EIO: the terminal was closed. ENOSPC and the like: nobody to tell but the other stream.
    stream.on('error', (error: NodeJS.ErrnoException) => this.fail(error));
    return stream;
  }

  private fail(error: NodeJS.ErrnoException): void {
    this.gone = true;
    if (error.code !== 'EPIPE' && error.code !== 'EIO') this.failure ??= error.code ?? error.message;
  }

  /** True when a person reads it directly. */
  get isTerminal(): boolean {
    return (this.opened !== null || mayBeTerminal(this.descriptor)) && this.stream.isTTY === true;
  }

  /** Columns of the terminal; 80 where there is none. */
  get columns(): number {
    return this.stream.isTTY === true && this.stream.columns > 0 ? this.stream.columns : 80;
  }

  /** Lines of the terminal; 24 where there is none. */
  get rows(): number {
    return this.stream.isTTY === true && this.stream.rows > 0 ? this.stream.rows : 24;
  }

  /** True when everything written so far was taken. */
  get isDrained(): boolean {
    return this.stream.writableLength === 0;
  }

  /**
   * While a live view is on the terminal, lines written beside it would tear it: they go to `target` instead, which prints them above
   * it. Null ends that.
   */
  divert(target: ((text: string) => void) | null): void {
    this.diversion = target;
  }

  /** Makes writes to a pipe or terminal that nobody reads wait in memory instead of stopping the program. */
  neverBlock(): void {
    (this.stream as NodeJS.WriteStream & { readonly _handle?: Handle })._handle?.setBlocking?.(false);
  }

  /** Writes text; dropped, and counted, when the reader left or reads too slowly. */
  write(text: string | Uint8Array): void {
    if (this.diversion !== null && typeof text === 'string') {
      this.diversion(text);
      return;
    }
    if (this.gone || this.stream.destroyed) return;
    if (this.isTerminal && isTerminalLent()) {
      this.hold(text);
      return;
    }
    if (this.stream.writableLength > WAITING_LIMIT_BYTES) {
      this.dropped += 1;
      return;
    }
    if (this.dropped > 0) {
      const count = this.dropped;
      this.dropped = 0;
      this.stream.write(`(${count} lines were dropped: nobody read them)\n`);
    }
    this.stream.write(text);
  }

  /** It would stand in the middle of what a step asks or shows there. */
  private hold(text: string | Uint8Array): void {
    if (this.heldBytes > WAITING_LIMIT_BYTES) {
      this.dropped += 1;
      return;
    }
    if (this.held.length === 0) {
      const stop = onTerminalReturn(() => {
        stop();
        this.heldBytes = 0;
        for (const waiting of this.held.splice(0)) this.write(waiting);
      });
    }
    this.held.push(text);
    this.heldBytes += text.length;
  }

  /** As `write`, and waits until there is room again; for results of any size. */
  async writeAll(text: string | Uint8Array): Promise<void> {
    const rest = this.opened === null && !this.gone ? this.writeDirectly(Buffer.from(text)) : text;
    if (rest.length === 0 || this.gone || this.stream.destroyed || this.stream.write(rest)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.stream.off('drain', done).off('error', done).off('close', done);
        resolve();
      };
      this.stream.on('drain', done).on('error', done).on('close', done);
    });
  }

  /** Without Node's stream, which would take longer to make than most results to write. @returns what the reader did not take yet. */
  private writeDirectly(bytes: Uint8Array): Uint8Array {
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.descriptor, bytes, written);
    } catch (error) {
      const failure = error as NodeJS.ErrnoException;
      // Somebody made it a descriptor that does not wait.
      if (failure.code === 'EAGAIN') return bytes.subarray(written);
      this.fail(failure);
    }
    return bytes.subarray(bytes.length);
  }

  /** True when nobody will read what is written. */
  get isGone(): boolean {
    return this.gone || this.opened?.destroyed === true;
  }

  /** Waits until everything is handed over, at most `limitMs`. */
  async flush(limitMs: number): Promise<void> {
    if (this.opened === null || this.isGone || this.stream.writableLength === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, limitMs);
      this.stream.write('', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** /dev/null on Linux: character device 1:3. What is no character device is no terminal either. */
const NULL_DEVICE = 0x103;

/** False where Node need not be asked, which loads a tenth of it to answer. */
function mayBeTerminal(descriptor: number): boolean {
  try {
    const stats = fstatSync(descriptor);
    return stats.isCharacterDevice() && !(process.platform === 'linux' && stats.rdev === NULL_DEVICE);
  } catch {
    // Closed before the start: Node opened something in its place, or will.
    return true;
  }
}
