/**
 * Logs that are written by flowctl, chunk by chunk, out of a named pipe. Three reasons ask for one. Text that opens `/dev/stdout` or
 * `/dev/stderr` by name would open the log itself anew and truncate it. Where stdout holds the outputs, it is both kept and logged;
 * stderr then goes straight to the log. And where the step knows secrets, what it prints goes through a filter that hides them. Of one
 * stream every byte is there in its order. Between the two, a line of stderr may stand before what was printed to stdout shortly before
 * it, since that has farther to go.
 */

import { write } from 'node:fs';
import { promisify } from 'node:util';
import type { Clock } from '../engine/ports.ts';
import { type Captured, startCapture } from './capture.ts';
import { type AttemptLog, openWatched } from './log.ts';
import { openPipes, type PipeEnd, type PipeSink } from './pipe.ts';

/** Writes a part of a file from `offset` on; tests let it fail. */
export type WriteChunk = (
  descriptor: number,
  chunk: Buffer,
  offset: number,
) => Promise<{ readonly bytesWritten: number }>;

const writeAsync: WriteChunk = promisify(write);

/** What a log goes through, chunk by chunk. */
export interface LogFilter {
  /** @returns what of the stream can be written by now. */
  push(chunk: Buffer): Buffer;
  /** The stream is over. @returns what was held back. */
  end(): Buffer;
}

/** What a log is piped for. */
export interface PipedLogOptions {
  /** Keeps what comes by stdout, up to so many bytes and unfiltered; null: stdout and stderr share a pipe. */
  readonly captureLimitBytes: number | null;
  /** Makes what a stream goes through on its way into the log; null: nothing. */
  readonly filter: (() => LogFilter) | null;
  /** Something opens stdout or stderr by name, so that stderr needs a pipe too. */
  readonly reopensOutput: boolean;
}

/**
 * Opens a new log, as `openLog` does, behind one or two pipes. What comes through is written before more is read, so that a fast
 * printer is slowed down and never held in memory.
 * @param writeChunk default: write(2).
 * @returns null when the system has no `mkfifo`.
 * @throws a system error when a file cannot be opened, or there is no room to start `mkfifo`.
 */
export async function openPipedLog(
  file: string,
  clock: Clock,
  options: PipedLogOptions,
  writeChunk: WriteChunk = writeAsync,
): Promise<AttemptLog | null> {
  const { captureLimitBytes, reopensOutput, filter } = options;
  const log = openWatched(file);
  let refusal: string | null = null;
  const append: PipeSink = async (chunk) => {
    try {
      for (let at = 0; at < chunk.length; ) at += (await writeChunk(log.descriptor, chunk, at)).bytesWritten;
    } catch (error) {
      refusal ??= (error as NodeJS.ErrnoException).code ?? 'EIO';
      throw error;
    }
  };
  const capture = captureLimitBytes === null ? null : startCapture(captureLimitBytes);
  const [output, errors] = [filter?.() ?? null, filter?.() ?? null];
  const through = (stream: LogFilter | null): PipeSink =>
    stream === null ? append : (chunk) => append(stream.push(chunk));
  const logged = through(output);
  const tee: PipeSink = (chunk) => {
    capture?.add(chunk);
    return logged(chunk);
  };
  const needsTwo = capture !== null && (reopensOutput || filter !== null);
  let pipes: Awaited<ReturnType<typeof openPipes>>;
  try {
    pipes = await openPipes(file, clock, needsTwo ? [tee, through(errors)] : [tee]);
  } catch (error) {
    log.close();
    throw error;
  }
  const [first, second] = pipes ?? [];
  if (first === undefined) {
    log.close();
    return null;
  }
  return {
    output: first.writing,
    errors: second?.writing ?? (capture === null ? first.writing : log.descriptor),
    handedOver: () => {
      first.handedOver();
      second?.handedOver();
    },
    settle: async () => {
      const [end] = await Promise.all([first.drain(), second?.drain()]);
      for (const stream of [output, errors]) {
        if (stream !== null && refusal === null) await append(stream.end()).catch(() => {});
      }
      return { truncated: log.close(), refusal, captured: capture === null ? null : capturedAt(end, capture.end()) };
    },
  };
}

function capturedAt(end: PipeEnd, captured: Captured): Captured {
  switch (end) {
    case 'closed':
    case 'held':
      return captured;
    case 'endless':
    case 'unwritten':
      return { kind: end };
  }
}
