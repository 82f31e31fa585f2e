/**
 * Logs that are written by flowctl, chunk by chunk, out of a named pipe. Three reasons ask for one. Text that opens `/dev/stdout` or
 * `/dev/stderr` by name would open the log itself anew and truncate it. Where stdout holds the outputs, it is both kept and logged;
 * stderr then goes straight to the log. And where the step knows secrets, what it prints goes through a filter that hides them. Of one
 * stream every byte is there in its order. Between the two, a line of stderr may stand before what was printed to stdout shortly before
 * it, since that has farther to go.
 */

import type { Clock } from '../engine/ports.ts';
import { type Captured, startCapture } from './capture.ts';
import { type AttemptLog, openWatched } from './log.ts';
import { type FileWrites, LogWriter } from './log-writer.ts';
import { openPipes, type PipeEnd, type PipeSink } from './pipe.ts';

/** What a log goes through, chunk by chunk. */
export interface LogFilter {
  /** @returns what of the stream can be written by now, in parts that may lie in the chunk. */
  parts(chunk: Buffer): readonly Buffer[];
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
 * @param writes how the file is written. Default: as the system does.
 * @returns null when the system has no `mkfifo`.
 * @throws a system error when a file cannot be opened, or there is no room to start `mkfifo`.
 */
export async function openPipedLog(
  file: string,
  clock: Clock,
  options: PipedLogOptions,
  writes?: FileWrites,
): Promise<AttemptLog | null> {
  const { captureLimitBytes, reopensOutput, filter } = options;
  const log = openWatched(file);
  const writer = new LogWriter(log.descriptor, () => clock.monotonic(), writes);
  const capture = captureLimitBytes === null ? null : startCapture(captureLimitBytes);
  const [output, errors] = [filter?.() ?? null, filter?.() ?? null];
  const through = (stream: LogFilter | null): PipeSink =>
    stream === null ? (chunk) => writer.append([chunk]) : (chunk) => writer.append(stream.parts(chunk));
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
        if (stream !== null && writer.refusal === null) await writeRest(writer, stream.end());
      }
      const { refusal } = writer;
      return { truncated: log.close(), refusal, captured: capture === null ? null : capturedAt(end, capture.end()) };
    },
  };
}

async function writeRest(writer: LogWriter, rest: Buffer): Promise<void> {
  try {
    await writer.append([rest]);
  } catch {
    // The writer says why.
  }
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
