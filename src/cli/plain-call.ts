/**
 * Calls that need no parser: the name of a command, its arguments, and its options by their whole names, each value a word of its own.
 * That is how flowctl is mostly called, by people and by cron, and commander takes as long to load as such a command takes to answer.
 * Whatever else there is on the line, and everything that may be a mistake, is left to commander; `test/cli/plain-call.test.ts` holds
 * that both understand the same.
 */

import type { Command } from 'commander';
import type { CommandModule } from './command-table.ts';

/** A call that was understood. */
export interface PlainCall {
  readonly action: (...given: unknown[]) => unknown;
  /** What the action gets before the options. */
  readonly operands: readonly unknown[];
  readonly options: { readonly [name: string]: unknown };
}

/** Turns the text of an option into its value, as commander lets a command do it. */
type Read = (text: string, before: unknown) => unknown;

interface Flag {
  readonly name: string;
  readonly takes: 'nothing' | 'a value' | 'perhaps a value';
  readonly negates: boolean;
  readonly read: Read | null;
}

interface Operand {
  readonly isRequired: boolean;
  readonly isList: boolean;
  readonly fallback: unknown;
}

const FLAGS = /^(?:(-\w), )?--(no-)?([\w-]+)(?: (?:(<[^>.]+>)|\[[^\].]+\]))?$/;
const OPERAND = /^(?:<[^>.]+(\.\.\.)?>|\[[^\].]+(\.\.\.)?\])$/;

/** A command defines itself on it as on commander's; has what commands use of that, and nothing else. */
class Definition {
  readonly flags = new Map<string, Flag>();
  readonly operands: Operand[] = [];
  readonly options: { [name: string]: unknown } = {};
  run: PlainCall['action'] | null = null;
  /** Something is said that only commander understands. */
  isPlain = true;

  command(): this {
    return this;
  }

  summary(): this {
    return this;
  }

  description(): this {
    return this;
  }

  addHelpText(): this {
    return this;
  }

  argument(written: string, _description: string, ...rest: readonly unknown[]): this {
    const [fallback] = rest;
    this.isPlain &&= OPERAND.test(written) && rest.length < 2 && typeof fallback !== 'function';
    this.operands.push({ isRequired: written.startsWith('<'), isList: written.includes('...'), fallback });
    return this;
  }

  option(written: string, _description: string, ...rest: readonly unknown[]): this {
    const [, short, no, word = '', value] = FLAGS.exec(written) ?? [];
    const isReader = typeof rest[0] === 'function';
    const name = word.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    const flag: Flag = {
      name,
      takes: value !== undefined ? 'a value' : written.endsWith(']') ? 'perhaps a value' : 'nothing',
      negates: no !== undefined,
      read: isReader ? (rest[0] as Read) : null,
    };
    this.isPlain &&= word !== '';
    const fallback = isReader ? rest[1] : rest[0];
    if (fallback !== undefined) this.options[name] = fallback;
    else if (flag.negates && !this.flags.has(`--${word}`)) this.options[name] = true;
    for (const key of [short, `--${no ?? ''}${word}`]) if (key !== undefined) this.flags.set(key, flag);
    return this;
  }

  action(run: PlainCall['action']): this {
    this.run = run;
    return this;
  }
}

/**
 * Reads the words of a call.
 * @param words those behind the command's name.
 * @returns null for what commander has to look at.
 * @throws what a command throws at the value of an option.
 */
export function readPlainCall(module: CommandModule, words: readonly string[]): PlainCall | null {
  const definition = new Definition();
  module.define(definition as unknown as Command);
  const { flags, options, run } = definition;
  if (!definition.isPlain || run === null) return null;
  const given: string[] = [];
  const read: (() => void)[] = [];
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (!word.startsWith('-')) {
      given.push(word);
      continue;
    }
    const flag = flags.get(word);
    if (flag === undefined || flag.takes === 'perhaps a value') return null;
    if (flag.takes === 'nothing') {
      read.push(() => {
        options[flag.name] = !flag.negates;
      });
      continue;
    }
    index += 1;
    const value = words[index];
    if (value === undefined || value.startsWith('-') || flag.negates) return null;
    read.push(() => {
      options[flag.name] = flag.read === null ? value : flag.read(value, options[flag.name]);
    });
  }
  const operands = operandsOf(definition.operands, given);
  if (operands === null) return null;
  // Only now, for what a command says of a value stands behind what commander says of the line.
  for (const each of read) each();
  return { action: run, operands, options };
}

function operandsOf(declared: readonly Operand[], given: readonly string[]): readonly unknown[] | null {
  const last = declared.at(-1);
  if (given.length > declared.length && last?.isList !== true) return null;
  if (declared.some(({ isRequired }, index) => isRequired && index >= given.length)) return null;
  return declared.map(({ isList, fallback }, index) => {
    if (index >= given.length) return isList && fallback === undefined ? [] : fallback;
    return isList ? given.slice(index) : given[index];
  });
}
