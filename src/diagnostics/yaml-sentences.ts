/** Sentences about text that is no YAML. Looked up through `sentences`. */

import type { FactsByCode, YamlFault } from './facts.ts';
import { example, inQuotes, quoted } from './phrase.ts';
import type { Sentence } from './sentences.ts';

const say = (message: string, help: string | null = null): Sentence => ({ message, help });

const FAULTS: { readonly [Fault in YamlFault]: Sentence } = {
  indentation: say(
    'this line is indented unlike its neighbours',
    'keys of one map begin in the same column, and what belongs to a key is indented further than the key',
  ),
  text_indentation: say(
    'this line is indented less than the text above it',
    'in a text over several lines, no line may be indented less than the first',
  ),
  missing_colon: say(
    'expected `key: value`',
    'a key is followed by a colon and a space; a text over several lines begins with `|`',
  ),
  unclosed: say('this is opened but never closed', 'add the closing quote or bracket'),
  bad_escape: say(
    'unknown escape in a double-quoted text',
    'write `\\\\` for a backslash, or use single quotes, in which nothing is escaped',
  ),
  needs_quotes: say(
    'a plain text cannot begin with this character',
    'put the text in quotes, or begin it with `|` on a line of its own',
  ),
  colon_in_text: say('a text that contains `: ` needs quotes', 'put the text in quotes, or begin it with `|`'),
  bare_expression: say('inside of `{ }` and `[ ]`, a text with `${{ }}` needs quotes', 'put the text in quotes'),
  long_key: say('a key cannot be longer than 1024 characters', 'is a colon missing, or a quote?'),
  block_in_flow: say(
    'an indented map or list cannot stand here',
    'begin it on a new line, indented further than its key, or write it as `{ key: value }` or `[a, b]`',
  ),
  unexpected: say(
    'this is not expected here',
    'put texts that contain `: `, ` #`, `{`, `[`, `&`, `*` or `!` in quotes',
  ),
};

const CLOSING: ReadonlyMap<string, string> = new Map([
  ['{', '}'],
  ['[', ']'],
  ['"', '"'],
  ["'", "'"],
]);

/** The line to write; a text with its key can also begin with `|`. */
function helpWith({ key, text }: { readonly key: string | null; readonly text: string }): string {
  if (key === null) return `write:${example(inQuotes(text))}`;
  return `write it in quotes:${example(`${key}: ${inQuotes(text)}`)}\nor begin it with \`|\`:${example(`${key}: |`, `  ${text}`)}`;
}

/** What is said of text that is no YAML. */
export function yamlSentence({ fault, detail, written }: FactsByCode['yaml_syntax']): Sentence {
  const { message, help } = FAULTS[fault];
  if (fault === 'unexpected' && detail !== '') return say(`${message}: ${detail}`, help);
  const closing = CLOSING.get(detail);
  if (fault === 'unclosed' && closing !== undefined) {
    return say(`this ${quoted(detail)} is never closed`, `add the closing ${quoted(closing)}`);
  }
  if (written === null) return say(message, help);
  if (fault === 'needs_quotes') return say(`a text that begins with ${quoted(detail)} needs quotes`, helpWith(written));
  return say(message, helpWith(written));
}
