/**
 * From a shell text that was read to a decision for every expression in it. Two walks: the first finds out what reads its input as
 * code, down to compound commands and functions; the second decides, with what surrounds a place.
 */

import { assertNever } from '../../base/result.ts';
import { type Evaluation, evaluateCommand } from './evaluation.ts';
import type { Refusal } from './place.ts';
import type { Reading } from './reading.ts';
import type {
  Assignment,
  Command,
  Content,
  List,
  Pipeline,
  Quoting,
  Redirection,
  SimpleCommand,
  Word,
} from './tree.ts';
import { refusalOfVariable } from './variables.ts';

/** What is decided about an expression. */
export interface Decision {
  readonly quoting: Quoting;
  /** Why it is refused; null when a value may stand there. */
  readonly refusal: Refusal | null;
}

/** Functions that use each other from bottom to top more often than this are given up on. */
const MAX_PASSES = 5;

const contentOf = (redirection: Redirection): Content =>
  redirection.kind === 'heredoc' ? redirection : redirection.target;

const isInput = (redirection: Redirection): boolean =>
  redirection.kind === 'heredoc' || redirection.operator.startsWith('<');

/** Decides about all expressions of a text. */
export class Judge {
  readonly decisions = new Map<number, Decision>();
  readonly #evaluations = new Map<SimpleCommand, Evaluation>();
  /** What in a command reads the command's input as code. */
  readonly #readers = new Map<Command, Refusal | null>();
  readonly #functions = new Map<string, Refusal>();
  /** Set when something is written to commands that read it as code: what is written there cannot be told. */
  #everywhere: Refusal | null = null;
  readonly #hasAttributes: boolean;
  readonly #stopped: Refusal | null;

  constructor(list: List, reading: Reading) {
    const { stoppedAt, stoppedBy, stoppedFor, hasAttributes } = reading;
    this.#stopped =
      stoppedAt === null ? null : { place: stoppedFor, ...(stoppedBy === null ? {} : { word: stoppedBy }) };
    this.#hasAttributes = hasAttributes;
    this.#learnFunctions(list);
    this.#decideList(list, this.#everywhere);
  }

  /** Functions may be used in functions above them: looked through until nothing new is found. */
  #learnFunctions(list: List): void {
    for (let pass = 0; pass < MAX_PASSES; pass += 1) {
      const known = this.#functions.size;
      this.#readerIn(list);
      if (this.#functions.size === known) return;
    }
    this.#everywhere ??= { place: 'unreadable' };
  }

  #readerIn(list: List): Refusal | null {
    let reader: Refusal | null = null;
    for (const { commands } of list) {
      for (const command of commands) {
        const found = this.#readerOf(command);
        reader ??= found;
      }
    }
    return reader;
  }

  #readerInside(contents: readonly Content[]): Refusal | null {
    let reader: Refusal | null = null;
    for (const { inner } of contents) {
      for (const { list, kind } of inner) {
        const found = this.#readerIn(list);
        if (kind === 'written_to') this.#everywhere ??= found;
        reader ??= found;
      }
    }
    return reader;
  }

  #readerOf(command: Command): Refusal | null {
    const reader = this.#findReader(command);
    this.#readers.set(command, reader);
    return reader;
  }

  #findReader(command: Command): Refusal | null {
    switch (command.kind) {
      case 'simple': {
        const evaluation = evaluateCommand(command.words, {
          functions: this.#functions,
          hasAttributes: this.#hasAttributes,
        });
        this.#evaluations.set(command, evaluation);
        const assigned = command.assignments.map(({ word }) => word);
        const inside = this.#readerInside([...assigned, ...command.words, ...command.redirections.map(contentOf)]);
        return evaluation.input ?? inside;
      }
      case 'compound': {
        let reader: Refusal | null = null;
        for (const list of command.lists) {
          const found = this.#readerIn(list);
          reader ??= found;
        }
        const words = [...command.plain, ...command.assigned.map(({ word }) => word)];
        const refused = command.refused.map(({ content }) => content);
        const inside = this.#readerInside([...words, ...refused, ...command.redirections.map(contentOf)]);
        return reader ?? inside;
      }
      case 'function': {
        const reader = this.#readerOf(command.body);
        if (reader !== null) this.#functions.set(command.name.literal, reader);
        return null;
      }
      default:
        return assertNever(command, 'command');
    }
  }

  #decideContent({ marks, inner }: Content, refusal: Refusal | null): void {
    for (const { expression, quoting, refused } of marks) {
      this.decisions.set(expression, { quoting, refusal: refused === null ? refusal : { place: refused } });
    }
    for (const { list, refused } of inner) {
      this.#decideList(list, refusal ?? (refused === null ? null : { place: refused }));
    }
  }

  #decideList(list: List, refusal: Refusal | null): void {
    for (const pipeline of list) this.#decidePipeline(pipeline, refusal);
  }

  #decidePipeline({ commands, isComplete }: Pipeline, refusal: Refusal | null): void {
    let fed = refusal ?? (isComplete ? null : this.#stopped);
    for (const command of [...commands].reverse()) {
      this.#decideCommand(command, fed);
      fed ??= this.#readers.get(command) ?? null;
    }
  }

  #decideCommand(command: Command, refusal: Refusal | null): void {
    switch (command.kind) {
      case 'simple': {
        const evaluation = this.#evaluations.get(command);
        for (const assignment of command.assignments) this.#decideAssignment(assignment, refusal);
        for (const [index, word] of command.words.entries()) {
          const own = evaluation?.words[index] ?? null;
          this.#decideContent(word, own ?? refusal ?? this.#attributeRefusal(word, command.words));
        }
        this.#decideRedirections(command.redirections, refusal, evaluation?.input ?? null);
        return;
      }
      case 'compound':
        for (const list of command.lists) this.#decideList(list, refusal);
        for (const word of command.plain) this.#decideContent(word, refusal);
        for (const assignment of command.assigned) this.#decideAssignment(assignment, refusal);
        for (const { place, content } of command.refused) this.#decideContent(content, { place });
        this.#decideRedirections(command.redirections, refusal, this.#readers.get(command) ?? null);
        return;
      case 'function':
        this.#decideContent(command.name, { place: 'assignment_name' });
        this.#decideCommand(command.body, refusal);
        return;
      default:
        return assertNever(command, 'command');
    }
  }

  /** The words of `export` are assignments as well. */
  #attributeRefusal(word: Word, words: readonly Word[]): Refusal | null {
    const name = words[0]?.text === 'export' ? /^([A-Za-z_]\w*)=/.exec(word.head)?.[1] : undefined;
    return name === undefined ? null : this.#refusalOf(name);
  }

  #refusalOf(name: string): Refusal | null {
    return refusalOfVariable(name) ?? (this.#hasAttributes ? { place: 'attributed_variable', word: name } : null);
  }

  #decideAssignment({ name, word }: Assignment, refusal: Refusal | null): void {
    this.#decideContent(word, refusal ?? this.#refusalOf(name));
  }

  #decideRedirections(redirections: readonly Redirection[], refusal: Refusal | null, input: Refusal | null): void {
    for (const redirection of redirections) {
      this.#decideContent(contentOf(redirection), refusal ?? (isInput(redirection) ? input : null));
    }
  }
}
