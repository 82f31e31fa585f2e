/** What was typed so far, as far as completion has to understand it. */

import type { Option } from 'commander';

/** A line up to the cursor. */
export interface TypedLine {
  /** The operands before the word that is being typed. */
  readonly operands: readonly string[];
  /** Values of options that were given, by the option's long name; the last one wins. */
  readonly values: ReadonlyMap<string, string>;
  /** The word that is being typed, without `--option=`. */
  readonly current: string;
  /** What stands in the same word before `current`: `--option=`, or nothing. */
  readonly lead: string;
  /** The option whose value is being typed. */
  readonly option: Option | null;
}

/** bash cuts words at `=`, and hands the sign over as a word of its own. */
export function joinedByBash(words: readonly string[]): readonly string[] {
  const last = words.at(-1) === '=' ? [...words.slice(0, -1), ''] : words;
  return last.filter((word, index) => !(word === '=' && (last[index - 1] ?? '').startsWith('--')));
}

/** A word without the quotes that the shell would take away; good enough for names of files. */
export const unquoted = (word: string): string => word.replace(/\\(.)|['"]/g, '$1');

/**
 * Reads the words behind a command's name.
 * @param options those of the command; unknown ones are taken for flags.
 */
export function readLine(words: readonly string[], options: readonly Option[]): TypedLine {
  const find = (word: string): Option | null =>
    options.find(({ long, short }) => word === long || word === short) ?? null;
  const takesValue = (option: Option | null): option is Option =>
    option !== null && (option.required || option.optional);
  const operands: string[] = [];
  const values = new Map<string, string>();
  let pending: Option | null = null;
  for (const word of words.slice(0, -1)) {
    const [, name = '', value] = /^(--[^=]+)=(.*)$/s.exec(word) ?? [];
    if (pending !== null) {
      values.set(pending.long ?? '', unquoted(word));
      pending = null;
    } else if (value !== undefined) values.set(name, unquoted(value));
    else if (word.startsWith('-') && word !== '-') pending = takesValue(find(word)) ? find(word) : null;
    else operands.push(unquoted(word));
  }
  const current = words.at(-1) ?? '';
  const [, name = '', value] = /^(--[^=]+)=(.*)$/s.exec(current) ?? [];
  if (pending === null && value !== undefined) {
    return { operands, values, current: value, lead: `${name}=`, option: find(name) };
  }
  return { operands, values, current, lead: '', option: pending };
}
