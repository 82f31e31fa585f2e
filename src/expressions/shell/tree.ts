/**
 * A shell text as far as it matters for where a value may stand: which commands there are, what feeds which, and in what quotes every
 * expression stands. No tree of arithmetic or of `[[ ]]`: nothing in them is allowed, so only their ends matter.
 */

import type { RefusedPlace } from './place.ts';

/** What surrounds an expression directly, which decides how the reference to its variable is written. */
export type Quoting = 'bare' | 'double' | 'single' | 'heredoc';

/** An expression where it stands. */
export interface Mark {
  /** Its number among the expressions of the text, from 0. */
  readonly expression: number;
  readonly quoting: Quoting;
  /** Why it cannot stand there, whatever the command; null when that is for the command to decide. */
  readonly refused: RefusedPlace | null;
}

/** Commands inside a word: `$(...)`, `<(...)` or `>(...)`. */
export interface Inner {
  readonly kind: 'substitution' | 'read_from' | 'written_to';
  readonly list: List;
  /** Set where everything inside is refused, as in arithmetic. */
  readonly refused: RefusedPlace | null;
}

/** What marks and commands are collected into. */
export interface Content {
  readonly marks: Mark[];
  readonly inner: Inner[];
}

/** A word of a command. */
export interface Word extends Content {
  readonly start: number;
  readonly end: number;
  /** The characters before the first quote, backslash, expansion or expression. */
  readonly head: string;
  /** What the word is after quotes are removed; null where that is known only when the script runs. */
  readonly text: string | null;
  /** The text behind the last `/`, null where it is not known. */
  readonly base: string | null;
  /** The literal characters of the word, wherever they stand. */
  readonly literal: string;
  /** True without any quote, backslash or expansion: only then a word can be a reserved one. */
  readonly isPlain: boolean;
}

/** A here-document. The body is filled in when the line that announced it has ended. */
export interface Heredoc extends Content {
  readonly kind: 'heredoc';
  readonly delimiter: string;
  readonly isQuoted: boolean;
  readonly stripsTabs: boolean;
}

/** A redirection to or from a word. */
export interface WordRedirection {
  readonly kind: 'word';
  readonly operator: string;
  readonly target: Word;
}

/** What a command reads from or writes to. */
export type Redirection = Heredoc | WordRedirection;

/** `name=word` in front of a command. */
export interface Assignment {
  readonly name: string;
  readonly word: Word;
}

/** A program, builtin or function with its words. */
export interface SimpleCommand {
  readonly kind: 'simple';
  readonly assignments: readonly Assignment[];
  readonly words: readonly Word[];
  readonly redirections: readonly Redirection[];
}

/** Everything made of other commands: groups, subshells, loops, conditionals, and what is refused as a whole. */
export interface CompoundCommand {
  readonly kind: 'compound';
  readonly lists: readonly List[];
  /** Words in which values may stand: what `case` looks at. */
  readonly plain: readonly Word[];
  /** Words whose values are assigned: those of `for` and `select`, with the name of the variable. */
  readonly assigned: readonly Assignment[];
  /** Words in which no value may stand: patterns, names, the inside of `[[ ]]`. */
  readonly refused: readonly { readonly place: RefusedPlace; readonly content: Content }[];
  readonly redirections: readonly Redirection[];
}

/** The definition of a function. */
export interface FunctionDefinition {
  readonly kind: 'function';
  readonly name: Word;
  readonly body: Command;
}

/** One stage of a pipeline. */
export type Command = SimpleCommand | CompoundCommand | FunctionDefinition;

/** Commands joined by `|`. */
export interface Pipeline {
  readonly commands: readonly Command[];
  /** False when reading stopped inside, so that there could be more to it. */
  readonly isComplete: boolean;
}

/** Pipelines one after the other; what joins them does not matter. */
export type List = readonly Pipeline[];
