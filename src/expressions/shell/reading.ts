/**
 * The place in a shell text up to which it has been read. Reading goes forward only, knows the expressions and jumps over them as
 * wholes, and can stop for good: whatever was not read by then stands at no known place, and every expression in it is refused.
 */

import type { Marker } from './marker.ts';
import type { RefusedPlace } from './place.ts';
import type { Heredoc, List } from './tree.ts';

/** The shells whose text can be read. `sh` is any of dash, busybox ash and bash under that name: what they read differently is refused. */
export type Dialect = 'sh' | 'bash';

/** How deep commands and expansions may nest in each other. */
export const MAX_SHELL_DEPTH = 100;

/** Reads the commands up to what ends them. */
export type ReadList = (reading: Reading) => List;

/** A position in a text with what has to be remembered about the text before it. */
export class Reading {
  readonly text: string;
  readonly dialect: Dialect;
  readonly readList: ReadList;
  position = 0;
  /** Where reading ends: of the text, of a here-document, or where it stopped. */
  limit: number;
  stoppedAt: number | null = null;
  /** What the expressions that were never reached are refused for. */
  stoppedFor: RefusedPlace = 'unreadable';
  /** The command that made reading stop, where one did. */
  stoppedBy: string | null = null;
  /** True when a command may give variables an attribute with which assigning to them evaluates. */
  hasAttributes = false;
  /** The expressions that stand in comments. */
  readonly comments: number[] = [];
  /** Here-documents announced on this line. */
  pending: Heredoc[] = [];
  /** True when a line outside the current substitution has announced here-documents: where they begin is then unclear. */
  isOuterPending = false;
  /**
   * True in a here-document that is expanded: bash joins the lines of one that end in a backslash before anything else, so also
   * inside comments and single quotes of the commands in it, where other shells do not.
   */
  joinsLines = false;
  depth = 0;
  readonly #markers: readonly Marker[];
  #next = 0;

  constructor(text: string, dialect: Dialect, markers: readonly Marker[], readList: ReadList) {
    this.text = text;
    this.dialect = dialect;
    this.limit = text.length;
    this.readList = readList;
    this.#markers = markers;
  }

  /** True at the end of what is to be read. */
  get isAtEnd(): boolean {
    return this.position >= this.limit;
  }

  /** The character at an offset from the position; empty behind the limit. */
  peek(ahead = 0): string {
    const at = this.position + ahead;
    return at < this.limit ? (this.text[at] ?? '') : '';
  }

  /** True when the text goes on with these characters. */
  startsWith(characters: string, ahead = 0): boolean {
    const at = this.position + ahead;
    return at + characters.length <= this.limit && this.text.startsWith(characters, at);
  }

  /** The match of a sticky expression at the position, null when there is none or it goes beyond the limit. */
  match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text);
    return found !== null && this.position + found[0].length <= this.limit ? found : null;
  }

  /** The characters at the position that a sticky expression takes, at least one, not beyond the limit. */
  run(pattern: RegExp): string {
    pattern.lastIndex = this.position;
    const length = Math.max(1, pattern.exec(this.text)?.[0].length ?? 1);
    return this.text.slice(this.position, Math.min(this.position + length, this.limit));
  }

  /** The number of the expression that begins ahead of the position, -1 when none does. */
  expressionAt(ahead = 0): number {
    const at = this.position + ahead;
    for (let marker = this.#markers[this.#next]; marker !== undefined; marker = this.#markers[this.#next]) {
      if (marker.offset >= this.position) break;
      this.#next += 1;
    }
    return at < this.limit && this.#markers[this.#next]?.offset === at ? this.#next : -1;
  }

  /** Goes behind an expression. */
  skipExpression(expression: number): void {
    const marker = this.#markers[expression];
    if (marker !== undefined) this.position = marker.offset + marker.length;
  }

  /** Gives the ends of lines from the position on: offsets of newlines, at last the limit. Newlines inside expressions do not count. */
  *lineEnds(): Generator<number, void> {
    let next = this.#next;
    for (let from = this.position; from <= this.limit; ) {
      let end = this.text.indexOf('\n', from);
      for (let marker = this.#markers[next]; marker !== undefined; marker = this.#markers[next]) {
        const behind = marker.offset + marker.length;
        if (end === -1 || marker.offset > end) break;
        if (behind > end) end = this.text.indexOf('\n', behind);
        next += 1;
      }
      if (end === -1 || end >= this.limit) break;
      yield end;
      from = end + 1;
    }
    yield this.limit;
  }

  /** Ends reading for good: nothing that follows has a known place. */
  stop(reason: 'unreadable' | 'unterminated' = 'unreadable', by: string | null = null): void {
    if (this.stoppedAt !== null) return;
    this.stoppedBy = by;
    this.stoppedAt = this.position;
    this.stoppedFor = reason;
    this.limit = this.position;
  }
}
