/**
 * Questions to whoever sits at the terminal, one line each. The terminal stays in the mode it is in: its own editing of lines serves,
 * Ctrl-C is a signal as ever, and nothing has to be restored.
 */

import { openSync, writeSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { ReadStream } from 'node:tty';
import { borrowTerminal } from '../process/terminal.ts';

/** A borrowed terminal with a person behind it. */
export interface Conversation {
  /** Prints text, as it is. */
  say(text: string): void;
  /** Prints a question and waits for a line. @returns null when there will be none: end of input (Ctrl-D), or given up. */
  ask(question: string): Promise<string | null>;
}

/**
 * Borrows the terminal for a conversation and gives it back when that is over, whoever ended it.
 * @param givenUp aborted when nobody has to answer any more.
 * @returns what the conversation came to; null when there is no terminal, or when it was given up before it began.
 */
export async function converse<T>(
  givenUp: AbortSignal,
  talk: (conversation: Conversation) => Promise<T>,
): Promise<T | null> {
  const terminal = await borrowTerminal(givenUp);
  if (terminal === null) return null;
  let input: ReadStream | null = null;
  try {
    // A descriptor of its own, which the stream closes.
    input = new ReadStream(openSync('/dev/tty', 'r+'));
    return await talk(conversationOn(terminal.descriptor, createInterface({ input, terminal: false }), givenUp));
  } finally {
    input?.destroy();
    terminal.giveBack();
  }
}

function conversationOn(descriptor: number, lines: Interface, givenUp: AbortSignal): Conversation {
  /** What was typed ahead. */
  const typed: string[] = [];
  let isOver = givenUp.aborted;
  let wake = (): void => {};
  lines.on('line', (line) => {
    typed.push(line);
    wake();
  });
  const end = (): void => {
    isOver = true;
    wake();
  };
  lines.on('close', end);
  givenUp.addEventListener('abort', end, { once: true });
  const say = (text: string): void => {
    try {
      writeSync(descriptor, text);
    } catch {
      // The terminal was closed: SIGHUP tells of it.
      end();
    }
  };
  return {
    say,
    async ask(question) {
      say(question);
      while (typed.length === 0 && !isOver) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return typed.shift() ?? null;
    },
  };
}
