/** The habits of other languages, for the help that a syntax problem gives. */

/** What people write that the language does not have, and what to write instead. */
export const INSTEAD: ReadonlyMap<string, string> = new Map([
  ['+', 'there is no operator `+`: write `add(a, b)`, or `format(...)` for text'],
  ['-', 'there is no operator `-`: write `sub(a, b)`'],
  ['*', 'there is no operator `*`: write `mul(a, b)`'],
  ['/', 'there is no operator `/`: write `div(a, b)`'],
  ['%', 'there is no operator `%`: write `mod(a, b)`'],
  ['=', 'equality is written `==`'],
  ['&', 'the operator is written `&&`'],
  ['|', 'the operator is written `||`; there are no filters, functions are called as `name(value)`'],
  ['?', 'there is no operator `?`: write `case(condition, value, other)` or `default(value, other)`'],
  ['"', "text is written in single quotes: `'text'`"],
  ['`', "text is written in single quotes: `'text'`"],
  ["'", "this text has no closing quote; a quote inside is written twice: `'it''s'`"],
  ['$', 'inside `${{ }}` names stand without a dollar sign'],
  ['{', 'there are no object literals: write `fromJSON(...)`'],
  ['[', 'there are no list literals: write `fromJSON(...)`, `split(...)` or `range(...)`'],
]);
/** The same for words that other languages have as operators. */
export const WORDS_INSTEAD: ReadonlyMap<string, string> = new Map([
  ['and', '`and` is written `&&`'],
  ['or', '`or` is written `||`'],
  ['not', '`not` is written `!`'],
  ['in', 'write `contains(list, item)`'],
]);
